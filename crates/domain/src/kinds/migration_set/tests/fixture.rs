//! A settled set of migrations, and what can be changed of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use ace_api::{ANNOTATION_RECONCILE_AT, Approval, MigrationMode, MigrationSet, MigrationSetStatus};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{
    super::{
        Backups, Decision, FailedObservation, Kind, LedgerRow, Memory, Observation, OperatorSchema, PlatformFacts,
        PlatformState, Ran, ReferenceState, SourceState, State, Step, StepError, StepResult, decide, status,
        unassessed,
    },
    values::{A, B, LIVE, V1, V2, V3, bare, folder, own, owner, taken, target},
};
use crate::{
    kinds::platform::DatabaseFailure,
    reconcile::{
        decision::Requeue,
        fixture::at,
        kind::{Kind as _, Step as _},
        timing::Timing,
    },
    sql::read,
};

pub(super) const PLACE: &str = "db.example.com public";

/// One object, its state, and the time.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub object: Box<MigrationSet>,
    pub state: Box<State>,
    pub now: Timestamp,
}

/// Both files are applied and recorded, the schema is its reference, and an observation of a minute ago showed that; nothing is
/// left to do.
pub(super) fn settled() -> Case {
    let state = State {
        timing: Timing::default(),
        began: at(0),
        watching_since: at(-7200),
        memo: MigrationSetStatus::default(),
        platform: PlatformState::Present(platform()),
        source: SourceState::Waiting(String::new()),
        backups: Backups::default(),
        scripts: BTreeMap::new(),
        answers: BTreeMap::new(),
        locked: false,
        unseen: None,
        written_steps: BTreeSet::new(),
        prepared: false,
        announced: None,
        snapshot_taken: false,
        stop: None,
        memory: Memory {
            observation: Some(Arc::new(observation())),
            ..Memory::default()
        },
        step_error: None,
    };
    let mut case = Case {
        object: Box::new(object()),
        state: Box::new(state),
        now: at(0),
    }
    .files(&[(V1, A), (V2, B)]);
    case.state.memo = status(
        &case.object,
        &case.state,
        &Decision::Settled(Requeue::OnChange),
        at(-3600),
    );
    case
}

/// There is a third file with this text.
pub(super) fn pending(text: &str) -> Case {
    settled().files(&[(V1, A), (V2, B), (V3, text)])
}

/// A database without `ace_ops` and ledger, with an empty schema.
pub(super) fn fresh() -> Case {
    settled()
        .observation(|observation| {
            observation.ledger.clear();
            observation.operator_schema = None;
            observation.schema = bare();
        })
        .forgotten()
}

impl Case {
    /// The settled set with one change.
    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The folder holds these, and they were read.
    pub(super) fn files(self, files: &[(&str, &str)]) -> Self {
        self.with(|case| {
            let folder = folder(files);
            let scripts = folder.files.iter();
            case.state.scripts = scripts
                .map(|file| (file.sha256.clone(), read(file).map(Arc::new)))
                .collect();
            case.state.source = SourceState::Ready {
                content: folder,
                artifact_revision: "main@sha1:4f2c".to_owned(),
                secret_files: None,
            };
        })
    }

    pub(super) fn source(self, source: SourceState) -> Self {
        self.with(|case| case.state.source = source)
    }

    /// The last observation showed something else.
    pub(super) fn observation(self, change: impl FnOnce(&mut Observation)) -> Self {
        self.with(|case| change(Arc::make_mut(case.state.memory.observation.as_mut().unwrap())))
    }

    /// The ledger has this row.
    pub(super) fn row(self, version: &str, row: LedgerRow) -> Self {
        self.observation(|observation| {
            observation.ledger.insert(version.to_owned(), row);
        })
    }

    /// The ledger has no such row any more.
    pub(super) fn gone(self, version: &str) -> Self {
        self.observation(|observation| {
            observation.ledger.remove(version);
        })
    }

