//! A Restore, state by state.

mod inputs;

use std::time::Duration;

use ace_api::{
    AssertionResult, Restore, RestorePoint, RestoreReason, RestoreRun, RestoreStatus, RestoreStepName,
    VerificationLevel,
};
use serde_json::{Value, json};

use super::{
    ATTEMPTS, Cause, Decision, Inputs, Kind, Memory, Outcome, Problem, Proved, State, Step, Task, TaskError, decide,
    events, infer, status,
};
use crate::reconcile::{
    decision::Requeue,
    dependency::Dependency,
    fixture::{
        after, at, does_not_differ_when_only_the_clock_moved, is_not_finished_when_new, is_small, message, next, shown,
        tells_whether_to_wait_or_to_act,
    },
    key::Key,
    kind::{Kind as _, Step as _},
    timing::Timing,
};

struct Case {
    object: Restore,
    state: State,
    second: i64,
}

fn new() -> Case {
    let spec = json!({ "platformRef": { "name": "prod" }, "source": { "backup": "nightly-1" } });
    let object = json!({ "metadata": { "name": "drill", "namespace": "ace", "generation": 1 }, "spec": spec });
    Case {
        object: serde_json::from_value(object).unwrap(),
        state: State {
            timing: Timing::default(),
            memo: RestoreStatus::default(),
            worker: "ace-worker-0".to_owned(),
            fresh_id: "7c1e".to_owned(),
            inputs: Inputs::Usable("nightly-1".to_owned()),
            task: None,
            memory: Memory::default(),
            is_stopping: false,
        },
        second: 0,
    }
}

fn run(id: &str, attempt: i32, second: i64) -> Step {
    Step::Begin(RestoreRun {
        id: id.to_owned(),
        attempt,
        start_time: at(second),
        worker: "ace-worker-0".to_owned(),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "it is how a task ends")]
fn proved(passed: bool) -> Outcome {
    Ok(Box::new(Proved {
        point: RestorePoint {
            backup: "nightly-1".to_owned(),
            time: at(-60),
            bytes: 241_172_480,
            level: Some(VerificationLevel::Content),
            tables: Some(132),
            rows: Some(3_402_117),
        },
        steps: vec![
            (RestoreStepName::Fetch, Duration::from_millis(2_600)),
            (RestoreStepName::Restore, Duration::from_millis(314_600)),
            (RestoreStepName::Prove, Duration::from_millis(51_500)),
            (RestoreStepName::Compare, Duration::from_millis(3_300)),
        ],
        assertions: vec![AssertionResult {
            name: "opt-ins".to_owned(),
            passed,
            digest: None,
        }],
    }))
}

fn failed(problem: Problem) -> Outcome {
    Err(TaskError {
        problem,
        message: "it went wrong".to_owned(),
    })
}

impl Case {
    fn state(mut self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.state);
        self
    }

    fn at(mut self, second: i64) -> Self {
        self.second = second;
        self
    }

    fn decide(&self) -> Decision {
        decide(&self.object, &self.state, at(self.second))
    }

    fn status(&self) -> RestoreStatus {
        let status = status(&self.object, &self.state, &self.decide(), at(self.second));
        tells_whether_to_wait_or_to_act::<Kind>(&self.object, &status);
        is_small::<Kind>(&status);
        status
    }

    #[track_caller]
    fn takes(mut self) -> Self {
        let Decision::Do(step) = self.decide() else {
            panic!("no step is due: {:?}", self.decide());
        };
        self.state.memo = self.status();
        Kind::update(&self.object, &mut self.state, &step, Ok(()), at(self.second));
        self
    }

    fn ends(mut self, outcome: Outcome) -> Self {
        assert!(self.state.task.is_some(), "no task runs");
        self.state.task = Some(Task::Ended(outcome));
        // As in a pass: what has ended is noted before anything is decided.
        infer(&self.object, &mut self.state, at(self.second));
        self.next()
    }

    fn next(mut self) -> Self {
        self.state.memo = self.status();
        self.state.is_stopping = false;
        infer(&self.object, &mut self.state, at(self.second));
        self
    }

    fn process_ends(mut self) -> Self {
        self.state.memo = self.status();
        (self.state.task, self.state.memory) = (None, Memory::default());
        infer(&self.object, &mut self.state, at(self.second));
        self
    }

    fn asks(mut self, value: &str) -> Self {
        let asked = (ace_api::ANNOTATION_RECONCILE_AT.to_owned(), value.to_owned());
        self.object.metadata.annotations = Some([asked].into());
        self
    }
}

