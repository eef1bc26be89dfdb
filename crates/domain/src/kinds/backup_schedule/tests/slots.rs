use ace_api::{BackupResult, CatchUp, FreshReason, Reason as _};
use serde_json::json;

use super::super::{Decision, Kind, Memory, StepError, events};
use super::fixture::{Case, changed, nightly, time};
use crate::reconcile::{
    decision::Requeue,
    event::Event,
    fixture::{does_not_differ_when_only_the_clock_moved, is_not_finished_when_new},
};

/// The backup of the night before 21 November is complete, and the status says so.
fn settled() -> Case {
    nightly().first_night()
}

#[test]
fn a_backup_is_made_at_each_slot_and_named_by_its_minute() {
    let case = nightly();
    is_not_finished_when_new::<Kind>(&case.object);
    let case = case.at("2026-11-20T12:00:20Z");
    assert_eq!(
        case.says(),
        "Ready=True/Scheduled Fresh=Unknown/NoBackupYet Verified=Unknown/NoBackupYet"
    );
    assert_eq!(case.message("Ready"), "the first backup is due at 2026-11-21T01:00:00Z");
    assert_eq!(case.next(), "at 2026-11-21T01:00:00Z");
    let case = case.ends().at("2026-11-21T01:00:00Z");
    assert_eq!(case.next(), "start nightly-202611210100");
    let case = case.acts();
    assert_eq!(
        case.says(),
        "Ready=False/Running Reconciling=True/Running Fresh=Unknown/NoBackupYet Verified=Unknown/NoBackupYet"
    );
    let case = case
        .ends()
        .completes("nightly-202611210100", "2026-11-21T01:00:04Z")
        .at("2026-11-21T01:00:30Z");
    assert_eq!(
        case.says(),
        "Ready=True/Scheduled Fresh=True/WithinObjective Verified=True/Archive"
    );
    assert_eq!(
        case.message("Ready"),
        "last: nightly-202611210100, complete in 1 of 2 places"
    );
    let status = case.status();
    let last = status.last.unwrap();
    assert_eq!(
        (last.slot, last.result),
        (time("2026-11-21T01:00:00Z"), BackupResult::Complete)
    );
    assert_eq!(status.newest_point.unwrap().from, "nightly-202611210100");
    assert_eq!(case.next(), "at 2026-11-22T01:00:00Z");
    let case = case.ends().at("2026-11-22T01:00:01Z").acts();
    assert_eq!(
        case.says(),
        "Ready=True/Scheduled Fresh=True/WithinObjective Verified=True/Archive",
        "the one before still is"
    );
    assert_eq!(
        case.message("Ready"),
        "nightly-202611220100 is being made; last: nightly-202611210100, complete in 1 of 2 places"
    );
    assert_eq!(case.missed(), (0, vec![]));
}

#[test]
fn a_status_differs_only_when_something_happened() {
    let mut case = settled();
    let decision = case.decide();
    does_not_differ_when_only_the_clock_moved::<Kind>(&case.object, &mut case.state, &decision, case.now);
    let before = case.state.memo.clone();
    assert_eq!(case.at("2026-11-21T13:00:00Z").status(), before);
}

#[test]
fn a_hundred_missed_slots_are_one_backup_or_none_and_all_are_counted() {
    for (catch_up, starts, named) in [
        (CatchUp::Once, "start nightly-202703010100", "2027-03-01T01:00:00Z"),
        (CatchUp::Never, "at 2027-03-02T01:00:00Z", "2027-03-01T01:00:00Z"),
    ] {
        let mut case = settled();
        case.object.spec.catch_up = catch_up;
        let before = case.state.memo.clone();
        // Down from noon on 21 November until the morning of 1 March.
        let mut case = case.at("2027-03-01T06:00:00Z");
        assert_eq!(case.next(), starts);
        if catch_up == CatchUp::Once {
            case = case.acts();
            assert_eq!(
                case.next(),
                "at 2027-03-01T12:00:00Z",
                "it is overdue after three attempts of two hours"
            );
        }
        let (count, slots) = case.missed();
        assert_eq!(count, 100, "{catch_up:?}");
        assert_eq!((slots.len(), slots[0].as_str()), (5, named));
        let told = events(&before, &case.status());
        let note = "100 slots were missed, the last one is 2027-03-01T01:00:00Z";
        assert!(told.contains(&Event::warning("SlotMissed", note)), "{told:?}");
        // It is not counted, or made, again.
        let case = case.ends().at("2027-03-01T06:00:01Z");
        assert_eq!(case.missed().0, 100);
        assert!(!case.next().starts_with("start"), "{}", case.next());
    }
}

