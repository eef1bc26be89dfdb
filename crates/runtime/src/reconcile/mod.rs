//! Carries out the passes of all kinds: `ace_domain::reconcile::pass` hands out the effects, and this makes them.
//!
//! Events, metrics and deadlines are here, once; a kind does not know of them.

mod context;
mod controller;
mod object_states;
mod panics;
mod pass;
mod said;
mod scheduler;
mod status_writer;
mod unreadable;

#[cfg(test)]
mod tests;

pub(crate) use context::Context;
pub use context::Tools;
pub use controller::{Controller, Object};
pub(crate) use panics::caught_now;
pub use panics::{caught, note_places, on_own_thread};
pub(crate) use pass::pass;
pub(crate) use scheduler::{Due, Runner, Scheduler};
