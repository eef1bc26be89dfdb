use std::time::Duration;

use ace_api::Restore;
use serde_json::{Value, json};

use super::super::{DrillPhase, Drilled, Kind, StepError, events, is_own_drill};
use super::fixture::{Case, changed, nightly, time};
use crate::reconcile::{event::Event, fixture::does_not_differ_when_only_the_clock_moved, kind::Kind as _};

pub(super) const MONDAY: &str = "nightly-drill-202611230500";
pub(super) const BYTES: i64 = 241_172_480;

/// Each Monday at six in Berlin, in four hours at most; the backup of the night before that is complete.
pub(super) fn drilled_weekly() -> Case {
    with_drills(|_| {})
}

pub(super) fn with_drills(change: impl FnOnce(&mut Value)) -> Case {
    let case = changed(|spec| {
        spec["drills"] = json!([{ "name": "weekly", "schedule": "0 6 * * 1" }]);
        spec["objective"]["rto"] = json!("4h");
        change(spec);
    });
    let case = case
        .at("2026-11-22T12:00:00Z")
        .ends()
        .at("2026-11-23T01:00:00Z")
        .acts()
        .ends();
    case.completes("nightly-202611230100", "2026-11-23T01:00:04Z")
        .at("2026-11-23T01:00:30Z")
        .ends()
}

/// The drill of this Monday is begun.
pub(super) fn begun(case: Case) -> Case {
    case.at("2026-11-23T05:00:00Z").acts().ends()
}

pub(super) fn passed(seconds: u64) -> DrillPhase {
    DrillPhase::Passed(Duration::from_secs(seconds))
}

/// What `Drilled` says.
pub(super) fn says(case: &Case) -> String {
    let says = case.says();
    let found = says.split(' ').find(|condition| condition.starts_with("Drilled"));
    found.unwrap_or("nothing").to_owned()
}

pub(super) fn next_drill(case: &Case) -> Vec<String> {
    case.state
        .memo
        .next_drills
        .iter()
        .map(|next| next.time.to_string())
        .collect()
}

#[test]
fn without_drills_nothing_is_said_of_them() {
    assert_eq!(says(&nightly().at("2026-11-20T12:00:20Z")), "nothing");
}

#[test]
fn at_its_slot_a_drill_restores_the_newest_complete_backup_and_says_how_long_that_took() {
    let case = drilled_weekly();
    assert_eq!(
        (says(&case).as_str(), next_drill(&case)),
        ("Drilled=Unknown/NotYet", vec!["2026-11-23T05:00:00Z".to_owned()])
    );
    assert_eq!(
        case.message("Drilled"),
        "no drill has ended yet; the next one is due at 2026-11-23T05:00:00Z"
    );
    assert_eq!(case.next(), "at 2026-11-23T05:00:00Z");
    let case = case.at("2026-11-23T05:00:00Z");
    assert_eq!(case.next(), format!("drill {MONDAY} of nightly-202611230100"));
    let case = case.acts().ends();
    assert_eq!(next_drill(&case), ["2026-11-30T05:00:00Z"]);
    assert_eq!(says(&case), "Drilled=Unknown/NotYet");
    assert_eq!(case.status().drill, None);
    let case = case.drill_ends(MONDAY, passed(372), BYTES).at("2026-11-23T05:07:00Z");
    assert!(case.says().starts_with("Ready=True/Scheduled"), "{}", case.says());
    assert_eq!(
        (says(&case).as_str(), case.message("Drilled")),
        ("Drilled=True/WithinObjective", format!("{MONDAY} took 6m12s of 4h"))
    );
    let drill = case.status().drill.unwrap();
    assert_eq!(drill.name, MONDAY);
    assert_eq!(drill.point, Some(time("2026-11-23T01:00:04Z")));
    assert_eq!(
        (drill.recovery_time.as_deref(), drill.predicted_recovery_time.as_deref()),
        (Some("6m12s"), Some("7m"))
    );
    let mut case = case;
    let decision = case.decide();
    does_not_differ_when_only_the_clock_moved::<Kind>(&case.object, &mut case.state, &decision, case.now);
}

#[test]
fn a_drill_that_failed_is_none_and_says_why() {
    let case = begun(drilled_weekly());
    let before = case.state.memo.clone();
    let why = "the rows differ";
    let case = case
        .drill_ends(MONDAY, DrillPhase::Failed(why.to_owned()), BYTES)
        .at("2026-11-23T05:07:00Z");
    assert_eq!(
        (says(&case).as_str(), case.message("Drilled")),
        ("Drilled=False/Failed", format!("{MONDAY}: {why}"))
    );
    let drill = case.status().drill.unwrap();
    assert_eq!((drill.recovery_time, drill.predicted_recovery_time), (None, None));
    let told = events(&before, &case.status());
    assert_eq!(told, [Event::warning("DrillFailed", format!("{MONDAY}: {why}"))]);
    assert!(
        case.says().starts_with("Ready=True/Scheduled"),
        "the backup is what it was: {}",
        case.says()
    );
    // A person ended it: that says nothing of the backup.
    let case = begun(drilled_weekly()).drill_ends(MONDAY, DrillPhase::Cancelled, BYTES);
    assert_eq!(says(&case.at("2026-11-23T05:07:00Z")), "Drilled=Unknown/NotYet");
}

