//! What to do next about a NotificationChannel.

use ace_api::{
    ANNOTATION_TEST_AT, AlertGroup, ChannelReason, Delivery, DeliveryIntent, DeliveryResult, DeliveryType,
    NotificationChannel, TestDelivery,
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    Cause, Decision, State, Step, Telling,
    groups::{Due, count, plan, short},
    news::news,
    table::{next_look, rows},
    update::{MOST_ATTEMPTS, underway_elsewhere},
};
use crate::inputs::prevented;
use crate::reconcile::{
    annotations::{is_leaving, noted},
    decision::Requeue,
};

/// Decides by the state alone. Time is an argument.
pub fn decide(object: &NotificationChannel, state: &State, now: Timestamp) -> Decision {
    if is_leaving(object) {
        return Decision::Release { event: None };
    }
    if object.spec.suspend {
        return Decision::Settled(Requeue::OnChange);
    }
    if let (Some(page), Some(table)) = (&state.page, &object.spec.platform_table)
        && let Err(decision) = page.platform.usable(false, &table.platform_ref)
    {
        return decision;
    }
    if let Some(obstacle) = &state.obstacle {
        let again = next_look(state).map_or(Requeue::Backoff, Requeue::At);
        return prevented(obstacle, state.memory.refusals, state.timing, again);
    }
    if let Some(until) = underway_elsewhere(state, now) {
        let message = "another process is sending a message";
        return Decision::Wait(Cause::new(ChannelReason::Delivering, message), Requeue::At(until));
    }
    let generation = object.metadata.generation.unwrap_or_default();
    let test = state.memo.test.as_ref();
    let asked = asked(object).filter(|asked| test.is_none_or(|test| test.handled != *asked));
    let retry = test.and_then(|test| Some((test, test.retry_time?)));
    match (asked, retry) {
        (Some(handled), _) => return attempt(handled, 1, now, generation),
        (None, Some((test, at))) if at <= now => {
            let Delivery { attempts, time, .. } = test.delivery;
            return attempt(test.handled.clone(), attempts + 1, time, generation);
        }
        _ => {}
    }
    let told = tell(object, state, now);
    match (told, retry) {
        (Told::Now(telling), _) => Decision::Do(Step::Tell(telling)),
        (told, Some((test, at))) => Decision::Wait(failed(&test.delivery), told.at_or(Requeue::At(at))),
        (Told::Failed(intent, at), None) => Decision::Wait(undelivered(&intent.delivery), Requeue::At(at)),
        (told @ Told::Later(_), None) => last(state, generation, told.at_or(Requeue::OnChange)),
    }
}

/// What is to be told of alerts.
enum Told<'a> {
    Now(Box<Telling>),
    /// An attempt failed, and another one follows.
    Failed(&'a DeliveryIntent, Timestamp),
    /// Nothing before this time.
    Later(Option<Timestamp>),
}

impl Told<'_> {
    /// When it is to be looked at again, or at another time that comes first.
    fn at_or(&self, other: Requeue) -> Requeue {
        match (self, other) {
            (Self::Failed(_, at) | Self::Later(Some(at)), Requeue::At(other)) => Requeue::At(other.min(*at)),
            (Self::Failed(_, at) | Self::Later(Some(at)), _) => Requeue::At(*at),
            (_, other) => other,
        }
    }
}

fn tell<'a>(object: &NotificationChannel, state: &'a State, now: Timestamp) -> Told<'a> {
    let underway = state.memo.intent.as_ref();
    let failed = underway.and_then(|intent| Some((intent, intent.retry_time?)));
    if let Some((intent, at)) = failed.filter(|(_, at)| now < *at) {
        return Told::Failed(intent, at);
    }
    let plan = plan(object, state, now);
    match plan.due {
        Some(due) => Told::Now(Box::new(telling(object, state, &due, now))),
        None => Told::Later(plan.next.into_iter().chain(next_look(state)).min()),
    }
}

