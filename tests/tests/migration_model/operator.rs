//! The operator in memory: one set of migrations, the loop, virtual time, and a kill wherever a walk wants one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ace_api::{MigrationMode, MigrationSet, VerificationLevel};
use ace_domain::{
    kinds::migration_set::{
        self, Backups, Candidate, Owner, PlatformFacts, PlatformState, Schedule, SourceState, State, Step, StepError,
    },
    kinds::platform::DatabaseFailure,
    reconcile::dependency::Dependency,
    reconcile::key::SourceKey,
    reconcile::kind::{Kind as _, Step as _},
    reconcile::pass::{Effect, End, Outcome, Pass},
    reconcile::timing::Timing,
    sql::{File, Folder},
};
use ace_tests::{kstatus, managed::Managed};
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

pub(crate) struct Model {
    pub now: Timestamp,
    pub db: Database,
    pub snapshot: Option<Database>,
    pub set: Managed<migration_set::Kind>,
    pub files: BTreeMap<String, String>,
    /// Those that were made for plans, and are there.
    pub backups: Vec<Candidate>,
    /// The one that was looked at under the lock.
    pub checked: Option<Candidate>,
    /// Name of the one after which the current run runs.
    pub run_after: Option<String>,
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
    /// Of the object as it was written last.
    version: u64,
    watching_since: Timestamp,
}

