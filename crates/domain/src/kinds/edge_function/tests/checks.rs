//! Checks after a deploy: proof, retries, roll-back.

use ace_api::{FunctionEvent, FunctionEventType, FunctionReason, IntentType, Mode, Rollback};

use super::{
    super::{CheckAnswer, Decision, Probe, Step, StepResult},
    fixture::{Case, PROJECT, settled},
    values::{
        A, B, X, archive, archived, body, check, content, deploy, digest, entry, foreign, proven, revision, stamp,
    },
};
use crate::reconcile::{
    decision::{Requeue, StepError},
    fixture::{at, message, shown, stalled},
};

#[test]
fn content_is_proven_when_every_check_has_passed() {
    let mut case = deployed().checks(&["preflight", "health"]);
    case.does(probe("preflight"), answer(204));
    assert_eq!(case.state.memo.proven, Some(proven(A)));
    case.does(probe("health"), answer(200));
    case.does(
        Step::ArchiveProven {
            content: content(B),
            verify_jwt: false,
        },
        Ok(StepResult::Archived(archive(B))),
    );
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    assert_eq!(case.state.memo.proven, Some(proven(B)));
}

#[test]
fn a_failed_check_is_tried_three_times_with_a_pause_between() {
    let mut case = deployed().checks(&["preflight"]);
    case.does(probe("preflight"), answer(500));
    let pause = Requeue::At(case.now + std::time::Duration::from_secs(5));
    assert!(
        matches!(case.decide(), Decision::Wait(waiting, requeue) if waiting.reason == FunctionReason::Checking && requeue == pause)
    );
    assert_eq!(shown(&case.status())[1], "Reconciling=True/Checking");
    case = case.later(5);
    case.does(probe("preflight"), Ok(StepResult::Probed(CheckAnswer::TimedOut)));
    case = case.later(5);
    case.does(probe("preflight"), answer(204));
    assert!(matches!(case.decide(), Decision::Do(Step::ArchiveProven { .. })));
}

#[test]
fn a_gateway_that_can_not_be_reached_says_nothing_about_the_function() {
    let mut case = deployed().checks(&["preflight"]);
    for _ in 0..5 {
        case.state.step_error = None;
        case.does(probe("preflight"), Ok(StepResult::GatewayUnreachable));
        assert_eq!(shown(&case.status())[1], "Reconciling=True/Retrying");
    }
    assert_eq!(case.state.memo.held, None);
}

#[test]
fn failed_checks_bring_the_proven_content_back_with_its_own_rule() {
    let mut case = failed().with(|case| case.state.memo.proven.as_mut().unwrap().verify_jwt = Some(true));
    case.loads_archive(A, archived(A, true));
    let Decision::Do(step) = case.decide() else {
        panic!("no roll-back")
    };
    let Step::Deploy { intent, verify_jwt, .. } = &step else {
        panic!("{step:?}")
    };
    assert_eq!(
        (
            intent.type_,
            intent.source_digest.clone(),
            intent.before.clone(),
            *verify_jwt
        ),
        (IntentType::RollBack, digest(A), Some(stamp(4)), true),
        "the JWT rule of the proven version, not the spec's"
    );
    assert_eq!(
        shown(&case.status())[..2],
        ["Ready=False/RollingBack", "Reconciling=True/RollingBack"]
    );
    case.does(step, Ok(StepResult::Deployed(stamp(5))));
    let mut back = entry(A, 5);
    back.verify_jwt = Some(true);
    let now = case.now;
    case.lists(now, Some(back));
    case.does(Step::ReadBody(stamp(5)), Ok(StepResult::Body(body(A, &stamp(5)))));
    let status = case.status();
    assert_eq!(shown(&status), stalled("RolledBack", "False/NoDrift"));
    let expected = format!(
        "check preflight got 500; roll-back to {}; change the source",
        revision(A)
    );
    assert_eq!(message(&status, "Stalled"), expected);
    assert!(status.source.unwrap().failed);
    assert_eq!(status.history[0].type_, FunctionEventType::RolledBack);
}

#[test]
fn failed_checks_without_a_proven_version_leave_the_new_one_live() {
    for mut case in [
        deployed().with(|case| case.state.memo.proven = None),
        deployed().with(|case| case.state.memo.proven.as_mut().unwrap().archive = None),
        deployed().with(|case| case.object.spec.rollback = Rollback::Never),
    ] {
        fail(&mut case);
        let status = case.status();
        assert_eq!(
            shown(&status)[..2],
            ["Ready=False/ChecksFailed", "Stalled=True/ChecksFailed"]
        );
        let expected = format!("check preflight got 500; {} stays live; change the source", revision(B));
        assert_eq!(message(&status, "Stalled"), expected);
    }
}

#[test]
fn adopted_content_that_fails_its_checks_is_not_rolled_back() {
    let event = |type_| FunctionEvent {
        type_,
        revision: revision(B),
        version: Some(4),
        time: at(-10),
    };
    for history in [
        vec![event(FunctionEventType::Adopted)],
        vec![event(FunctionEventType::Configured), event(FunctionEventType::Adopted)],
    ] {
        let mut case = deployed().with(|case| case.state.memo.history = history);
        fail(&mut case);
        assert_eq!(shown(&case.status())[1], "Stalled=True/ChecksFailed");
    }
}