/// The message that is due, under the id that each attempt has.
fn telling(object: &NotificationChannel, state: &State, due: &Due, now: Timestamp) -> Telling {
    let Due { type_, group, .. } = due;
    let (digest, told) = (group.digest(), group.told());
    let is_same = |intent: &&DeliveryIntent| {
        intent.key == group.key && intent.digest == digest && intent.delivery.type_ == *type_
    };
    let before = state.memo.intent.as_ref().filter(is_same);
    let time = before.map_or(now, |intent| intent.delivery.time);
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let first = told.iter().map(|one| one.alert.since).min();
    let since = due.since.or(first).unwrap_or(now);
    // Of what the receiver knows already, so that it is the same at each attempt, whatever is sent in between.
    let follows = due.told.unwrap_or(since).to_string();
    let parts = [uid, &group.key, &digest, &format!("{type_:?}"), &follows];
    Telling {
        news: news(object, *type_, group),
        rows: rows(object, group),
        first: due.first.clone(),
        intent: DeliveryIntent {
            key: group.key.clone(),
            severity: group.severity().unwrap_or(due.severity),
            firing: count(told.len()),
            since,
            id: format!("{}{}", short(parts), short(parts.into_iter().rev())),
            holder: Some(state.holder.clone()),
            start_time: Some(now),
            may_have_arrived: before.is_some_and(|intent| intent.may_have_arrived),
            retry_time: None,
            delivery: Delivery {
                type_: *type_,
                group: Some(group.name.clone()),
                result: DeliveryResult::Sending,
                code: None,
                attempts: before.map_or(1, |intent| intent.delivery.attempts.saturating_add(1)),
                time,
                generation: object.metadata.generation.unwrap_or_default(),
                message: None,
            },
            digest,
        },
    }
}

/// Value of the annotation that asks for a test message; cut to 256 bytes.
fn asked(object: &NotificationChannel) -> Option<String> {
    object.annotations().get(ANNOTATION_TEST_AT).map(|value| noted(value))
}

fn attempt(handled: String, attempts: i32, time: Timestamp, generation: i64) -> Decision {
    Decision::Do(Step::Test(TestDelivery {
        handled,
        retry_time: None,
        delivery: Delivery {
            type_: DeliveryType::Test,
            group: None,
            result: DeliveryResult::Sending,
            code: None,
            attempts,
            time,
            generation,
            message: None,
        },
    }))
}

fn failed(delivery: &Delivery) -> Cause {
    let Delivery { attempts, message, .. } = delivery;
    let message = message.as_deref().unwrap_or_default();
    let message = format!("attempt {attempts} of {MOST_ATTEMPTS} failed: {message}");
    Cause::new(ChannelReason::Retrying, message)
}

fn undelivered(delivery: &Delivery) -> Cause {
    let Delivery { attempts, message, .. } = delivery;
    let group = delivery.group.as_deref().unwrap_or_default();
    let message = message.as_deref().unwrap_or_default();
    Cause::new(
        ChannelReason::Retrying,
        format!("attempt {attempts} to tell of {group} failed: {message}"),
    )
}

/// What the last message says of the channel, if it was sent by the spec as it is; and whether one before it is still refused.
fn last(state: &State, generation: i64, next: Requeue) -> Decision {
    let memo = &state.memo;
    let last = memo.deliveries.first().filter(|last| last.generation == generation);
    let refused = |group: &&AlertGroup| {
        let refused = group.refused.as_ref();
        refused.is_some_and(|refused| refused.generation == generation)
    };
    let (reason, what) = match (last, last.map(|last| last.result)) {
        (Some(last), Some(DeliveryResult::Refused)) => (ChannelReason::Refused, failure(last, "was refused")),
        (Some(last), Some(DeliveryResult::NotDelivered)) => {
            (ChannelReason::NotDelivered, failure(last, "was not delivered"))
        }
        (Some(last), Some(DeliveryResult::Unknown)) => {
            (ChannelReason::DeliveryUnknown, failure(last, "may have been received"))
        }
        _ => match memo.groups.iter().find(refused) {
            Some(group) => {
                let what = format!(
                    "what was to be told of {} was refused, and is not sent again unchanged",
                    group.name
                );
                (ChannelReason::Refused, what)
            }
            None => return Decision::Settled(next),
        },
    };
    let message = format!("{what}. To send a test message, change the annotation `{ANNOTATION_TEST_AT}`");
    Decision::Refuse(Cause::new(reason, message), next)
}

fn failure(last: &Delivery, what: &str) -> String {
    let (attempts, why) = (last.attempts, last.message.as_deref().unwrap_or_default());
    format!("the last message {what} (attempt {attempts}): {why}")
}
