use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ace_api::FINALIZER;
use ace_domain::{
    reconcile::decision::{Decision, Requeue},
    reconcile::event,
};
use jiff::{Timestamp, TimestampRound, Unit};
use kube::{
    Resource, ResourceExt,
    core::{DeserializeGuard, object::HasStatus},
    runtime::controller::Action,
};

use super::{
    Key, Kind,
    memory::Entry,
    run::Context,
    write::{self, WriteError},
};
use crate::{
    events::EventType,
    metrics::{ObjectState, PassOutcome, StepOutcome},
};

/// Why a pass broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum PassError {
    /// The stored object is not what its schema says.
    #[error("the object can't be read: {0}")]
    Unreadable(String),
    /// The object could not be read or written.
    #[error("the pass could not be reported")]
    Report(#[source] WriteError),
    /// The decisions lead nowhere.
    #[error("the pass made {0} steps without an end")]
    Endless(usize),
}

/// How a pass over a readable object ended.
struct End {
    outcome: PassOutcome,
    again: Requeue,
}

/// A pass over one object.
pub(super) async fn pass<K: Kind>(
    object: Arc<DeserializeGuard<K::Object>>,
    context: Arc<Context<K>>,
) -> Result<Action, PassError> {
    let cached = match &object.0 {
        Ok(object) => object,
        Err(invalid) => return Err(PassError::Unreadable(invalid.error.clone())),
    };
    let (key, uid) = (Key::of(cached), cached.uid().unwrap_or_default());
    let mut entry = context.keep.take(&key, &uid);
    let woken = context.keep.unmark(&key);
    let last = entry.last.take().filter(|last| is_newer(last.as_ref(), cached));
    // The cache may not have it yet.
    let newest = last.as_deref().unwrap_or(cached);
    if is_own_echo::<K>(newest, &entry, woken) {
        let action = entry
            .due
            .map_or_else(Action::await_change, |due| Action::requeue(until(due)));
        entry.last = last;
        context.keep.put(&key, &uid, entry);
        return Ok(action);
    }
    let object = last.unwrap_or_else(|| Arc::new(cached.clone()));
    let guard = context.tools.metrics.pass(K::NAME);
    let result = run(&context, object, &mut entry).await;
    let (outcome, action) = match result {
        Ok(End { outcome, again }) => {
            let wait = context.wait(again, &mut entry.failures);
            entry.due = wait.map(|wait| Instant::now() + wait);
            (outcome, Ok(wait.map_or_else(Action::await_change, Action::requeue)))
        }
        Err(PassError::Report(WriteError::Gone)) => {
            guard.finish(PassOutcome::Gone);
            context.keep.forget(&key);
            return Ok(Action::await_change());
        }
        Err(error) => {
            let wait = context.wait(Requeue::Backoff, &mut entry.failures).unwrap_or_default();
            entry.due = Some(Instant::now() + wait);
            tracing::warn!(kind = K::NAME, object = %key, error = %chain(&error), "pass broke off");
            (PassOutcome::Failed, Ok(Action::requeue(wait)))
        }
    };
    if matches!(outcome, PassOutcome::Gone) {
        context.keep.forget(&key);
    } else {
        context.keep.put(&key, &uid, entry);
    }
    guard.finish(outcome);
    action
}

/// The answer to our own last write is newer than what the cache has.
fn is_newer<O: ResourceExt>(last: &O, cached: &O) -> bool {
    let version = |object: &O| {
        object
            .resource_version()
            .and_then(|version| version.parse::<u64>().ok())
    };
    last.uid() == cached.uid() && version(last) > version(cached)
}

/// The event that our own write caused, and nothing else: the pass that wrote has said when to look again.
fn is_own_echo<K: Kind>(object: &K::Object, entry: &Entry<K::Object, K::Memory>, woken: bool) -> bool {
    !woken && entry.is_echo(object) && entry.due.is_none_or(|due| due > Instant::now())
}

async fn run<K: Kind>(
    context: &Context<K>,
    object: Arc<K::Object>,
    entry: &mut Entry<K::Object, K::Memory>,
) -> Result<End, PassError> {
    let mut object = object;
    let leaving = object.meta().deletion_timestamp.is_some();
    if leaving && !object.finalizers().iter().any(|name| name == FINALIZER) {
        return Ok(End {
            outcome: PassOutcome::Gone,
            again: Requeue::OnChange,
        });
    }
    let has = object.finalizers().iter().any(|name| name == FINALIZER);
    let wants = K::wants_finalizer(&object);
    if has != wants && (has || !leaving) {
        let written = write::finalizer::<K>(&context.tools.client, &object, wants)
            .await
            .map_err(PassError::Report)?;
        entry.note(&object, &written);
        object = written;
        if leaving {
            return Ok(End {
                outcome: PassOutcome::Gone,
                again: Requeue::OnChange,
            });
        }
    }
    let memory = entry.memory.clone();
    let mut state = context.kind.observe(&object, memory, entry.failures, now()).await;
    K::infer(&object, &mut state, now());
    let mut shown = HasStatus::status(object.as_ref()).cloned().unwrap_or_default();
    for _ in 0..K::MOST_STEPS {
        let decision = K::decide(&object, &state, now());
        let step = match &decision {
            Decision::Do(step) => step.clone(),
            _ => return end(context, &object, entry, state, &mut shown, decision).await,
        };
        if K::records_first(&step) {
            if let Err(step_error) = context.kind.admit(&state, &step) {
                K::update(&object, &mut state, &step, Err(step_error), now());
                continue;
            }
            // Written also where it says nothing new: the answer is the object as it is now.
            let status = judge(context, &object, &state, &decision);
            let fresh = write(context, &object, entry, &mut shown, status).await?;
            K::follow(&mut state, &shown);
            if has_changed::<K>(&object, &fresh) {
                K::skip_step(&mut state, &step);
                entry.memory = context.kind.conclude(&object, state, &decision);
                return Ok(End {
                    outcome: PassOutcome::StartedOver,
                    again: Requeue::After(Duration::ZERO),
                });
            }
        }
        let outcome = act(context, &object, &state, &step).await;
        K::update(&object, &mut state, &step, outcome, now());
    }
    Err(PassError::Endless(K::MOST_STEPS))
}

