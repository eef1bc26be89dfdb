mod any;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use ace_api::{BackupClass, Retention};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::{collection::vec, prelude::ProptestConfig, prop_assert, prop_assert_eq, proptest};

use self::any::{Happening, any_history, any_rules, any_stored, pick};
use super::{MOST_AT_ONCE, Plan, Stored, model, plan};
use crate::reconcile::schedule::Schedule;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn berlin() -> &'static TimeZone {
    static ZONE: LazyLock<Schedule> = LazyLock::new(|| Schedule::new("@daily", "Europe/Berlin").unwrap());
    ZONE.zone()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A verified backup of its schedule in one place.
fn stored(name: &str, time: Timestamp) -> Stored {
    Stored {
        name: name.to_owned(),
        time,
        class: BackupClass::Scheduled,
        is_verified: true,
        is_held: false,
        needed_by: None,
        destinations: BTreeSet::from(["primary".to_owned()]),
        is_expiring: false,
    }
}

/// One each night, the last one on 23 November 2026, a Monday; `n0` is that one.
fn nights(count: i64) -> Vec<Stored> {
    let last = time("2026-11-23T01:00:04Z");
    (0..count)
        .map(|back| stored(&format!("n{back}"), last - DAY * i32::try_from(back).unwrap()))
        .collect()
}

fn rules(last: i32, daily: i32, weekly: i32, monthly: i32, yearly: i32) -> Retention {
    Retention {
        last,
        daily,
        weekly,
        monthly,
        yearly,
        ..Retention::default()
    }
}

fn planned(all: &[Stored], rules: &Retention) -> Plan {
    plan(all, rules, berlin())
}

/// What is kept, and why.
fn kept(all: &[Stored], rules: &Retention) -> Vec<String> {
    let plan = planned(all, rules);
    let lines = all.iter().filter_map(|stored| {
        let because = plan.keep.get(&stored.name)?;
        Some(format!("{}: {}", stored.name, because.join(", ")))
    });
    lines.collect()
}

/// What makes one backup unlike the others.
type Change = fn(&mut Stored);

#[test]
fn each_backup_that_is_kept_says_why() {
    assert_eq!(
        kept(&nights(40), &rules(2, 3, 3, 2, 1)),
        [
            "n0: newest verified, last, daily 2026-11-23, weekly 2026-W48, monthly 2026-11, yearly 2026",
            "n1: minVerified, last, daily 2026-11-22, weekly 2026-W47",
            "n2: daily 2026-11-21",
            "n8: weekly 2026-W46",
            "n23: monthly 2026-10",
        ]
    );
    let plan = planned(&nights(40), &rules(2, 3, 3, 2, 1));
    assert_eq!(
        (plan.expire.len(), plan.expire[0].as_str(), plan.is_many),
        (35, "n39", true)
    );
}

#[test]
fn days_are_those_of_the_schedules_zone() {
    // Both are of the 23rd in Berlin, and the first is of the 22nd in UTC.
    let both = [
        stored("before", time("2026-11-22T23:30:00Z")),
        stored("after", time("2026-11-23T01:00:00Z")),
    ];
    let rules = Retention {
        min_verified: 1,
        ..rules(1, 7, 0, 0, 0)
    };
    assert_eq!(planned(&both, &rules).expire, ["before"]);
    assert_eq!(plan(&both, &rules, &TimeZone::UTC).expire, Vec::<String>::new());
}

