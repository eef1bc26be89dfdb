//! The operator in memory: one set of migrations, the loop, virtual time, and a kill wherever a walk wants one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use ace_api::{MigrationMode, MigrationSet};
use ace_domain::{
    kinds::migration_set::{self, Memory, Owner, PlatformFacts, PlatformState, SourceState, State, Step, StepError},
    kinds::platform::DatabaseFailure,
    reconcile::decision::Requeue,
    reconcile::kind::{Kind as _, Step as _},
    reconcile::pass::{Effect, End, Outcome, Pass},
    reconcile::timing::Timing,
    sql::{File, Folder},
};
use ace_tests::kstatus;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    database::{Database, file, folder},
    walk::{Act, act},
};

const INTERVAL: Duration = Duration::from_mins(5);
pub(crate) const PLACE: &str = "db.example.com";

/// The operator was killed.
#[derive(Debug)]
pub(crate) struct Killed;

/// What becomes of the next file that runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Loss {
    /// The connection is cut before anything of it is kept.
    Before,
    /// It is cut when so many parts are done.
    Part(usize),
    /// It is cut after COMMIT, before the answer.
    SyntaxCheck,
}

/// A file as a plan that was shown has it: version, bytes, and how often it had run by then.
type Shown = (String, String, u32);

#[derive(Debug)]
pub(crate) struct Model {
    pub now: Timestamp,
    pub db: Database,
    pub snapshot: Option<Database>,
    pub object: MigrationSet,
    pub files: BTreeMap<String, String>,
    /// How often each version ran, as far as the operator can know.
    pub ever: BTreeMap<String, u32>,
    /// Plans that statuses have shown, by digest.
    pub plans: BTreeMap<String, Vec<Shown>>,
    pub runs: u32,
    pub outage_until: Timestamp,
    pub busy_until: Timestamp,
    pub blocked_until: Timestamp,
    pub source_until: Timestamp,
    pub loss: Option<Loss>,
    /// Steps until the operator is killed.
    pub kill_in: Option<u32>,
    /// What happens in the middle of a pass, after so many steps.
    pub meanwhile: Option<(u32, Act)>,
    pub faults: Vec<String>,
    pub steps: Vec<&'static str>,
    pub writes: u32,
    pub passes: u32,
    pub due: Option<Timestamp>,
    memory: Memory,
    failures: u32,
    watching_since: Timestamp,
}

