//! Failures that may pass: how often a file is tried, what is said meanwhile, and what is said at the end.

use ace_api::{MigrationReason, MigrationSetStatus};

use super::{
    super::{Decision, Failure, FailureKind, LedgerRow, Memory, Step, StepError, events},
    fixture::{Case, pending},
    values::{A, B, HARMLESS, V1, V2, V3, said},
};
use crate::{
    reconcile::{fixture::at, kind::Step as _},
    sql::File,
};

const WHAT: &str = "20260103000000_x.sql line 4: out of shared memory (SQLSTATE 53200)";
const ADVICE: &str = "correct the file";

pub(super) fn fails(line: u32, kind: FailureKind) -> StepError {
    StepError::Failed(Failure {
        version: V3.parse().unwrap(),
        line: Some(line),
        kind,
        message: WHAT.to_owned(),
        advice: ADVICE.to_owned(),
    })
}

fn refused(state: &str) -> StepError {
    fails(4, FailureKind::Refused(state.to_owned()))
}

pub(super) fn lost(line: u32) -> StepError {
    fails(line, FailureKind::SessionLost)
}

/// The next pass comes after the longest wait, and its run ends so.
fn again(case: Case, error: StepError) -> Case {
    let mut case = case.next_pass().later(300);
    case.state.began = case.now;
    let now = case.now;
    let mut case = case.prepared().observation(|observation| observation.at = now);
    case.does("Run", Err(error));
    case
}

fn first(error: StepError) -> Case {
    let mut case = pending(HARMLESS).prepared();
    case.does("Run", Err(error));
    case
}

fn is_final(case: &Case) -> bool {
    match case.decide() {
        Decision::Refuse(refused, _) => {
            assert_eq!(refused.reason, MigrationReason::MigrationFailed);
            true
        }
        Decision::Wait(waits, _) => {
            assert_eq!(waits.reason, MigrationReason::Retrying);
            false
        }
        other => panic!("{other:?}"),
    }
}

/// How many attempts there are before a person is asked, at most twenty.
pub(super) fn attempts(mut errors: impl FnMut(u32) -> StepError) -> u32 {
    let mut case = first(errors(1));
    (1..20)
        .find(|attempt| {
            let done = is_final(&case);
            if !done {
                case = again(case.clone(), errors(attempt + 1));
            }
            done
        })
        .unwrap_or(20)
}

#[test]
fn a_statement_that_fails_alike_five_times_is_not_tried_a_sixth_time() {
    for state in ["53200", "53400", "53100", "08006", "25006", "40P01", "XX000"] {
        assert_eq!(attempts(|_| refused(state)), 5, "{state}");
    }
    assert_eq!(attempts(|_| fails(4, FailureKind::Other)), 5);
}

#[test]
fn a_statement_that_takes_the_session_with_it_three_times_is_not_tried_a_fourth_time() {
    assert_eq!(attempts(|_| lost(4)), 3);
    // The first attempt sends statements ahead, and may name an earlier one.
    assert_eq!(attempts(|attempt| lost(if attempt == 1 { 2 } else { 4 })), 3);
    assert_eq!(attempts(|attempt| lost(if attempt == 1 { 5 } else { 4 })), 4);
}

#[test]
fn after_a_lost_session_the_same_file_is_sent_one_statement_at_a_time() {
    let file = |case: &Case| match case.step() {
        Step::Run { file, .. } => file,
        other => panic!("{other:?}"),
    };
    let case = pending(HARMLESS).prepared();
    let run = file(&case);
    assert!(!case.state.memory.has_lost_a_session(&run));
    for (error, is_lost) in [(lost(4), true), (refused("53200"), false)] {
        let case = first(error);
        assert_eq!(case.state.memory.has_lost_a_session(&run), is_lost);
        let other = File {
            sha256: "other".to_owned(),
            ..run.clone()
        };
        assert!(!case.state.memory.has_lost_a_session(&other));
        // Also after a failure of another kind.
        let later = again(case, refused("53200"));
        assert_eq!(later.state.memory.has_lost_a_session(&run), is_lost);
    }
}

