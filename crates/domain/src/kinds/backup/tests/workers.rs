//! Another worker beside this one.

use ace_api::{BackupReason, DeletionPolicy};

use super::{
    super::{Decision, Found, Problem, Step, StepResult, infer},
    fixture::{Case, MAKE, error, is_due, new, run},
};
use crate::reconcile::{decision::Requeue, fixture::at, timing::Timing};

#[test]
fn a_run_of_another_worker_is_waited_for_until_nobody_has_the_lock_for_it() {
    let other = |second| {
        let case = new().starts().process_ends();
        case.state(|state| state.worker = "ace-worker-1".to_owned()).at(second)
    };
    let taken = at(0) + Timing::default().lease_taken();
    let waits = |case: &Case, again| {
        let Decision::Wait(why, at) = case.decide() else {
            panic!("{:?}", case.decide());
        };
        assert_eq!((why.reason, at), (BackupReason::WaitingForTurn, again));
        assert_eq!(why.message, "worker `ace-worker-0` makes attempt 1");
    };
    waits(&other(14), Requeue::At(taken));
    assert_eq!(other(15).decide(), Decision::Do(Step::Look));
    let busy = other(15).takes(Ok(StepResult::Looked(Found::BeingMade)));
    waits(&busy, Requeue::After(Timing::default().turn()));
    let free = busy.next().takes(Ok(StepResult::Looked(Found::Nothing)));
    assert!(matches!(free.decide(), Decision::Do(Step::Begin(run)) if run.attempt == 2));
    // Restarted in its place it knows that nobody else is there.
    assert_eq!(new().starts().process_ends().decide(), Decision::Do(Step::Look));
    // Whoever is deleted goes when the other has ended.
    let leaving = other(15)
        .object(|object| object.spec.deletion_policy = DeletionPolicy::Delete)
        .leaving();
    let leaving = leaving.takes(Ok(StepResult::Looked(Found::BeingMade)));
    waits(&leaving, Requeue::After(Timing::default().turn()));
}

#[test]
fn what_was_put_off_of_one_run_is_not_started_for_another_workers() {
    let busy = || Err(error(Problem::Busy(None)));
    let case = new().starts().ends(busy()).at(60);
    is_due(&case, &MAKE);
    let mut other = run("8d2f", 2);
    other.worker = "ace-worker-1".to_owned();
    let mut state = case.state.clone();
    state.memo.run = Some(other);
    infer(&case.object, &mut state, at(60));
    assert_eq!(state.memory.put_off, None);
    is_due(&case.state(|before| *before = state), &Step::Look);
}
