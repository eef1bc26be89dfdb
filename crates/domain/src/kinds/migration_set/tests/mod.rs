//! Tables: a state in, a decision or a status out. One settled MigrationSet, one change per case.

mod adoption;
mod answers;
mod approval;
mod assessment;
mod attempts;
mod backup;
mod backup_made;
mod baseline;
mod drift;
mod elsewhere;
mod events;
mod fixture;
mod held;
mod observations;
mod order;
mod outages;
mod plan;
mod questions;
mod reasons;
mod regression;
mod runs;
mod sqlstates;
mod statuses;
mod values;
