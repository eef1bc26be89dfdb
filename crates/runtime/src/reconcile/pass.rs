use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ace_api::{CommonStatus, Drift, ObjectStatus};
use ace_domain::reconcile::{
    decision::{Decision, Requeue},
    drift::uncorrected,
    key::Key,
    kind::{Kind, Step as _, StepError as _},
    object_state::{ObjectState, Turn},
    pass::{Effect, End, Outcome, Pass},
};
use jiff::{Timestamp, TimestampRound, Unit};
use kube::{ResourceExt, core::DeserializeGuard};

use super::{
    Controller,
    context::Context,
    controller::{Memory, Object, State, Status, Step, StepError, StepResult},
    panics::caught,
    said::{put_aside, say_outdated, say_refused, say_unobserved},
    scheduler::Due,
    status_writer::{self as write, Read, WriteError},
    unreadable::say_unreadable,
};
use crate::{
    causes::with_causes,
    clock,
    index::ObjectId,
    metrics::{ObjectState as ConditionGauges, PassOutcome, StepOutcome},
    queue::Class,
};

/// The version to report: all crates have the same.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why a pass broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum PassError {
    /// The object could not be written.
    #[error("the object could not be written")]
    Write(#[source] WriteError),
}

/// What is kept of one object of a controller.
pub(super) type Kept<C> = ObjectState<Object<C>, Memory<C>>;
/// Reasons of its conditions.
type Reason<C> = <<C as Controller>::Kind as Kind>::Reason;

/// A pass over one object.
pub(crate) async fn pass<C: Controller>(object: Arc<DeserializeGuard<Object<C>>>, context: Arc<Context<C>>) -> Due {
    let Ok(cached) = &object.0 else {
        return say_unreadable(&context, &Key::of(&*object)).await;
    };
    let (key, uid) = (Key::of(cached), cached.uid().unwrap_or_default());
    let mut kept = context.states.take(&key, &uid);
    let enqueued = context.states.unmark(&key);
    let newest = match kept.turn(cached, enqueued, Instant::now()) {
        Turn::Pass(newest) => newest,
        Turn::Wait(wait) => {
            let due = due(wait, &kept);
            context.keep(&key, &uid, kept);
            return due;
        }
    };
    let guard = context.tools.metrics.pass(C::Kind::NAME);
    let mut counts_as: fn(Outcome) -> PassOutcome = counted;
    let mut ended = match caught(run(&context, newest.clone(), &mut kept)).await {
        Ok(ended) => ended,
        Err(place) => {
            tracing::error!(kind = C::Kind::NAME, object = %key, place, version = VERSION, "internal error: the object is put aside");
            counts_as = |_| PassOutcome::InternalError;
            put_aside(&context, newest.clone(), &mut kept, &place).await
        }
    };
    if let Err(PassError::Write(WriteError::InvalidStatus(fields))) = &ended {
        tracing::error!(kind = C::Kind::NAME, object = %key, fields, version = VERSION, "the API server refused the status; it is tried again");
        counts_as = |_| PassOutcome::StatusRefused;
        ended = say_refused(&context, newest.clone(), &mut kept, fields).await;
    }
    if let Err(PassError::Write(WriteError::OutdatedDefinition(field))) = &ended {
        tracing::error!(kind = C::Kind::NAME, object = %key, field, version = VERSION, "the definition is older than the operator; it is tried again");
        counts_as = |_| PassOutcome::DefinitionOutdated;
        ended = say_outdated(&context, newest.clone(), &mut kept, field).await;
    }
    if matches!(
        &ended,
        Ok(End {
            outcome: Outcome::OutOfTime,
            ..
        })
    ) && kept.is_lost(context.tools.timing, now())
    {
        ended = say_unobserved(&context, newest.clone(), &mut kept).await;
    }
    let (outcome, requeue) = match ended {
        Ok(End { outcome, requeue }) => (outcome, requeue),
        Err(PassError::Write(WriteError::Gone)) => (Outcome::Gone, Requeue::OnChange),
        // Its event asks for the next pass, as a rule before.
        Err(PassError::Write(WriteError::Changed)) => {
            tracing::info!(kind = C::Kind::NAME, object = %key, "the object has changed since it was read; the pass is repeated");
            (Outcome::StartedOver, Requeue::Backoff)
        }
        Err(error) => {
            tracing::warn!(kind = C::Kind::NAME, object = %key, error = %with_causes(&error), "the pass broke off; it is retried");
            let wait = context.requeue(Requeue::Backoff, &mut kept);
            kept.set_settled(false);
            let due = due(wait, &kept);
            context.keep(&key, &uid, kept);
            guard.finish(PassOutcome::Failed);
            return due;
        }
    };
    if matches!(outcome, Outcome::Endless | Outcome::OutOfTime) {
        tracing::warn!(kind = C::Kind::NAME, object = %key, ?outcome, "the pass was cut off; it is retried");
    }
    let wait = context.requeue(requeue, &mut kept);
    kept.set_settled(outcome == Outcome::Settled);
    let due = due(wait, &kept);
    if outcome == Outcome::Gone {
        context.states.forget(&key);
        context.forget_gauges(&key);
    } else {
        context.keep(&key, &uid, kept);
    }
    guard.finish(counts_as(outcome));
    due
}