    /// Table `public.a` is large.
    pub(super) fn grown(self) -> Self {
        self.observation(|observation| {
            Arc::make_mut(&mut observation.catalogue)
                .large
                .insert(("public".to_owned(), "a".to_owned()));
        })
    }

    pub(super) fn operator_schema(self, change: impl FnOnce(&mut OperatorSchema)) -> Self {
        self.observation(|observation| change(observation.operator_schema.as_mut().unwrap()))
    }

    /// `ace_ops` has this version with these bytes.
    pub(super) fn noted(self, version: &str, text: &str) -> Self {
        self.operator_schema(|operator_schema| {
            operator_schema.rows.insert(version.to_owned(), own(text));
        })
    }

    /// `ace_ops` does not have this version.
    pub(super) fn unnoted(self, version: &str) -> Self {
        self.operator_schema(|operator_schema| {
            operator_schema.rows.remove(version);
        })
    }

    /// The snapshot after a run was taken.
    pub(super) fn snapshot_taken(self) -> Self {
        self.operator_schema(|operator_schema| operator_schema.reference.as_mut().unwrap().snapshot_pending = false)
    }

    /// Files ran, and the snapshot after the run is pending.
    pub(super) fn snapshot_pending(self) -> Self {
        self.operator_schema(|operator_schema| operator_schema.reference.as_mut().unwrap().snapshot_pending = true)
    }

    pub(super) fn platform(self, change: impl FnOnce(&mut PlatformFacts)) -> Self {
        self.with(|case| match &mut case.state.platform {
            PlatformState::Present(platform) => change(platform),
            PlatformState::Absent => unreachable!("the settled set has a platform"),
        })
    }

    /// A change of the spec, by which the generation grows.
    pub(super) fn spec(self, change: impl FnOnce(&mut ace_api::MigrationSetSpec)) -> Self {
        self.with(|case| {
            change(&mut case.object.spec);
            case.object.metadata.generation = case.object.metadata.generation.map(|generation| generation + 1);
        })
    }

    pub(super) fn observe(self) -> Self {
        self.spec(|spec| spec.mode = MigrationMode::Observe)
    }

    pub(super) fn approve(self, plan: &str) -> Self {
        self.spec(|spec| {
            spec.approvals.push(Approval {
                plan: plan.to_owned(),
                without_backup: false,
                reason: None,
            });
        })
    }

    pub(super) fn asks(self, value: &str) -> Self {
        self.with(|case| {
            let annotations = case.object.metadata.annotations.get_or_insert_default();
            annotations.insert(ANNOTATION_RECONCILE_AT.to_owned(), value.to_owned());
        })
    }

    /// Status was wiped, or the object is new.
    pub(super) fn forgotten(self) -> Self {
        self.with(|case| case.state.memo = MigrationSetStatus::default())
    }

    /// The operator is another process now.
    pub(super) fn restarted(self) -> Self {
        self.with(|case| {
            case.state.memory = Memory::default();
            case.state.watching_since = case.now;
        })
    }

    /// The last observation failed.
    pub(super) fn failed_observation(self, second: i64, step_error: DatabaseFailure) -> Self {
        self.with(|case| {
            case.state.memory.failed_observation = Some(FailedObservation {
                refusals: crate::reconcile::refusals::Refusals::default(),
                at: at(second),
                place: PLACE.to_owned(),
                step_error,
            });
        })
    }

    /// This reconcile holds the lock, and has just observed the database.
    pub(super) fn locked(self) -> Self {
        self.with(|case| case.state.locked = true)
            .observation(|observation| observation.at = at(0))
    }

    /// What is pending is about to run.
    pub(super) fn prepared(self) -> Self {
        self.locked().with(|case| {
            case.does("Prepare", Ok(StepResult::Prepared));
        })
    }

    pub(super) fn later(self, seconds: i64) -> Self {
        self.with(|case| case.now += SignedDuration::from_secs(seconds))
    }