impl Model {
    /// `gated`: plans that can lose data wait for a backup.
    pub(crate) fn new(bare: bool, gated: bool) -> Self {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let requires = json!({ "schedule": "nightly", "maxAge": "10m" });
        let requires = if gated {
            json!({ "backup": requires })
        } else {
            json!({})
        };
        let object = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "MigrationSet",
            "metadata": { "name": "main", "namespace": "ace", "generation": 1, "uid": "1" },
            "spec": { "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "migrations" }, "requires": requires },
            "status": { "observedGeneration": -1 },
        });
        let mut set = Managed::new(serde_json::from_value(object).unwrap());
        set.due = Some(now);
        Self {
            now,
            db: Database::new(bare),
            snapshot: None,
            set,
            files: BTreeMap::new(),
            backups: Vec::new(),
            checked: None,
            run_after: None,
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
            version: 0,
            watching_since: now,
        }
    }

    pub(crate) fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    /// A change of the spec.
    pub(crate) fn spec(&mut self, change: impl FnOnce(&mut ace_api::MigrationSetSpec)) {
        let object = &mut self.set.object;
        let before = object.spec.clone();
        change(&mut object.spec);
        if object.spec != before {
            object.metadata.generation = object.metadata.generation.map(|generation| generation + 1);
            self.arrives();
        }
    }

    /// Somebody asks for a reconcile.
    pub(crate) fn ask(&mut self, value: u64) {
        let annotations = self.set.object.metadata.annotations.get_or_insert_default();
        annotations.insert(ace_api::ANNOTATION_RECONCILE_AT.to_owned(), value.to_string());
        self.arrives();
    }

    /// The source holds this text of a version.
    pub(crate) fn set_file(&mut self, version: String, text: String) {
        self.files.insert(version, text);
        let object = &self.set.object;
        let source = Dependency::Source(SourceKey::of(object, &object.spec.source));
        if migration_set::Kind::references(object).contains(&source) {
            self.set.enqueue(self.now);
        }
    }

    /// The object that was written arrives from the API server.
    fn arrives(&mut self) {
        self.version += 1;
        self.set.object.metadata.resource_version = Some(self.version.to_string());
        self.set.due = Some(self.now);
    }

    /// Runs what is due until `end`, or until `most` passes were made.
    pub(crate) fn run(&mut self, end: Timestamp, most: u32) {
        let first = self.passes;
        while self.passes - first < most
            && let Some(due) = self.set.due.filter(|due| *due <= end)
        {
            self.now = self.now.max(due);
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
        self.watching_since = self.now;
        self.set.restart(self.now);
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
        let Some(object) = self.set.turn(self.now) else {
            return Ok(());
        };
        self.passes += 1;
        let mut pass = Pass::<migration_set::Kind>::new(object, Timestamp::MAX);
        loop {
            let effect = pass.next(self.now);
            match effect {
                Effect::Observe => pass.observed(self.observe(), self.now),
                Effect::Admit(_) => pass.admitted(Ok(()), self.now),
                Effect::Record(status) | Effect::Report(status) => {
                    let folder = pass.state().and_then(|state| state.folder().cloned());
                    self.report(status, folder.as_deref());
                    self.tick()?;
                    let answer = self.set.note_write(pass.object());
                    pass.status_written(&answer);
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
            memo: self.set.object.status.clone().unwrap_or_default(),
            platform: PlatformState::Present(PlatformFacts {
                project: "abcdefghijklmnopqrst".to_owned(),
                interval: INTERVAL,
                suspended: false,
                database: serde_json::from_value(database).unwrap(),
                place: PLACE.to_owned(),
            }),
            source,
            backups: Backups {
                schedule: Some(Schedule {
                    platform: "prod".to_owned(),
                    level: VerificationLevel::Archive,
                }),
                all: self.backups.clone(),
                ..Backups::default()
            },
            scripts: BTreeMap::new(),
            answers: BTreeMap::new(),
            locked: false,
            unseen: None,
            written_steps: BTreeSet::new(),
            prepared: false,
            announced: None,
            snapshot_taken: false,
            stop: None,
            memory: self.set.kept.memory.clone(),
            step_error: None,
        }
    }

    /// Writes the status, and judges it.
    fn report(&mut self, status: ace_api::MigrationSetStatus, folder: Option<&Folder>) {
        if self.set.object.status.as_ref() == Some(&status) {
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
        self.set.object.status = Some(status);
        self.arrives();
        let after = self.as_value();
        let broken = kstatus::violations(&after)
            .into_iter()
            .chain(kstatus::turns(&before, &after));
        self.faults.extend(broken);
    }

    fn as_value(&self) -> Value {
        let mut value = serde_json::to_value(&self.set.object).unwrap();
        value["kind"] = json!("MigrationSet");
        value
    }

    fn end(&mut self, pass: Pass<migration_set::Kind>, End { requeue, .. }: End) {
        if let Some((state, decision)) = pass.into_parts() {
            self.set.kept.memory = migration_set::Kind::into_memory(state, &decision);
        }
        self.set.ended(requeue, self.now, self.now);
    }

    /// Nobody writes unasked, and what is noted as the reference is what the rules make it.
    pub(crate) fn judge_step(&mut self, object: &MigrationSet, state: &State, step: &Step) {
        if matches!(
            step,
            Step::Observe | Step::Read(_) | Step::Assess(_) | Step::CheckSyntax(_)
        ) {
            return;
        }
        let owner = self
            .db
            .bookkeeping
            .as_ref()
            .and_then(|bookkeeping| bookkeeping.owner.clone());
        let ours = owner.is_none_or(|owner| owner == Owner::of(object));
        let allowed = object.spec.mode == MigrationMode::Apply && !object.spec.suspend;
        if let Step::Prepare(_) = step {
            self.judge_backup(object, state);
        }
        if let Step::Run { after, .. } = step {
            self.judge_after(after.as_ref());
        }
        if matches!(step, Step::MakeBackup(_) | Step::CheckBackup(_)) {
            if !allowed {
                self.fault(format!("{} without being allowed", step.name()));
            }
            return;
        }
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
        let conditions = &self.set.object.status.as_ref()?.common.conditions;
        let found = conditions
            .iter()
            .find(|condition| condition.type_ == type_ && condition.status == "True");
        found.map(|condition| condition.reason.clone())
    }

    pub(crate) fn file(&self, version: &str) -> Option<File> {
        Some(file(version, self.files.get(version)?))
    }
}