fn due<O: ResourceExt, M>(wait: Option<Duration>, kept: &ObjectState<O, M>) -> Due {
    let class = if kept.is_settled() { Class::Poll } else { Class::Retry };
    let due = |wait| Due {
        wait: Some(wait),
        class,
    };
    wait.map_or(Due::ON_CHANGE, due)
}

fn counted(outcome: Outcome) -> PassOutcome {
    match outcome {
        Outcome::Settled => PassOutcome::Settled,
        Outcome::Waiting => PassOutcome::Waiting,
        Outcome::Refused => PassOutcome::Refused,
        Outcome::StartedOver => PassOutcome::StartedOver,
        Outcome::Gone => PassOutcome::Gone,
        Outcome::Endless | Outcome::OutOfTime => PassOutcome::Failed,
    }
}

/// Makes the effects of a pass, one after another.
async fn run<C: Controller>(
    context: &Context<C>,
    object: Arc<Object<C>>,
    kept: &mut Kept<C>,
) -> Result<End, PassError> {
    // The index asks for both as the object arrives: if one panics, this pass does, and the object says so.
    let _ = (C::Kind::references(&object), C::Kind::facts(&object));
    let length = C::Kind::pass_deadline(context.tools.timing);
    let mut pass = Pass::<C::Kind>::new(object, now() + length);
    let mut held = None;
    let ended = effects(context, &mut pass, &mut held, kept).await;
    let object = pass.object().clone();
    // Also where a write failed: what was learned is kept, and what was held is given back.
    if let (Some((state, decision)), Some(held)) = (pass.into_parts(), held) {
        context.publish(&object, &state, Some(&decision));
        context.controller.release(&object, held);
        kept.memory = C::Kind::into_memory(state, &decision);
    }
    ended
}

async fn effects<C: Controller>(
    context: &Context<C>,
    pass: &mut Pass<C::Kind>,
    held: &mut Option<C::Context>,
    kept: &mut Kept<C>,
) -> Result<End, PassError> {
    let client = &context.tools.client;
    loop {
        match pass.next(now()) {
            Effect::SetFinalizer(wanted) => {
                let written = write::finalizer::<C::Kind>(client, pass.object(), wanted).await;
                let written = written.map_err(PassError::Write)?;
                kept.note_write(pass.object(), &written);
                pass.finalizer_set(written);
            }
            Effect::Observe => {
                let (memory, failures, began) = (kept.memory.clone(), kept.failures(), now());
                let deadline = C::Kind::observation_deadline(context.tools.timing);
                let observing = context.controller.observe(pass.object(), memory, failures, began);
                let Ok(observed) = tokio::time::timeout(deadline, observing).await else {
                    kept.unobserved(began);
                    context.answered(pass.object(), false);
                    pass.unobserved();
                    continue;
                };
                kept.observed();
                *held = Some(observed.1);
                context.publish(pass.object(), &observed.0, None);
                pass.observed(observed.0, now());
            }
            Effect::Admit(step) => {
                let answer = match (&*held, pass.state()) {
                    (Some(held), Some(state)) => context.controller.admit(held, state, &step),
                    _ => Ok(()),
                };
                pass.admitted(answer, now());
            }
            Effect::Record(status) => {
                show::<C>(context, pass.object(), &status);
                let written = write::announcement::<C::Kind>(client, pass.object(), pass.version(), &status).await;
                note_status(context, pass, kept, written)?;
            }
            Effect::Report(status) => {
                show::<C>(context, pass.object(), &status);
                let read = Read {
                    version: pass.version(),
                    status: pass.shown(),
                };
                let written = write::status::<C::Kind>(client, pass.object(), read, &status).await;
                note_status(context, pass, kept, written)?;
            }
            Effect::Act(step) => {
                if let (Some(held), Some(state)) = (&*held, pass.state()) {
                    let outcome = act(context, pass.object(), state, held, &step).await;
                    pass.acted(outcome, now());
                }
                if let Some(state) = pass.state() {
                    context.publish(pass.object(), state, None);
                }
            }
            Effect::Publish(event) => context.tools.publish(pass.object().as_ref(), &event),
            Effect::End(end) => {
                if end.outcome != Outcome::Gone {
                    show::<C>(context, pass.object(), pass.shown());
                }
                return Ok(end);
            }
        }
    }
}