#[test]
fn an_archive_that_is_gone_leaves_the_failed_content_live_and_says_so() {
    let mut case = failed();
    case.loads_archive(A, None);
    let status = case.status();
    assert_eq!(shown(&status)[1], "Stalled=True/ChecksFailed");
    let end = "but the archive of the last version that passed its checks is missing or damaged, so the failed content stays live";
    assert!(message(&status, "Stalled").ends_with(end));
}

#[test]
fn a_roll_back_opens_no_function_because_an_archive_says_so() {
    for (proven, archive, spec, expected) in [
        (Some(true), true, false, Some(true)),
        (Some(false), false, true, Some(false)),
        // One of the two was changed.
        (Some(true), false, false, None),
        (Some(true), false, true, None),
        (Some(false), true, true, None),
        (Some(false), true, false, None),
        // By an operator that kept no rule.
        (None, false, true, Some(true)),
        (None, true, false, Some(true)),
        (None, true, true, Some(true)),
        (None, false, false, Some(false)),
    ] {
        let mut case = failed().with(|case| {
            case.state.memo.proven.as_mut().unwrap().verify_jwt = proven;
            case.object.spec.verify_jwt = spec;
        });
        case.loads_archive(A, archived(A, archive));
        let deployed = match case.decide() {
            Decision::Do(Step::Deploy { verify_jwt, .. }) => Some(verify_jwt),
            Decision::Refuse(why, _) => {
                assert!(why.message.contains("holds something else now"), "{}", why.message);
                None
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(deployed, expected, "{proven:?}, archive {archive}, spec {spec}");
    }
}

#[test]
fn an_archive_of_other_content_is_not_read_again_and_again() {
    let mut case = failed();
    case.loads_archive(A, archived(X, false));
    let status = case.status();
    assert_eq!(shown(&status)[1], "Stalled=True/ChecksFailed");
    let end = "but the archive of the last version that passed its checks holds something else now, so the failed content stays live";
    assert!(message(&status, "Stalled").ends_with(end));
}

#[test]
fn a_refused_roll_back_is_not_tried_again_by_itself() {
    let mut case = failed();
    case.loads_archive(A, archived(A, false));
    let now = case.now;
    let step = deploy(IntentType::RollBack, A, Some(4), now);
    case.does(step, Err(StepError::Refused("no".to_owned())));
    assert_eq!(shown(&case.status())[1], "Stalled=True/ChecksFailed");
    assert!(message(&case.status(), "Stalled").ends_with("the roll-back was refused: no"));
}

#[test]
fn a_roll_back_archives_what_somebody_made_of_the_failed_content() {
    let mut case = failed().sees(Some(foreign(5))).read(X);
    case.loads_archive(A, archived(A, false));
    case.archives_foreign();
    let now = case.now;
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::RollBack, A, Some(5), now))
    );
}

#[test]
fn content_that_failed_is_not_put_back_over_somebodys_repair() {
    let mut case = deployed().with(|case| case.state.memo.proven = None);
    fail(&mut case);
    case = case.sees(Some(foreign(5))).read(X);
    assert_eq!(shown(&case.status()), stalled("ChecksFailed", "True/OutOfBandChange"));
}

#[test]
fn proven_content_is_not_checked_again() {
    let mut case = settled().checks(&["preflight"]);
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
}

#[test]
fn a_changed_spec_runs_the_checks_of_failed_content_again() {
    let mut case = deployed().with(|case| case.state.memo.proven = None);
    fail(&mut case);
    case.object.metadata.generation = Some(5);
    assert_eq!(case.decide(), Decision::Do(probe("preflight")));
}

#[test]
fn nothing_is_checked_in_observe() {
    let mut case = deployed().checks(&["preflight"]).mode(Mode::Observe);
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
}

/// `B` was deployed over the proven `A`, confirmed and read back.
pub(super) fn deployed() -> Case {
    settled().wants(B).sees(Some(entry(B, 4))).with(|case| {
        case.state.memo.applied = Some(super::values::applied(B, 4));
        case.state.memo.history = vec![FunctionEvent {
            type_: FunctionEventType::Deployed,
            revision: revision(B),
            version: Some(4),
            time: at(-10),
        }];
        case.object.spec.checks = vec![check("preflight")];
    })
}

/// Its check has failed three times.
pub(super) fn failed() -> Case {
    let mut case = deployed();
    fail(&mut case);
    case
}

fn fail(case: &mut Case) {
    for _ in 0..3 {
        case.does(probe("preflight"), answer(500));
        case.now += jiff::SignedDuration::from_secs(5);
    }
}

fn probe(name: &str) -> Step {
    Step::Probe(Probe {
        check: check(name),
        url: format!("https://{PROJECT}.supabase.co/functions/v1/hello"),
    })
}

#[allow(clippy::unnecessary_wraps, reason = "it is the outcome of a step")]
fn answer(status: i32) -> Result<StepResult, StepError> {
    Ok(StepResult::Probed(CheckAnswer::Status(status)))
}
