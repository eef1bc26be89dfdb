//! A refusal is understood before it is held.

use std::time::Duration;

use ace_api::{FunctionReason, IntentType, Mode};

use super::{
    super::{Decision, Step},
    fixture::{Case, settled},
    values::{A, B, X, cause, deploy, entry, foreign},
};
use crate::reconcile::{
    decision::{Requeue, StepError},
    fixture::{at, reconciling, shown},
};

const INTERVAL: Duration = Duration::from_mins(5);

fn refused(step_error: StepError) -> Case {
    let mut case = settled().wants(B);
    case.does(deploy(IntentType::RollOut, B, Some(3), at(0)), Err(step_error));
    case
}

#[test]
fn what_the_content_does_is_held() {
    let mut case = refused(StepError::Refused("400: Module not found".to_owned()));
    assert_eq!(cause(case.decide()).0, FunctionReason::DeployRefused);
}

#[test]
fn a_plan_or_a_permission_is_not_the_contents_fault_and_is_tried_again_every_interval() {
    let words = "402: Maximum number of functions reached for Plan";
    let mut case = refused(StepError::NotPermitted(words.to_owned()));
    let expected = super::super::Cause::new(FunctionReason::NotPermitted, words);
    assert_eq!(case.decide(), Decision::Wait(expected, Requeue::After(INTERVAL)));
    let status = case.status();
    assert_eq!(shown(&status), reconciling("NotPermitted", "False/NoDrift"));
    assert_eq!((status.held, status.intent), (None, None));
    case.state.step_error = None;
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::RollOut, B, Some(3), at(0)))
    );
}

#[test]
fn what_passes_is_tried_again_with_backoff() {
    let mut case = refused(StepError::Failed("400: Bundle generation timed out".to_owned()));
    let (why, words) = cause(case.decide());
    assert_eq!((why, words.contains("timed out")), (FunctionReason::Retrying, true));
    assert_eq!(case.status().held, None);
    case.state.step_error = None;
    let again = deploy(IntentType::RollOut, B, Some(3), at(0));
    assert_eq!(case.decide(), Decision::Do(again));
}

#[test]
fn while_the_platform_refuses_changes_no_function_tries_one() {
    let refusing =
        |case: Case| case.platform(|platform| platform.refusing = Some(("Forbidden resource".to_owned(), at(200))));
    let mut new = refusing(settled().wants(B));
    let expected = super::super::Cause::new(FunctionReason::NotPermitted, "Forbidden resource");
    assert_eq!(new.decide(), Decision::Wait(expected, Requeue::At(at(200))));
    let mut rule = refusing(settled().with(|case| case.object.spec.verify_jwt = true));
    assert_eq!(cause(rule.decide()).0, FunctionReason::NotPermitted);
    let mut settled = refusing(settled());
    assert_eq!(settled.decide(), Decision::Settled(Requeue::OnChange));
    let mut due = new.later(200).with(|case| case.state.began = case.now);
    due.lists(at(200), Some(entry(A, 3)));
    assert_eq!(
        due.decide(),
        Decision::Do(deploy(IntentType::RollOut, B, Some(3), at(200)))
    );
}

#[test]
fn a_function_of_a_project_that_is_down_is_not_ready_and_nothing_is_deployed() {
    let down = |case: Case| case.platform(|platform| platform.down = Some("INACTIVE".to_owned()));
    let drifted = settled().sees(Some(foreign(4))).read(X);
    let others = [settled(), settled().wants(B), settled().forgotten().sees(None)];
    for case in others.into_iter().chain([drifted]) {
        for mode in [Mode::Enforce, Mode::Apply, Mode::Observe] {
            let mut case = down(case.clone().mode(mode));
            let (why, words) = cause(case.decide());
            assert_eq!(
                (why, words.contains("INACTIVE")),
                (FunctionReason::WaitingForPlatform, true)
            );
            assert_eq!(shown(&case.status())[0], "Ready=False/WaitingForPlatform");
        }
    }
    let mut back = down(settled()).written().platform(|platform| platform.down = None);
    assert_eq!(shown(&back.status())[0], "Ready=True/Live");
}

#[test]
fn a_change_that_is_not_permitted_keeps_a_live_function_ready() {
    let mut case = settled().sees(None).mode(Mode::Apply);
    case.is_gone();
    assert!(!matches!(case.decide(), Decision::Do(Step::Deploy { .. })));
    let mut live = settled().with(|case| case.state.step_error = Some(StepError::NotPermitted("402".to_owned())));
    assert_eq!(live.decide(), Decision::Settled(Requeue::After(INTERVAL)));
    assert_eq!(live.status(), live.state.memo);
}