#[test]
fn a_drill_slower_than_the_objective_or_predicted_to_be_for_the_size_of_today_is_too_slow() {
    let case = begun(drilled_weekly()).drill_ends(MONDAY, passed(4 * 3_600), BYTES);
    assert_eq!(
        says(&case.clone().at("2026-11-23T12:00:00Z")),
        "Drilled=True/WithinObjective"
    );
    let slow = case
        .clone()
        .drill_ends(MONDAY, passed(4 * 3_600 + 1), BYTES)
        .at("2026-11-23T12:00:00Z");
    assert_eq!(
        (says(&slow).as_str(), slow.message("Drilled")),
        (
            "Drilled=False/TooSlow",
            format!("{MONDAY} took 4h1s, and `objective.rto` is 4h")
        )
    );
    // Twice as much since.
    let grown = case
        .backup("nightly-202611230100", |backup| backup.bytes = Some(2 * BYTES))
        .at("2026-11-23T12:00:00Z");
    assert_eq!(
        (says(&grown).as_str(), grown.message("Drilled")),
        (
            "Drilled=False/TooSlow",
            format!(
                "the newest backup is predicted to take 8h by its size, and `objective.rto` is 4h; {MONDAY} took 4h"
            )
        )
    );
    let mut none = slow;
    none.object.spec.objective.rto = None;
    assert_eq!(
        (says(&none).as_str(), none.message("Drilled")),
        ("Drilled=True/WithinObjective", format!("{MONDAY} took 4h1s"))
    );
}

#[test]
fn the_prediction_is_linear_in_the_bytes_of_the_last_five_that_passed() {
    let mut case = begun(drilled_weekly());
    case.state.drilled.clear();
    let run = |day: u32, phase: DrillPhase, bytes: i64| Drilled {
        name: format!("nightly-drill-202611{day:02}0500"),
        uid: day.to_string(),
        slot: Some(time(&format!("2026-11-{day:02}T05:00:00Z"))),
        phase,
        point: None,
        bytes: Some(bytes),
        is_leaving: false,
    };
    // The oldest of six does not count, nor does one that failed.
    case.state.drilled = vec![
        run(1, passed(9_000), 100),
        run(7, DrillPhase::Failed(String::new()), 100),
    ];
    case.state.drilled.extend(
        [(2, 10, 100), (3, 20, 200), (4, 30, 300), (5, 40, 400), (6, 50, 500)]
            .map(|(day, seconds, bytes)| run(day, passed(seconds), bytes)),
    );
    let predicted = |case: Case, bytes| {
        let case = case.backup("nightly-202611230100", |backup| backup.bytes = Some(bytes));
        case.status().drill.unwrap().predicted_recovery_time
    };
    assert_eq!(predicted(case.clone(), 200).as_deref(), Some("20s"));
    assert_eq!(predicted(case.clone(), 205).as_deref(), Some("21s"), "rounded up");
    assert_eq!(
        predicted(case, 6_050).as_deref(),
        Some("11m"),
        "and by the minute above one"
    );
}

#[test]
fn what_has_the_name_of_a_drill_is_refused_by_name_and_stops_no_backup() {
    let taken = "Restore `nightly-drill-202611230500` was not made by this schedule: delete it";
    let case = drilled_weekly()
        .at("2026-11-23T05:00:00Z")
        .fails(StepError::NameTaken(taken.to_owned()));
    assert!(
        case.says().starts_with("Ready=False/NameTaken Stalled=True/NameTaken"),
        "{}",
        case.says()
    );
    assert_eq!(case.message("Stalled"), taken);
    assert_eq!(
        case.next(),
        "at 2026-11-23T11:00:00Z",
        "it is overdue before the next slot"
    );
    let case = case.ends().at("2026-11-24T01:00:00Z");
    assert_eq!(case.next(), "start nightly-202611240100");
    // What was created and not noted is taken for what it is.
    let before = drilled_weekly();
    let mut crashed = begun(before.clone());
    crashed.state.memo = before.state.memo;
    let case = crashed.at("2026-11-23T05:00:20Z");
    assert!(!case.next().starts_with("drill"), "{}", case.next());
    assert_eq!(next_drill(&case), ["2026-11-30T05:00:00Z"]);
}