/// A status was written, or not.
fn note_status<C: Controller>(
    context: &Context<C>,
    pass: &mut Pass<C::Kind>,
    kept: &mut Kept<C>,
    written: Result<Arc<Object<C>>, WriteError>,
) -> Result<(), PassError> {
    let written = written.map_err(PassError::Write)?;
    context.tools.metrics.status_written(C::Kind::NAME);
    kept.note_write(pass.object(), &written);
    for event in pass.status_written(&written) {
        context.tools.publish(pass.object().as_ref(), &event);
    }
    Ok(())
}

async fn act<C: Controller>(
    context: &Context<C>,
    object: &Object<C>,
    state: &State<C>,
    held: &C::Context,
    step: &Step<C>,
) -> Result<StepResult<C>, StepError<C>> {
    let (kind, name) = (C::Kind::NAME, step.name());
    let deadline = C::Kind::step_deadline(step, context.tools.timing);
    let guard = context.tools.metrics.step(kind, name);
    let made = tokio::time::timeout(deadline, context.controller.act(object, state, held, step)).await;
    let is_answered = match &made {
        Ok(Ok(_)) => Some(true),
        Ok(Err(error)) => error.is_answered(),
        Err(_) => Some(false),
    };
    if let Some(is_answered) = is_answered {
        context.answered(object, is_answered);
    }
    let outcome = made.unwrap_or_else(|_| Err(C::Kind::timed_out(step, deadline)));
    guard.finish(match &outcome {
        Ok(_) => StepOutcome::Done,
        Err(error) if error.is_outcome_unknown() => StepOutcome::Unknown,
        Err(_) => StepOutcome::Failed,
    });
    match &outcome {
        Ok(_) => tracing::debug!(kind, object = %Key::of(object), step = name, "step done"),
        Err(error) => tracing::info!(kind, object = %Key::of(object), step = name, ?error, "step failed"),
    }
    outcome
}

impl<C: Controller> Context<C> {
    /// Keeps what a pass has learned. Where the object went meanwhile, the gauges that the pass has set are those of nothing.
    fn keep(&self, key: &Key, uid: &str, kept: Kept<C>) {
        if !self.states.put(key, uid, kept) {
            self.forget_gauges(key);
        }
    }

    /// Whether the last request for an object got an answer: while none comes, there are fewer passes at a time for its tenant.
    fn answered(&self, object: &Object<C>, is_answered: bool) {
        let object = ObjectId::of::<C::Kind>(Key::of(object));
        self.scheduler.answered(&object, is_answered);
    }

    fn forget_gauges(&self, key: &Key) {
        let metrics = &self.tools.metrics;
        metrics.forget_object(C::Kind::NAME, &key.namespace, &key.name);
    }

    /// Tells those who depend on the object what the pass has found so far.
    fn publish(&self, object: &Object<C>, state: &State<C>, decision: Option<&Decision<Step<C>, Reason<C>>>) {
        let findings = C::Kind::findings(object, state, decision, now());
        if !findings.is_empty() {
            self.dependents
                .publish(&ObjectId::of::<C::Kind>(Key::of(object)), findings);
        }
    }
}

/// Takes a status into the gauges.
pub(super) fn show<C: Controller>(context: &Context<C>, object: &Object<C>, status: &Status<C>) {
    show_common(context, &Key::of(object), status.common(), status.drift());
}

/// Takes what every status has into the gauges.
pub(super) fn show_common<C: Controller>(
    context: &Context<C>,
    key: &Key,
    common: &CommonStatus,
    drift: Option<&Drift>,
) {
    let drift = uncorrected(drift);
    let state = ConditionGauges::of(&common.conditions, drift.map(|drift| drift.count));
    let metrics = &context.tools.metrics;
    metrics.observe_object(C::Kind::NAME, &key.namespace, &key.name, state);
}

/// Now, to the millisecond: more digits help nobody who reads a status.
pub(super) fn now() -> Timestamp {
    let now = clock::now();
    now.round(TimestampRound::new().smallest(Unit::Millisecond))
        .unwrap_or(now)
}
