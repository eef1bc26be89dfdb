//! When drills are due.

use ace_api::CatchUp;
use serde_json::json;

use super::super::Step;
use super::drills::{BYTES, MONDAY, begun, drilled_weekly, next_drill, passed, says, with_drills};
use super::fixture::{changed, time};

#[test]
fn while_it_is_suspended_no_drill_is_begun_or_made_up_for() {
    let case = drilled_weekly().suspended(true).at("2026-11-23T05:00:00Z");
    assert!(!case.next().starts_with("drill"), "{}", case.next());
    assert_eq!(next_drill(&case), Vec::<String>::new());
    let case = case.ends().suspended(false).at("2026-11-23T06:00:00Z");
    assert!(!case.next().starts_with("drill"), "{}", case.next());
    assert_eq!(next_drill(&case), ["2026-11-30T05:00:00Z"]);
    let platform = drilled_weekly()
        .platform(|platform| platform.is_suspended = true)
        .at("2026-11-23T05:00:00Z");
    assert!(!platform.next().starts_with("drill"), "{}", platform.next());
}

#[test]
fn a_suspended_schedule_goes_on_falling_behind_with_its_drills() {
    let case = begun(drilled_weekly())
        .drill_ends(MONDAY, passed(372), BYTES)
        .at("2026-11-23T05:07:00Z")
        .ends();
    let case = case.suspended(true).at("2026-11-30T10:59:59Z");
    assert_eq!(says(&case), "Drilled=True/WithinObjective");
    let case = case.ends().at("2026-11-30T11:00:00Z");
    assert_eq!(
        (says(&case).as_str(), case.message("Drilled").as_str()),
        (
            "Drilled=False/Overdue",
            "drill `weekly` was due at 2026-11-30T05:00:00Z, and none has ended since"
        )
    );
}

#[test]
fn a_drill_that_does_not_begin_or_end_is_overdue_after_all_of_its_attempts() {
    let running = begun(drilled_weekly());
    assert_eq!(
        says(&running.clone().at("2026-11-23T10:59:59Z")),
        "Drilled=Unknown/NotYet"
    );
    assert_eq!(says(&running.at("2026-11-23T11:00:00Z")), "Drilled=False/Overdue");
    // Nothing is there to be restored.
    let mut never = drilled_weekly();
    never.state.backups.clear();
    let never = never.at("2026-11-23T05:00:00Z");
    assert!(!never.next().starts_with("drill"), "{}", never.next());
    let never = never.ends().at("2026-11-23T11:00:00Z");
    assert_eq!(says(&never), "Drilled=False/Overdue");
}

#[test]
fn one_drill_at_a_time_and_those_of_one_minute_are_one() {
    let both = |schedule: &str| {
        let schedule = schedule.to_owned();
        with_drills(move |spec| {
            let asked = |name: &str| json!([{ "name": name, "sql": "select 1", "expect": "1" }]);
            spec["drills"] = json!([
                { "name": "weekly", "schedule": "0 6 * * 1", "assertions": asked("one") },
                { "name": "monthly", "schedule": schedule, "assertions": asked("two") },
            ]);
        })
        .at("2026-11-23T05:00:00Z")
    };
    let case = both("0 6 * * MON#4");
    let super::super::Decision::Do(Step::Drill { drills, .. }) = case.decide() else {
        panic!("{:?}", case.decide());
    };
    assert_eq!(drills, ["weekly", "monthly"]);
    assert_eq!(
        next_drill(&case.acts()),
        ["2026-11-30T05:00:00Z", "2026-12-28T05:00:00Z"]
    );
    let case = both("1 6 23 11 *").acts().ends().at("2026-11-23T05:01:00Z");
    assert!(!case.next().starts_with("drill"), "{}", case.next());
    let case = case.drill_ends(MONDAY, passed(372), BYTES).at("2026-11-23T05:08:00Z");
    assert_eq!(
        case.next(),
        "drill nightly-drill-202611230501 of nightly-202611230100",
        "it waited"
    );
}

#[test]
fn a_hundred_missed_slots_are_one_drill_or_none() {
    for (catch_up, expected) in [
        (
            CatchUp::Once,
            "drill nightly-drill-202810230400 of nightly-202611230100",
        ),
        (CatchUp::Never, "at "),
    ] {
        let mut case = begun(drilled_weekly())
            .drill_ends(MONDAY, passed(372), BYTES)
            .at("2026-11-23T05:07:00Z")
            .ends();
        case.object.spec.catch_up = catch_up;
        // Down for a hundred weeks; backups have made up for theirs.
        let case = case.at("2028-10-23T08:00:00Z");
        let case = if case.next().starts_with("start") {
            case.acts()
        } else {
            case
        };
        assert!(case.next().starts_with(expected), "{}", case.next());
        let case = if catch_up == CatchUp::Once { case.acts() } else { case };
        assert_eq!(next_drill(&case), ["2028-10-30T05:00:00Z"]);
        let case = case.ends().at("2028-10-23T08:00:01Z");
        assert!(!case.next().starts_with("drill"), "{}", case.next());
    }
}

#[test]
fn a_drill_in_the_gap_of_a_clock_runs_behind_it_and_one_in_the_fold_once() {
    for (zone, before, slot, next) in [
        // 02:30 is skipped, and 03:00 is the first minute behind.
        (
            "Europe/Berlin",
            "2027-03-27T12:00:00Z",
            "2027-03-28T01:00:00Z",
            "2027-03-29T00:30:00Z",
        ),
        (
            "America/New_York",
            "2027-03-13T17:00:00Z",
            "2027-03-14T07:00:00Z",
            "2027-03-15T06:30:00Z",
        ),
        // 02:30 and 01:30 are there twice.
        (
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-26T01:30:00Z",
        ),
        (
            "America/New_York",
            "2026-10-31T17:00:00Z",
            "2026-11-01T05:30:00Z",
            "2026-11-02T06:30:00Z",
        ),
    ] {
        let at = if slot.starts_with("2026-11-01") {
            "30 1 * * *"
        } else {
            "30 2 * * *"
        };
        let case = changed(|spec| {
            spec["timeZone"] = json!(zone);
            // Far from the drills.
            spec["schedule"] = json!("0 12 1 1 *");
            spec["drills"] = json!([{ "name": "daily", "schedule": at }]);
        });
        let case = case.with(
            "nightly-202610010000",
            time("2026-10-01T00:00:00Z"),
            ace_api::BackupClass::Manual,
        );
        let case = case.at(before).ends();
        assert_eq!(next_drill(&case), [slot], "{zone}");
        let case = case.at(slot).acts();
        assert_eq!(
            next_drill(&case)[0].as_str(),
            if at.starts_with("30 1") {
                "2026-11-02T06:30:00Z"
            } else {
                next
            },
            "{zone}"
        );
    }
}