#[test]
fn each_exception_keeps_a_backup_that_no_rule_keeps() {
    let only_last = Retention {
        min_verified: 1,
        ..rules(1, 0, 0, 0, 0)
    };
    let old = |change: fn(&mut Stored)| {
        let mut all = nights(2);
        change(&mut all[1]);
        kept(&all, &only_last).get(1).cloned()
    };
    assert_eq!(old(|_| {}), None);
    let exceptions: [(Change, &str); 7] = [
        (|old| old.is_held = true, "held"),
        (
            |old| old.needed_by = Some("Restore bring-back".to_owned()),
            "needed by Restore bring-back",
        ),
        (|old| old.destinations.clear(), "no copy of it is there"),
        (|old| old.class = BackupClass::Manual, "made by a person"),
        (|old| old.class = BackupClass::Incident, "made for an incident"),
        (|old| old.class = BackupClass::PreMigration, "preMigrationDays"),
        (
            |old| old.destinations = BTreeSet::from(["second".to_owned()]),
            "newest verified in second",
        ),
    ];
    for (change, why) in exceptions {
        assert_eq!(old(change), Some(format!("n1: {why}")));
    }
    let min_verified = Retention {
        min_verified: 2,
        ..only_last
    };
    assert_eq!(kept(&nights(3), &min_verified)[1..], ["n1: minVerified"]);
}

#[test]
fn the_age_of_a_backup_before_a_migration_counts_from_the_newest_verified() {
    let rules = Retention {
        pre_migration_days: 30,
        min_verified: 1,
        ..rules(1, 0, 0, 0, 0)
    };
    for (days, is_kept) in [(30, true), (31, false)] {
        let newest = time("2026-11-23T01:00:04Z");
        let mut before = stored("before", newest - DAY * days);
        before.class = BackupClass::PreMigration;
        let all = [stored("newest", newest), before.clone()];
        assert_eq!(planned(&all, &rules).keep.contains_key("before"), is_kept, "{days}");
        // Newer ones that are not verified make it no older.
        let mut unproved = stored("unproved", newest + DAY * 90);
        unproved.is_verified = false;
        let all = [stored("newest", newest), before, unproved];
        assert_eq!(planned(&all, &rules).keep.contains_key("before"), is_kept, "{days}");
    }
}

#[test]
fn backups_that_failed_their_verification_push_out_none_that_passed() {
    let rules = rules(3, 7, 0, 0, 0);
    let mut all = nights(10);
    let before = planned(&all, &rules);
    assert_eq!(before.expire, ["n9", "n8", "n7"]);
    for night in 1..=90_i32 {
        let mut corrupt = stored(&format!("corrupt{night}"), all[0].time + DAY * night);
        corrupt.is_verified = false;
        all.push(corrupt);
    }
    let after = planned(&all, &rules);
    assert_eq!(after.expire, before.expire, "the same as ninety days before");
    // The first that passes after them takes one place, and not ninety days.
    all.push(stored("passed", all[0].time + DAY * 91));
    let then = planned(&all, &rules);
    let passed: Vec<&String> = then.expire.iter().filter(|name| !name.starts_with("corrupt")).collect();
    assert_eq!(passed, ["n9", "n8", "n7", "n6"]);
}

#[test]
fn while_nothing_is_verified_nothing_expires() {
    let mut all = nights(100);
    for stored in &mut all {
        stored.is_verified = false;
    }
    let plan = planned(&all, &rules(1, 1, 0, 0, 0));
    assert_eq!((plan.keep.len(), plan.expire.len(), plan.is_many), (100, 0, false));
    assert_eq!(plan.keep["n99"], ["nothing is verified yet"]);
}

#[test]
fn more_than_ten_or_a_quarter_at_once_wait_for_a_person() {
    let expiring = |nights: usize, expiring: usize| {
        let kept = i32::try_from(nights - expiring).unwrap();
        planned(&self::nights(i64::try_from(nights).unwrap()), &rules(kept, 0, 0, 0, 0)).is_many
    };
    for (nights, count, is_many) in [
        (100, 10, false),
        (100, 11, true),
        (12, 3, false),
        (11, 3, true),
        (4, 2, true),
        // One makes room for the newest, however few there are.
        (3, 1, false),
    ] {
        assert_eq!(expiring(nights, count), is_many, "{count} of {nights}");
    }
    // What a person agreed to, or was found one by one, is not counted again.
    let mut all = nights(100);
    for stored in all.iter_mut().skip(50) {
        stored.is_expiring = true;
    }
    let plan = planned(&all, &rules(49, 0, 0, 0, 0));
    assert_eq!((plan.expire.len(), plan.is_many), (51, false));
}