#[test]
fn a_slot_that_is_a_few_minutes_late_is_not_missed() {
    for (now, catch_up, count, starts) in [
        ("2026-11-22T01:05:00Z", CatchUp::Once, 0, true),
        ("2026-11-22T01:05:00Z", CatchUp::Never, 0, true),
        ("2026-11-22T01:05:01Z", CatchUp::Once, 1, true),
        ("2026-11-22T01:05:01Z", CatchUp::Never, 1, false),
    ] {
        let mut case = settled();
        case.object.spec.catch_up = catch_up;
        let mut case = case.at(now);
        assert_eq!(
            case.next() == "start nightly-202611220100",
            starts,
            "{now} {catch_up:?}"
        );
        if starts {
            case = case.acts();
        }
        assert_eq!(case.missed().0, count, "{now} {catch_up:?}");
    }
}

#[test]
fn a_slot_waits_for_the_backup_before_and_only_the_newest_is_begun_then() {
    let hourly = || {
        changed(|spec| spec["schedule"] = json!("@hourly"))
            .at("2026-11-20T12:00:20Z")
            .ends()
    };
    let case = hourly().at("2026-11-20T13:00:00Z").acts().ends();
    let case = case.at("2026-11-20T15:30:00Z");
    assert!(!case.next().starts_with("start"), "{}", case.next());
    let case = case
        .ends()
        .completes("nightly-202611201300", "2026-11-20T13:00:05Z")
        .at("2026-11-20T15:40:00Z");
    assert_eq!(case.next(), "start nightly-202611201500");
    assert_eq!(case.acts().missed().0, 2, "those of two and of three");
}

#[test]
fn what_was_created_and_not_noted_is_taken_for_what_it_is() {
    let before = nightly().at("2026-11-20T12:00:20Z").ends();
    let mut crashed = before.clone().at("2026-11-21T01:00:00Z").acts();
    crashed.state.memo = before.state.memo.clone();
    crashed.state.memory = Memory::default();
    let case = crashed.at("2026-11-21T01:00:20Z");
    assert!(!case.next().starts_with("start"), "{}", case.next());
    assert_eq!(case.state.memo.next_time, Some(time("2026-11-22T01:00:00Z")));
    assert_eq!(
        (case.status().last.unwrap().name.as_str(), case.missed().0),
        ("nightly-202611210100", 0)
    );
}

#[test]
fn a_foreign_object_of_the_name_is_refused_by_name_until_the_next_slot() {
    let taken = "Backup `nightly-202611210100` was not made by this schedule: delete it";
    let case = nightly().at("2026-11-20T12:00:20Z").ends().at("2026-11-21T01:00:00Z");
    let case = case.fails(StepError::NameTaken(taken.to_owned()));
    assert_eq!(
        case.says(),
        "Ready=False/NameTaken Stalled=True/NameTaken Fresh=Unknown/NoBackupYet Verified=Unknown/NoBackupYet"
    );
    assert_eq!(case.message("Stalled"), taken);
    let case = case.ends().at("2026-11-22T01:00:00Z");
    assert_eq!(case.next(), "start nightly-202611220100");
    assert_eq!(case.missed(), (1, vec!["2026-11-21T01:00:00Z".to_owned()]));
    // Nobody else wakes it.
    let hourly = changed(|spec| spec["schedule"] = json!("@hourly"))
        .at("2026-11-20T12:00:20Z")
        .ends();
    let hourly = hourly
        .at("2026-11-20T13:00:00Z")
        .fails(StepError::NameTaken(taken.to_owned()));
    assert_eq!(hourly.next(), "at 2026-11-20T14:00:00Z");
}