#[track_caller]
fn refuses(case: &Case, reason: RestoreReason) -> String {
    match case.decide() {
        Decision::Refuse(shown, _) if shown.reason == reason => shown.message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_restore_is_recorded_made_once_and_then_left_alone() {
    let case = new();
    assert_eq!(case.decide(), Decision::Do(run("7c1e", 1, 0)));
    assert!(run("7c1e", 1, 0).records_first());
    let case = case.takes();
    assert_eq!(shown(&case.status()), ["Ready=False/Queued", "Reconciling=True/Queued"]);
    let before = case.status();
    let case = case.ends(proved(true));
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    let after = case.status();
    assert_eq!(shown(&after), ["Ready=True/Restored"]);
    let says = "nightly-1 restored in 6m12s, 132 of 132 tables equal, 3402117 rows";
    assert_eq!(message(&after, "Ready"), says);
    assert_eq!(events(&before, &after)[0].note, says);
    let case = case.process_ends().asks("again").next();
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange), "it happens once");
}

#[test]
fn each_step_of_it_has_a_word() {
    for (step, reason) in [
        (None, "Fetching"),
        (Some(RestoreStepName::Fetch), "Fetching"),
        (Some(RestoreStepName::Restore), "Restoring"),
        (Some(RestoreStepName::Prove), "Proving"),
        (Some(RestoreStepName::Compare), "Comparing"),
    ] {
        let case = new().takes().state(|state| state.task = Some(Task::Running(step)));
        assert_eq!(shown(&case.status())[0], format!("Ready=False/{reason}"));
    }
}

#[test]
fn an_assertion_that_fails_is_named_and_is_the_outcome() {
    let case = new().takes().ends(proved(false));
    let says = refuses(&case, RestoreReason::AssertionFailed);
    assert!(says.contains("the value that they expect: opt-ins"), "{says}");
    let status = case.status();
    assert_eq!((status.recovery_time, status.assertions.len()), (None, 1));
}

#[test]
fn what_is_wrong_with_a_backup_is_held_until_somebody_asks() {
    let case = new().takes().ends(failed(Problem::Final(RestoreReason::ProofFailed)));
    refuses(&case, RestoreReason::ProofFailed);
    let case = case.process_ends();
    refuses(&case, RestoreReason::ProofFailed);
    assert_eq!(case.asks("now").next().decide(), Decision::Do(run("7c1e", 1, 0)));
}

#[test]
fn an_attempt_that_failed_or_was_interrupted_is_repeated_until_the_last() {
    let mut case = new().takes().ends(failed(Problem::Failed));
    let Decision::Wait(shown, requeue) = case.decide() else {
        panic!("{:?}", case.decide());
    };
    assert_eq!((shown.reason, requeue), (RestoreReason::Retrying, next(15)));
    case = case.at(15);
    assert_eq!(case.decide(), Decision::Do(run("7c1e", 2, 15)));
    case = case.takes().process_ends();
    assert_eq!(case.decide(), Decision::Do(run("7c1e", ATTEMPTS, 15)));
    let failed = case.takes().ends(failed(Problem::Failed));
    refuses(&failed, RestoreReason::Failed);
    let mut interrupted = new();
    for _ in 0..ATTEMPTS {
        interrupted = interrupted.takes().process_ends();
    }
    let says = refuses(&interrupted, RestoreReason::Failed);
    assert!(says.contains("was interrupted"), "{says}");
}

#[test]
fn what_is_missing_is_waited_for_and_costs_no_attempt() {
    let missing = Problem::Obstacle(RestoreReason::SecretMissing);
    let case = new().takes().ends(failed(missing)).at(15);
    assert_eq!(case.decide(), Decision::Do(run("7c1e", 1, 15)));
    let waiting = Cause::new(RestoreReason::WaitingForBackup, "there is none");
    let case = new().state(|state| state.inputs = Inputs::Waiting(waiting.clone()));
    assert_eq!(case.decide(), Decision::Wait(waiting, after(30)));
}