    /// The reconcile is over, its status was written, and another one begins.
    pub(super) fn next_pass(mut self) -> Self {
        let (memo, state) = (self.status(), *self.state);
        self.state = Box::new(State {
            began: self.now,
            memo,
            platform: state.platform,
            source: state.source,
            scripts: state.scripts,
            backups: state.backups,
            memory: state.memory,
            ..*settled().state
        });
        self
    }

    pub(super) fn decide(&self) -> Decision {
        decide(&self.object, &self.assessed(), self.now)
    }

    /// The pending files were assessed as far as they were read.
    fn assessed(&self) -> State {
        let mut state = *self.state.clone();
        if let Some(unassessed) = unassessed(&self.object, &state) {
            state.memory.assessment = Some(Arc::new(unassessed.assess()));
        }
        state
    }

    pub(super) fn step(&self) -> Step {
        match self.decide() {
            Decision::Do(step) => step,
            other => panic!("no step: {other:?}"),
        }
    }

    /// The next step has this name, and it ends so.
    pub(super) fn does(&mut self, name: &str, outcome: Result<StepResult, StepError>) {
        let step = self.step();
        assert_eq!(step.name(), name);
        *self.state = self.assessed();
        Kind::update(&self.object, &mut self.state, &step, outcome, self.now);
    }

    /// An observation now shows what the last one did, but for this.
    #[allow(clippy::unnecessary_wraps, reason = "it is what a step ends with")]
    pub(super) fn sees(&self, change: impl FnOnce(&mut Observation)) -> Result<StepResult, StepError> {
        let mut observation = self
            .state
            .memory
            .observation
            .as_deref()
            .cloned()
            .unwrap_or_else(observation);
        observation.at = self.now;
        change(&mut observation);
        Ok(StepResult::Observed(Box::new(observation)))
    }

    /// The status after the decision that is due.
    pub(super) fn status(&self) -> MigrationSetStatus {
        status(&self.object, &self.assessed(), &self.decide(), self.now)
    }

    /// The digest of what would run.
    pub(super) fn plan(&self) -> String {
        self.status().plan.unwrap().digest
    }
}

#[allow(clippy::unnecessary_wraps, reason = "it is what a step ends with")]
pub(super) fn ran() -> Result<StepResult, StepError> {
    Ok(StepResult::Ran(Ran {
        duration: Duration::from_millis(41),
        warnings: Vec::new(),
    }))
}

fn object() -> MigrationSet {
    let object = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "MigrationSet",
        "metadata": { "name": "main", "namespace": "ace", "generation": 2 },
        "spec": { "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "migrations" } },
    });
    serde_json::from_value(object).unwrap()
}

fn platform() -> PlatformFacts {
    let database = json!({
        "host": "db.example.com", "passwordSecretRef": { "name": "supabase", "key": "password" },
    });
    PlatformFacts {
        project: "abcdefghijklmnopqrst".to_owned(),
        interval: Duration::from_mins(5),
        suspended: false,
        database: serde_json::from_value(database).unwrap(),
        place: PLACE.to_owned(),
    }
}

fn observation() -> Observation {
    let rows = [(V1, A), (V2, B)];
    Observation {
        at: at(-60),
        place: PLACE.to_owned(),
        target: target(),
        server_start: "1767225600".to_owned(),
        server_time: at(-60),
        form: 1,
        ledger: rows
            .map(|(version, _)| (version.to_owned(), LedgerRow::default()))
            .into(),
        operator_schema: Some(OperatorSchema {
            owner: Some(owner("ace", "main")),
            rows: rows.map(|(version, text)| (version.to_owned(), own(text))).into(),
            reference: Some(ReferenceState {
                digest: LIVE.to_owned(),
                snapshot_pending: false,
                schemas: vec!["public".to_owned()],
                server_major: 15,
                form: 1,
            }),
            ..OperatorSchema::default()
        }),
        catalogue: Arc::default(),
        schema: taken(LIVE, Vec::new()),
    }
}
