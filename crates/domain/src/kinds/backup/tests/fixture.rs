use std::collections::BTreeMap;

use ace_api::{Archive, Backup, BackupReason, BackupRun, BackupStatus, Snapshot, VerificationLevel};
use serde_json::{Value, json};

use super::super::{
    Decision, Done, Inputs, Job, Kind, Made, Memory, Outcome, Place, Plan, Problem, State, Step, StepResult, Task,
    TaskError, decide, infer, status,
};
use crate::reconcile::{
    fixture::{at, is_small, shown, tells_whether_to_wait_or_to_act},
    kind::{Kind as _, Step as _},
    timing::Timing,
};

pub(super) struct Case {
    pub(super) object: Backup,
    pub(super) state: State,
    pub(super) second: i64,
}

/// A new Backup of a schedule with two destinations, of which the second is not required.
pub(super) fn new() -> Case {
    with(json!({ "scheduleRef": { "name": "nightly" }, "class": "Scheduled" }))
}

#[expect(clippy::needless_pass_by_value, reason = "it is written where it is passed")]
pub(super) fn with(spec: Value) -> Case {
    let metadata = json!({ "name": "nightly-1", "namespace": "ace", "uid": "5e0c71aa-0", "generation": 1 });
    let object = json!({ "metadata": metadata, "spec": spec });
    Case {
        object: serde_json::from_value(object).unwrap(),
        state: State {
            timing: Timing::default(),
            began: at(0),
            memo: BackupStatus::default(),
            worker: "ace-worker-0".to_owned(),
            fresh_id: "7c1e".to_owned(),
            inputs: Inputs::Usable(plan()),
            suspicions: BTreeMap::new(),
            task: None,
            proved: None,
            memory: Memory::default(),
            has_no_manifest: false,
            is_being_made: false,
            is_stopping: false,
            step_error: None,
        },
        second: 0,
    }
}

pub(super) fn plan() -> Plan {
    let place = |destination: &str, required| Place {
        destination: destination.to_owned(),
        required,
    };
    Plan {
        attempts: 3,
        verify: Some(VerificationLevel::Archive),
        unverifiable: None,
        has_identity: false,
        destinations: vec![place("primary", true), place("second", false)],
    }
}

pub(super) fn run(id: &str, attempt: i32) -> BackupRun {
    BackupRun {
        id: id.to_owned(),
        attempt,
        start_time: at(0),
        worker: "ace-worker-0".to_owned(),
        retry_time: None,
        message: None,
    }
}

pub(super) fn made(id: &str) -> Made {
    Made {
        snapshot: Snapshot {
            time: at(1),
            lsn: "3A/41F2C8".to_owned(),
            system_identifier: "7431200000000000001".to_owned(),
            timeline: 1,
            database: "postgres".to_owned(),
            server_version: "15.18".to_owned(),
            head: Some("20260204400000".to_owned()),
            schema_digest: Some("sha256:41c0".to_owned()),
        },
        archive: Archive {
            bytes: 241_172_480,
            raw_bytes: 793_772_032,
            digest: "sha256:7e21".to_owned(),
            tables: 132,
            rows: 3_402_117,
            client: "15.18".to_owned(),
            duration: "9s".to_owned(),
            not_covered: vec!["role passwords".to_owned()],
        },
        destination: "primary".to_owned(),
        path: path(id),
    }
}

pub(super) fn path(id: &str) -> String {
    format!("nightly/scheduled/2027/01/15/20270115T080000Z-5e0c71aa-{id}")
}

pub(super) fn error(problem: Problem) -> TaskError {
    TaskError {
        problem,
        message: "it went wrong".to_owned(),
    }
}

impl Case {
    pub(super) fn object(mut self, change: impl FnOnce(&mut Backup)) -> Self {
        change(&mut self.object);
        self
    }

