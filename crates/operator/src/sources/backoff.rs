use std::time::Duration;

use rand::Rng;

/// Waiting times between retries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Backoff {
    /// After the first failure; doubled by each further one.
    pub(super) first: Duration,
    pub(super) most: Duration,
}

impl Backoff {
    /// The wait after this many failures in a row, spread by a tenth up or down, so that requests that failed together are not
    /// repeated together.
    pub(super) fn after(self, failures: u32) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(16));
        doubled.min(self.most).mul_f64(rand::rng().random_range(0.9..1.1))
    }
}
