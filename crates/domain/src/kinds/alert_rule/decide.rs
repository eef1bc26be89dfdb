//! What there is to say of an AlertRule. It is asked elsewhere: nothing is left to do here.

use ace_api::{AlertRule, AlertRuleReason, ConditionType, Reason, ShownBy};
use jiff::Timestamp;

use super::{Cause, Decision, Platform, State};
use crate::reconcile::{
    annotations::{is_leaving, is_reconcile_requested},
    decision::Requeue,
    messages::listed,
    status::describes,
};

/// Decides by the state alone. Time is an argument.
pub fn decide(object: &AlertRule, state: &State, now: Timestamp) -> Decision {
    if is_leaving(object) {
        return Decision::Release { event: None };
    }
    let platform = match state.platform.usable(object.spec.suspend, &object.spec.platform_ref) {
        Ok(platform) => platform,
        Err(decision) => return decision,
    };
    // The evaluator enqueues the rule when there is news.
    match trouble(object, state, platform, now) {
        Some(cause) if cause.reason.shown_by() == ShownBy::Stalled => Decision::Refuse(cause, Requeue::OnChange),
        Some(cause) => Decision::Wait(cause, Requeue::OnChange),
        None => Decision::Settled(Requeue::OnChange),
    }
}

fn trouble(object: &AlertRule, state: &State, platform: &Platform, now: Timestamp) -> Option<Cause> {
    let spec = &object.spec;
    let obstacle = platform.obstacle.as_ref().filter(|_| spec.source.sql.is_some());
    if let Some(obstacle) = obstacle {
        return Some(obstacle.clone());
    }
    let interval = spec.interval.get();
    let turned = state.record.as_ref().and_then(super::Record::turned);
    if state
        .timing
        .is_lost(turned.unwrap_or(state.followed).max(state.followed), interval, now)
    {
        let message = "it was not asked for three intervals: the operator or the database has too much to do";
        return Some(Cause::new(AlertRuleReason::NotObserved, message));
    }
    if turned.is_none() {
        match standing(object, state) {
            Standing::Nothing => {}
            Standing::Answered => return untold(object, state, platform),
            Standing::Failed(cause) => return Some(cause),
        }
    }
    let Some(record) = state.record.as_ref().filter(|record| record.is_of(object)) else {
        let message = format!("it is asked for the first time as it is now within {}", spec.interval);
        return Some(Cause::new(AlertRuleReason::Evaluating, message));
    };
    record.failure().cloned().or_else(|| untold(object, state, platform))
}

/// What the last turn before a restart said of the rule as it is.
enum Standing {
    /// Nothing that holds any more.
    Nothing,
    /// It was answered.
    Answered,
    Failed(Cause),
}

/// It stands until the next turn.
fn standing(object: &AlertRule, state: &State) -> Standing {
    let before = &state.memo.common;
    let is_described = describes(before, object) && state.record.is_some();
    if !is_described || is_reconcile_requested(object, before.last_handled_reconcile_at.as_ref()) {
        return Standing::Nothing;
    }
    let why = ConditionType::Stalled
        .of(&before.conditions)
        .or_else(|| ConditionType::Reconciling.of(&before.conditions));
    let Some(why) = why else {
        return Standing::Answered;
    };
    match AlertRuleReason::named(&why.reason) {
        None | Some(AlertRuleReason::Evaluating | AlertRuleReason::NotObserved) => Standing::Nothing,
        // These are told from what there is.
        Some(
            AlertRuleReason::WaitingForPlatform
            | AlertRuleReason::DatabaseNotSet
            | AlertRuleReason::ReaderMissing
            | AlertRuleReason::ContactUnknown
            | AlertRuleReason::WaitingForChannel
            | AlertRuleReason::NobodyTold,
        ) => Standing::Answered,
        Some(reason) => Standing::Failed(Cause::new(reason, why.message.clone())),
    }
}

/// Who would have to be told, and is not.
fn untold(object: &AlertRule, state: &State, platform: &Platform) -> Option<Cause> {
    /// Most names in a message.
    const NAMED: usize = 4;
    let spec = &object.spec;
    let quoted = |names: &[&String]| listed(names, NAMED, |name| format!("`{name}`"));
    let contacts = spec.contacts.iter().filter(|name| !platform.contacts.contains(name));
    let unknown: Vec<&String> = contacts.collect();
    if !unknown.is_empty() {
        let message = format!(
            "Platform `{}` has no contact {}: add it to its `spec.contacts`, or leave it out here; the rule is asked all the same",
            spec.platform_ref.name,
            quoted(&unknown)
        );
        return Some(Cause::new(AlertRuleReason::ContactUnknown, message));
    }
    // A rule without a condition has nothing to tell.
    spec.condition.as_ref()?;
    let is_there = |name: &&String| state.channels.iter().any(|channel| channel.name == **name);
    match &spec.notify {
        Some(named) => {
            let absent: Vec<&String> = named.iter().filter(|name| !is_there(name)).collect();
            let message = format!(
                "there is no NotificationChannel {} in this namespace; the rule is asked all the same",
                quoted(&absent)
            );
            (!absent.is_empty()).then(|| Cause::new(AlertRuleReason::WaitingForChannel, message))
        }
        None if state.channels.iter().any(|channel| channel.is_default) => None,
        None => {
            let message = "nobody is told: name a NotificationChannel in `notify`, or set `default: true` on one of this namespace; the rule \
                           is asked all the same";
            Some(Cause::new(AlertRuleReason::NobodyTold, message))
        }
    }
}