#[test]
fn failures_that_alternate_end_as_well() {
    assert_eq!(attempts(|attempt| lost(attempt % 2)), 5);
    let states = ["53200", "40P01"];
    assert_eq!(attempts(|attempt| refused(states[attempt as usize % 2])), 9);
}

#[test]
fn losses_at_other_statements_each_time_are_the_connection_s_and_are_counted_in_message_and_event() {
    assert_eq!(attempts(|attempt| lost(99 - attempt)), 20);
    let mut case = first(lost(98));
    for attempt in 2..=12 {
        let before = case.status();
        case = again(restarted(case), lost(99 - attempt));
        let (stalls, reason, message, _) = said(&case);
        assert_eq!((stalls, reason), (false, MigrationReason::Retrying));
        let counted = format!("{WHAT}; attempt {attempt} failed, and 1 of 3 in this way, the next one is at ");
        assert!(message.starts_with(&counted), "{message}");
        let after = case.status();
        let told = events(&before, &after);
        let notes: Vec<_> = told
            .iter()
            .map(|event| (event.reason.as_str(), event.note.as_str()))
            .collect();
        assert_eq!(notes, [("Retrying", message.as_str())]);
        assert_eq!(events(&after, &after), []);
        assert_eq!(after.retry.unwrap().attempts, Some(i32::try_from(attempt).unwrap()));
    }
}

#[test]
fn meanwhile_the_message_has_line_attempt_and_time_of_the_next() {
    let case = first(refused("53200"));
    let message = format!("{WHAT}; attempt 1 of 5 failed, the next one is at {}", at(15));
    assert_eq!(said(&case), (false, MigrationReason::Retrying, message, Some(15)));
    let message = format!("{WHAT}; attempt 2 of 5 failed, the next one is at {}", at(330));
    let second = again(case, refused("53200"));
    assert_eq!(said(&second), (false, MigrationReason::Retrying, message, Some(30)));
}

#[test]
fn a_run_that_failed_long_after_the_last_observation_is_retried_and_not_unobserved() {
    let case = first(refused("53200")).later(3_600);
    let (stalls, reason, message, _) = said(&case);
    assert_eq!((stalls, reason), (false, MigrationReason::Retrying));
    assert!(message.starts_with(WHAT), "{message}");
}

#[test]
fn what_enqueues_the_set_meanwhile_is_no_attempt() {
    let case = first(refused("53200")).next_pass().later(5);
    let (stalls, reason, message, again) = said(&case);
    assert_eq!((stalls, reason, again), (false, MigrationReason::Retrying, Some(10)));
    assert!(message.starts_with(WHAT), "{message}");
    for case in [
        case.clone().asks("now").locked(),
        case.clone().spec(|spec| spec.policy.approve.clear()),
        case.clone().files(&[(V1, A), (V2, B), (V3, "SELECT 3;")]),
        case.clone().later(10),
    ] {
        assert!(matches!(case.decide(), Decision::Do(_)));
    }
}

#[test]
fn at_the_end_the_message_has_line_words_and_what_to_do_and_stays() {
    let mut case = first(refused("53200"));
    for _ in 1..5 {
        case = again(case, refused("53200"));
    }
    let expected = format!("{WHAT}, in each of 5 attempts; {ADVICE}");
    assert_eq!(said(&case).2, expected);
    let held = case.status().held.unwrap();
    assert_eq!((held.version.as_str(), held.outcome.message), (V3, expected.clone()));
    let next = case.next_pass().later(86_400).locked();
    let (stalls, reason, message, _) = said(&next);
    assert_eq!(
        (stalls, reason, message),
        (true, MigrationReason::MigrationFailed, expected)
    );
    assert_eq!(next.asks("now").step().name(), "Prepare", "a person lifts it");
}

#[test]
fn a_server_that_restarts_each_time_is_named() {
    let restarted =
        |case: Case, start: &str| case.observation(|observation| observation.server_start = start.to_owned());
    let mut case = first(lost(4));
    for start in ["2", "3"] {
        case = again(restarted(case, start), lost(4));
    }
    let expected = format!("{WHAT}, and the server restarted, in each of 3 attempts; {ADVICE}");
    assert_eq!(said(&case).2, expected);
    assert!(!case.state.locked, "there is no session for the snapshot after the run");
    let mut stands = first(lost(4));
    for _ in 1..3 {
        stands = again(stands, lost(4));
    }
    assert_eq!(said(&stands).2, format!("{WHAT}, in each of 3 attempts; {ADVICE}"));
}

