//! One pass over one object, without I/O: it hands out effects as data and takes in their answers.
//!
//! ```text
//! finalizer ─▶ Observe ─▶ decide ─┬─ a step ──▶ [Admit, Record] Act ──▶ update ──▶ decide …
//!                                 ├─ nothing to do now ──▶ Report, if the status differs ──▶ End
//!                                 └─ released ──▶ Publish, finalizer ──▶ End
//! ```
//! The operator, `kubectl ace plan` and the models of the tests all run this one.

use std::sync::Arc;

use ace_api::{FINALIZER, ObjectStatus as _, within_bounds};
use jiff::Timestamp;
use kube::{Resource, ResourceExt, core::object::HasStatus};

use super::{
    annotations::is_leaving,
    decision::{Decision, Requeue},
    event::Event,
    kind::{Kind, Step},
};

/// What is to be done next, and how its answer is handed back.
#[derive(Debug)]
pub enum Effect<K: Kind> {
    /// Add our finalizer or remove it; answered by [`Pass::finalizer_set`].
    SetFinalizer(bool),
    /// Collect what is known; answered by [`Pass::observed`], or by [`Pass::unobserved`].
    Observe,
    /// Could this step be made now? Asked before it is announced, so that a step that has to wait costs no write; answered by
    /// [`Pass::admitted`].
    Admit(K::Step),
    /// Write this status, also where it says nothing new: the answer is the object as it is now; answered by
    /// [`Pass::status_written`].
    Record(K::Status),
    /// Make this step; answered by [`Pass::acted`].
    Act(K::Step),
    /// Write this status, which differs from the one shown; answered by [`Pass::status_written`].
    Report(K::Status),
    /// Publish this event; needs no answer.
    Publish(Event),
    End(End),
}

/// How a pass ended, and when the next one is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    pub outcome: Outcome,
    /// When the next one is due, unless a change comes first.
    pub requeue: Requeue,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Nothing to do until something changes.
    Settled,
    /// It waits for something.
    Waiting,
    /// A person must act.
    Refused,
    /// The object changed after a step was announced and before it was made.
    StartedOver,
    /// The object is gone or was released.
    Gone,
    /// More steps than any real pass has: its decisions go in a circle.
    Endless,
    /// It took longer than a pass may.
    OutOfTime,
}

pub struct Pass<K: Kind> {
    object: Arc<K::Object>,
    /// Of the object, as it was last read or written by this pass.
    version: Option<String>,
    state: Option<K::State>,
    shown: K::Status,
    deadline: Timestamp,
    steps: usize,
    stage: Stage<K>,
}

/// What is known at the end of a pass, and the decision that it ended with.
pub type Parts<K> = (<K as Kind>::State, Decision<<K as Kind>::Step, <K as Kind>::Reason>);

enum Stage<K: Kind> {
    Begin,
    Finalizer,
    Observe,
    Decide,
    Admit(K::Step),
    Record(K::Step, K::Status),
    Act(K::Step),
    Report(End, Decision<K::Step, K::Reason>, K::Status),
    Release(Option<Event>),
    End(End, Option<Decision<K::Step, K::Reason>>),
}

impl<K: Kind> Pass<K> {
    /// A pass over `object` that begins no step at `deadline` or later.
    pub fn new(object: Arc<K::Object>, deadline: Timestamp) -> Self {
        let shown = HasStatus::status(object.as_ref()).cloned().unwrap_or_default();
        Self {
            version: object.resource_version(),
            object,
            state: None,
            shown,
            deadline,
            steps: 0,
            stage: Stage::Begin,
        }
    }

    pub fn object(&self) -> &Arc<K::Object> {
        &self.object
    }

    /// The version of the object that a step may be announced in: nobody else has written it since.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// What is known; nothing before the observation.
    pub fn state(&self) -> Option<&K::State> {
        self.state.as_ref()
    }