impl Model {
    pub(crate) fn new(bare: bool) -> Self {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let object = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "MigrationSet",
            "metadata": { "name": "main", "namespace": "ace", "generation": 1, "uid": "1" },
            "spec": { "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "migrations" } },
            "status": { "observedGeneration": -1 },
        });
        Self {
            now,
            db: Database::new(bare),
            snapshot: None,
            object: serde_json::from_value(object).unwrap(),
            files: BTreeMap::new(),
            ever: BTreeMap::new(),
            plans: BTreeMap::new(),
            runs: 0,
            outage_until: now,
            busy_until: now,
            blocked_until: now,
            source_until: now,
            loss: None,
            kill_in: None,
            meanwhile: None,
            faults: Vec::new(),
            steps: Vec::new(),
            writes: 0,
            passes: 0,
            due: Some(now),
            memory: Memory::default(),
            failures: 0,
            watching_since: now,
        }
    }

    pub(crate) fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    /// A change of the spec.
    pub(crate) fn spec(&mut self, change: impl FnOnce(&mut ace_api::MigrationSetSpec)) {
        let before = self.object.spec.clone();
        change(&mut self.object.spec);
        if self.object.spec != before {
            self.object.metadata.generation = self.object.metadata.generation.map(|generation| generation + 1);
        }
    }

    /// Runs what is due until `end`, or until `most` passes were made.
    pub(crate) fn run(&mut self, end: Timestamp, most: u32) {
        let first = self.passes;
        while self.passes - first < most
            && let Some(due) = self.due.filter(|due| *due <= end)
        {
            self.now = self.now.max(due);
            self.passes += 1;
            if let Err(Killed) = self.pass() {
                self.restart();
            }
            self.judge_rest();
        }
        self.now = self.now.max(end);
    }

    /// The process is gone, and what only it knew.
    pub(crate) fn restart(&mut self) {
        self.kill_in = None;
        self.memory = Memory::default();
        self.failures = 0;
        self.watching_since = self.now;
        self.due = Some(self.now);
    }

    fn tick(&mut self) -> Result<(), Killed> {
        self.now += Duration::from_millis(50);
        match &mut self.kill_in {
            Some(0) => return Err(Killed),
            Some(steps) => *steps -= 1,
            None => {}
        }
        match self.meanwhile.take() {
            Some((0, next)) => act(self, &next),
            Some((steps, next)) => self.meanwhile = Some((steps - 1, next)),
            None => {}
        }
        Ok(())
    }

    fn pass(&mut self) -> Result<(), Killed> {
        self.due = None;
        let mut pass = Pass::<migration_set::Kind>::new(Arc::new(self.object.clone()), Timestamp::MAX);
        loop {
            let effect = pass.next(self.now);
            match effect {
                Effect::Observe => pass.observed(self.observe(), self.now),
                Effect::Admit(_) => pass.admitted(Ok(()), self.now),
                Effect::Record(status) | Effect::Report(status) => {
                    let folder = pass.state().and_then(|state| state.folder().cloned());
                    self.report(status, folder.as_deref());
                    self.tick()?;
                    pass.status_written(&self.object);
                }
                Effect::Act(step) => {
                    self.tick()?;
                    self.steps.push(step.name());
                    let state = pass.state().expect("a step follows an observation");
                    let object = pass.object().clone();
                    let outcome = self.act(&object, state, &step);
                    self.tick()?;
                    pass.acted(outcome, self.now);
                }
                Effect::End(end) => {
                    if end.outcome == Outcome::Endless {
                        self.fault(format!("a pass has no end: {:?}", &self.steps[self.steps.len() - 9..]));
                    }
                    self.tick()?;
                    self.end(pass, end);
                    return Ok(());
                }
                Effect::SetFinalizer(_) | Effect::Publish(_) => unreachable!("a MigrationSet has none"),
            }
        }
    }

    fn observe(&self) -> State {
        let source = if self.now < self.source_until {
            SourceState::Failed("it timed out".to_owned())
        } else {
            SourceState::Ready {
                content: folder(&self.files),
                artifact_revision: format!("{:?}", self.files),
                secret_files: None,
            }
        };
        let database = json!({ "host": PLACE, "passwordSecretRef": { "name": "supabase", "key": "password" } });
        State {
            timing: Timing::default(),
            began: self.now,
            watching_since: self.watching_since,
            memo: self.object.status.clone().unwrap_or_default(),
            platform: PlatformState::Present(PlatformFacts {
                project: "abcdefghijklmnopqrst".to_owned(),
                interval: INTERVAL,
                suspended: false,
                database: serde_json::from_value(database).unwrap(),
                place: PLACE.to_owned(),
            }),
            source,
            scripts: BTreeMap::new(),
            answers: BTreeMap::new(),
            locked: false,
            unseen: None,
            written_steps: BTreeSet::new(),
            prepared: false,
            announced: None,
            snapshot_taken: false,
            stop: None,
            memory: self.memory.clone(),
            step_error: None,
        }
    }

    /// Writes the status, and judges it.
    fn report(&mut self, status: ace_api::MigrationSetStatus, folder: Option<&Folder>) {
        if self.object.status.as_ref() == Some(&status) {
            return;
        }
        self.writes += 1;
        if let (Some(plan), Some(folder)) = (&status.plan, folder) {
            let of = |version: &str| folder.files.iter().find(|file| file.version.as_str() == version);
            let items = plan.pending.iter().filter_map(|pending| {
                let ran = self.ever.get(&pending.version).copied().unwrap_or_default();
                Some((pending.version.clone(), of(&pending.version)?.sha256.clone(), ran))
            });
            let items = items.collect();
            self.plans.entry(plan.digest.clone()).or_insert(items);
        }
        let before = self.as_value();
        self.object.status = Some(status);
        let after = self.as_value();
        let broken = kstatus::violations(&after)
            .into_iter()
            .chain(kstatus::turns(&before, &after));
        self.faults.extend(broken);
    }

    fn as_value(&self) -> Value {
        let mut value = serde_json::to_value(&self.object).unwrap();
        value["kind"] = json!("MigrationSet");
        value
    }

    fn end(&mut self, pass: Pass<migration_set::Kind>, End { requeue, .. }: End) {
        if let Some((state, decision)) = pass.into_parts() {
            self.memory = migration_set::Kind::into_memory(state, &decision);
        }
        self.failures = if requeue == Requeue::Backoff {
            self.failures + 1
        } else {
            0
        };
        let wait = match requeue {
            Requeue::Backoff => Some(Timing::default().backoff(self.failures - 1)),
            other => other.wait(self.now),
        };
        let due = wait.map(|wait| self.now + wait);
        // What happened meanwhile has asked for a pass already.
        self.due = self.due.or(due);
    }

    /// Nobody writes unasked, and what is noted as the reference is what the rules make it.
    pub(crate) fn judge_step(&mut self, object: &MigrationSet, state: &State, step: &Step) {
        if matches!(step, Step::Observe | Step::Read(_) | Step::CheckSyntax(_)) {
            return;
        }
        let owner = self.db.books.as_ref().and_then(|books| books.owner.clone());
        let ours = owner.is_none_or(|owner| owner == Owner::of(object));
        let allowed = object.spec.mode == MigrationMode::Apply && !object.spec.suspend;
        let held = matches!(step, Step::Begin) || state.locked;
        if !(allowed && held && (ours || matches!(step, Step::Begin | Step::ObserveAgain | Step::Claim))) {
            self.fault(format!("{} without being allowed", step.name()));
        }
    }

    fn judge_rest(&mut self) {
        let desired = self.db.desired.clone();
        let reference = self
            .db
            .reference()
            .filter(|reference| !reference.snapshot_pending && reference.before.is_none());
        if let Some(reference) = reference
            && reference.objects != desired
        {
            let fault = format!("the reference is {:?} and should be {desired:?}", reference.objects);
            self.fault(fault);
        }
    }

    pub(crate) fn unanswered(&self) -> Result<(), StepError> {
        if self.now < self.outage_until {
            return Err(StepError::Database(DatabaseFailure::Unanswered("refused".to_owned())));
        }
        Ok(())
    }

    pub(crate) fn reason(&self, type_: &str) -> Option<String> {
        let conditions = &self.object.status.as_ref()?.common.conditions;
        let found = conditions
            .iter()
            .find(|condition| condition.type_ == type_ && condition.status == "True");
        found.map(|condition| condition.reason.clone())
    }

    pub(crate) fn file(&self, version: &str) -> Option<File> {
        Some(file(version, self.files.get(version)?))
    }
}