/// `PROPTEST_CASES=100000` asks for as many.
fn cases(usual: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|asked| asked.parse().ok());
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(asked.unwrap_or(usual))
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn what_is_kept_is_what_the_model_keeps(mut all in vec(any_stored(), 0..20), rules in any_rules()) {
        for (number, stored) in all.iter_mut().enumerate() {
            stored.name = format!("b{number}");
        }
        let plan = planned(&all, &rules);
        let kept: BTreeSet<String> = plan.keep.keys().cloned().collect();
        prop_assert_eq!(&kept, &model::kept(&all, &rules, berlin()));
        let names: BTreeSet<String> = all.iter().map(|stored| stored.name.clone()).collect();
        let expire: BTreeSet<String> = plan.expire.iter().cloned().collect();
        prop_assert_eq!(&kept | &expire, names);
        prop_assert!(kept.is_disjoint(&expire));
        // What is left is kept when it is asked again.
        all.retain(|stored| kept.contains(&stored.name));
        prop_assert_eq!(planned(&all, &rules).expire, Vec::<String>::new());
    }

    #[test]
    fn no_history_loses_what_is_promised(history in any_history(), rules in any_rules()) {
        let mut now = Timestamp::from_second(1_790_000_000).unwrap();
        let mut all: Vec<Stored> = Vec::new();
        let is_proved = |stored: &&Stored| stored.is_verified && !stored.destinations.is_empty();
        for (number, happening) in history.into_iter().enumerate() {
            // What a hold kept may go when that ends, and so may what is damaged; else only a success makes room.
            let makes_room = !matches!(
                happening,
                Happening::Failure | Happening::Stop(_) | Happening::Clock(_) | Happening::Backup { is_verified: false, .. }
            );
            now += HOUR * 8;
            match happening {
                Happening::Backup { class, is_verified, places } => {
                    let mut made = stored(&format!("b{number}"), now);
                    (made.class, made.is_verified) = (class, is_verified);
                    made.destinations = places.into_iter().map(str::to_owned).collect();
                    all.push(made);
                }
                Happening::Failure => {}
                Happening::Stop(days) => now += DAY * days,
                Happening::Clock(hours) => now += HOUR * hours.max(-7),
                Happening::Hold(which) => if let Some(stored) = pick(&mut all, which) { stored.is_held = !stored.is_held },
                Happening::Damage(which) => if let Some(stored) = pick(&mut all, which) { stored.is_verified = false },
                Happening::Loss(which) => if let Some(stored) = pick(&mut all, which) { stored.destinations.pop_first(); },
            }
            let plan = planned(&all, &rules);
            let before = all.clone();
            all.retain(|stored| plan.keep.contains_key(&stored.name));
            let gone: Vec<&Stored> = before.iter().filter(|stored| !plan.keep.contains_key(&stored.name)).collect();
            let proved = |all: &[Stored]| all.iter().filter(is_proved).count();
            let least = usize::try_from(rules.min_verified).unwrap();
            prop_assert!(proved(&all) >= least.min(proved(&before)), "verified ones are left");
            prop_assert!(gone.iter().all(|stored| !stored.is_held && !stored.destinations.is_empty()));
            let newest = |all: &[Stored]| {
                let mut newest: BTreeMap<String, Timestamp> = BTreeMap::new();
                for stored in all.iter().filter(is_proved) {
                    for place in &stored.destinations {
                        let time = newest.entry(place.clone()).or_insert(stored.time);
                        *time = stored.time.max(*time);
                    }
                }
                newest
            };
            prop_assert_eq!(newest(&before), newest(&all), "the newest verified of each place");
            if !gone.is_empty() {
                prop_assert_eq!(planned(&all, &rules).expire, Vec::<String>::new(), "asked again");
            }
            prop_assert!(gone.is_empty() || makes_room, "{:?}", gone);
            prop_assert!(gone.len() <= MOST_AT_ONCE && (gone.len() <= 1 || gone.len() * 4 <= before.len()) || plan.is_many);
        }
    }
}
