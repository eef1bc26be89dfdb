//! Constants of time, all in one place, so that tests and benchmarks can run faster than life.

use std::time::Duration;

use jiff::Timestamp;

/// How long things take and how often they are repeated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// Divides every duration, the users' intervals included. 1 in life.
    scale: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self { scale: 1 }
    }
}

impl Timing {
    /// A pace `scale` times as fast as life. For tests and benchmarks only.
    pub fn scaled(scale: u32) -> Self {
        Self { scale: scale.max(1) }
    }

    fn of(self, duration: Duration) -> Duration {
        duration / self.scale
    }

    /// A user's interval at this pace.
    pub fn interval(self, interval: Duration) -> Duration {
        self.of(interval)
    }

    /// A user's interval at this pace for an object that comes back by itself: up to a twentieth longer by its uid, so that what
    /// began together does not stay together.
    pub fn rhythm(self, interval: Duration, uid: &str) -> Duration {
        let interval = self.of(interval);
        interval + share(interval / 20, uid)
    }

    /// Requests in a minute of life, where the user allows `per_minute` of them.
    pub fn budget(self, per_minute: u32) -> u32 {
        per_minute.saturating_mul(self.scale)
    }

    /// What was not observed for three intervals is not known to be ready: one failed observation is chance, and the second may
    /// still be the first one's outage.
    pub fn lost_after(self, interval: Duration) -> Duration {
        self.of(interval) * 3
    }

    /// What was `seen` last at this time was not seen for three intervals.
    pub fn is_lost(self, seen: Timestamp, interval: Duration, now: Timestamp) -> bool {
        now > seen + self.lost_after(interval)
    }

    /// Between the list that suspects a change of content and the one that confirms it.
    pub fn second_list(self) -> Duration {
        self.of(Duration::from_secs(15))
    }

    /// Until a list is asked for again that does not show our own deploy yet.
    pub fn stale_list(self) -> Duration {
        self.of(Duration::from_secs(3))
    }

    /// Deadline of a deploy. The official CLI waits 60 s.
    pub fn deploy_deadline(self) -> Duration {
        self.of(Duration::from_mins(1))
    }

    /// After a deploy's deadline, until a list that still shows what was before counts as a sign that it had no effect.
    pub fn unknown_outcome(self) -> Duration {
        self.of(Duration::from_mins(1))
    }

    /// Between two attempts of a check.
    pub fn check_retry(self) -> Duration {
        self.of(Duration::from_secs(5))
    }

    /// Window in which three corrections of one function are a contest.
    pub fn contest_window(self) -> Duration {
        self.of(Duration::from_hours(1))
    }

    /// First wait after a failure; doubled by each further one.
    pub fn backoff_first(self) -> Duration {
        self.of(Duration::from_secs(15))
    }

    /// Longest wait after failures.
    pub fn backoff_most(self) -> Duration {
        self.of(Duration::from_mins(5))
    }

    /// Wait after `failures` failures in a row, without jitter.
    pub fn backoff(self, failures: u32) -> Duration {
        let doubled = self.backoff_first() * 2_u32.saturating_pow(failures.min(16));
        doubled.min(self.backoff_most())
    }

    /// After what waits for its turn becomes more urgent by a class.
    pub fn patience(self) -> Duration {
        self.of(Duration::from_mins(5))
    }

    /// How long one step may take: twice the longest deadline of its own requests, a deploy's. Not scaled: requests take as long
    /// as they take.
    pub fn step_deadline(self) -> Duration {
        Duration::from_mins(2)
    }

    /// How long one pass may take. Not scaled either.
    pub fn pass_deadline(self) -> Duration {
        Duration::from_mins(10)
    }

    /// How long a run of migrations may take: thousands of files, each of which has limits of its own. Not scaled either.
    pub fn run_deadline(self) -> Duration {
        Duration::from_hours(24)
    }

    /// After the first function that came or went since the last count, until the Platform counts anew: a deploy takes a few seconds, and a roll-out of
    /// many would else cost a status of the Platform for most of them (measured at 5 s: 0.7 each).
    pub fn recount(self) -> Duration {
        self.of(Duration::from_secs(30))
    }

    /// Longest wait for other writes that one list will serve, too, while requests are scarce. A deploy takes a second or two.
    pub fn shared_list(self) -> Duration {
        self.of(Duration::from_secs(2))
    }

    /// After a run of a backup was recorded, until its worker has the database's lock, or has ended.
    pub fn lease_taken(self) -> Duration {
        self.of(Duration::from_secs(15))
    }

    /// Between two trials whether a backup's key still opens it.
    pub fn audit(self) -> Duration {
        self.of(Duration::from_hours(24))
    }

    /// Shortest time between two probes of a platform that does not answer.
    pub fn probe(self) -> Duration {
        self.of(Duration::from_secs(30))
    }

    /// Until a right that is missing is asked for again: an API server that has just started refuses what it allows a moment later.
    pub fn rights(self) -> Duration {
        self.of(Duration::from_secs(2))
    }

