//! Where requests are counted.

use std::time::{Duration, Instant};

use crate::budget::Priority;

/// Is told of every request that was tried, and of every one that the budget held back. For metrics: all texts come from
/// small closed sets. Called on the caller's task, so it must not block.
pub trait Observer: Send + Sync {
    /// A request ended. `operation` is the name of the client's method, `outcome` is `Ok`, a `reason()` of this crate's
    /// errors, or `Abandoned` when the caller dropped the call.
    fn request(&self, operation: &'static str, outcome: &'static str, duration: Duration);

    /// The budget had no token for this call; nothing was sent.
    fn deferred(&self, operation: &'static str, priority: Priority) {
        let _ = (operation, priority);
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn request(&self, _: &'static str, _: &'static str, _: Duration) {}
}

impl<F: Fn(&'static str, &'static str, Duration) + Send + Sync> Observer for F {
    fn request(&self, operation: &'static str, outcome: &'static str, duration: Duration) {
        self(operation, outcome, duration);
    }
}

/// Reports its request when it is dropped, so that a call that is cancelled half-way is counted too.
pub(crate) struct Observation<'a> {
    observer: &'a dyn Observer,
    operation: &'static str,
    outcome: &'static str,
    began: Instant,
}

impl<'a> Observation<'a> {
    pub(crate) fn begin(observer: &'a dyn Observer, operation: &'static str) -> Self {
        Self {
            observer,
            operation,
            outcome: "Abandoned",
            began: Instant::now(),
        }
    }

    pub(crate) fn end(mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for Observation<'_> {
    fn drop(&mut self) {
        self.observer
            .request(self.operation, self.outcome, self.began.elapsed());
    }
}
