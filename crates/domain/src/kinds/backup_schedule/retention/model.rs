//! What is kept, written down a second time: one question for each backup, and no order in which they are asked.

use std::collections::BTreeSet;

use ace_api::{BackupClass, Retention};
use jiff::{SignedDuration, ToSpan, Zoned, tz::TimeZone};

use super::Stored;

/// The names of those that are kept.
pub(super) fn kept(all: &[Stored], rules: &Retention, zone: &TimeZone) -> BTreeSet<String> {
    let kept = all.iter().filter(|one| is_kept(one, all, rules, zone));
    kept.map(|one| one.name.clone()).collect()
}

fn is_kept(one: &Stored, all: &[Stored], rules: &Retention, zone: &TimeZone) -> bool {
    let proved = || {
        all.iter()
            .filter(|other| other.is_verified && !other.destinations.is_empty())
    };
    let is_newer = |other: &Stored| (other.time, &other.name) > (one.time, &one.name);
    let is_proved = one.is_verified && !one.destinations.is_empty();
    let newer_proved = proved().filter(|other| is_newer(other)).count();
    let Some(newest) = proved().map(|other| other.time).max() else {
        return true;
    };

    one.is_held
        || one.needed_by.is_some()
        || one.destinations.is_empty()
        || matches!(one.class, BackupClass::Manual | BackupClass::Incident)
        // The newest verified of all, and of each place.
        || is_proved && newer_proved == 0
        || is_proved && one.destinations.iter().any(|place| {
            !proved().any(|other| is_newer(other) && other.destinations.contains(place))
        })
        || is_proved && newer_proved < number(rules.min_verified)
        // What is old is told by the newest verified.
        || one.time > newest
        || newer_proved < number(rules.last)
        || one.class == BackupClass::PreMigration
            && newest - SignedDuration::from_hours(24 * i64::from(rules.pre_migration_days)) <= one.time
        || [
            (rules.daily, Period::Day),
            (rules.weekly, Period::Week),
            (rules.monthly, Period::Month),
            (rules.yearly, Period::Year),
        ]
        .iter()
        .any(|(count, period)| {
            let begins = |stored: &Stored| period.begins(&stored.time.to_zoned(zone.clone()));
            let later: BTreeSet<_> = proved().map(begins).filter(|other| *other > begins(one)).collect();
            let rank = |stored: &Stored| (stored.is_verified, stored.time, stored.name.clone());
            let beside = all.iter().filter(|other| !other.destinations.is_empty() && begins(other) == begins(one));
            later.len() < number(*count) && beside.map(rank).max() == Some(rank(one))
        })
}

#[derive(Clone, Copy)]
enum Period {
    Day,
    Week,
    Month,
    Year,
}

impl Period {
    /// The first day of the period that a time is in.
    fn begins(self, time: &Zoned) -> jiff::civil::Date {
        let day = time.date();
        match self {
            Self::Day => day,
            Self::Week => day - i64::from(day.weekday().to_monday_zero_offset()).days(),
            Self::Month => day.first_of_month(),
            Self::Year => day.first_of_year(),
        }
    }
}

fn number(count: i32) -> usize {
    usize::try_from(count).unwrap()
}
