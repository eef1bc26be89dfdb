//! The platform's own backups of a project's database: one a day, or point-in-time recovery instead.

use serde::{Deserialize, Serialize};

const SECOND: i64 = 1_000;
const DAY: i64 = 86_400 * SECOND;

/// Time of the day at which they are made, in milliseconds.
const AT: i64 = 3 * 3_600 * SECOND;

/// What a project has of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct BackupPlan {
    /// Point-in-time recovery is enabled: then there are no daily ones.
    pub pitr: bool,
    /// How many days are kept. The platform's Pro plan keeps 7, Team 14, Enterprise 30.
    pub days: i64,
    /// How old the latest time is that can be restored to: the log is shipped every two minutes.
    pub lag_seconds: i64,
    /// Milliseconds since 1970; the project's creation without it.
    pub since: Option<i64>,
}

impl Default for BackupPlan {
    fn default() -> Self {
        Self {
            pitr: false,
            days: 7,
            lag_seconds: 120,
            since: None,
        }
    }
}

/// What there is at some time. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backups {
    pub pitr: bool,
    /// Id and time of each daily one, the newest first, as the platform lists them.
    pub daily: Vec<(i64, i64)>,
    /// From the first to the last.
    pub physical: Option<(i64, i64)>,
}

impl BackupPlan {
    /// What there is `now` of a project of this age.
    pub fn at(&self, created: i64, now: i64) -> Backups {
        let first = self.since.unwrap_or(created).max(now - self.days * DAY);
        if self.pitr {
            let latest = now - self.lag_seconds * SECOND;
            return Backups {
                pitr: true,
                daily: Vec::new(),
                physical: (first <= latest).then_some((first, latest)),
            };
        }
        let days = (first - AT).div_euclid(DAY) + 1..=(now - AT).div_euclid(DAY);
        let daily: Vec<(i64, i64)> = days.rev().map(|day| (day, day * DAY + AT)).collect();
        Backups {
            pitr: false,
            physical: daily.last().zip(daily.first()).map(|(first, last)| (first.1, last.1)),
            daily,
        }
    }
}
