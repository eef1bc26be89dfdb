mod drift;
mod object_state;
mod pass;
mod scripted;
mod status;
