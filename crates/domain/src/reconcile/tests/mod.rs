mod object_state;
mod pass;
