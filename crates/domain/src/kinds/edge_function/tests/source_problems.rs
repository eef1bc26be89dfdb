//! The source can't be used: the live function is observed, corrected and checked all the same.

use std::time::Duration;

use ace_api::{FunctionEventType, IntentType, Mode};

use super::{
    super::{CheckAnswer, Decision, SourceState, Step, StepResult},
    checks::{deployed, failed},
    fixture::{Case, settled},
    values::{A, B, X, archived, body, deploy, digest, entry, foreign, names, stamp},
};
use crate::reconcile::{
    decision::{Requeue, StepError},
    fixture::{at, message, shown, stalled},
};

const INVALID: &str = "hello/index.ts:1: there is no `../gone.ts`";

/// What a source shows that can't be used, and the condition that explains it.
fn source_states() -> [(SourceState, &'static str); 5] {
    let says = || INVALID.to_owned();
    [
        (SourceState::Invalid(says()), "Stalled=True/SourceInvalid"),
        (SourceState::Refused(says()), "Stalled=True/SourceRefused"),
        (SourceState::AccessMissing(says()), "Stalled=True/AccessMissing"),
        (SourceState::Waiting(says()), "Reconciling=True/WaitingForSource"),
        (SourceState::Failed(says()), "Reconciling=True/Retrying"),
    ]
}

fn invalid(case: Case) -> Case {
    lacking(case, SourceState::Invalid(INVALID.to_owned()))
}

fn lacking(case: Case, source: SourceState) -> Case {
    case.with(|case| case.state.source = source)
}

#[test]
fn a_foreign_deploy_is_corrected_from_the_archive_of_what_was_applied() {
    for (source, explained) in source_states() {
        let mut case = lacking(settled().sees(Some(foreign(4))).read(X), source);
        case.loads_archive(A, archived(A, false));
        case.archives_foreign();
        let now = case.now;
        let correction = deploy(IntentType::Correction, A, Some(4), now);
        assert_eq!(case.decide(), Decision::Do(correction.clone()));
        assert_eq!(shown(&case.status())[2], "Drifted=True/OutOfBandChange");
        case.does(correction, Ok(StepResult::Deployed(stamp(5))));
        case.lists(now, Some(entry(A, 5)));
        case.does(Step::ReadBody(stamp(5)), Ok(StepResult::Body(body(A, &stamp(5)))));
        let status = case.status();
        if explained.ends_with("Retrying") {
            assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=False/DriftCorrected"]);
        } else {
            assert_eq!(shown(&status)[1..], [explained, "Drifted=False/DriftCorrected"]);
        }
    }
}

#[test]
fn drift_is_reported_while_nothing_may_be_corrected() {
    for mode in [Mode::Apply, Mode::Observe] {
        let mut case = invalid(settled().mode(mode).sees(Some(foreign(4)))).restarted();
        case.does(Step::ReadBody(stamp(4)), Ok(StepResult::Body(body(X, &stamp(4)))));
        case = case.later(15);
        case.lists(at(15), Some(foreign(4)));
        assert_eq!(shown(&case.status()), stalled("SourceInvalid", "True/OutOfBandChange"));
    }
}

#[test]
fn a_suspicion_is_checked_again_in_time() {
    let mut case = invalid(settled().sees(Some(foreign(4)))).restarted();
    case.does(Step::ReadBody(stamp(4)), Ok(StepResult::Body(body(X, &stamp(4)))));
    let again = Requeue::At(case.now + Duration::from_secs(15));
    assert!(matches!(case.decide(), Decision::Refuse(_, found) if found == again));
}

#[test]
fn without_the_archive_drift_stays_and_is_reported() {
    for (source, explained) in source_states() {
        let mut case = lacking(settled().sees(Some(foreign(4))).read(X), source);
        case.loads_archive(A, None);
        assert_eq!(shown(&case.status())[1..], [explained, "Drifted=True/OutOfBandChange"]);
    }
}

#[test]
fn a_vanished_secret_stays_drift() {
    let mut case = invalid(settled()).with(|case| {
        let requires = serde_json::json!({ "secrets": [{ "anyOf": ["RESEND_API_KEY"] }] });
        case.object.spec.requires = Some(serde_json::from_value(requires).unwrap());
        case.state.secrets = names(&[]);
    });
    assert_eq!(shown(&case.status())[2], "Drifted=True/OutOfBandChange");
}

#[test]
fn a_requested_reconcile_is_not_handled_before_the_list_was_made() {
    let mut case = invalid(settled().asks("now"));
    case.does(
        Step::List { not_before: at(0) },
        Err(StepError::Unanswered("503".to_owned())),
    );
    let status = case.status();
    assert_eq!(shown(&status)[1], "Stalled=True/SourceInvalid");
    assert_eq!(status.common.last_handled_reconcile_at, None);
    case.state.step_error = None;
    case.lists(at(0), Some(entry(A, 3)));
    assert_eq!(case.status().common.last_handled_reconcile_at.as_deref(), Some("now"));
}

#[test]
fn checks_that_fail_meanwhile_bring_the_proven_content_back() {
    for (source, explained) in source_states() {
        let mut case = lacking(deployed().written(), source);
        for _ in 0..3 {
            let Decision::Do(probe @ Step::Probe(_)) = case.decide() else {
                panic!("{explained}: the checks were given up")
            };
            case.does(probe, Ok(StepResult::Probed(CheckAnswer::Status(500))));
            case = case.later(5);
        }
        case.loads_archive(A, archived(A, false));
        let now = case.now;
        case.does(
            deploy(IntentType::RollBack, A, Some(4), now),
            Ok(StepResult::Deployed(stamp(5))),
        );
        case.lists(now, Some(entry(A, 5)));
        case.does(Step::ReadBody(stamp(5)), Ok(StepResult::Body(body(A, &stamp(5)))));
        let status = case.status();
        assert_eq!(shown(&status)[1], explained);
        assert_eq!(status.history[0].type_, FunctionEventType::RolledBack);
        case = case.written().wants(B);
        assert_eq!(
            shown(&case.status())[1],
            "Stalled=True/RolledBack",
            "it is not tried again"
        );
    }
}

#[test]
fn the_next_attempt_of_a_check_is_made_in_time() {
    let mut case = invalid(deployed());
    let Decision::Do(probe) = case.decide() else {
        panic!("the checks were given up")
    };
    case.does(probe, Ok(StepResult::Probed(CheckAnswer::Status(500))));
    let again = Requeue::At(case.now + Duration::from_secs(5));
    assert!(matches!(case.decide(), Decision::Refuse(_, found) if found == again));
}

#[test]
fn a_failed_version_that_stays_live_is_named_besides() {
    let mut case = invalid(failed());
    case.loads_archive(A, None);
    let status = case.status();
    assert_eq!(shown(&status)[1], "Stalled=True/SourceInvalid");
    let says = message(&status, "Stalled");
    assert!(
        says.starts_with(&format!("{INVALID}; besides, check preflight got 500")),
        "{says}"
    );
}

#[test]
fn a_deploy_whose_outcome_is_open_is_confirmed() {
    let mut case = settled().wants(B);
    let now = case.now;
    case.does(
        deploy(IntentType::RollOut, B, Some(3), now),
        Ok(StepResult::Deployed(stamp(4))),
    );
    let mut case = invalid(case);
    case.lists(now, Some(entry(B, 4)));
    case.decide();
    assert_eq!(case.state.memo.intent, None);
    assert_eq!(case.state.memo.applied.unwrap().source_digest, digest(B));
}

#[test]
fn a_contest_is_held_until_the_source_wants_something_else() {
    let mut case = invalid(super::contest::changed_after(&[-100, -1000, -3000])).written();
    assert_eq!(shown(&case.status())[1], "Stalled=True/DriftContested");
    case = case.wants(B);
    assert!(matches!(case.decide(), Decision::Do(Step::ArchiveForeign(_))));
}

#[test]
fn nothing_new_is_done_without_the_source() {
    for mut case in [
        invalid(settled().with(|case| case.object.spec.verify_jwt = true)),
        invalid(settled().forgotten().sees(None)),
        invalid(settled().forgotten().sees(Some(foreign(4))).read(X)),
    ] {
        assert!(matches!(case.decide(), Decision::Refuse(_, Requeue::OnChange)));
        assert_eq!(shown(&case.status())[1], "Stalled=True/SourceInvalid");
    }
    let mut new = invalid(settled().forgotten().sees(Some(foreign(4))).read(X));
    assert_eq!(shown(&new.status())[2], "Drifted=Unknown/NotCompared");
}