    /// The status as it was last read or written.
    pub fn shown(&self) -> &K::Status {
        &self.shown
    }

    pub fn next(&mut self, now: Timestamp) -> Effect<K> {
        loop {
            match &mut self.stage {
                Stage::Begin => self.begin(),
                Stage::Finalizer => return Effect::SetFinalizer(!self.has_finalizer()),
                Stage::Observe => return Effect::Observe,
                Stage::Decide => self.decide(now),
                Stage::Admit(step) => return Effect::Admit(step.clone()),
                Stage::Record(_, status) => return Effect::Record(status.clone()),
                Stage::Act(step) => return Effect::Act(step.clone()),
                Stage::Report(_, _, status) => return Effect::Report(status.clone()),
                Stage::Release(event) => {
                    if let Some(event) = event.take() {
                        return Effect::Publish(event);
                    }
                    if self.has_finalizer() {
                        return Effect::SetFinalizer(false);
                    }
                    self.end(Outcome::Gone, Requeue::OnChange, None);
                }
                Stage::End(end, _) => return Effect::End(*end),
            }
        }
    }

    /// Our finalizer was added or removed; `object` is what the API server answered.
    pub fn finalizer_set(&mut self, object: Arc<K::Object>) {
        self.version = object.resource_version();
        self.object = object;
        if matches!(self.stage, Stage::Release(_)) || is_leaving(self.object.as_ref()) {
            self.end(Outcome::Gone, Requeue::OnChange, None);
        } else {
            self.stage = Stage::Observe;
        }
    }

    pub fn observed(&mut self, mut state: K::State, now: Timestamp) {
        K::infer(&self.object, &mut state, now);
        self.state = Some(state);
        self.stage = Stage::Decide;
    }

    /// Nothing could be observed in time.
    pub fn unobserved(&mut self) {
        if matches!(self.stage, Stage::Observe) {
            self.end(Outcome::OutOfTime, Requeue::Backoff, None);
        }
    }

    /// Whether the step could be made now; an error is taken in as if it had been tried.
    pub fn admitted(&mut self, answer: Result<(), K::StepError>, now: Timestamp) {
        let (Stage::Admit(step), Some(state)) = (std::mem::replace(&mut self.stage, Stage::Decide), &mut self.state)
        else {
            return;
        };
        match answer {
            Ok(()) => {
                let status = bounded::<K>(&self.object, state, &Decision::Do(step.clone()), now);
                self.stage = Stage::Record(step, status);
            }
            Err(error) => K::update(&self.object, state, &step, Err(error), now),
        }
    }

    /// The status was written, and `object` is what the API server answered; the events that the new status tells of.
    pub fn status_written(&mut self, object: &K::Object) -> Vec<Event> {
        self.version = object.resource_version();
        let Some(state) = &mut self.state else {
            return Vec::new();
        };
        let (status, next) = match std::mem::replace(&mut self.stage, Stage::Decide) {
            Stage::Record(step, status) => {
                // The next status keeps the transition times of the conditions that are shown now.
                let shown = &status.common().conditions;
                K::memo(state).common_mut().conditions.clone_from(shown);
                if has_changed::<K>(&self.object, object) {
                    K::skip_step(state, &step);
                    let end = End {
                        outcome: Outcome::StartedOver,
                        requeue: Requeue::After(std::time::Duration::ZERO),
                    };
                    (status, Stage::End(end, Some(Decision::Do(step))))
                } else {
                    (status, Stage::Act(step))
                }
            }
            Stage::Report(end, decision, status) => (status, Stage::End(end, Some(decision))),
            other => {
                self.stage = other;
                return Vec::new();
            }
        };
        self.stage = next;
        let events = K::events(&self.shown, &status);
        self.shown = status;
        events
    }

    /// The step was made, or it had no result.
    pub fn acted(&mut self, outcome: Result<K::StepResult, K::StepError>, now: Timestamp) {
        if let (Stage::Act(step), Some(state)) = (std::mem::replace(&mut self.stage, Stage::Decide), &mut self.state) {
            K::update(&self.object, state, &step, outcome, now);
        }
    }

