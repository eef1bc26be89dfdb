//! The time that decisions go by.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A clock that is ahead runs slower by one part in so many: a wait of 60 s takes 80 s, and half an hour is made good in two.
const SLOWER: i32 = 4;
/// A clock that is behind runs faster by one part in so many: a wait of 60 s takes 55 s, and half an hour is made good in five. Waits
/// are there to be waited for: a deploy whose outcome is unknown may take effect 55 s after its deadline, and must not be repeated before.
const FASTER: i32 = 10;

/// A clock that goes on at the pace of life, whatever the computer's does.
///
/// What is remembered is compared with what is read later: after the computer's clock went back by half an hour, nothing would be due
/// for as long, and after it jumped ahead everything would be late. So time is counted from where the process began. It is shown, too,
/// and must not be wrong for ever: where the computer's clock is elsewhere, because it was set or the machine was suspended, this one
/// runs a little faster or slower until it is there, and never back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    reading: Timestamp,
}

impl Clock {
    /// A clock that is set by the computer's, which says `wall`.
    pub fn new(wall: Timestamp) -> Self {
        Self { reading: wall }
    }

    /// The time when `elapsed` has passed since the last reading, and the computer's clock says `wall`.
    pub fn read(&mut self, wall: Timestamp, elapsed: Duration) -> Timestamp {
        let elapsed = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX);
        let counted = self.reading.saturating_add(elapsed).unwrap_or(self.reading);
        let wrong = wall.duration_since(counted).clamp(-elapsed / SLOWER, elapsed / FASTER);
        self.reading = counted.saturating_add(wrong).unwrap_or(counted);
        self.reading
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};
    use proptest::{collection::vec, prop_assert, proptest};

    use super::Clock;

    const START: Timestamp = Timestamp::constant(1_800_000_000, 0);
    const SECOND: Duration = Duration::from_secs(1);

    fn after(seconds: i64) -> Timestamp {
        START + SignedDuration::from_secs(seconds)
    }

    /// Readings once a second while the computer's clock is off by so many seconds.
    fn readings(off: i64, seconds: i64) -> Vec<i64> {
        let mut clock = Clock::new(START);
        let read = |second| clock.read(after(second + off), SECOND).duration_since(START).as_secs();
        (1..=seconds).map(read).collect()
    }

    #[test]
    fn a_computers_clock_that_goes_right_is_followed() {
        assert_eq!(readings(0, 3), [1, 2, 3]);
    }

    #[test]
    fn half_an_hour_back_is_made_good_in_two_hours_without_going_back() {
        let readings = readings(-1_800, 7_201);
        assert_eq!(readings[59], 45);
        assert_eq!(readings[7_199..], [5_400, 5_401]);
    }

    #[test]
    fn half_an_hour_ahead_is_made_good_in_five_hours_without_a_jump() {
        let readings = readings(1_800, 18_001);
        assert_eq!(readings[59], 66);
        assert_eq!(readings[17_999..], [19_800, 19_801]);
    }

    proptest! {
        #[test]
        fn a_wait_is_at_most_a_third_longer_and_a_tenth_shorter_than_life(steps in vec((-400_000_i64..400_000, 0_u64..10_000), 1..40)) {
            let mut clock = Clock::new(START);
            for (wall, elapsed) in steps {
                let before = clock.reading;
                let passed = clock.read(after(wall), Duration::from_secs(elapsed)).duration_since(before);
                let life = SignedDuration::from_secs(i64::try_from(elapsed).unwrap());
                prop_assert!(passed * 4 >= life * 3 && passed * 10 <= life * 11, "{life} took {passed}");
            }
        }
    }
}
