//! Tables: a world in, a decision or a status out. One settled set of migrations, one change per case.

mod adoption;
mod approval;
mod baseline;
mod drift;
mod events;
mod fixture;
mod held;
mod looks;
mod messages;
mod order;
mod outages;
mod plan;
mod questions;
mod reasons;
mod regression;
mod runs;
mod statuses;
