//! The status of an AlertRule.

use ace_api::{
    ANNOTATION_ACKNOWLEDGE, Acknowledgement, AlertEvent, AlertEventType, AlertRule, AlertRuleReason, AlertRuleStatus,
    AlertState, ConditionType, Conditions, FiringReason,
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{Cause, Decision, State, facts::firing_digest, findings::Findings};
use crate::reconcile::{
    annotations::noted,
    event::{Event, done, stalled},
    size::bounded,
    status::{Shown, common, is_ready},
};

pub fn status(object: &AlertRule, state: &State, decision: &Decision, now: Timestamp) -> AlertRuleStatus {
    let memo = &state.memo;
    let findings = state.record.as_ref().and_then(super::Record::findings);
    let suspension = state
        .platform
        .suspension(object.spec.suspend, &object.spec.platform_ref);
    let is_suspended = suspension.is_some();
    let is_standing = findings.is_none() && !is_suspended && is_ready(&memo.common, object);
    let shown = Shown::of(
        decision,
        |step| match *step {},
        || {
            if is_standing {
                return Shown::Unchanged;
            }
            Shown::at_rest(
                suspension,
                || is_ready(&memo.common, object),
                || evaluated(object, findings),
            )
        },
    );
    let is_unasked = matches!(decision, Decision::Wait(cause, _) if is_before_an_answer(cause.reason));
    let mut next = common(object, &memo.common, shown, decision.is_answer() && !is_unasked, now);
    let firing = Conditions::new(&memo.common.conditions, next.observed_generation, now);
    let firing = match findings {
        Some(Findings { firing_is, says, .. }) if says.reason != FiringReason::NotCompared => {
            firing.set(ConditionType::Firing, *firing_is, says.reason, &says.message)
        }
        _ => firing.keep_or(
            ConditionType::Firing,
            FiringReason::NotCompared,
            "the rule was not answered yet",
        ),
    };
    next.conditions.extend(firing.finish());
    let found = AlertRuleStatus {
        common: next,
        source: Some(object.spec.source.name().to_owned()),
        history: state
            .record
            .as_ref()
            .map_or_else(|| memo.history.clone(), |record| record.history().to_vec()),
        ..found(memo, findings)
    };
    let is_lost = matches!(decision, Decision::Wait(cause, _) if cause.reason == AlertRuleReason::NotObserved);
    bounded(
        AlertRuleStatus {
            state: Some(shown_state(&found, is_suspended, is_lost)),
            ..acknowledged(object, state, found, now)
        },
        shorten,
    )
}

fn is_before_an_answer(reason: AlertRuleReason) -> bool {
    matches!(reason, AlertRuleReason::Evaluating | AlertRuleReason::NotObserved)
}

/// What a status has of the findings; before the first turn what it had.
fn found(memo: &AlertRuleStatus, findings: Option<&Findings>) -> AlertRuleStatus {
    let Some(findings) = findings else {
        return memo.clone();
    };
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    AlertRuleStatus {
        state: Some(findings.state),
        severity: findings.severity,
        value: findings.value.clone(),
        threshold: findings.threshold.clone(),
        since: findings.since,
        seen_time: findings.seen,
        series: findings.series.map(number).or(memo.series),
        firing: Some(number(findings.firing)),
        alerts: findings.alerts.clone(),
        ..memo.clone()
    }
}

/// What fires goes on firing, whoever asks or not.
fn shown_state(found: &AlertRuleStatus, is_suspended: bool, is_lost: bool) -> AlertState {
    let worst = found.alerts.first().map(|alert| alert.state);
    match worst {
        _ if is_suspended => AlertState::Suspended,
        Some(state) if state.fires() => state,
        _ if is_lost => AlertState::Unknown,
        Some(state) => state,
        None => match found.state {
            // It is resumed, or was never asked.
            None | Some(AlertState::Suspended) => AlertState::Unknown,
            Some(state) => state,
        },
    }
}

fn evaluated(object: &AlertRule, findings: Option<&Findings>) -> Cause {
    let interval = object.spec.interval;
    let Some(findings) = findings else {
        return Cause::new(AlertRuleReason::Evaluated, format!("asked every {interval}"));
    };
    let series = match (findings.state, findings.series) {
        (AlertState::NoData, _) => "nothing came back".to_owned(),
        (_, Some(1)) => "1 series".to_owned(),
        (_, count) => format!("{} series", count.unwrap_or_default()),
    };
    let alert = match findings.firing {
        0 => String::new(),
        firing => format!(", {firing} firing: {}", findings.says.message),
    };
    Cause::new(
        AlertRuleReason::Evaluated,
        format!("asked every {interval}: {series}{alert}"),
    )
}

/// Takes in who takes care: an annotation that changed while something fires, or what people did on the platform's page about all
/// that fires.
fn acknowledged(object: &AlertRule, state: &State, mut found: AlertRuleStatus, now: Timestamp) -> AlertRuleStatus {
    let memo = &state.memo;
    let asked = object
        .annotations()
        .get(ANNOTATION_ACKNOWLEDGE)
        .map(|value| noted(value));
    let is_firing = found.firing.is_some_and(|firing| firing > 0);
    let was_firing = memo.firing.is_some_and(|firing| firing > 0);
    let news = asked
        .clone()
        .filter(|by| Some(by) != memo.last_handled_acknowledge.as_ref());
    found.acknowledged = match news {
        _ if !is_firing => None,
        // What was said before it began to fire is about another firing.
        Some(by) if was_firing => Some(Acknowledgement { by, time: now }),
        _ => memo
            .acknowledged
            .clone()
            .filter(|_| was_firing)
            .or_else(|| on_the_page(state, &found)),
    };
    found.last_handled_acknowledge = asked;
    found
}

/// What people did on the platform's page, if it is about all that fires now.
fn on_the_page(state: &State, found: &AlertRuleStatus) -> Option<Acknowledgement> {
    let digest = firing_digest(&found.alerts);
    let handled = state.channels.iter().filter_map(|channel| channel.handled.as_ref());
    let handled = handled.into_iter().find(|handled| handled.digest == digest)?;
    let by = match &handled.by {
        Some(id) => format!("user {id}, on the platform's page"),
        None => "somebody, on the platform's page".to_owned(),
    };
    Some(Acknowledgement { by, time: handled.time })
}

/// Drops what is missed least: labels and values of the mildest alerts, then alerts, then history.
fn shorten(status: &mut AlertRuleStatus) -> bool {
    let mut detailed = status.alerts.iter_mut().rev();
    if let Some(alert) = detailed.find(|alert| !alert.labels.is_empty()) {
        alert.labels.clear();
        return true;
    }
    status.alerts.pop().is_some() || status.history.pop().is_some()
}

/// Events for the difference between two statuses: series began to fire, or are clear; somebody takes care; a person must act.
pub fn events(before: &AlertRuleStatus, after: &AlertRuleStatus) -> Vec<Event> {
    let says = ConditionType::Firing.of(&after.common.conditions);
    let says = says.map(|condition| condition.message.as_str()).unwrap_or_default();
    let happened = done(&before.history, &after.history, |event| told(event, says));
    let taken = after
        .acknowledged
        .as_ref()
        .filter(|taken| before.acknowledged.as_ref() != Some(*taken));
    let taken = taken.map(|taken| Event::normal("Acknowledged", format!("acknowledged by {}", taken.by)));
    let stalled = stalled(before, after, |now| now.reason.clone());
    happened.into_iter().chain(taken).chain(stalled).collect()
}

fn told(event: &AlertEvent, says: &str) -> Event {
    let AlertEvent { severity, series, .. } = event;
    let severity = severity.as_str();
    match event.type_ {
        AlertEventType::Fired => Event::warning("Fired", format!("{series} series began to fire, {severity}: {says}")),
        AlertEventType::Worsened => Event::warning("Worsened", format!("{series} series reached {severity}: {says}")),
        AlertEventType::Eased => Event::normal("Eased", format!("{series} series fell back to {severity}")),
        AlertEventType::Resolved => Event::normal("Resolved", format!("{series} series clear, {severity} before")),
        AlertEventType::SeriesGone => Event::normal(
            "SeriesGone",
            format!("{series} series were not among the rows of three turns, {severity} before"),
        ),
    }
}