#[test]
fn a_clock_that_goes_back_or_jumps_ahead_makes_no_second_backup_and_stops_none() {
    // Back by a day: the slot of the 21st has passed, and is still to come by the clock.
    let case = settled().at("2026-11-20T03:00:00Z").ends();
    assert_eq!(case.state.memo.next_time, Some(time("2026-11-21T01:00:00Z")));
    let case = case.at("2026-11-21T01:00:00Z");
    assert!(
        !case.next().starts_with("start"),
        "its Backup is there: {}",
        case.next()
    );
    assert_eq!(case.missed().0, 0);
    // On ten years: one backup makes up for 3,652 slots; and back again, the next night is the next night.
    let case = settled().at("2036-11-21T06:00:00Z");
    assert_eq!(case.next(), "start nightly-203611210100");
    let case = case.acts();
    assert_eq!(case.missed().0, 3_653);
    let case = case.backup("nightly-203611210100", |backup| backup.is_leaving = true);
    let case = case.ends().at("2026-11-21T06:01:00Z").ends();
    assert_eq!(case.state.memo.next_time, Some(time("2026-11-22T01:00:00Z")));
    assert_eq!(case.status().last.unwrap().name, "nightly-202611210100");
    assert_eq!(case.at("2026-11-22T01:00:00Z").next(), "start nightly-202611220100");
}

#[test]
fn the_first_backup_is_made_at_once_where_that_is_asked_for_and_once() {
    let case = changed(|spec| spec["immediate"] = json!(true)).at("2026-11-20T12:00:20Z");
    assert_eq!(case.next(), "start nightly-202611201200");
    let case = case.acts().ends();
    assert_eq!(case.state.memo.next_time, Some(time("2026-11-21T01:00:00Z")));
    let case = case
        .completes("nightly-202611201200", "2026-11-20T12:00:22Z")
        .at("2026-11-20T12:01:00Z");
    assert_eq!(case.next(), "at 2026-11-21T01:00:00Z");
    // Nor after somebody deleted it.
    let mut case = case.ends();
    case.state.backups.clear();
    assert_eq!(case.at("2026-11-20T12:02:00Z").next(), "at 2026-11-21T01:00:00Z");
}

#[test]
fn while_it_is_suspended_no_slot_is_begun_or_missed_and_fresh_goes_on_falling() {
    let case = settled().suspended(true).at("2026-11-21T02:00:00Z");
    assert_eq!(
        case.says(),
        "Ready=True/Scheduled Suspended=True/SuspendedByUser Fresh=True/WithinObjective Verified=True/Archive"
    );
    assert_eq!(
        (case.next().as_str(), case.status().next_time),
        ("at 2026-11-22T03:00:04Z", None)
    );
    let case = case.ends().at("2026-11-22T03:00:04Z");
    assert_eq!(
        case.says(),
        "Ready=False/Suspended Suspended=True/SuspendedByUser Fresh=False/Suspended Verified=False/Stale"
    );
    assert_eq!(FreshReason::Suspended.as_str(), "Suspended");
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    let case = case.ends().suspended(false).at("2026-12-24T12:00:00Z");
    assert_eq!((case.next().as_str(), case.missed().0), ("at 2026-12-25T01:00:00Z", 0));
}

#[test]
fn another_schedule_has_slots_from_now_on() {
    let mut case = settled();
    case.object.spec.schedule = "30 5 * * *".to_owned();
    case.state.schedule = crate::reconcile::schedule::Schedule::new("30 5 * * *", "Europe/Berlin");
    let case = case.at("2026-11-21T06:00:00Z");
    assert_eq!((case.next().as_str(), case.missed().0), ("at 2026-11-22T03:00:04Z", 0));
    assert_eq!(case.state.memo.next_time, Some(time("2026-11-22T04:30:00Z")));
}

#[test]
fn jitter_puts_a_slot_off_by_at_most_half_the_interval_and_names_it_as_before() {
    let mut case = changed(|spec| spec["jitter"] = json!("24h"));
    case.object.metadata.uid = Some("7d2c63a3-7c1e-4a0f-9b7e-00000000002a".to_owned());
    let case = case.at("2026-11-20T12:00:20Z").ends();
    let Decision::Settled(Requeue::At(start)) = case.decide() else {
        panic!("{:?}", case.decide());
    };
    let slot = time("2026-11-21T01:00:00Z");
    assert!(start > slot && start <= slot + super::fixture::HOUR * 12, "{start}");
    let case = case.at(&start.to_string());
    assert_eq!(case.next(), "start nightly-202611210100");
    assert_eq!(case.acts().missed().0, 0, "it is not late");
}
