use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};
use proptest::{prelude::ProptestConfig, prop_assert, prop_assert_eq, proptest, sample::select, string::string_regex};

use super::{Schedule, ScheduleError, Slots, model::Model, slot_of, stamp};

const HOUR: Duration = Duration::from_hours(1);

fn schedule(text: &str, zone: &str) -> Schedule {
    Schedule::new(text, zone).unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The next slots after a time, as they are told in UTC.
fn next(text: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = schedule(text, zone);
    let mut slots = Vec::new();
    let mut at = time(after);
    for _ in 0..count {
        at = schedule.next_after(at).unwrap();
        slots.push(at.strftime("%d %H:%M").to_string());
    }
    slots
}

#[test]
fn what_the_clock_skips_or_shows_twice_is_due_once_in_berlin_and_in_new_york() {
    for (text, zone, after, expected) in [
        // 2027-03-28: 01:00 UTC is 02:00, which is 03:00.
        (
            "0 2 * * *",
            "Europe/Berlin",
            "2027-03-27T00:00:00Z",
            ["27 01:00", "28 01:00", "29 00:00"],
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2027-03-27T00:00:00Z",
            ["27 01:30", "28 01:00", "29 00:30"],
        ),
        // 2026-10-25: 00:00 and 01:00 UTC are both 02:00.
        (
            "0 2 * * *",
            "Europe/Berlin",
            "2026-10-24T00:00:00Z",
            ["25 00:00", "26 01:00", "27 01:00"],
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T01:00:00Z",
            ["25 00:30", "26 01:30", "27 01:30"],
        ),
        // 2027-03-14: 07:00 UTC is 02:00, which is 03:00.
        (
            "30 2 * * *",
            "America/New_York",
            "2027-03-13T00:00:00Z",
            ["13 07:30", "14 07:00", "15 06:30"],
        ),
        // 2026-11-01: 05:00 and 06:00 UTC are both 01:00.
        (
            "30 1 * * *",
            "America/New_York",
            "2026-10-31T00:00:00Z",
            ["31 05:30", "01 05:30", "02 06:30"],
        ),
        (
            "0 2 * * *",
            "Etc/UTC",
            "2027-03-27T00:00:00Z",
            ["27 02:00", "28 02:00", "29 02:00"],
        ),
        // What is due at intervals goes on through both.
        (
            "*/30 * * * *",
            "Europe/Berlin",
            "2027-03-28T00:29:00Z",
            ["28 00:30", "28 01:00", "28 01:30"],
        ),
        (
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-10-25T00:29:00Z",
            ["25 00:30", "25 01:00", "25 01:30"],
        ),
    ] {
        assert_eq!(next(text, zone, after, 3), expected, "{text} {zone} {after}");
    }
}

#[test]
fn names_last_days_and_leap_days_are_read() {
    for (text, after, expected) in [
        ("@daily", "2026-11-23T00:00:00Z", ["24 00:00", "25 00:00"]),
        ("@weekly", "2026-11-23T00:00:00Z", ["29 00:00", "06 00:00"]),
        ("0 6 * * 1", "2026-11-23T06:00:00Z", ["30 06:00", "07 06:00"]),
        ("0 0 * * 7", "2026-11-23T00:00:00Z", ["29 00:00", "06 00:00"]),
        ("0 3 * 1,4,7,10 SUN#1", "2026-11-23T00:00:00Z", ["03 03:00", "04 03:00"]),
        ("0 0 L * *", "2027-02-01T00:00:00Z", ["28 00:00", "31 00:00"]),
        ("0 0 1 * 1", "2026-11-23T00:00:00Z", ["30 00:00", "01 00:00"]),
    ] {
        assert_eq!(next(text, "Etc/UTC", after, 2), expected, "{text}");
    }
    let leap = schedule("0 0 29 2 *", "Etc/UTC");
    assert_eq!(
        leap.next_after(time("2026-11-23T00:00:00Z")),
        Some(time("2028-02-29T00:00:00Z"))
    );
    assert_eq!(
        leap.latest_at_or_before(time("2026-11-23T00:00:00Z")),
        Some(time("2024-02-29T00:00:00Z"))
    );
}

#[test]
fn what_is_no_schedule_is_refused_with_what_to_write_instead() {
    let fields = "minute, hour, day of the month, month, day of the week";
    for (text, expected) in [
        ("0 0 2 * * *", format!("a schedule has five fields ({fields}), and this one has 6: leave out seconds and year, as in '0 2 * * *'")),
        ("0 2 * *", format!("a schedule has five fields ({fields}), and this one has 4: write '*' for what does not matter, as in '0 2 * * *'")),
        ("", format!("a schedule has five fields ({fields}), and this one has 0: write '*' for what does not matter, as in '0 2 * * *'")),
        ("TZ=Europe/Berlin 0 2 * * *", "`schedule` begins with a time zone: write that into `timeZone`, and only the five fields here".to_owned()),
        ("CRON_TZ=Europe/Berlin 0 2 * * *", "`schedule` begins with a time zone: write that into `timeZone`, and only the five fields here".to_owned()),
        ("@every 15m", "there is no `@every 15m`: write '@hourly', '@daily', '@weekly', '@monthly', '@yearly', or five fields such as '0 2 * * *'".to_owned()),
        ("0 25 * * *", "the hour `25` can't be read: write a number from 0 to 23, a list such as '0,23', a range, '*', or a step such as '*/2'".to_owned()),
        ("0/15 * * * *", "the minute `0/15` can't be read: write a number from 0 to 59, a list such as '0,59', a range, '*', or a step such as '*/2'".to_owned()),
        ("0 , * * *", "the hour `,` can't be read: write a number from 0 to 23, a list such as '0,23', a range, '*', or a step such as '*/2'".to_owned()),
        ("0 2 0 * *", "the day of the month `0` can't be read: write a number from 1 to 31, a list such as '1,31', a range, '*', or a step such as '*/2'".to_owned()),
        ("0 2 31 2 *", "the date of `0 2 31 2 *` never comes: write a day that its months have, or 'L' for the last one".to_owned()),
        ("0 2 31 4,6,9,11 *", "the date of `0 2 31 4,6,9,11 *` never comes: write a day that its months have, or 'L' for the last one".to_owned()),
    ] {
        let refused = Schedule::new(text, "Etc/UTC").unwrap_err();
        assert_eq!(refused.to_string(), expected, "{text}");
    }
    for (zone, instead) in [
        ("Europe/Nowhere", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("Europe/berlin", "Europe/Berlin"),
        ("UTC+2", "Europe/Berlin"),
    ] {
        let refused = Schedule::new("0 2 * * *", zone).unwrap_err();
        assert_eq!(refused, ScheduleError::Zone(zone.to_owned(), instead.to_owned()));
    }
}

#[test]
fn a_hundred_slots_that_passed_are_counted_and_the_last_five_named() {
    let nightly = schedule("0 2 * * *", "Europe/Berlin");
    let first = time("2026-08-15T00:00:00Z");
    let last = first + SignedDuration::from_hours(24 * 99 + 2);
    let Slots { count, last } = nightly.slots_between(first, last);
    assert_eq!(count, 100);
    let named: Vec<String> = last.iter().map(|slot| stamp(*slot)).collect();
    // The clock went back on 25 October.
    assert_eq!(
        named,
        [
            "202611220100",
            "202611210100",
            "202611200100",
            "202611190100",
            "202611180100"
        ]
    );
    assert_eq!(
        nightly.slots_between(first, first - SignedDuration::from_hours(48)),
        Slots::default()
    );
    let one = nightly.slots_between(first, first);
    assert_eq!((one.count, one.last), (1, vec![first]));
    // Ten years are not looked through minute by minute.
    let every_minute = schedule("* * * * *", "Etc/UTC");
    assert_eq!(
        every_minute.slots_between(first, time("2036-08-15T00:00:00Z")).count,
        10_000
    );
    assert_eq!(nightly.slots_between(first, time("2036-08-15T00:00:00Z")).count, 3_654);
}

#[test]
fn a_name_tells_its_slot() {
    let slot = time("2026-11-23T01:00:00Z");
    assert_eq!(
        (stamp(slot).as_str(), slot_of("202611230100")),
        ("202611230100", Some(slot))
    );
    for other in ["", "2026112301000", "20261123", "202613230100", "pre-migration"] {
        assert_eq!(slot_of(other), None, "{other}");
    }
}

#[test]
fn jitter_is_stable_by_uid_and_at_most_half_the_interval() {
    let two = schedule("0 2,3 * * *", "Etc/UTC");
    let slot = |hour: i8| time(&format!("2026-11-23T0{hour}:00:00Z"));
    let starts = |hour, jitter| -> BTreeSet<Duration> {
        let uids = (0..300).map(|number| format!("7d2c63a3-7c1e-4a0f-9b7e-{number:012x}"));
        let late = |uid: String| {
            two.start_of(slot(hour), jitter, &uid)
                .duration_since(slot(hour))
                .unsigned_abs()
        };
        uids.map(late).collect()
    };
    assert_eq!(starts(2, Duration::ZERO), BTreeSet::from([Duration::ZERO]));
    for (hour, jitter, most) in [
        (2, HOUR, HOUR / 2),
        (2, HOUR * 99, HOUR / 2),
        (3, HOUR, HOUR),
        (2, HOUR / 4, HOUR / 4),
    ] {
        let starts = starts(hour, jitter);
        assert!(
            starts.len() > 100 && starts.iter().all(|late| *late <= most),
            "{hour} {jitter:?} {starts:?}"
        );
        assert!(*starts.last().unwrap() > most / 2, "it is used: {hour} {jitter:?}");
    }
    let start = two.start_of(slot(2), HOUR, "u1");
    assert_eq!(start, two.start_of(slot(2), HOUR, "u1"));
}

#[test]
fn the_longest_interval_has_the_day_of_25_hours() {
    for (text, zone, hours) in [
        ("0 2 * * *", "Etc/UTC", 24),
        ("0 2 * * *", "Europe/Berlin", 25),
        ("0 2,14 * * *", "Etc/UTC", 12),
        ("0 2 * * 1-5", "Etc/UTC", 72),
        ("*/15 * * * *", "America/New_York", 0),
    ] {
        let longest = schedule(text, zone).longest_interval(time("2026-11-23T00:00:00Z"));
        assert_eq!(longest.as_secs() / 3_600, hours, "{text} {zone}: {longest:?}");
    }
}

/// A zone, and about when its clock is changed.
const CHANGES: [(&str, i64); 9] = [
    ("Europe/Berlin", 1_792_886_400),
    ("Europe/Berlin", 1_806_195_600),
    ("America/New_York", 1_793_509_200),
    ("America/New_York", 1_805_007_600),
    ("Australia/Lord_Howe", 1_806_760_800),
    ("Africa/Cairo", 1_809_032_400),
    ("America/St_Johns", 1_805_003_100),
    ("Asia/Kolkata", 1_800_000_000),
    ("Etc/UTC", 1_800_000_000),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn slots_are_those_of_the_model_where_clocks_are_changed(
        model in Model::any(),
        (zone, change) in select(&CHANGES[..]),
        before in 0_i64..200_000,
        length in 0_i64..300_000,
    ) {
        let schedule = match Schedule::new(&model.text(), zone) {
            Ok(schedule) => schedule,
            Err(ScheduleError::Never(_)) => return Ok(()),
            Err(other) => panic!("{other}"),
        };
        let first = Timestamp::from_second(change - before).unwrap();
        let last = first + SignedDuration::from_secs(length);
        let expected = model.slots(schedule.zone(), first, last);
        let mut found = Vec::new();
        let mut next = Some(first).filter(|first| schedule.is_slot(*first)).or_else(|| schedule.next_after(first));
        while let Some(slot) = next.filter(|slot| *slot <= last) {
            found.push(slot);
            next = schedule.next_after(slot);
        }
        prop_assert_eq!(&found, &expected, "{}", model.text());
        let slots = schedule.slots_between(first, last);
        prop_assert_eq!(slots.count, expected.len(), "{}", model.text());
        let named: Vec<Timestamp> = expected.iter().rev().take(5).copied().collect();
        prop_assert_eq!(slots.last, named, "{}", model.text());
    }

    #[test]
    fn no_text_makes_the_reader_panic_or_search_for_long(
        text in string_regex("[-0-9*/,#LWMONSUJAN?+@ ]{0,24}").unwrap(),
        other in ".{0,24}",
        zone in "[A-Za-z/_]{0,12}",
    ) {
        for text in [text, other] {
            if let Ok(schedule) = Schedule::new(&text, "Europe/Berlin") {
                let now = time("2026-11-23T00:00:00Z");
                prop_assert!(schedule.next_after(now).is_some_and(|next| next > now), "{}", text);
            }
        }
        let _ = Schedule::new("@daily", &zone);
    }
}
