//! The operator in memory: objects, one Platform, the loop; virtual time, and a kill wherever a walk wants one.

use std::{cell::Cell, collections::BTreeMap, time::Duration};

use ace_api::{EdgeFunction, FINALIZER, Platform, Stamp};
use ace_domain::{
    kinds::edge_function::{self, ArchiveData},
    kinds::platform::{self, Access, Observation},
    reconcile::clock::Clock,
    reconcile::decision::{Decision, StepError},
    reconcile::dependency::Dependency,
    reconcile::key::{Key, SourceKey},
    reconcile::kind::Kind as _,
    reconcile::pass::{Effect, End, Outcome, Pass},
    reconcile::timing::Timing,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use ace_tests::managed::Managed;

use super::{
    index::{Index, id},
    outside::{Outside, PROJECT, Request},
};

pub(crate) const INTERVAL: Duration = Duration::from_mins(5);
/// The operator was killed.
#[derive(Debug)]
pub(crate) struct Killed;

pub(crate) struct Fleet {
    pub outside: Outside,
    pub objects: Vec<Managed<edge_function::Kind>>,
    /// What the source holds, by slug.
    pub tree: BTreeMap<String, usize>,
    /// Steps until the operator is killed.
    pub kill_in: Option<u32>,
    pub passes: u32,
    pub writes: u32,
    pub platform: Managed<platform::Kind>,
    pub observation: Observation,
    pub index: Index,
    pub archives: BTreeMap<String, ArchiveData>,
    pub foreign: Vec<Stamp>,
    created: i64,
    /// Of the object that was written last.
    version: u64,
    /// What decisions go by, and when it was read last.
    clock: Cell<(Timestamp, Clock)>,
}

impl Fleet {
    pub(crate) fn new(outside: Outside, slugs: &[&str]) -> Self {
        let platform = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "Platform",
            "metadata": { "name": "prod", "namespace": "ace", "generation": 1, "uid": "1" },
            "spec": { "project": PROJECT, "api": { "tokenSecretRef": { "name": "supabase", "key": "token" } } },
            "status": { "observedGeneration": -1 },
        });
        let platform: Platform = serde_json::from_value(platform).unwrap();
        let now = outside.now;
        let mut fleet = Self {
            outside,
            objects: Vec::new(),
            tree: slugs.iter().map(|slug| ((*slug).to_owned(), 0)).collect(),
            kill_in: None,
            passes: 0,
            writes: 0,
            platform: Managed::new(platform),
            observation: Observation::new(now),
            index: Index::new(),
            archives: BTreeMap::new(),
            foreign: Vec::new(),
            created: 0,
            version: 0,
            clock: Cell::new((now, Clock::new(now))),
        };
        fleet.restart();
        fleet
    }

    /// The time that decisions go by.
    pub(crate) fn now(&self) -> Timestamp {
        let (read, mut clock) = self.clock.get();
        let elapsed = self.outside.now.duration_since(read).unsigned_abs();
        let now = clock.read(self.outside.wall(), elapsed);
        self.clock.set((self.outside.now, clock));
        now
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        let named = |managed: &Managed<edge_function::Kind>| managed.object.metadata.name.as_deref() == Some(name);
        self.objects.iter().position(named)
    }

    /// Applies an object that is not there.
    pub(crate) fn apply(&mut self, name: &str, spec: &Value) {
        if self.find(name).is_some() {
            return;
        }
        self.created += 1;
        let object = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "EdgeFunction",
            "metadata": {
                "name": name, "namespace": "ace", "generation": 1, "uid": format!("{:08}", self.created),
                "creationTimestamp": Timestamp::from_second(1_700_000_000 + self.created).unwrap().to_string(),
            },
            "spec": spec,
            "status": { "observedGeneration": -1 },
        });
        self.objects.push(Managed::new(serde_json::from_value(object).unwrap()));
        self.arrives(self.objects.len() - 1);
    }

    /// A change of the spec, or of an annotation.
    pub(crate) fn change(&mut self, at: usize, change: impl FnOnce(&mut EdgeFunction)) {
        let object = &mut self.objects[at].object;
        let before = object.spec.clone();
        change(object);
        if object.spec != before {
            object.metadata.generation = object.metadata.generation.map(|generation| generation + 1);
        }
        self.arrives(at);
    }

    /// An object that was written arrives from the API server.
    pub(crate) fn arrives(&mut self, at: usize) {
        self.version += 1;
        let managed = &mut self.objects[at];
        managed.object.metadata.resource_version = Some(self.version.to_string());
        managed.due = Some(self.outside.now);
        self.index.apply::<edge_function::Kind>(&managed.object);
    }

    /// The Platform that was written arrives.
    pub(crate) fn platform_arrives(&mut self) {
        self.version += 1;
        self.platform.object.metadata.resource_version = Some(self.version.to_string());
        self.platform.due = Some(self.outside.now);
        self.index.apply::<platform::Kind>(&self.platform.object);
    }

    /// The object is gone.
    pub(crate) fn remove(&mut self, at: usize) {
        let gone = self.objects.remove(at);
        self.index.dependents.forget(&id(&gone));
    }

    /// The source holds another content of a function.
    pub(crate) fn set_source(&mut self, slug: &str, text: usize) {
        self.tree.insert(slug.to_owned(), text);
        let sources = self.objects.iter().map(|managed| &managed.object);
        let sources = sources.map(|object| Dependency::Source(SourceKey::of(object, &object.spec.source)));
        self.index
            .dependents
            .changed(&sources.take(1).collect::<Vec<_>>(), None);
    }

    /// The process is gone, and what only it knew.
    pub(crate) fn restart(&mut self) {
        let now = self.outside.now;
        self.kill_in = None;
        self.clock.set((now, Clock::new(self.outside.wall())));
        self.observation = Observation::new(self.now());
        self.index = Index::new();
        self.platform.restart(now);
        self.index.apply::<platform::Kind>(&self.platform.object);
        for managed in &mut self.objects {
            managed.restart(now);
            self.index.apply::<edge_function::Kind>(&managed.object);
        }
        self.index.filled();
    }

    /// Runs what is due until `end`, or until `most` passes were made.
    pub(crate) fn run(&mut self, end: Timestamp, most: u32) {
        let first = self.passes;
        while self.passes - first < most {
            self.index.pass_to(self.outside.now);
            self.hand_over();
            let next = self
                .objects
                .iter()
                .enumerate()
                .filter_map(|(at, managed)| Some((managed.due?, Some(at))));
            let next = next
                .chain(self.platform.due.map(|due| (due, None)))
                .min_by_key(|(due, _)| *due);
            let change = self.index.next_change().filter(|change| *change <= end);
            if let Some(change) = change.filter(|change| next.is_none_or(|(due, _)| *change < due)) {
                self.outside.pass_to(change);
                continue;
            }
            let Some((due, who)) = next.filter(|(due, _)| *due <= end) else {
                break;
            };
            self.outside.pass_to(due);
            let ended = match who {
                None => self.platform_pass(),
                Some(at) => self.function_pass(at),
            };
            if let Err(Killed) = ended {
                self.restart();
            }
        }
        if self.passes - first < most {
            self.outside.pass_to(end);
        }
    }

    /// What the index has enqueued waits for its turn.
    fn hand_over(&mut self) {
        let now = self.outside.now;
        self.index.hand_over(&mut self.platform, now);
        for managed in &mut self.objects {
            self.index.hand_over(managed, now);
        }
    }

    fn tick(&mut self) -> Result<(), Killed> {
        match &mut self.kill_in {
            Some(0) => Err(Killed),
            Some(steps) => {
                *steps -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn platform_pass(&mut self) -> Result<(), Killed> {
        let Some(object) = self.platform.turn(self.outside.now) else {
            return Ok(());
        };
        self.passes += 1;
        let described = self.objects.iter().map(|managed| managed.object.slug()).collect();
        self.observation.set_described(described);
        let state = platform::State {
            timing: Timing::default(),
            began: self.now(),
            memo: object.status.clone().unwrap_or_default(),
            access: Access::Open,
            observation: self.observation.clone(),
            managed: self.objects.iter().map(|managed| managed.object.slug()).collect(),
            needs_secrets: false,
            needs_points: false,
            has_anon_key: false,
            memory: self.platform.kept.memory.clone(),
            step_error: None,
        };
        let mut pass = Pass::<platform::Kind>::new(object, Timestamp::MAX);
        loop {
            let effect = pass.next(self.now());
            self.tick()?;
            match effect {
                Effect::Observe => {
                    self.publish_platform(&state, None);
                    pass.observed(state.clone(), self.now());
                }
                Effect::Act(step) => {
                    let outcome = self.platform_step(step);
                    pass.acted(outcome, self.now());
                    let state = pass.state().expect("a step follows an observation");
                    self.publish_platform(state, None);
                }
                Effect::Record(status) | Effect::Report(status) => {
                    self.write_platform(status);
                    let answer = self.platform.note_write(pass.object());
                    pass.status_written(&answer);
                }
                Effect::End(end) => {
                    assert_ne!(end.outcome, Outcome::Endless, "the Platform's pass has no end");
                    if let Some((state, decision)) = pass.into_parts() {
                        self.publish_platform(&state, Some(&decision));
                        self.platform.kept.memory = platform::Kind::into_memory(state, &decision);
                    }
                    let clock = self.now();
                    self.platform.ended(end.requeue, self.outside.now, clock);
                    return Ok(());
                }
                Effect::Admit(_) | Effect::SetFinalizer(_) | Effect::Publish(_) => unreachable!("a Platform has none"),
            }
        }
    }

    /// Tells those who depend on the Platform what its pass has found so far.
    fn publish_platform(
        &self,
        state: &platform::State,
        decision: Option<&Decision<platform::Step, ace_api::PlatformReason>>,
    ) {
        let findings = platform::Kind::findings(&self.platform.object, state, decision, self.now());
        self.index.dependents.publish(&id(&self.platform), findings);
    }

    fn platform_step(&mut self, step: platform::Step) -> Result<platform::StepResult, platform::StepError> {
        let done = match step {
            platform::Step::ListFunctions => self.list().map(|changes| {
                let by = id(&self.platform);
                self.index.dependents.changed(&changes, Some(&by));
            }),
            platform::Step::GetProject
            | platform::Step::ListSecrets
            | platform::Step::ListBackups
            | platform::Step::CheckDatabase => {
                let started = self.now();
                let answer = self.outside.request(Request::Project);
                if answer.is_ok() {
                    let project = ace_api::ProjectStatus {
                        state: "ACTIVE_HEALTHY".to_owned(),
                        region: "us-east-1".to_owned(),
                    };
                    self.observation.record_project(started, Some(project));
                }
                answer
            }
        };
        match done {
            Ok(()) => Ok(platform::StepResult::Observed(Box::new(self.observation.clone()))),
            Err(StepError::Deferred(wait)) => Err(platform::StepError::Deferred(wait)),
            Err(_) => {
                self.observation.failed("503".to_owned());
                Err(platform::StepError::Unanswered("503".to_owned()))
            }
        }
    }

    /// A list of the functions; what it shows to have changed.
    pub(crate) fn list(&mut self) -> Result<Vec<Dependency>, StepError> {
        let started = self.now();
        self.outside.request(Request::List)?;
        let changes = self.observation.record_list(started, self.outside.list());
        Ok(changes.of(&Key::of(&self.platform.object)))
    }

    fn function_pass(&mut self, at: usize) -> Result<(), Killed> {
        let Some(object) = self.objects[at].turn(self.outside.now) else {
            return Ok(());
        };
        self.passes += 1;
        let mut pass = Pass::<edge_function::Kind>::new(object, Timestamp::MAX);
        loop {
            let effect = pass.next(self.now());
            self.tick()?;
            match effect {
                Effect::SetFinalizer(wanted) => {
                    let finalizers = wanted.then(|| vec![FINALIZER.to_owned()]);
                    self.objects[at].object.metadata.finalizers = finalizers;
                    self.arrives(at);
                    let answer = self.objects[at].note_write(pass.object());
                    pass.finalizer_set(answer);
                }
                Effect::Observe => pass.observed(self.observe(at), self.now()),
                Effect::Admit(_) => pass.admitted(Ok(()), self.now()),
                Effect::Record(status) | Effect::Report(status) => {
                    let state = pass.state().expect("a status follows an observation");
                    self.write(at, status, state);
                    let answer = self.objects[at].note_write(pass.object());
                    pass.status_written(&answer);
                }
                Effect::Act(step) => {
                    let state = pass.state().expect("a step follows an observation");
                    let object = pass.object().clone();
                    let outcome = self.act(at, &object, state, &step);
                    self.tick()?;
                    pass.acted(outcome, self.now());
                }
                Effect::Publish(_) => {}
                Effect::End(end) => {
                    self.end(at, pass, end);
                    return self.tick();
                }
            }
        }
    }

    fn end(&mut self, at: usize, pass: Pass<edge_function::Kind>, end: End) {
        let name = &self.objects[at].object.metadata.name;
        assert_ne!(end.outcome, Outcome::Endless, "the pass of {name:?} has no end");
        if end.outcome == Outcome::Gone {
            return self.remove(at);
        }
        let (now, clock) = (self.outside.now, self.now());
        let managed = &mut self.objects[at];
        if let Some((state, decision)) = pass.into_parts() {
            managed.kept.memory = edge_function::Kind::into_memory(state, &decision);
        }
        managed.ended(end.requeue, now, clock);
    }
}
