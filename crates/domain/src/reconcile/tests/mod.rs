mod drift;
mod object_state;
mod pass;
mod status;