    /// Until another process's run of migrations is looked for again.
    pub fn turn(self) -> Duration {
        self.of(Duration::from_secs(5))
    }

    /// Until a migration that others' locks have stopped `attempts` times in a row is tried again: 1 s, doubled up to 1 min.
    pub fn lock_retry(self, attempts: u32) -> Duration {
        let doubled = Duration::from_secs(1 << attempts.saturating_sub(1).min(6));
        self.of(doubled.min(Duration::from_mins(1)))
    }

    /// How often the status of a long run of migrations is brought up to date.
    pub fn progress(self) -> Duration {
        self.of(Duration::from_secs(2))
    }

    /// How late a slot may be begun and still count as begun at its time: the operator may have been restarted, or moved to another node.
    pub fn slot_tolerance(self) -> Duration {
        self.of(Duration::from_mins(5))
    }

    /// Shortest time between two statuses of a backup or a restore because of its progress.
    pub fn task_progress(self) -> Duration {
        self.of(Duration::from_secs(15))
    }

    /// Window in which three firings of one series are flapping.
    pub fn flapping_window(self) -> Duration {
        self.of(Duration::from_hours(1))
    }

    /// How long a series that flaps must be clear before it is resolved.
    pub fn flapping_clear(self) -> Duration {
        self.of(Duration::from_mins(30))
    }

    /// Shortest time between two statuses of an alert because of its value.
    pub fn value_refresh(self) -> Duration {
        self.of(Duration::from_mins(5))
    }

    /// How long a channel may not be Ready before those that are told later are told at once.
    pub fn undelivered(self) -> Duration {
        self.of(Duration::from_mins(5))
    }

    /// After the deadline of another process's delivery, until it is taken over.
    pub fn delivery_taken_over(self) -> Duration {
        self.of(Duration::from_mins(1))
    }

    /// How old the description of the project may be.
    pub fn project_interval(self) -> Duration {
        self.of(Duration::from_hours(1))
    }
}

/// A part of `most`, always the same for one uid: what objects would do together they do at times of their own.
pub fn share(most: Duration, uid: &str) -> Duration {
    const PARTS: u32 = 1_000;
    let hash = uid
        .bytes()
        .fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    most * (hash % PARTS) / PARTS
}

/// Attempts of one check before it has failed: a gateway needs a moment to take up a new version.
pub const CHECK_ATTEMPTS: u32 = 3;

/// Corrections of one function within the contest window after which the operator stops.
pub const CONTEST_CORRECTIONS: usize = 3;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use super::Timing;

    #[test]
    fn objects_come_back_at_times_of_their_own_never_early_and_soon_after_the_interval() {
        let interval = Duration::from_mins(5);
        let rhythm = |uid: &str| Timing::default().rhythm(interval, uid);
        let uids = (0..200).map(|number| format!("7d2c63a3-7c1e-4a0f-9b7e-{number:012x}"));
        let rhythms: BTreeSet<Duration> = uids.map(|uid| rhythm(&uid)).collect();
        assert!(rhythms.len() > 100, "{rhythms:?}");
        assert!(
            rhythms
                .iter()
                .all(|rhythm| (interval..interval * 21 / 20).contains(rhythm))
        );
        assert_eq!((rhythm("a"), rhythm("")), (rhythm("a"), interval));
    }

    #[test]
    fn the_pace_of_life_is_the_documented_one() {
        let timing = Timing::default();
        let seconds = [
            timing.second_list(),
            timing.stale_list(),
            timing.deploy_deadline(),
            timing.unknown_outcome(),
            timing.check_retry(),
            timing.contest_window(),
            timing.backoff_first(),
            timing.backoff_most(),
            timing.rights(),
            timing.shared_list(),
            timing.recount(),
            timing.probe(),
            timing.project_interval(),
            timing.turn(),
            timing.lock_retry(1),
            timing.lock_retry(6),
            timing.lock_retry(99),
            timing.progress(),
            timing.task_progress(),
            timing.step_deadline(),
            timing.pass_deadline(),
            timing.run_deadline(),
            timing.lost_after(Duration::from_mins(5)),
            timing.slot_tolerance(),
            timing.flapping_window(),
            timing.flapping_clear(),
            timing.value_refresh(),
            timing.interval(Duration::from_mins(5)),
            timing.undelivered(),
            timing.delivery_taken_over(),
            timing.patience(),
        ]
        .map(|duration| duration.as_secs());
        assert_eq!(
            seconds,
            [
                15, 3, 60, 60, 5, 3600, 15, 300, 2, 2, 30, 30, 3600, 5, 1, 32, 60, 2, 15, 120, 600, 86_400, 900, 300,
                3600, 1800, 300, 300, 300, 60, 300
            ]
        );
        assert_eq!((timing.budget(60), Timing::scaled(10).budget(60)), (60, 600));
    }
}
