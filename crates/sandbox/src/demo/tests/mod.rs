//! The step files' form, what is held against it, and how it is played.

mod expectation;
mod runner;
mod steps;
