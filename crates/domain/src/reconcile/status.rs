//! The status fields that every kind has, assembled once: conditions, the generation that was observed, which `reconcile-at` was
//! handled, and the history where a kind has one.

use ace_api::{
    CommonStatus, ConditionType, Conditions, HasPlatform, Reason, SharedConditionReason, SharedReason, ShownBy,
    UnobservedReason,
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    annotations::reconcile_at,
    decision::{Cause, Decision},
    drift::DriftAssessment,
};

/// What `Ready` shows, and the condition that explains it.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown<R> {
    /// The desired state is live, or was observed in `Observe`.
    Ready(Cause<R>),
    /// A step is being made.
    InProgress(Cause<R>),
    /// Something is waited for, or an attempt is repeated. A reason of `Ready=Unknown` makes it that.
    Waiting(Cause<R>),
    Refused(Cause<R>),
    /// `Ready` as it was: nothing is known that would change it.
    Unchanged,
    /// Nothing is checked or changed.
    Suspended {
        cause: Cause<R>,
        /// The desired state is the applied one, so that a `Ready` that was True stays True.
        is_live: bool,
        /// The reason of `Ready` otherwise.
        unready: R,
    },
}

/// Most entries of a history.
const HISTORY: usize = 10;

impl<R: Clone> Shown<R> {
    /// What a decision shows: `in_progress` names a step, `at_rest` says what there is when nothing is left to do.
    pub fn of<S>(
        decision: &Decision<S, R>,
        in_progress: impl FnOnce(&S) -> Cause<R>,
        at_rest: impl FnOnce() -> Self,
    ) -> Self {
        match decision {
            Decision::Do(step) => Self::InProgress(in_progress(step)),
            Decision::Wait(cause, _) => Self::Waiting(cause.clone()),
            Decision::Refuse(cause, _) => Self::Refused(cause.clone()),
            Decision::Settled(_) | Decision::Release { .. } => at_rest(),
        }
    }
}

impl<R: HasPlatform> Shown<R> {
    /// What there is when nothing is left to do: the desired state, unless nothing is checked.
    pub fn at_rest(
        suspension: Option<Cause<R>>,
        is_live: impl FnOnce() -> bool,
        ready: impl FnOnce() -> Cause<R>,
    ) -> Self {
        match suspension {
            Some(cause) => Self::Suspended {
                cause,
                is_live: is_live(),
                unready: R::SUSPENDED,
            },
            None => Self::Ready(ready()),
        }
    }
}

/// The common fields of the next status of `object`, whose last one was `before`. `handled`: what `reconcile-at` asks for was
/// done.
pub fn common<R: Reason>(
    object: &impl ResourceExt,
    before: &CommonStatus,
    shown: Shown<R>,
    handled: bool,
    now: Timestamp,
) -> CommonStatus {
    let generation = object.meta().generation;
    let next = Conditions::new(&before.conditions, generation, now);
    let next = match shown {
        Shown::Ready(Cause { reason, message }) => next.set(ConditionType::Ready, Some(true), reason, &message),
        Shown::InProgress(Cause { reason, message }) => next.reconciling(Some(false), reason, &message),
        Shown::Waiting(Cause { reason, message }) => {
            let ready = (reason.shown_by() != ShownBy::ReadyUnknown).then_some(false);
            next.reconciling(ready, reason, &message)
        }
        Shown::Refused(Cause { reason, message }) => next.stalled(reason, &message),
        Shown::Unchanged => next.keep(ConditionType::Ready),
        Shown::Suspended {
            cause: Cause { reason, message },
            is_live,
            unready,
        } => next.suspended(is_live, unready, reason, &message),
    };
    CommonStatus {
        conditions: next.finish(),
        observed_generation: generation,
        last_handled_reconcile_at: reconcile_at(object)
            .filter(|_| handled)
            .or_else(|| before.last_handled_reconcile_at.clone()),
    }
}

/// Adds `Drifted`: as it was assessed, else as it was `before`; Unknown with the cause `unassessed` where it never was.
pub fn with_drift<R: Reason>(
    mut next: CommonStatus,
    before: &CommonStatus,
    assessment: Option<&DriftAssessment<R>>,
    unassessed: &Cause<R>,
    now: Timestamp,
) -> CommonStatus {
    let drifted = Conditions::new(&before.conditions, next.observed_generation, now);
    let drifted = match assessment {
        Some(DriftAssessment { value, cause, .. }) => {
            drifted.set(ConditionType::Drifted, *value, cause.reason, &cause.message)
        }
        None => drifted.keep_or(ConditionType::Drifted, unassessed.reason, &unassessed.message),
    };
    next.conditions.extend(drifted.finish());
    next
}

/// Adds a condition that has reasons of its own.
pub fn with_condition<R: Reason>(
    mut next: CommonStatus,
    before: &CommonStatus,
    type_: ConditionType,
    value: Option<bool>,
    Cause { reason, message }: &Cause<R>,
    now: Timestamp,
) -> CommonStatus {
    let added = Conditions::new(&before.conditions, next.observed_generation, now);
    next.conditions
        .extend(added.set(type_, value, *reason, message).finish());
    next
}