#[test]
fn after_the_last_attempt_the_lock_is_kept_if_the_session_surely_stands() {
    for (kind, locked) in [
        (FailureKind::Refused("53200".to_owned()), true),
        (FailureKind::Other, false),
        (FailureKind::SessionLost, false),
    ] {
        let mut case = first(fails(4, kind.clone()));
        while !is_final(&case) {
            case = again(case, fails(4, kind.clone()));
        }
        assert_eq!(case.state.locked, locked, "{kind:?}");
    }
}

#[test]
fn a_file_that_ran_after_all_leaves_no_attempts() {
    let mut case = again(first(lost(4)), lost(4)).next_pass().later(300).prepared();
    case.does("Run", super::fixture::ran());
    assert_eq!(case.state.memory.attempts, None);
    let applied = again(first(lost(4)), lost(4)).row(V3, LedgerRow::default());
    assert!(!is_final(&applied));
}

/// Another process goes on, with nothing but the status.
fn restarted(case: Case) -> Case {
    let mut case = case.next_pass();
    let status = serde_json::to_value(&case.state.memo).unwrap();
    let status: MigrationSetStatus = serde_json::from_value(status).unwrap();
    case.state.memory.attempts = Memory::default().with_status(Some(&status)).attempts;
    case
}

#[test]
fn a_restart_of_the_operator_does_not_begin_the_count_anew() {
    for (error, limit) in [(refused("53200"), 5), (fails(4, FailureKind::Other), 5), (lost(4), 3)] {
        let mut case = first(error.clone());
        for _ in 1..limit {
            assert!(!is_final(&case), "{error:?}");
            case = again(restarted(case), error.clone());
        }
        assert!(is_final(&case), "{error:?}");
        assert_eq!(case.status().retry, None, "it is held now");
    }
    // The first at the later line: at an earlier one it might have been the second's.
    let mut alternating = first(lost(1));
    for attempt in 1..5 {
        assert!(!is_final(&alternating));
        alternating = again(restarted(alternating), lost((attempt + 1) % 2));
    }
    assert!(is_final(&alternating));
}

#[test]
fn a_restart_of_the_operator_changes_neither_message_nor_time_of_the_next_attempt() {
    for case in [first(refused("53200")), again(first(lost(4)), lost(4))] {
        let waits = case.clone().next_pass().later(1);
        let restarted = restarted(case).later(1);
        assert_eq!(said(&restarted), said(&waits));
        assert_eq!(restarted.status(), waits.status());
    }
    let other_start = |case: Case| case.observation(|observation| observation.server_start = "2".to_owned());
    let case = again(other_start(restarted(first(lost(4)))), lost(4));
    assert!(said(&case).2.contains("and the server restarted"), "{}", said(&case).2);
}

#[test]
fn attempts_are_in_status_while_the_file_is_to_be_run_as_it_is() {
    let failed = again(first(refused("53200")), lost(7));
    let retry = failed.status().retry.unwrap();
    let counted: Vec<_> = retry
        .failures
        .iter()
        .map(|failure| (failure.kind.as_str(), failure.line, failure.times))
        .collect();
    assert_eq!(counted, [("53200", Some(4), 1), ("SessionLost", Some(7), 1)]);
    assert_eq!((retry.version.as_str(), retry.message.as_str()), (V3, WHAT));
    for over in [
        failed.clone().next_pass().files(&[(V1, A), (V2, B), (V3, "SELECT 3;")]),
        failed.clone().next_pass().row(V3, LedgerRow::default()),
    ] {
        assert_eq!(over.status().retry, None);
    }
    let many = (0..20).fold(first(lost(0)), |case, line| again(case, lost(line + 1)));
    assert_eq!(many.status().retry.unwrap().failures.len(), 8);
}