async fn end<K: Kind>(
    context: &Context<K>,
    object: &K::Object,
    entry: &mut Entry<K::Object, K::Memory>,
    state: K::State,
    shown: &mut K::Status,
    decision: Decision<K::Step, K::Reason>,
) -> Result<End, PassError> {
    if let Decision::Release { left_live } = &decision {
        if let Some(cause) = left_live {
            let note = format!("the function stays live: {cause}");
            context
                .tools
                .publish::<K>(object, EventType::Warning, "LeftLive", &note);
        }
        context.kind.conclude(object, state, &decision);
        if object.finalizers().iter().any(|name| name == FINALIZER) {
            write::finalizer::<K>(&context.tools.client, object, false)
                .await
                .map_err(PassError::Report)?;
        }
        return Ok(End {
            outcome: PassOutcome::Gone,
            again: Requeue::OnChange,
        });
    }
    let reported = report(context, object, entry, &state, shown, &decision).await;
    entry.memory = context.kind.conclude(object, state, &decision);
    reported?;
    let (outcome, again) = match decision {
        Decision::Settled(again) => (PassOutcome::Settled, again),
        Decision::Wait(_, again) => (PassOutcome::Waiting, again),
        Decision::Refuse(_, again) => (PassOutcome::Refused, again),
        Decision::Do(_) | Decision::Release { .. } => (PassOutcome::Failed, Requeue::Backoff),
    };
    Ok(End { outcome, again })
}

/// Suspended, deleted or changed since the pass began.
fn has_changed<K: Kind>(before: &K::Object, fresh: &K::Object) -> bool {
    before.meta().generation != fresh.meta().generation
        || fresh.meta().deletion_timestamp.is_some() != before.meta().deletion_timestamp.is_some()
        || K::is_suspended(fresh) != K::is_suspended(before)
}

async fn act<K: Kind>(
    context: &Context<K>,
    object: &K::Object,
    state: &K::State,
    step: &K::Step,
) -> Result<K::StepResult, K::StepError> {
    let name = K::step_name(step);
    let guard = context.tools.metrics.step(K::NAME, name);
    let outcome = context.kind.act(object, state, step).await;
    guard.finish(match &outcome {
        Ok(_) => StepOutcome::Done,
        Err(step_error) if K::is_unknown(step_error) => StepOutcome::Unknown,
        Err(_) => StepOutcome::Failed,
    });
    match &outcome {
        Ok(_) => tracing::debug!(kind = K::NAME, object = %Key::of(object), step = name, "step done"),
        Err(step_error) => {
            tracing::info!(kind = K::NAME, object = %Key::of(object), step = name, ?step_error, "step taught nothing");
        }
    }
    outcome
}

/// Writes the status if it differs from what is shown.
async fn report<K: Kind>(
    context: &Context<K>,
    object: &K::Object,
    entry: &mut Entry<K::Object, K::Memory>,
    state: &K::State,
    shown: &mut K::Status,
    decision: &Decision<K::Step, K::Reason>,
) -> Result<(), PassError> {
    let status = judge(context, object, state, decision);
    if *shown != status {
        write(context, object, entry, shown, status).await?;
    }
    Ok(())
}

/// The status that follows, taken into the gauges.
fn judge<K: Kind>(
    context: &Context<K>,
    object: &K::Object,
    state: &K::State,
    decision: &Decision<K::Step, K::Reason>,
) -> K::Status {
    let status = K::status(object, state, decision, now());
    let (conditions, fields) = K::conditions(&status);
    let key = Key::of(object);
    let state = ObjectState::of(conditions, fields);
    context
        .tools
        .metrics
        .observe_object(K::NAME, &key.namespace, &key.name, state);
    status
}

/// Writes a status, and publishes what happened.
async fn write<K: Kind>(
    context: &Context<K>,
    object: &K::Object,
    entry: &mut Entry<K::Object, K::Memory>,
    shown: &mut K::Status,
    status: K::Status,
) -> Result<Arc<K::Object>, PassError> {
    let written = write::status::<K>(&context.tools.client, object, &status)
        .await
        .map_err(PassError::Report)?;
    context.tools.metrics.status_written(K::NAME);
    entry.note(object, &written);
    for notice in K::events(shown, &status) {
        context
            .tools
            .publish::<K>(object, event_type(notice.type_), &notice.reason, &notice.note);
    }
    *shown = status;
    Ok(written)
}

fn event_type(type_: event::EventType) -> EventType {
    match type_ {
        event::EventType::Normal => EventType::Normal,
        event::EventType::Warning => EventType::Warning,
    }
}

/// Now, to the millisecond: more digits help nobody who reads a status.
fn now() -> Timestamp {
    Timestamp::now()
        .round(TimestampRound::new().smallest(Unit::Millisecond))
        .unwrap_or_else(|_| Timestamp::now())
}

fn until(due: Instant) -> Duration {
    due.saturating_duration_since(Instant::now())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        source = error.source();
    }
    text
}
