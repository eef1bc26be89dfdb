//! A schedule at a time, and what happens to it.

use std::collections::BTreeMap;

use ace_api::{ANNOTATION_RECONCILE_AT, BackupClass, BackupSchedule, ScheduleStatus, VerificationLevel};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::{
    Decision, DrillPhase, Drilled, Kind, Known, Memory, Phase, Platform, PlatformState, State, Step, StepError,
    StepResult, decide, status,
};
use crate::reconcile::{
    decision::Requeue,
    fixture::{is_small, message, shown, tells_whether_to_wait_or_to_act},
    kind::Kind as _,
    schedule::{Schedule, ScheduleError},
    timing::Timing,
};

pub(super) const HOUR: SignedDuration = SignedDuration::from_hours(1);
pub(super) const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[derive(Clone)]
pub(super) struct Case {
    pub(super) object: BackupSchedule,
    pub(super) state: State,
    pub(super) now: Timestamp,
}

/// Every night at two in Berlin, since noon on 20 November 2026.
pub(super) fn nightly() -> Case {
    changed(|_| {})
}

pub(super) fn changed(change: impl FnOnce(&mut Value)) -> Case {
    let mut spec = json!({
        "platformRef": { "name": "prod" },
        "schedule": "0 2 * * *",
        "timeZone": "Europe/Berlin",
        "destinations": [{ "name": "primary" }, { "name": "second", "required": false }],
        "encryption": { "recipients": ["age1"], "identitySecretRef": { "name": "backup-key", "key": "identity" } },
        "objective": { "rpo": "26h" },
    });
    change(&mut spec);
    let object = json!({
        "metadata": { "name": "nightly", "namespace": "ace", "uid": "u1", "generation": 1, "creationTimestamp": "2026-11-20T12:00:10Z" },
        "spec": spec,
    });
    let object: BackupSchedule = serde_json::from_value(object).unwrap();
    let state = State {
        timing: Timing::default(),
        memo: ScheduleStatus::default(),
        schedule: Schedule::new(&object.spec.schedule, &object.spec.time_zone),
        platform: PlatformState::Present(Platform {
            interval: std::time::Duration::from_mins(5),
            is_suspended: false,
            has_scratch: true,
            points: None,
        }),
        absent: Vec::new(),
        recipients: None,
        drills: drills(&object),
        drilled: Vec::new(),
        backups: Vec::new(),
        needed: BTreeMap::new(),
        memory: Memory::default(),
        steps: 0,
        step_error: None,
    };
    Case {
        object,
        state,
        now: time("2026-11-20T12:00:20Z"),
    }
}

impl Case {
    /// A pass begins at this time, with the status as it was last shown.
    pub(super) fn at(mut self, now: &str) -> Self {
        self.now = time(now);
        self.state.steps = 0;
        self.state.step_error = None;
        Kind::infer(&self.object, &mut self.state, self.now);
        self
    }

    /// The pass ends: its status is written.
    pub(super) fn ends(mut self) -> Self {
        self.state.memo = self.status();
        self
    }

    /// Of a new schedule: the backup of the first night, before 21 November, is complete, and the status says so.
    pub(super) fn first_night(self) -> Self {
        let case = self.at("2026-11-20T12:00:20Z").ends();
        let case = case.at("2026-11-21T01:00:00Z").acts().ends();
        case.completes("nightly-202611210100", "2026-11-21T01:00:04Z")
            .at("2026-11-21T01:00:30Z")
            .ends()
    }

    pub(super) fn decide(&self) -> Decision {
        decide(&self.object, &self.state, self.now)
    }

    pub(super) fn status(&self) -> ScheduleStatus {
        let status = status(&self.object, &self.state, &self.decide(), self.now);
        tells_whether_to_wait_or_to_act::<Kind>(&self.object, &status);
        is_small::<Kind>(&status);
        status
    }

    /// The step that is due is made.
    pub(super) fn acts(mut self) -> Self {
        let Decision::Do(step) = self.decide() else {
            panic!("nothing is due: {:?}", self.decide());
        };
        let result = match &step {
            Step::Start { name, .. } => {
                let made = Known::made(name, format!("uid of {name}"), self.now);
                StepResult::Started(Box::new(made))
            }
            Step::Drill { name, slot, .. } => StepResult::Drilled(Box::new(begun(name, *slot))),
            Step::Expire(_) | Step::Delete(_) | Step::DeleteDrill(_) => StepResult::Done,
        };
        Kind::update(&self.object, &mut self.state, &step, Ok(result), self.now);
        self
    }

    pub(super) fn fails(mut self, error: StepError) -> Self {
        let Decision::Do(step) = self.decide() else {
            panic!("nothing is due: {:?}", self.decide());
        };
        Kind::update(&self.object, &mut self.state, &step, Err(error), self.now);
        self
    }

