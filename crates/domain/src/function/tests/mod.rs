//! Tables: a world in, a decision or a status out. One settled function, one change per case.

mod checks;
mod cleanup;
mod contest;
mod drift;
mod events;
mod first_contact;
mod fixture;
mod intents;
mod jwt;
mod memory;
mod outages;
mod roll_out;
mod statuses;
mod unsourced;
mod waiting;
mod waves;
mod words;
