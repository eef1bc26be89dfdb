//! A run: its status, how often it is written, and the snapshot after it.

use ace_api::PlanStatus;

use super::{
    super::{Blocker, Decision, Ran, StepError, StepResult},
    fixture::{Case, pending, ran, settled},
    values::{A, B, CONCURRENT, DROP, HARMLESS, V1, V2, V3, V4},
};
use crate::reconcile::{
    fixture::{at, message, shown},
    kind::Step as _,
};

const SMALL: [(&str, &str); 4] = [
    (V3, DROP),
    (V4, "SELECT 4;"),
    ("20260105", "SELECT 5;"),
    ("20260106", "SELECT 6;"),
];

/// Four files are allowed and about to run, under the lock.
fn allowed() -> Case {
    let case = settled().files(&[&[(V1, A), (V2, B)], &SMALL[..]].concat());
    let plan = case.plan();
    case.with(|case| case.state.memo = case.status())
        .approve(&plan)
        .locked()
}

fn counts(case: &Case) -> (Option<String>, Option<i32>, Option<i32>, usize) {
    let status = case.status();
    (status.head, status.applied, status.pending, status.history.len())
}

#[test]
fn the_status_is_written_at_the_start_and_then_every_two_seconds() {
    let mut case = allowed();
    let mut written = vec![case.status()];
    let mut follow = |case: &mut Case| {
        let status = case.status();
        case.state.memo.common.conditions.clone_from(&status.common.conditions);
        if written.last() != Some(&status) {
            written.push(status);
        }
        written.len()
    };
    assert_eq!(follow(&mut case), 1);
    case.does("Prepare", Ok(StepResult::Prepared));
    assert_eq!(follow(&mut case), 1, "a run that begins has the same message");
    for (millisecond, expected) in [(700, 1), (700, 1), (700, 2)] {
        case.now += jiff::SignedDuration::from_millis(millisecond);
        case.does("Run", ran());
        assert_eq!(follow(&mut case), expected);
    }
    case.does("Run", ran());
    let seen = case.clone().snapshot_taken().sees(|_| ());
    case.does("SnapshotAfterRun", seen);
    assert_eq!(follow(&mut case), 3, "and at its end");
}

#[test]
fn in_the_middle_it_says_what_was_done_what_is_left_and_that_it_was_allowed() {
    let mut case = allowed();
    let plan = case.plan();
    case.does("Prepare", Ok(StepResult::Prepared));
    case = case.later(3);
    case.does("Run", ran());
    let status = case.status();
    let expected = [
        "Ready=False/Applying",
        "Reconciling=True/Applying",
        "Drifted=Unknown/SnapshotPending",
    ];
    assert_eq!(shown(&status), expected);
    assert_eq!(message(&status, "Ready"), "running 3 migrations");
    assert_eq!(counts(&case), (Some(V3.to_owned()), Some(3), Some(3), 1));
    let shown_plan = status.plan.unwrap();
    let PlanStatus {
        digest,
        approval_required,
        backup: _,
        pending,
    } = shown_plan;
    assert_eq!(
        (digest, approval_required, pending.len()),
        (plan, false, 4),
        "what is being run"
    );
}

#[test]
fn what_is_shown_in_the_middle_is_what_counting_anew_would_show() {
    let lost = settled().files(&[&[(V1, A), (V2, B)], &SMALL[..]].concat()).gone(V2);
    let plan = lost.plan();
    for mut case in [allowed(), lost.next_pass().approve(&plan).locked()] {
        case.does("Prepare", Ok(StepResult::Prepared));
        while case.step().name() == "Run" {
            case = case.later(3);
            case.does("Run", ran());
            let anew = case.clone().with(|case| case.state.announced = None);
            assert_eq!(counts(&case), counts(&anew));
        }
    }
}

#[test]
fn one_file_is_one_migration() {
    let case = pending(HARMLESS).prepared();
    assert_eq!(message(&case.status(), "Reconciling"), "running 1 migration");
}

#[test]
fn at_its_end_everything_is_shown_at_once() {
    let mut case = allowed();
    case.does("Prepare", Ok(StepResult::Prepared));
    for _ in SMALL {
        case.does("Run", ran());
    }
    let seen = case.clone().snapshot_taken().sees(|_| ());
    case.does("SnapshotAfterRun", seen);
    assert_eq!(counts(&case), (Some("20260106".to_owned()), Some(6), Some(0), 4));
    assert_eq!(shown(&case.status()), ["Ready=True/Applied", "Drifted=False/NoDrift"]);
    let message = message(&case.status(), "Ready");
    assert_eq!(message, "every migration is applied, the last one is 20260106");
    assert_eq!(case.status().plan, None);
}

