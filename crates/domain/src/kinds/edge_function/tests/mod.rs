//! Tables: a state in, a decision or a status out. One settled function, one change per case.

mod adoption;
mod adversary;
mod checks;
mod cleanup;
mod contest;
mod drift;
mod events;
mod fixture;
mod intents;
mod jwt;
mod look_states;
mod looks;
mod lost_deploys;
mod memory;
mod outages;
mod program;
mod refusals;
mod roll_out;
mod source_problems;
mod stamps;
mod status_flips;
mod statuses;
mod type_only;
pub(super) mod values;
mod waiting;
mod waves;
