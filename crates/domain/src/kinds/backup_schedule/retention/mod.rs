//! Which backups are kept, and why. No clock is read: what is old is told by the newest verified backup, so that nothing expires
//! while none succeeds, while none is made, or because a clock jumped.

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use ace_api::{BackupClass, Retention};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

/// A backup of the schedule that is stored. One that was imported is of no schedule, and no retention sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub name: String,
    /// Of the snapshot.
    pub time: Timestamp,
    pub class: BackupClass,
    /// It passed the level that the schedule asks for, and nothing is known against it.
    pub is_verified: bool,
    /// `spec.hold` is set.
    pub is_held: bool,
    /// What waits for it, such as `Restore bring-back`.
    pub needed_by: Option<String>,
    /// Where it has a complete copy. One that has none is not there to be deleted, and its object tells so.
    pub destinations: BTreeSet<String>,
    /// It was found to expire before, and is being deleted.
    pub is_expiring: bool,
}

/// What becomes of the backups.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Plan {
    /// Why each of those that are kept is, such as `daily 2026-11-23`.
    pub keep: BTreeMap<String, Vec<String>>,
    /// What nothing keeps, the oldest first.
    pub expire: Vec<String>,
    /// It is more than ten, or a quarter of all: nothing of it expires before a person agrees.
    pub is_many: bool,
}

/// Most backups that expire at once, unless a person agrees.
const MOST_AT_ONCE: usize = 10;

/// One part in so many of all may expire at once. One backup always may: it makes room for the newest.
const PART_AT_ONCE: usize = 4;

/// What is kept of `all` by these rules, whose days are those of `zone`.
pub fn plan(all: &[Stored], rules: &Retention, zone: &TimeZone) -> Plan {
    let mut because = Because::default();
    let verified: Vec<&Stored> = newest_first(
        all.iter()
            .filter(|stored| stored.is_verified && !stored.destinations.is_empty()),
    );
    exceptions(all, &verified, rules, &mut because);
    let there = newest_first(all.iter().filter(|stored| !stored.destinations.is_empty()));
    let days: Vec<(&Stored, Date)> = there
        .into_iter()
        .map(|stored| (stored, stored.time.to_zoned(zone.clone()).date()))
        .collect();
    if let Some(newest) = verified.first() {
        ages(all, newest.time, rules, &mut because);
        for (rule, count) in [
            (Rule::Daily, rules.daily),
            (Rule::Weekly, rules.weekly),
            (Rule::Monthly, rules.monthly),
            (Rule::Yearly, rules.yearly),
        ] {
            periods(&days, rule, at_least_none(count), &mut because);
        }
    } else {
        for stored in all {
            because.keep(stored, "nothing is verified yet");
        }
    }
    let keep = because.0;
    let mut expire: Vec<&Stored> = all.iter().filter(|stored| !keep.contains_key(&stored.name)).collect();
    expire.sort_by_key(|stored| (stored.time, &stored.name));
    let fresh = expire.iter().filter(|stored| !stored.is_expiring).count();
    let is_many = fresh > MOST_AT_ONCE || fresh > 1 && fresh * PART_AT_ONCE > all.len();
    Plan {
        keep,
        expire: expire.into_iter().map(|stored| stored.name.clone()).collect(),
        is_many,
    }
}

/// The first backup that expires, and the slot whose backup takes its place, if each of these slots gets a verified backup in all of
/// these places.
pub fn next_to_expire(
    mut all: Vec<Stored>,
    slots: &[Timestamp],
    places: &BTreeSet<String>,
    rules: &Retention,
    zone: &TimeZone,
) -> Option<(String, Timestamp)> {
    let already: BTreeSet<String> = plan(&all, rules, zone).expire.into_iter().collect();
    for slot in slots {
        all.push(Stored {
            name: slot.to_string(),
            time: *slot,
            class: BackupClass::Scheduled,
            is_verified: true,
            is_held: false,
            needed_by: None,
            destinations: places.clone(),
            is_expiring: false,
        });
        let expire = plan(&all, rules, zone).expire;
        let next = expire
            .into_iter()
            .find(|name| !already.contains(name) && slots.iter().all(|slot| slot.to_string() != *name));
        if let Some(name) = next {
            return Some((name, *slot));
        }
    }
    None
}

#[derive(Default)]
struct Because(BTreeMap<String, Vec<String>>);

impl Because {
    fn keep(&mut self, stored: &Stored, why: impl Into<String>) {
        self.0.entry(stored.name.clone()).or_default().push(why.into());
    }
}