    /// Every step that is due, by what it does.
    pub(super) fn acts_to_the_end(mut self) -> (Self, Vec<String>) {
        let mut steps = Vec::new();
        while let Decision::Do(step) = self.decide() {
            steps.push(match step {
                Step::Start { name, .. } => format!("start {name}"),
                Step::Expire(victim) => format!("expire {}", victim.name),
                Step::Delete(victim) | Step::DeleteDrill(victim) => format!("delete {}", victim.name),
                Step::Drill { name, backup, .. } => format!("drill {name} of {backup}"),
            });
            self = self.acts();
        }
        (self, steps)
    }

    /// A Backup changes.
    pub(super) fn backup(mut self, name: &str, change: impl FnOnce(&mut Known)) -> Self {
        let backup = self.state.backups.iter_mut().find(|backup| backup.name == name);
        change(backup.expect("there is such a Backup"));
        self
    }

    /// A Backup is complete, and passed `Archive`.
    pub(super) fn completes(self, name: &str, point: &str) -> Self {
        let point = time(point);
        self.backup(name, |backup| complete(backup, point))
    }

    /// A drill ends like this, of this many bytes.
    pub(super) fn drill_ends(mut self, name: &str, phase: DrillPhase, bytes: i64) -> Self {
        let found = self.state.drilled.iter_mut().find(|run| run.name == name);
        let run = found.expect("there is such a drill");
        run.phase = phase;
        run.point = Some(time("2026-11-23T01:00:04Z"));
        run.bytes = Some(bytes);
        self
    }

    pub(super) fn platform(mut self, change: impl FnOnce(&mut Platform)) -> Self {
        let PlatformState::Present(platform) = &mut self.state.platform else {
            panic!("there is no Platform");
        };
        change(platform);
        self
    }

    /// A stored backup of this schedule, as its object would show it.
    pub(super) fn with(mut self, name: &str, point: Timestamp, class: BackupClass) -> Self {
        let mut backup = Known::made(name, format!("uid of {name}"), point);
        complete(&mut backup, point);
        backup.class = class;
        self.state.backups.push(backup);
        self
    }

    pub(super) fn suspended(mut self, is_suspended: bool) -> Self {
        self.object.spec.suspend = is_suspended;
        self
    }

    pub(super) fn asked(mut self, value: &str) -> Self {
        self.object.metadata.annotations = Some([(ANNOTATION_RECONCILE_AT.to_owned(), value.to_owned())].into());
        self
    }

    /// The step that is due, or when the next pass is.
    pub(super) fn next(&self) -> String {
        match self.decide() {
            Decision::Do(Step::Start { name, .. }) => format!("start {name}"),
            Decision::Do(Step::Drill { name, backup, .. }) => format!("drill {name} of {backup}"),
            Decision::Do(other) => format!("{other:?}"),
            Decision::Settled(requeue) | Decision::Wait(_, requeue) | Decision::Refuse(_, requeue) => match requeue {
                Requeue::At(at) => format!("at {at}"),
                other => format!("{other:?}"),
            },
            Decision::Release { .. } => "released".to_owned(),
        }
    }

    /// `Ready` with what explains it, `Fresh` and `Verified`.
    pub(super) fn says(&self) -> String {
        let shown = shown(&self.status());
        shown
            .into_iter()
            .filter(|line| !line.starts_with("Drifted"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    pub(super) fn message(&self, type_: &str) -> String {
        message(&self.status(), type_)
    }

    /// How many slots were missed, and which.
    pub(super) fn missed(&self) -> (i64, Vec<String>) {
        let missed = self.state.memo.missed.clone().unwrap_or_default();
        (missed.count, missed.slots.iter().map(Timestamp::to_string).collect())
    }
}

fn drills(object: &BackupSchedule) -> BTreeMap<String, Result<Schedule, ScheduleError>> {
    let spec = &object.spec;
    let drills = spec.drills.iter();
    drills
        .map(|drill| (drill.name.clone(), Schedule::new(&drill.schedule, &spec.time_zone)))
        .collect()
}

fn begun(name: &str, slot: Timestamp) -> Drilled {
    Drilled {
        name: name.to_owned(),
        uid: format!("uid of {name}"),
        slot: Some(slot),
        phase: DrillPhase::Running,
        point: None,
        bytes: None,
        is_leaving: false,
    }
}

fn complete(backup: &mut Known, point: Timestamp) {
    backup.phase = Phase::Stored;
    backup.point = Some(point);
    backup.bytes = Some(241_172_480);
    backup.took = Some(std::time::Duration::from_secs(9));
    backup.tables = Some(132);
    backup.level = Some(VerificationLevel::Archive);
    backup.destinations = ["primary".to_owned()].into();
    backup.copies = 2;
    backup.said = None;
}