#[test]
fn the_snapshot_is_taken_after_the_last_file_and_once() {
    let mut case = pending(HARMLESS).prepared();
    case.does("Run", ran());
    let still = case.sees(|observation| observation.schema = super::super::SchemaObservation::Busy);
    case.does("SnapshotAfterRun", still);
    assert!(matches!(case.decide(), Decision::Settled(_)));
    assert_eq!(
        shown(&case.status()),
        ["Ready=True/Applied", "Drifted=Unknown/NotComparable"]
    );
}

#[test]
fn the_snapshot_is_taken_at_the_beginning_of_the_reconcile_after_a_crash() {
    for case in [settled().snapshot_pending(), pending(HARMLESS).snapshot_pending()] {
        let case = case.observation(|observation| observation.at = at(-1));
        assert_eq!(case.step().name(), "Begin");
        let mut case = case.locked();
        assert_eq!(case.step().name(), "SnapshotAfterRun");
        let seen = case.clone().snapshot_taken().sees(|_| ());
        case.does("SnapshotAfterRun", seen);
        let is_snapshot_pending =
            |decision| matches!(decision, Decision::Do(step) if step.name() == "SnapshotAfterRun");
        assert!(!is_snapshot_pending(case.decide()));
    }
}

#[test]
fn a_lock_that_others_hold_stops_the_run_and_every_attempt_waits_longer() {
    let mut case = settled().files(&[&[(V1, A), (V2, B)], &SMALL[1..]].concat());
    for (attempt, seconds) in [(1, 1), (2, 2), (3, 4)] {
        case = case.prepared();
        case.does("Run", Err(blocked("20260104000000")));
        assert_eq!(super::values::said(&case).3, Some(seconds), "{attempt}");
        case = case.next_pass();
    }
    case = case.prepared();
    case.does("Run", ran());
    case.does("Run", Err(blocked("20260105")));
    assert_eq!(case.step().name(), "SnapshotAfterRun");
    let seen = case.clone().snapshot_taken().sees(|_| ());
    case.does("SnapshotAfterRun", seen);
    assert_eq!(
        super::values::said(&case).3,
        Some(1),
        "what went on is no attempt in a row"
    );
}

fn blocked(version: &str) -> StepError {
    StepError::Blocked {
        version: version.parse().unwrap(),
        blockers: vec![Blocker {
            pid: 17,
            application: Some("psql".to_owned()),
            age: None,
        }],
    }
}

#[test]
fn one_more_attempt_is_not_reported_as_waiting_while_it_runs() {
    let mut case = pending(HARMLESS).prepared();
    case.does("Run", Err(blocked(V3)));
    assert_eq!(shown(&case.status())[1], "Reconciling=True/WaitingForLock");
    let case = case.next_pass().later(1).prepared();
    assert_eq!(shown(&case.status())[1], "Reconciling=True/Applying");
}

#[test]
fn parts_of_a_file_that_was_stopped_put_the_reference_behind() {
    let mut case = pending(CONCURRENT).prepared();
    case.does("Run", Err(blocked(V3)));
    assert_eq!(case.step().name(), "SnapshotAfterRun");
}

#[test]
fn what_the_server_warned_of_is_kept_within_bounds() {
    let mut case = pending(HARMLESS).prepared();
    let warnings = vec!["w".repeat(1_000); 9];
    let outcome = Ran {
        duration: std::time::Duration::from_millis(5),
        warnings,
    };
    case.does("Run", Ok(StepResult::Ran(outcome)));
    let kept = &case.state.memo.history[0];
    assert_eq!(kept.warnings, vec!["w".repeat(200); 4]);
    assert_eq!(kept.duration_milliseconds, Some(5));
}

#[test]
fn ten_entries_of_history_are_kept_the_newest_first() {
    let files: Vec<(String, String)> = (3..18)
        .map(|number| (format!("2026010{number:02}"), format!("SELECT {number};")))
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(version, text)| (version.as_str(), text.as_str()))
        .collect();
    let mut case = settled()
        .files(&[&[(V1, A), (V2, B)], &files[..]].concat())
        .spec(|spec| {
            spec.policy.out_of_order = ace_api::OutOfOrder::Apply;
        });
    case = case.prepared();
    for _ in &files {
        case.does("Run", ran());
    }
    let versions: Vec<_> = case
        .state
        .memo
        .history
        .iter()
        .filter_map(|event| event.version.clone())
        .collect();
    let expected: Vec<_> = (8..18).rev().map(|number| format!("2026010{number:02}")).collect();
    assert_eq!(versions, expected);
}

#[test]
fn writes_to_ace_ops_do_not_change_ready() {
    let adopts = pending(HARMLESS).row(V3, super::values::recorded(&[HARMLESS])).locked();
    assert_eq!(adopts.step().name(), "Adopt");
    assert_eq!(shown(&adopts.status()), ["Ready=True/Applied", "Drifted=False/NoDrift"]);
    let new = adopts.spec(|spec| spec.lock_timeout = ace_api::Duration::from_secs(9));
    assert_eq!(
        shown(&new.status())[0],
        "Ready=False/Observing",
        "a new spec is not ready before its reconcile is over"
    );
}
