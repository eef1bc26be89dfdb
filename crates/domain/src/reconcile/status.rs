//! The status fields that every kind has, assembled once: conditions, the generation that was observed, and which
//! `reconcile-at` was handled.

use ace_api::{CommonStatus, ConditionType, Conditions, Reason, ShownBy};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    annotations::reconcile_at,
    decision::{Cause, Decision},
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
    /// A person has to act.
    Refused(Cause<R>),
    /// `Ready` as it was: nothing is known that would change it.
    Unchanged,
    /// Nothing is checked or changed.
    Suspended {
        /// Why.
        cause: Cause<R>,
        /// The desired state is the applied one, so that a `Ready` that was True stays True.
        is_live: bool,
        /// The reason of `Ready` otherwise.
        unready: R,
    },
}

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

/// What `Drifted` shows.
#[derive(Clone, Debug, PartialEq)]
pub enum ShownDrift<D> {
    /// There is drift, there is none, or it can't be told.
    Assessed(Option<bool>, Cause<D>),
    /// As it was; Unknown with this cause where it was never assessed.
    Unchanged(Cause<D>),
}

/// The common fields of the next status of `object`, whose last one was `before`. `handled`: what `reconcile-at` asks for was
/// done. `drift`: nothing for a kind that can't drift.
pub fn common<R: Reason, D: Reason>(
    object: &impl ResourceExt,
    before: &CommonStatus,
    shown: Shown<R>,
    drift: Option<ShownDrift<D>>,
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
    let next = match drift {
        Some(ShownDrift::Assessed(value, Cause { reason, message })) => {
            next.set(ConditionType::Drifted, value, reason, &message)
        }
        Some(ShownDrift::Unchanged(Cause { reason, message })) => {
            next.keep_or(ConditionType::Drifted, reason, &message)
        }
        None => next,
    };
    CommonStatus {
        conditions: next.finish(),
        observed_generation: generation,
        last_handled_reconcile_at: reconcile_at(object)
            .filter(|_| handled)
            .or_else(|| before.last_handled_reconcile_at.clone()),
    }
}

/// Why nothing is checked or changed, if the object itself or the Platform that it names is suspended.
pub fn suspension<R>(by_user: Option<R>, by_platform: Option<(R, &str)>) -> Option<Cause<R>> {
    if let Some(reason) = by_user {
        let message = "`spec.suspend` is true: nothing is checked or changed";
        return Some(Cause::new(reason, message));
    }
    let (reason, platform) = by_platform?;
    let message = format!("Platform `{platform}` is suspended: nothing is checked or changed");
    Some(Cause::new(reason, message))
}