    pub(super) fn state(mut self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.state);
        self
    }

    pub(super) fn at(mut self, second: i64) -> Self {
        self.second = second;
        self
    }

    pub(super) fn leaving(self) -> Self {
        let deleted = json!("2027-01-15T08:00:00Z");
        self.object(|object| object.metadata.deletion_timestamp = serde_json::from_value(deleted).unwrap())
    }

    pub(super) fn asks(self, value: &str) -> Self {
        let asked = (ace_api::ANNOTATION_RECONCILE_AT.to_owned(), value.to_owned());
        self.object(|object| object.metadata.annotations = Some([asked].into()))
    }

    pub(super) fn decide(&self) -> Decision {
        decide(&self.object, &self.state, at(self.second))
    }

    pub(super) fn status(&self) -> BackupStatus {
        let status = status(&self.object, &self.state, &self.decide(), at(self.second));
        tells_whether_to_wait_or_to_act::<Kind>(&self.object, &status);
        is_small::<Kind>(&status);
        status
    }

    /// Its conditions, but `Drifted`.
    pub(super) fn shows(&self) -> Vec<String> {
        let mut conditions = self.shows_all();
        assert!(conditions.pop().is_some_and(|last| last.starts_with("Drifted=")));
        conditions
    }

    pub(super) fn shows_all(&self) -> Vec<String> {
        shown(&self.status())
    }

    /// Takes the step that is due, with this result.
    #[track_caller]
    pub(super) fn takes(mut self, result: Result<StepResult, TaskError>) -> Self {
        let Decision::Do(step) = self.decide() else {
            panic!("no step is due: {:?}", self.decide());
        };
        if step.records_first() {
            self.state.memo = self.status();
        }
        Kind::update(&self.object, &mut self.state, &step, result, at(self.second));
        self
    }

    #[track_caller]
    pub(super) fn starts(self) -> Self {
        self.takes(Ok(StepResult::Started))
    }

    /// The task that runs ends with this outcome, and the next pass finds that.
    #[track_caller]
    pub(super) fn ends(mut self, outcome: Outcome) -> Self {
        let Some(Task::Queued(job) | Task::Running(job, _)) = self.state.task.take() else {
            panic!("no task runs");
        };
        self.state.task = Some(Task::Ended(job, outcome));
        self.next()
    }

    /// The next pass of this process, after the status was written.
    pub(super) fn next(mut self) -> Self {
        self.state.memo = self.status();
        self.state.has_no_manifest = false;
        self.state.is_being_made = false;
        self.state.is_stopping = false;
        self.state.step_error = None;
        infer(&self.object, &mut self.state, at(self.second));
        self
    }

    /// Another process finds what is written.
    pub(super) fn process_ends(mut self) -> Self {
        self.state.memo = self.status();
        self.state.task = None;
        self.state.memory = Memory::default();
        self.state.has_no_manifest = false;
        self.state.is_being_made = false;
        self.state.step_error = None;
        infer(&self.object, &mut self.state, at(self.second));
        self
    }

    pub(super) fn made(self) -> Self {
        self.starts().ends(Ok(Done::Made(Box::new(made("7c1e")))))
    }

    pub(super) fn verified(self) -> Self {
        self.made()
            .starts()
            .ends(Ok(Done::Verified(VerificationLevel::Archive, at(20))))
    }

    pub(super) fn complete(self) -> Self {
        let copied = Done::Copied {
            destination: "second".to_owned(),
            path: path("7c1e"),
        };
        self.verified().starts().ends(Ok(copied))
    }
}

pub(super) fn is_due(case: &Case, step: &Step) {
    assert_eq!(case.decide(), Decision::Do(step.clone()));
}

pub(super) fn first() -> Step {
    Step::Begin(run("7c1e", 1))
}

pub(super) fn failed(reason: BackupReason) -> Outcome {
    Err(error(Problem::Failed(reason)))
}

pub(super) const MAKE: Step = Step::Start(Job::Make);