#[test]
fn without_a_scratch_server_drills_are_refused_with_what_to_write_and_backups_are_made() {
    let case = drilled_weekly()
        .platform(|platform| platform.has_scratch = false)
        .at("2026-11-23T05:00:00Z");
    assert!(
        case.says()
            .starts_with("Ready=False/ScratchMissing Stalled=True/ScratchMissing"),
        "{}",
        case.says()
    );
    assert_eq!(says(&case), "Drilled=False/NoScratch");
    assert_eq!(
        case.message("Stalled"),
        "Platform `prod` has no `spec.scratch` to restore a backup into: set it, or remove `drills`; backups are made all the same"
    );
    assert_eq!(
        case.ends().at("2026-11-24T01:00:00Z").next(),
        "start nightly-202611240100"
    );
    let case = changed(|spec| spec["drills"] = json!([{ "name": "weekly", "schedule": "0 6 31 2 *" }]));
    let case = case.at("2026-11-22T12:00:00Z");
    assert_eq!(
        case.message("Stalled"),
        "drill `weekly`: the date of `0 6 31 2 *` never comes: write a day that its months have, or 'L' for the last one"
    );
}

#[test]
fn drills_that_have_ended_are_kept_up_to_the_limit() {
    let mut case = begun(drilled_weekly()).drill_ends(MONDAY, passed(372), BYTES);
    case.object.spec.failed_limit = 2;
    for day in [2, 9, 16] {
        let mut run = case.state.drilled[0].clone();
        run.name = format!("nightly-drill-202611{day:02}0500");
        run.slot = Some(time(&format!("2026-11-{day:02}T05:00:00Z")));
        run.phase = DrillPhase::Failed("why".to_owned());
        case.state.drilled.push(run);
    }
    let (case, steps) = case.at("2026-11-23T05:07:00Z").acts_to_the_end();
    assert_eq!(
        steps,
        ["delete nightly-drill-202611020500", "delete nightly-drill-202611090500"]
    );
    assert_eq!(case.status().drill.unwrap().name, MONDAY);
}

fn restore(change: impl FnOnce(&mut Value)) -> Restore {
    let mut object = json!({
        "metadata": {
            "name": MONDAY, "namespace": "ace", "uid": "r1",
            "ownerReferences": [{ "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "BackupSchedule", "name": "nightly", "uid": "u1" }],
        },
        "spec": { "platformRef": { "name": "prod" }, "source": { "backup": "nightly-202611230100" } },
        "status": {
            "observedGeneration": 1,
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Restored", "message": "restored",
                "observedGeneration": 1, "lastTransitionTime": "2026-11-23T05:06:12Z",
            }],
            "point": { "backup": "nightly-202611230100", "time": "2026-11-23T01:00:04Z", "bytes": BYTES, "level": "Content" },
            "recoveryTime": "6m12s",
        },
    });
    change(&mut object);
    serde_json::from_value(object).unwrap()
}

fn stalled(object: &mut Value, reason: &str) {
    object["status"]["conditions"] = json!(["Ready", "Stalled"].map(|type_| json!({
        "type": type_, "status": if type_ == "Ready" { "False" } else { "True" }, "reason": reason, "message": "its words",
        "observedGeneration": 1, "lastTransitionTime": "2026-11-23T05:06:12Z",
    })));
    object["status"].as_object_mut().unwrap().remove("recoveryTime");
}

#[test]
fn what_a_restore_shows_is_what_its_schedule_knows_and_no_other_schedules() {
    let known = Drilled::of(&restore(|_| {}), "nightly");
    assert_eq!(
        (known.phase, known.slot),
        (passed(372), Some(time("2026-11-23T05:00:00Z")))
    );
    let failed = Drilled::of(&restore(|object| stalled(object, "AssertionFailed")), "nightly");
    assert_eq!(failed.phase, DrillPhase::Failed("its words".to_owned()));
    let cancelled = Drilled::of(&restore(|object| stalled(object, "Cancelled")), "nightly");
    assert_eq!(cancelled.phase, DrillPhase::Cancelled);
    let new = Drilled::of(
        &restore(|object| object["status"] = json!({ "observedGeneration": -1 })),
        "nightly",
    );
    assert_eq!(new.phase, DrillPhase::Running);
    let schedule = nightly().object;
    assert!(is_own_drill(&restore(|_| {}), &schedule));
    // One that was made again, or another's, or a person's.
    for owner in [json!({ "uid": "u2" }), json!({ "kind": "Platform" })] {
        let other = restore(|object| {
            for (field, value) in owner.as_object().unwrap() {
                object["metadata"]["ownerReferences"][0][field] = value.clone();
            }
        });
        assert!(!is_own_drill(&other, &schedule), "{owner}");
    }
    assert!(!is_own_drill(
        &restore(|object| object["metadata"]["ownerReferences"] = json!([])),
        &schedule
    ));
    assert_eq!(Kind::references(&schedule).len(), 5);
}
