use ace_api::{BackupReason, DeletionPolicy, VerificationLevel};
use serde_json::json;

use super::{
    super::{Cause, Decision, Done, Found, Inputs, Job, Problem, Step, StepResult, Task, may_be_finished},
    fixture::{Case, MAKE, error, failed, first, is_due, made, new, path, plan, run, with},
};
use crate::reconcile::{
    decision::Requeue,
    fixture::{after, at, message, next, reconciling, stalled},
    kind::{Kind as _, Step as _},
};

fn settled(case: &Case) {
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
}

fn waits(case: &Case, reason: BackupReason, requeue: Requeue) -> String {
    match case.decide() {
        Decision::Wait(shown, when) if shown.reason == reason && when == requeue => shown.message,
        other => panic!("{other:?}"),
    }
}

fn refuses(case: &Case, reason: BackupReason) -> String {
    match case.decide() {
        Decision::Refuse(shown, Requeue::OnChange) if shown.reason == reason => shown.message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_run_is_recorded_before_anything_is_asked_for() {
    let case = new();
    is_due(&case, &first());
    assert!(first().records_first());
    assert_eq!(case.status().run, Some(run("7c1e", 1)));
    assert!([MAKE, Step::Stop, Step::Look].iter().all(|step| !step.records_first()));
}

#[test]
fn a_backup_is_made_verified_copied_and_then_left_alone() {
    let case = new().starts();
    assert_eq!(case.state.task, Some(Task::Queued(Job::Make)));
    waits(&case, BackupReason::Queued, Requeue::OnChange);
    let case = case.ends(Ok(Done::Made(Box::new(made("7c1e")))));
    is_due(&case, &Step::Start(Job::Verify(VerificationLevel::Archive)));
    let case = case.starts();
    let case = case.ends(Ok(Done::Verified(VerificationLevel::Archive, at(20))));
    is_due(&case, &Step::Start(Job::Copy("second".to_owned())));
    let case = case.starts();
    settled(&case);
    let path = path("7c1e");
    let destination = "second".to_owned();
    let case = case.ends(Ok(Done::Copied { destination, path }));
    settled(&case);
    assert_eq!(case.shows(), ["Ready=True/Complete"]);
    settled(&case.process_ends());
}

#[test]
fn a_run_that_another_process_began_is_looked_for_and_only_then_made_again() {
    let case = new().starts().process_ends();
    is_due(&case, &Step::Look);
    assert_eq!(
        case.shows(),
        ["Ready=False/Interrupted", "Reconciling=True/Interrupted"]
    );
    let case = case.state(|state| state.fresh_id = "8d2f".to_owned());
    let none = case.takes(Ok(StepResult::Looked(Found::Nothing)));
    is_due(&none, &Step::Begin(run("8d2f", 2)));
    let found = new().starts().process_ends();
    let found = found.takes(Ok(StepResult::Looked(Found::Made(Box::new(made("7c1e"))))));
    is_due(&found, &Step::Start(Job::Verify(VerificationLevel::Archive)));
    assert_eq!(found.state.memo.copies.len(), 2);
}

#[test]
fn a_look_that_failed_says_nothing() {
    let case = new().starts().process_ends();
    let problem = Problem::Obstacle(BackupReason::WaitingForDestination);
    let case = case.takes(Err(error(problem)));
    waits(&case, BackupReason::WaitingForDestination, Requeue::Backoff);
    is_due(&case.next(), &Step::Look);
}

#[test]
fn interruptions_are_bounded_by_the_attempts_of_the_schedule() {
    let mut case = new();
    for attempt in 1..=3 {
        case.state.fresh_id = format!("000{attempt}");
        case = case
            .starts()
            .process_ends()
            .takes(Ok(StepResult::Looked(Found::Nothing)));
    }
    let message = refuses(&case, BackupReason::Failed);
    assert!(
        message.contains("attempt 3 was the last, and was interrupted"),
        "{message}"
    );
}

#[test]
fn an_attempt_that_failed_is_repeated_later_with_another_id_until_the_last() {
    let case = new().starts().ends(failed(BackupReason::LeaseLost));
    assert_eq!(
        waits(&case, BackupReason::Retrying, next(15)),
        "attempt 1 of 3 failed: it went wrong"
    );
    let case = case.state(|state| state.fresh_id = "8d2f".to_owned()).at(15);
    let mut second = run("8d2f", 2);
    second.start_time = at(15);
    is_due(&case, &Step::Begin(second));
    let case = case.starts().ends(failed(BackupReason::LeaseLost));
    waits(&case, BackupReason::Retrying, next(45));
    let case = case.state(|state| state.fresh_id = "9e30".to_owned()).at(45);
    let case = case.starts().ends(failed(BackupReason::LeaseLost));
    let message = refuses(&case, BackupReason::LeaseLost);
    assert!(
        message.starts_with("attempt 3 was the last, and failed: it went wrong"),
        "{message}"
    );
    let case = case
        .asks("now")
        .state(|state| state.fresh_id = "af41".to_owned())
        .next();
    let mut again = run("af41", 1);
    again.start_time = at(45);
    is_due(&case, &Step::Begin(again));
}

#[test]
fn what_another_attempt_would_not_change_is_held_until_somebody_asks() {
    let problem = Problem::Final(BackupReason::ClientVersionUnavailable);
    let case = new().starts().ends(Err(error(problem)));
    refuses(&case, BackupReason::ClientVersionUnavailable);
    let case = case.process_ends();
    refuses(&case, BackupReason::ClientVersionUnavailable);
    // An edit of what can be edited is no request.
    let case = case.object(|object| object.metadata.generation = Some(2)).next();
    refuses(&case, BackupReason::ClientVersionUnavailable);
    is_due(&case.asks("now").next(), &first());
}

#[test]
fn a_lease_that_another_session_has_costs_no_attempt() {
    let case = new().starts().ends(Err(error(Problem::Busy(None))));
    waits(&case, BackupReason::WaitingForTurn, next(5));
    let case = case.at(4).next();
    waits(&case, BackupReason::WaitingForTurn, next(5));
    let case = case.at(5).next();
    is_due(&case, &MAKE);
    let case = case.starts();
    assert_eq!(case.state.memo.run, Some(run("7c1e", 1)));
    waits(&case, BackupReason::Queued, Requeue::OnChange);
}

#[test]
fn what_is_missing_is_waited_for_and_costs_no_attempt() {
    let unreachable = || Err(error(Problem::Obstacle(BackupReason::DatabaseUnreachable)));
    let case = new().starts().ends(unreachable());
    waits(&case, BackupReason::DatabaseUnreachable, next(15));
    let case = case.at(15).starts().ends(unreachable());
    waits(&case, BackupReason::DatabaseUnreachable, next(45));
    let rejected = Err(error(Problem::Obstacle(BackupReason::DatabasePasswordRejected)));
    let case = case.at(45).starts().ends(rejected);
    let expected = Decision::Refuse(
        Cause::new(BackupReason::DatabasePasswordRejected, "it went wrong"),
        next(345),
    );
    assert_eq!(case.decide(), expected);
    is_due(&case.at(345), &MAKE);
}

#[test]
fn nothing_begins_while_schedule_platform_or_destination_are_missing_or_suspended() {
    let missing = Cause::new(BackupReason::WaitingForSchedule, "there is no BackupSchedule `nightly`");
    let case = new().state(|state| state.inputs = Inputs::Waiting(missing));
    waits(&case, BackupReason::WaitingForSchedule, after(30));
    let suspended = Cause::new(BackupReason::SuspendedByPlatform, "Platform `prod` is suspended");
    let case = new().state(|state| state.inputs = Inputs::Suspended(suspended.clone()));
    assert_eq!(case.decide(), Decision::Settled(after(30)));
    assert_eq!(
        case.shows(),
        ["Ready=False/Suspended", "Suspended=True/SuspendedByPlatform"]
    );
    // What runs is stopped, and begins again from the start.
    let case = new()
        .starts()
        .state(|state| state.inputs = Inputs::Suspended(suspended));
    is_due(&case, &Step::Stop);
    let case = case.takes(Ok(StepResult::Stopping));
    assert_eq!(case.decide(), Decision::Settled(after(30)));
    let case = case.ends(Err(error(Problem::Stopped)));
    assert_eq!(case.decide(), Decision::Settled(after(30)));
    let case = case.state(|state| state.inputs = Inputs::Usable(plan()));
    is_due(&case, &first());
}

#[test]
fn a_backup_that_is_cancelled_is_stopped_and_not_made() {
    let cancelled = new().object(|object| object.spec.cancel = true);
    refuses(&cancelled, BackupReason::Cancelled);
    let case = new().starts().object(|object| object.spec.cancel = true);
    is_due(&case, &Step::Stop);
    let case = case.takes(Ok(StepResult::Stopping));
    refuses(&case, BackupReason::Cancelled);
    let case = case.ends(Err(error(Problem::Stopped)));
    refuses(&case, BackupReason::Cancelled);
    // Who was faster has a backup.
    let case = new().starts().object(|object| object.spec.cancel = true);
    let case = case.takes(Ok(StepResult::Stopping));
    let case = case.ends(Ok(Done::Made(Box::new(made("7c1e")))));
    is_due(&case, &Step::Start(Job::Verify(VerificationLevel::Archive)));
}

#[test]
fn a_held_backup_does_not_go_and_one_that_is_to_be_deleted_leaves_no_manifest() {
    let held = new()
        .complete()
        .object(|object| object.spec.hold = Some("INC-1".to_owned()));
    let message = refuses(&held.leaving(), BackupReason::Held);
    assert!(message.contains("`spec.hold` (INC-1)"), "{message}");
    let kept = new().complete().leaving();
    assert_eq!(kept.decide(), Decision::Release { event: None });
    let mut case = new()
        .complete()
        .object(|object| object.spec.deletion_policy = DeletionPolicy::Delete)
        .leaving();
    for destination in ["primary", "second"] {
        let Decision::Do(Step::Expire(copy)) = case.decide() else {
            panic!("{:?}", case.decide());
        };
        assert_eq!(
            (copy.destination.as_str(), copy.path),
            (destination, Some(path("7c1e")))
        );
        case = case.takes(Ok(StepResult::Expired));
    }
    let Decision::Release { event: Some(event) } = case.decide() else {
        panic!("{:?}", case.decide());
    };
    assert_eq!(event.reason, "Expired");
}

#[test]
fn what_is_stored_by_an_unknown_run_is_looked_for_before_the_object_goes() {
    let delete = |case: Case| {
        case.object(|object| object.spec.deletion_policy = DeletionPolicy::Delete)
            .leaving()
    };
    let case = delete(new().starts().process_ends());
    is_due(&case, &Step::Look);
    let case = case.takes(Ok(StepResult::Looked(Found::Nothing)));
    assert_eq!(case.decide(), Decision::Release { event: None });
    let case = delete(new().starts());
    is_due(&case, &Step::Stop);
    let case = case.takes(Ok(StepResult::Stopping));
    waits(&case, BackupReason::Deleting, Requeue::OnChange);
}

#[test]
fn the_finalizer_is_there_while_something_has_to_be_done_before_the_object_goes() {
    use super::super::Kind;
    let wants = |change: fn(&mut ace_api::Backup)| Kind::wants_finalizer(&new().object(change).object);
    assert!(!wants(|_| ()));
    assert!(wants(|object| object.spec.hold = Some("INC-1".to_owned())));
    assert!(wants(|object| object.spec.deletion_policy = DeletionPolicy::Delete));
}

#[test]
fn a_copy_that_failed_is_tried_again_later_and_counts_only_where_it_is_required() {
    let full = || failed(BackupReason::Failed);
    let case = new().verified().starts().ends(full());
    assert_eq!(case.decide(), Decision::Settled(next(15)));
    assert_eq!(case.status().copies[1].message.as_deref(), Some("it went wrong"));
    let case = case.at(15);
    is_due(&case, &Step::Start(Job::Copy("second".to_owned())));
    let case = case.starts().ends(full());
    assert_eq!(case.decide(), Decision::Settled(next(45)));
    let required = new().state(|state| {
        let Inputs::Usable(plan) = &mut state.inputs else {
            return;
        };
        plan.destinations[1].required = true;
    });
    let case = required.verified().starts().ends(full());
    let told = waits(&case, BackupReason::Copying, next(15));
    assert_eq!(
        told,
        "the backup is not copied to BackupDestination `second` (it went wrong) yet"
    );
}

#[test]
fn an_archive_that_does_not_pass_is_held_and_verified_again_when_somebody_asks() {
    let corrupt = Err(error(Problem::Final(BackupReason::Corrupt)));
    let case = new().made().starts().ends(corrupt);
    refuses(&case, BackupReason::Corrupt);
    assert_eq!(case.shows(), stalled("Corrupt", "")[..2]);
    let case = case.process_ends();
    refuses(&case, BackupReason::Corrupt);
    let case = case.asks("now").next();
    is_due(&case, &Step::Start(Job::Verify(VerificationLevel::Archive)));
}

#[test]
fn an_import_is_read_and_neither_made_nor_verified() {
    let import = json!({ "destination": { "name": "primary" }, "manifest": "nightly/x/manifest.json" });
    let case = with(json!({ "import": import })).state(|state| {
        let Inputs::Usable(plan) = &mut state.inputs else {
            return;
        };
        (plan.verify, plan.destinations) = (None, Vec::new());
    });
    is_due(&case, &Step::Look);
    let case = case.takes(Ok(StepResult::Looked(Found::Made(Box::new(made("7c1e"))))));
    settled(&case);
    assert_eq!(case.shows(), ["Ready=True/Complete"]);
    assert_eq!(
        message(&case.status(), "Ready"),
        "241 MB, 132 tables, in 1 of 1 places, not verified"
    );
    let case = with(json!({ "import": import })).takes(Ok(StepResult::Looked(Found::Nothing)));
    let Decision::Refuse(shown, Requeue::After(_)) = case.decide() else {
        panic!("{:?}", case.decide());
    };
    assert_eq!(
        shown.message,
        "BackupDestination `primary` has no `nightly/x/manifest.json`: correct `spec.import` in another Backup"
    );
}

#[test]
fn a_run_is_finished_only_while_its_object_still_names_it_and_wants_it() {
    let case = new().starts();
    let with_status = |case: Case| {
        let status = case.status();
        case.object(|object| object.status = Some(status))
    };
    let mine = run("7c1e", 1);
    assert!(may_be_finished(&with_status(case).object, &mine));
    assert!(!may_be_finished(&with_status(new().starts()).object, &run("8d2f", 2)));
    assert!(!may_be_finished(&new().object, &mine));
    let cancelled = with_status(new().starts()).object(|object| object.spec.cancel = true);
    assert!(!may_be_finished(&cancelled.object, &mine));
    assert!(!may_be_finished(&with_status(new().starts()).leaving().object, &mine));
}

#[test]
fn what_is_shown_tells_whether_to_wait_or_to_act() {
    let case = new()
        .starts()
        .state(|state| state.task = Some(Task::Running(Job::Make, None)));
    assert_eq!(case.shows(), reconciling("Dumping", "")[..2]);
}
