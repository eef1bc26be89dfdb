//! A Platform, state by state.

mod database;
mod events;
mod fixture;
mod observation;
mod observing;
mod references;
mod refusals;
