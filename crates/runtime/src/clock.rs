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
    use std::{thread::sleep, time::Duration};

    use jiff::{SignedDuration, Timestamp};

    use super::now;

    #[test]
    fn time_passes_as_the_computers_does() {
        let first = now();
        sleep(Duration::from_millis(5));
        let second = now();
        assert!(second.duration_since(first) >= SignedDuration::from_millis(3));
        assert!(second.duration_since(Timestamp::now()).abs() < SignedDuration::from_secs(5));
    }
}