/// What is kept whatever its age.
fn exceptions(all: &[Stored], verified: &[&Stored], rules: &Retention, because: &mut Because) {
    for stored in all {
        if stored.is_held {
            because.keep(stored, "held");
        }
        if stored.destinations.is_empty() {
            because.keep(stored, "no copy of it is there");
        }
        if let Some(by) = &stored.needed_by {
            because.keep(stored, format!("needed by {by}"));
        }
        match stored.class {
            BackupClass::Manual => because.keep(stored, "made by a person"),
            BackupClass::Incident => because.keep(stored, "made for an incident"),
            BackupClass::Scheduled | BackupClass::PreMigration => {}
        }
    }
    if let Some(newest) = verified.first() {
        because.keep(newest, "newest verified");
    }
    let places: BTreeSet<&String> = verified.iter().flat_map(|stored| &stored.destinations).collect();
    for place in places {
        let newest = verified.iter().find(|stored| stored.destinations.contains(place));
        if let Some(newest) = newest.filter(|newest| verified.first() != Some(newest)) {
            because.keep(newest, format!("newest verified in {place}"));
        }
    }
    for stored in verified
        .iter()
        .skip(1)
        .take(at_least_none(rules.min_verified).saturating_sub(1))
    {
        because.keep(stored, "minVerified");
    }
}

/// What is kept for its place in the line, or its age. `newest`: the time of the newest verified backup.
fn ages(all: &[Stored], newest: Timestamp, rules: &Retention, because: &mut Because) {
    let mut verified = 0;
    for stored in newest_first(all.iter()) {
        // What is not verified takes nobody's place.
        if stored.time > newest {
            because.keep(stored, "newer than the newest verified");
        } else if verified < at_least_none(rules.last) {
            because.keep(stored, "last");
        }
        verified += usize::from(stored.is_verified && !stored.destinations.is_empty());
    }
    let days = SignedDuration::from_hours(24 * i64::from(rules.pre_migration_days));
    let of_migrations = all.iter().filter(|stored| stored.class == BackupClass::PreMigration);
    for stored in of_migrations.filter(|stored| newest.duration_since(stored.time) <= days) {
        because.keep(stored, "preMigrationDays");
    }
}

#[derive(Clone, Copy)]
enum Rule {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

impl Rule {
    fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }

    /// The period of a day, and what it is called. They are ordered as the periods are.
    fn period(self, day: Date) -> ((i16, i16), String) {
        let week = day.iso_week_date();
        match self {
            Self::Daily => ((day.year(), day.day_of_year()), day.to_string()),
            Self::Weekly => (
                (week.year(), week.week().into()),
                format!("{}-W{:02}", week.year(), week.week()),
            ),
            Self::Monthly => (
                (day.year(), day.month().into()),
                format!("{}-{:02}", day.year(), day.month()),
            ),
            Self::Yearly => ((day.year(), 0), day.year().to_string()),
        }
    }
}

/// Keeps one backup of each period, back to the `count`-th that has a verified one: the newest verified, else the newest. A period
/// without a verified one does not count, so that nothing expires for those that failed. `stored`: with their days, the newest first.
fn periods(stored: &[(&Stored, Date)], rule: Rule, count: usize, because: &mut Because) {
    let Some(others) = count.checked_sub(1) else {
        return;
    };
    let verified = stored.iter().filter(|(stored, _)| stored.is_verified);
    let proved: BTreeSet<(i16, i16)> = verified.map(|(_, day)| rule.period(*day).0).collect();
    let first = proved.iter().rev().nth(others);
    let mut kept = BTreeMap::new();
    for (stored, day) in stored {
        let (period, name) = rule.period(*day);
        if first.is_some_and(|first| period < *first) {
            continue;
        }
        let best = kept.entry(period).or_insert((stored, name));
        if stored.is_verified && !best.0.is_verified {
            best.0 = stored;
        }
    }
    for (stored, name) in kept.into_values() {
        because.keep(stored, format!("{} {name}", rule.name()));
    }
}

fn newest_first<'a>(stored: impl Iterator<Item = &'a Stored>) -> Vec<&'a Stored> {
    let mut sorted: Vec<&Stored> = stored.collect();
    sorted.sort_by(|one, other| (other.time, &other.name).cmp(&(one.time, &one.name)));
    sorted
}

fn at_least_none(count: i32) -> usize {
    usize::try_from(count).unwrap_or_default()
}
