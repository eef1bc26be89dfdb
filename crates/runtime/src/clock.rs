//! The process's clock.

use std::{
    sync::{LazyLock, Mutex, PoisonError},
    time::Instant,
};

use ace_domain::reconcile::clock::Clock;
use jiff::Timestamp;

/// When it was read last, and what it said.
static CLOCK: LazyLock<Mutex<(Instant, Clock)>> =
    LazyLock::new(|| Mutex::new((Instant::now(), Clock::new(Timestamp::now()))));

/// The time that decisions go by, and that statuses show: it never goes back, and never jumps. What other computers look at, such as
/// the time in a signature, is the computer's own.
pub fn now() -> Timestamp {
    let mut clock = CLOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let (read, clock) = &mut *clock;
    let now = Instant::now();
    let elapsed = now.saturating_duration_since(*read);
    *read = now;
    clock.read(Timestamp::now(), elapsed)
}

#[cfg(test)]
mod tests {
    use std::{
        iter::repeat_with,
        time::{Duration, Instant},
    };

    use jiff::{SignedDuration, Timestamp};

    use super::now;

    #[test]
    fn time_passes_as_the_computers_does() {
        let (first, began) = (now(), Instant::now());
        let given_up = || began.elapsed() > Duration::from_secs(10);
        let second = repeat_with(now).find(|time| *time > first || given_up()).unwrap();
        assert!(second > first);
        assert!(second.duration_since(Timestamp::now()).abs() < SignedDuration::from_secs(5));
    }
}
