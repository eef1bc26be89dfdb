//! Tables: a state in, a decision or a status out. One settled function, one change per case.

mod adoption;
mod checks;
mod cleanup;
mod contest;
mod drift;
mod events;
mod fixture;
mod intents;
mod jwt;
mod memory;
mod outages;
mod roll_out;
mod source_problems;
mod statuses;
mod values;
mod waiting;
mod waves;
