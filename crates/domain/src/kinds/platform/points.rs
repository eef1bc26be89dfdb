//! What the platform itself can restore the database to.

use ace_api::{DailyBackups, PlatformRecovery, RecoveryWindow};
use jiff::{SignedDuration, Timestamp};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Points of the platform's own backups.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Points {
    /// Point-in-time recovery is enabled; its window may be empty yet.
    pub pitr: Option<Window>,
    /// Times of its complete backups, one a day.
    pub daily: Vec<Timestamp>,
}

/// Times from the first to the last that the project can be restored to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Window {
    pub earliest: Option<Timestamp>,
    pub latest: Option<Timestamp>,
}

impl Points {
    /// The newest, by its name.
    pub fn newest(&self) -> Option<(Timestamp, &'static str)> {
        let latest = self
            .pitr
            .and_then(|window| window.latest)
            .map(|latest| (latest, "PITR"));
        let daily = self.daily.iter().max().map(|newest| (*newest, "Daily"));
        latest.into_iter().chain(daily).max()
    }

    /// As a status shows it: rounded to the hour.
    pub fn shown(&self) -> PlatformRecovery {
        let window = self.pitr.unwrap_or_default();
        PlatformRecovery {
            pitr: RecoveryWindow {
                enabled: self.pitr.is_some(),
                earliest: window.earliest.map(hour),
                latest: window.latest.map(hour),
            },
            daily: DailyBackups {
                count: i32::try_from(self.daily.len()).unwrap_or(i32::MAX),
                newest: self.daily.iter().max().copied().map(hour),
            },
        }
    }

    /// What a status shows: each point may be as new as the end of its hour.
    pub fn of(shown: &PlatformRecovery) -> Self {
        let end = |time: Timestamp| time.saturating_add(HOUR).unwrap_or(time);
        let window = Window {
            earliest: shown.pitr.earliest,
            latest: shown.pitr.latest.map(end),
        };
        Self {
            pitr: shown.pitr.enabled.then_some(window),
            daily: shown.daily.newest.map(end).into_iter().collect(),
        }
    }
}

/// The full hour before.
pub fn hour(time: Timestamp) -> Timestamp {
    let second = time.as_second();
    Timestamp::from_second(second - second.rem_euclid(HOUR.as_secs())).unwrap_or(time)
}