    /// Ends the pass, also in its middle, where a write failed: what is known, and the decision that it ended with. A step that
    /// was to be announced is known not to have been made, whether the write was lost or its answer.
    pub fn into_parts(mut self) -> Option<Parts<K>> {
        let mut state = self.state.take()?;
        let decision = match self.stage {
            Stage::Record(step, _) => {
                K::skip_step(&mut state, &step);
                Decision::Do(step)
            }
            Stage::Admit(step) | Stage::Act(step) => Decision::Do(step),
            Stage::Report(_, decision, _) | Stage::End(_, Some(decision)) => decision,
            Stage::Release(_)
            | Stage::Begin
            | Stage::Finalizer
            | Stage::Observe
            | Stage::Decide
            | Stage::End(_, None) => Decision::Release { event: None },
        };
        Some((state, decision))
    }

    fn begin(&mut self) {
        let (has, wants, leaving) = (
            self.has_finalizer(),
            K::wants_finalizer(&self.object),
            is_leaving(self.object.as_ref()),
        );
        if leaving && !has {
            self.end(Outcome::Gone, Requeue::OnChange, None);
        } else if has != wants {
            self.stage = Stage::Finalizer;
        } else {
            self.stage = Stage::Observe;
        }
    }

    fn decide(&mut self, now: Timestamp) {
        let Some(state) = &self.state else {
            self.stage = Stage::Observe;
            return;
        };
        let decision = K::decide(&self.object, state, now);
        let (outcome, requeue) = match &decision {
            Decision::Do(step) => {
                let step = step.clone();
                return self.begin_step(step, now);
            }
            Decision::Release { event } => {
                self.stage = Stage::Release(event.clone());
                return;
            }
            Decision::Settled(requeue) => (Outcome::Settled, *requeue),
            Decision::Wait(_, requeue) => (Outcome::Waiting, *requeue),
            Decision::Refuse(_, requeue) => (Outcome::Refused, *requeue),
        };
        let status = bounded::<K>(&self.object, state, &decision, now);
        self.stage = if status == self.shown {
            Stage::End(End { outcome, requeue }, Some(decision))
        } else {
            Stage::Report(End { outcome, requeue }, decision, status)
        };
    }

    fn begin_step(&mut self, step: K::Step, now: Timestamp) {
        if self.steps >= K::MAX_STEPS {
            return self.end(Outcome::Endless, Requeue::Backoff, Some(Decision::Do(step)));
        }
        if now >= self.deadline {
            return self.end(Outcome::OutOfTime, Requeue::Backoff, Some(Decision::Do(step)));
        }
        self.steps += 1;
        self.stage = if step.records_first() {
            Stage::Admit(step)
        } else {
            Stage::Act(step)
        };
    }

    fn end(&mut self, outcome: Outcome, requeue: Requeue, decision: Option<Decision<K::Step, K::Reason>>) {
        self.stage = Stage::End(End { outcome, requeue }, decision);
    }

    fn has_finalizer(&self) -> bool {
        self.object.finalizers().iter().any(|name| name == FINALIZER)
    }
}

/// The status of a kind, cut to what the API server takes: what it tells of comes from others, who know no bounds.
fn bounded<K: Kind>(
    object: &K::Object,
    state: &K::State,
    decision: &Decision<K::Step, K::Reason>,
    now: Timestamp,
) -> K::Status {
    within_bounds(&K::Object::kind(&()), K::status(object, state, decision, now))
}

/// Suspended, deleted or changed since the pass began.
fn has_changed<K: Kind>(before: &K::Object, fresh: &K::Object) -> bool {
    before.meta().generation != fresh.meta().generation
        || is_leaving(fresh) != is_leaving(before)
        || K::is_suspended(fresh) != K::is_suspended(before)
}
