//! The operator in memory: objects, one Platform, the loop, wake-ups; virtual time, and a kill wherever a walk wants one.

use std::{cell::Cell, collections::BTreeMap, sync::Arc, time::Duration};

use ace_api::{EdgeFunction, FINALIZER, Platform, Stamp};
use ace_domain::{
    kinds::edge_function::{self, ArchiveData, Memory},
    kinds::platform::{self, Access, Observation, Phase},
    reconcile::clock::Clock,
    reconcile::decision::{Requeue, StepError},
    reconcile::key::Key,
    reconcile::kind::Kind as _,
    reconcile::pass::{Effect, End, Outcome, Pass},
    reconcile::timing::Timing,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::outside::{Outside, PROJECT, Request};

pub(crate) const INTERVAL: Duration = Duration::from_mins(5);
/// The operator was killed.
#[derive(Debug)]
pub(crate) struct Killed;

#[derive(Debug)]
pub(crate) struct Managed {
    pub object: EdgeFunction,
    pub memory: Memory,
    pub due: Option<Timestamp>,
}

#[derive(Debug)]
pub(crate) struct Fleet {
    pub outside: Outside,
    pub objects: Vec<Managed>,
    /// What the source holds, by slug.
    pub tree: BTreeMap<String, usize>,
    /// Steps until the operator is killed.
    pub kill_in: Option<u32>,
    pub passes: u32,
    pub writes: u32,
    pub platform: Platform,
    pub platform_due: Option<Timestamp>,
    pub observation: Observation,
    phase: Phase,
    pub archives: BTreeMap<String, ArchiveData>,
    pub foreign: Vec<Stamp>,
    created: i64,
    /// What decisions go by, and when it was read last.
    clock: Cell<(Timestamp, Clock)>,
}

impl Fleet {
    pub(crate) fn new(outside: Outside, slugs: &[&str]) -> Self {
        let platform = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "Platform",
            "metadata": { "name": "prod", "namespace": "ace", "generation": 1 },
            "spec": { "project": PROJECT, "api": { "tokenSecretRef": { "name": "supabase", "key": "token" } } },
            "status": { "observedGeneration": -1 },
        });
        let now = outside.now;
        Self {
            outside,
            objects: Vec::new(),
            tree: slugs.iter().map(|slug| ((*slug).to_owned(), 0)).collect(),
            kill_in: None,
            passes: 0,
            writes: 0,
            platform: serde_json::from_value(platform).unwrap(),
            platform_due: Some(now),
            observation: Observation::new(now),
            phase: Phase::Unlisted,
            archives: BTreeMap::new(),
            foreign: Vec::new(),
            created: 0,
            clock: Cell::new((now, Clock::new(now))),
        }
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
        let named = |managed: &Managed| managed.object.metadata.name.as_deref() == Some(name);
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
        self.objects.push(Managed {
            object: serde_json::from_value(object).unwrap(),
            memory: Memory::default(),
            due: None,
        });
        self.wake_all();
    }

    /// A change of the spec.
    pub(crate) fn change(&mut self, at: usize, change: impl FnOnce(&mut EdgeFunction)) {
        let object = &mut self.objects[at].object;
        let before = object.spec.clone();
        change(object);
        if object.spec != before {
            object.metadata.generation = object.metadata.generation.map(|generation| generation + 1);
        }
        self.wake_all();
    }

    pub(crate) fn wake_all(&mut self) {
        let now = self.outside.now;
        for managed in &mut self.objects {
            managed.due = Some(now);
        }
    }

    /// The process is gone, and what only it knew.
    pub(crate) fn restart(&mut self) {
        self.kill_in = None;
        self.clock.set((self.outside.now, Clock::new(self.outside.wall())));
        self.observation = Observation::new(self.now());
        self.phase = Phase::Unlisted;
        self.platform_due = Some(self.outside.now);
        for managed in &mut self.objects {
            managed.memory = Memory::default();
        }
        self.wake_all();
    }

    /// Runs what is due until `end`, or until `most` passes were made.
    pub(crate) fn run(&mut self, end: Timestamp, most: u32) {
        let first = self.passes;
        while self.passes - first < most {
            let next = self
                .objects
                .iter()
                .enumerate()
                .filter_map(|(at, managed)| Some((managed.due?, Some(at))));
            let next = next
                .chain(self.platform_due.map(|due| (due, None)))
                .min_by_key(|(due, _)| *due);
            let Some((due, who)) = next.filter(|(due, _)| *due <= end) else {
                break;
            };
            self.outside.pass_to(due);
            self.passes += 1;
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
        let described = self.objects.iter().map(|managed| managed.object.slug()).collect();
        self.observation.set_described(described);
        let state = platform::State {
            timing: Timing::default(),
            began: self.now(),
            memo: self.platform.status.clone().unwrap_or_default(),
            access: Access::Open,
            observation: self.observation.clone(),
            managed: self.objects.iter().map(|managed| managed.object.slug()).collect(),
            needs_secrets: false,
            has_anon_key: false,
            memory: platform::Memory::default(),
            step_error: None,
        };
        let mut pass = Pass::<platform::Kind>::new(Arc::new(self.platform.clone()), Timestamp::MAX);
        loop {
            let effect = pass.next(self.now());
            self.tick()?;
            match effect {
                Effect::Observe => pass.observed(state.clone(), self.now()),
                Effect::Act(step) => {
                    let outcome = self.platform_step(step);
                    pass.acted(outcome, self.now());
                }
                Effect::Record(status) | Effect::Report(status) => {
                    self.write_platform(status);
                    pass.status_written(&self.platform);
                }
                Effect::End(end) => {
                    assert_ne!(end.outcome, Outcome::Endless, "the Platform's pass has no end");
                    self.platform_due = self.after(end.requeue, 0);
                    self.note_phase();
                    return Ok(());
                }
                Effect::Admit(_) | Effect::SetFinalizer(_) | Effect::Publish(_) => unreachable!("a Platform has none"),
            }
        }
    }

    fn platform_step(&mut self, step: platform::Step) -> Result<platform::StepResult, platform::StepError> {
        let done = match step {
            platform::Step::ListFunctions => self.list(),
            platform::Step::GetProject | platform::Step::ListSecrets | platform::Step::CheckDatabase => {
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

    pub(crate) fn list(&mut self) -> Result<(), StepError> {
        let started = self.now();
        self.outside.request(Request::List)?;
        let changes = self.observation.record_list(started, self.outside.list());
        let news = changes.of(&Key::of(&self.platform));
        let now = self.outside.now;
        for managed in &mut self.objects {
            let references = edge_function::Kind::references(&managed.object);
            if news.iter().any(|change| references.contains(change)) {
                managed.due = Some(now);
            }
        }
        self.note_phase();
        Ok(())
    }

    /// A Platform out of sight wakes its functions once, and once when it is back.
    pub(crate) fn note_phase(&mut self) {
        let phase = self
            .observation
            .phase(Timing::default().lost_after(INTERVAL), self.now());
        if phase != self.phase {
            self.phase = phase;
            self.wake_all();
            let soon = self.outside.now;
            self.platform_due = self.platform_due.map(|due| due.min(soon + INTERVAL));
        }
    }

    fn function_pass(&mut self, at: usize) -> Result<(), Killed> {
        self.objects[at].due = None;
        let object = Arc::new(self.objects[at].object.clone());
        let mut pass = Pass::<edge_function::Kind>::new(object, Timestamp::MAX);
        loop {
            let effect = pass.next(self.now());
            self.tick()?;
            match effect {
                Effect::SetFinalizer(wanted) => {
                    let finalizers = wanted.then(|| vec![FINALIZER.to_owned()]);
                    self.objects[at].object.metadata.finalizers = finalizers;
                    pass.finalizer_set(Arc::new(self.objects[at].object.clone()));
                }
                Effect::Observe => pass.observed(self.observe(at), self.now()),
                Effect::Admit(_) => pass.admitted(Ok(()), self.now()),
                Effect::Record(status) | Effect::Report(status) => {
                    let state = pass.state().expect("a status follows an observation");
                    self.write(at, status, state);
                    pass.status_written(&self.objects[at].object);
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
            self.objects.remove(at);
            self.wake_all();
            return;
        }
        let managed = &mut self.objects[at];
        if let Some((state, decision)) = pass.into_parts() {
            managed.memory = edge_function::Kind::into_memory(state, &decision);
        }
        managed.memory.failures = if end.requeue == Requeue::Backoff {
            managed.memory.failures + 1
        } else {
            0
        };
        let failures = managed.memory.failures;
        let due = self.after(end.requeue, failures);
        let managed = &mut self.objects[at];
        managed.due = [managed.due, due].into_iter().flatten().min();
    }

    /// When a pass is due again: a timer knows no clock.
    fn after(&self, again: Requeue, failures: u32) -> Option<Timestamp> {
        let wait = match again {
            Requeue::Backoff => Some(Timing::default().backoff(failures.saturating_sub(1))),
            other => other.wait(self.now()),
        };
        wait.map(|wait| self.outside.now + wait)
    }
}