/// The common fields after a pass hit an internal error: a person has to act, and nothing new is known of the kind's `others`.
pub fn internal_error(
    object: &impl ResourceExt,
    others: &[ConditionType],
    before: &CommonStatus,
    message: String,
    now: Timestamp,
) -> CommonStatus {
    put_aside(object, others, before, SharedReason::InternalError, message, now)
}

/// The same where the installed definition is older than the operator.
pub fn definition_outdated(
    object: &impl ResourceExt,
    others: &[ConditionType],
    before: &CommonStatus,
    message: String,
    now: Timestamp,
) -> CommonStatus {
    put_aside(object, others, before, SharedReason::DefinitionOutdated, message, now)
}

/// The same where this version of the operator can't read the object.
pub fn object_unreadable(
    object: &impl ResourceExt,
    others: &[ConditionType],
    before: &CommonStatus,
    message: String,
    now: Timestamp,
) -> CommonStatus {
    put_aside(object, others, before, SharedReason::ObjectUnreadable, message, now)
}

fn put_aside(
    object: &impl ResourceExt,
    others: &[ConditionType],
    before: &CommonStatus,
    reason: SharedReason,
    message: String,
    now: Timestamp,
) -> CommonStatus {
    let unassessed = Cause::new(UnobservedReason::NotCompared, message.clone());
    let shown = Shown::Refused(Cause::new(reason, message));
    let mut common = common(object, before, shown, true, now);
    let of_ready = [
        ConditionType::Ready,
        ConditionType::Reconciling,
        ConditionType::Stalled,
        ConditionType::Suspended,
    ];
    let known = before
        .conditions
        .iter()
        .filter(|condition| of_ready.iter().all(|type_| type_.as_str() != condition.type_));
    common.conditions.extend(known.cloned());
    let unknown = others
        .iter()
        .filter(|type_| type_.is_always_there() && type_.of(&before.conditions).is_none());
    unknown.fold(common, |common, type_| {
        with_condition(common, before, *type_, None, &unassessed, now)
    })
}

/// The common fields after the API server refused a status: what was last written may not hold any more, and what the kind's
/// `other` conditions are can't be told.
pub fn status_refused(
    object: &impl ResourceExt,
    others: &[ConditionType],
    before: &CommonStatus,
    message: String,
    now: Timestamp,
) -> CommonStatus {
    let reasons = (SharedReason::StatusRefused, SharedConditionReason::StatusRefused);
    unknown(object, others, before, reasons, message, now)
}

/// The common fields after passes could not observe the object for three intervals.
pub fn not_observed(
    object: &impl ResourceExt,
    others: &[ConditionType],
    before: &CommonStatus,
    message: String,
    now: Timestamp,
) -> CommonStatus {
    let reasons = (UnobservedReason::NotObserved, UnobservedReason::NotCompared);
    unknown(object, others, before, reasons, message, now)
}

/// Neither `Ready` nor the kind's `other` conditions can be told.
fn unknown<R: Reason, D: Reason>(
    object: &impl ResourceExt,
    others: &[ConditionType],
    before: &CommonStatus,
    (ready, other): (R, D),
    message: String,
    now: Timestamp,
) -> CommonStatus {
    let unassessed = Cause::new(other, message.clone());
    let common = common(object, before, Shown::Waiting(Cause::new(ready, message)), false, now);
    let add = |common, type_: &ConditionType| with_condition(common, before, *type_, None, &unassessed, now);
    // One that comes and goes is not told either, where it was there.
    let shown = others
        .iter()
        .filter(|type_| type_.is_always_there() || type_.of(&before.conditions).is_some());
    shown.fold(common, add)
}

/// The status was written for the spec as it is.
pub fn describes(status: &CommonStatus, object: &impl ResourceExt) -> bool {
    status.observed_generation == object.meta().generation
}

/// `Ready` is True, for the spec as it is.
pub fn is_ready(status: &CommonStatus, object: &impl ResourceExt) -> bool {
    ConditionType::Ready.is_true(&status.conditions) && describes(status, object)
}

/// Adds what was done to a history.
pub fn remember<E>(history: &mut Vec<E>, event: E) {
    history.insert(0, event);
    history.truncate(HISTORY);
}

/// What is shown while `spec.suspend` is true, of a kind without a Platform: `Ready` stays where it was True.
pub fn suspended<R: Clone>(reason: R) -> Shown<R> {
    Shown::Suspended {
        cause: suspended_by_user(reason.clone()),
        is_live: true,
        unready: reason,
    }
}

/// `spec.suspend` is true.
pub fn suspended_by_user<R>(reason: R) -> Cause<R> {
    Cause::new(reason, "`spec.suspend` is true: nothing is checked or changed")
}
