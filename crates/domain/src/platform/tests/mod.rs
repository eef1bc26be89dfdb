//! A Platform, state by state.

mod database;
mod fixture;