#[test]
fn who_is_cancelled_or_suspended_is_stopped() {
    let mut case = new().takes();
    case.object.spec.cancel = true;
    assert_eq!(case.decide(), Decision::Do(Step::Stop));
    case.state.is_stopping = true;
    refuses(&case, RestoreReason::Cancelled);
    let case = case.ends(failed(Problem::Stopped));
    refuses(&case, RestoreReason::Cancelled);
    let suspended = Cause::new(RestoreReason::SuspendedByPlatform, "Platform `prod` is suspended");
    let case = new().takes().state(|state| state.inputs = Inputs::Suspended(suspended));
    assert_eq!(case.decide(), Decision::Do(Step::Stop));
    let case = case.state(|state| state.is_stopping = true);
    assert_eq!(case.decide(), Decision::Settled(after(30)));
    let case = case.ends(failed(Problem::Stopped));
    assert_eq!(
        shown(&case.status()),
        ["Ready=False/Suspended", "Suspended=True/SuspendedByPlatform"]
    );
}

#[test]
fn the_status_is_stable_and_a_new_one_is_not_finished() {
    is_not_finished_when_new::<Kind>(&new().object);
    for case in [new(), new().takes(), new().takes().ends(proved(true))] {
        let (object, mut state, decision) = (case.object.clone(), case.state.clone(), case.decide());
        does_not_differ_when_only_the_clock_moved::<Kind>(&object, &mut state, &decision, at(0));
    }
}

#[test]
fn the_recovery_time_has_all_that_a_person_would_wait_for() {
    let mut case = new().state(|state| state.memo.run = Some(begun_run()));
    case.state.task = Some(Task::Ended(proved(true)));
    infer(&case.object, &mut case.state, at(400));
    let shown: Vec<String> = case.state.memo.steps.iter().map(|step| step.duration.clone()).collect();
    assert_eq!(shown, ["2s", "5m14s", "51s", "3s"]);
    assert_eq!(
        case.state.memo.recovery_time.as_deref(),
        Some("6m12s"),
        "the parts of seconds, too"
    );
}

fn begun_run() -> RestoreRun {
    RestoreRun {
        id: "7c1e".to_owned(),
        attempt: 1,
        start_time: at(0),
        worker: "ace-worker-0".to_owned(),
    }
}

#[test]
fn others_depend_on_how_it_ended_and_not_on_its_progress() {
    let object = |status: Value| -> Restore {
        let metadata = json!({
            "name": "nightly-drill-1", "namespace": "ace",
            "ownerReferences": [{ "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "BackupSchedule", "name": "nightly", "uid": "u1" }],
        });
        let spec = json!({ "platformRef": { "name": "prod" }, "source": { "backup": "nightly-1" } });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec, "status": status })).unwrap()
    };
    let condition = |type_: &str, status: &str, reason: &str| json!({ "type": type_, "status": status, "reason": reason, "message": reason, "observedGeneration": 1, "lastTransitionTime": "2026-11-23T05:00:00Z" });
    let running = |reason: &str| {
        let conditions = ["Ready", "Reconciling"]
            .map(|type_| condition(type_, if type_ == "Ready" { "False" } else { "True" }, reason));
        Kind::facts(&object(json!({ "observedGeneration": 1, "conditions": conditions })))
    };
    let (schedule, backup) = (
        Key::beside(&new().object, "nightly"),
        Key::beside(&new().object, "nightly-1"),
    );
    assert_eq!(running("Fetching"), running("Proving"));
    assert_eq!(
        running("Fetching").iter().map(|(of, _)| of.clone()).collect::<Vec<_>>(),
        [Dependency::DrillsOf(schedule)]
    );
    let ended = |point: Value, took: Value| {
        let status = json!({
            "observedGeneration": 1, "conditions": [condition("Ready", "True", "Restored")], "point": point, "recoveryTime": took,
        });
        let of: Vec<Dependency> = Kind::facts(&object(status)).into_iter().map(|(of, _)| of).collect();
        of.contains(&Dependency::RestoresOf(backup.clone()))
    };
    let point = json!({ "backup": "nightly-1", "time": "2026-11-23T01:00:04Z", "bytes": 7, "level": "Content" });
    assert!(ended(point.clone(), json!("6m12s")));
    assert!(!ended(point.clone(), Value::Null), "an assertion did not pass");
    let mut less = point;
    less["level"] = json!("Restored");
    assert!(!ended(less, json!("6m12s")));
}
