//! What became of an attempt.

use std::time::Duration;

use ace_api::{
    AlertGroup, Delivery, DeliveryIntent, DeliveryResult, DeliveryType, NotificationChannel, RefusedNews, TestDelivery,
    ToldNews, clipped, message,
};
use jiff::Timestamp;

use super::{Announced, Failure, Outcome, State, StepError, groups::settle, table::settle_handled};
use crate::reconcile::status::remember;

/// Attempts to deliver one test message: the last one four minutes after the first, if the receiver does not ask to wait longer.
/// What is said of alerts is tried until it arrives.
pub(super) const MOST_ATTEMPTS: i32 = 5;

/// Deadline of an attempt, the connection included. Not scaled: it is the receiver's.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Most bytes of a delivery's message.
const LONGEST_MESSAGE: usize = 400;

/// An attempt that was announced and whose outcome the status does not have was made in an earlier pass. What became of it is
/// remembered, unless the process ended.
pub fn infer(object: &NotificationChannel, state: &mut State, now: Timestamp) {
    let test = state.memo.test.clone().map(Announced::Test);
    let intent = state
        .memo
        .intent
        .clone()
        .map(|intent| Announced::Tell(Box::new(intent)));
    let is_foreign = underway_elsewhere(state, now).is_some();
    let intent = intent.filter(|_| !is_foreign);
    for announced in [test, intent].into_iter().flatten().filter(Announced::is_sending) {
        let outcome = match &state.memory.outcome {
            Some((made, outcome)) if *made == announced => outcome.clone(),
            _ => Err(StepError::new(
                Failure::Unknown,
                "the operator stopped during the attempt",
            )),
        };
        conclude(object, state, announced, outcome, now);
    }
    if !is_foreign
        && !object.spec.suspend
        && state.obstacle.is_none()
        && state.are_rules_known
        && !state.is_page_at_rest()
    {
        settle(object, state, now);
        settle_handled(object, state, now);
    }
}

/// Until when another process may be making the attempt that is announced.
pub(super) fn underway_elsewhere(state: &State, now: Timestamp) -> Option<Timestamp> {
    let intent = state.memo.intent.as_ref()?;
    let (holder, began) = (intent.holder.as_ref()?, intent.start_time?);
    let until = began + DEADLINE + state.timing.delivery_taken_over();
    let is_sending = intent.delivery.result == DeliveryResult::Sending;
    // The clock of the other one may be ahead, but not by much.
    let is_now = began <= now + DEADLINE && now < until;
    (is_sending && *holder != state.holder && is_now).then_some(until)
}

impl Announced {
    fn is_sending(&self) -> bool {
        let result = match self {
            Self::Test(test) => test.delivery.result,
            Self::Tell(intent) => intent.delivery.result,
        };
        result == DeliveryResult::Sending
    }
}

/// Notes what became of an attempt.
pub(super) fn conclude(
    object: &NotificationChannel,
    state: &mut State,
    announced: Announced,
    outcome: Outcome,
    now: Timestamp,
) {
    match announced {
        Announced::Test(test) => tested(object, state, test, outcome, now),
        Announced::Tell(intent) => told(object, state, *intent, outcome, now),
    }
}

fn tested(object: &NotificationChannel, state: &mut State, mut test: TestDelivery, outcome: Outcome, now: Timestamp) {
    let attempts = test.delivery.attempts;
    let is_last = attempts >= MOST_ATTEMPTS;
    let backoff = state.timing.backoff(u32::try_from(attempts - 1).unwrap_or_default());
    // A receiver of Standard Webhooks drops what it has under the same id, and PagerDuty what it has under the same key; in Slack
    // everybody would read the message twice.
    let is_repeatable = object.spec.slack.is_none();
    let (result, wait) = match outcome.as_ref().map_err(|error| error.failure) {
        Ok(_) => (DeliveryResult::Accepted, None),
        Err(Failure::Refused) => (DeliveryResult::Refused, None),
        Err(Failure::Unknown) if is_last || !is_repeatable => (DeliveryResult::Unknown, None),
        Err(Failure::Unknown) => (DeliveryResult::Retrying, Some(backoff)),
        Err(Failure::Passing(_)) if is_last => (DeliveryResult::NotDelivered, None),
        Err(Failure::Passing(asked)) => (DeliveryResult::Retrying, asked.max(Some(backoff))),
    };
    note(&mut test.delivery, result, outcome);
    if wait.is_none() {
        ended(state, &test.delivery);
    }
    if result == DeliveryResult::Accepted {
        // Whatever the receiver did not take before, it may take now; of what was never told nobody knows.
        state
            .memo
            .groups
            .retain(|group| group.told.is_some() || group.refused.is_none());
        for group in &mut state.memo.groups {
            group.refused = None;
        }
    }
    test.retry_time = wait.map(|wait| now + wait);
    state.memo.test = Some(test);
}

fn told(object: &NotificationChannel, state: &mut State, mut intent: DeliveryIntent, outcome: Outcome, now: Timestamp) {
    let attempts = intent.delivery.attempts;
    let backoff = state.timing.backoff(u32::try_from(attempts - 1).unwrap_or_default());
    let (result, wait) = match outcome.as_ref().map_err(|error| error.failure) {
        Ok(_) => (DeliveryResult::Accepted, None),
        Err(Failure::Refused) => (DeliveryResult::Refused, None),
        Err(Failure::Unknown) => (DeliveryResult::Retrying, Some(backoff)),
        Err(Failure::Passing(asked)) => (DeliveryResult::Retrying, asked.max(Some(backoff))),
    };
    intent.may_have_arrived |= outcome.as_ref().is_err_and(|error| error.failure == Failure::Unknown);
    note(&mut intent.delivery, result, outcome);
    match result {
        DeliveryResult::Accepted if intent.delivery.type_ == DeliveryType::Resolve => {
            state.memo.groups.retain(|group| group.key != intent.key);
        }
        DeliveryResult::Accepted => {
            let group = known(object, state, &intent);
            group.refused = None;
            group.told = Some(ToldNews {
                digest: intent.digest.clone(),
                severity: intent.severity,
                firing: intent.firing,
                time: now,
            });
        }
        DeliveryResult::Refused => {
            group(state, &intent).refused = Some(RefusedNews {
                digest: intent.digest.clone(),
                generation: intent.delivery.generation,
            });
        }
        // From now on the receiver may know of it, so it is told of the end, too.
        _ if intent.may_have_arrived => {
            known(object, state, &intent);
        }
        _ => {}
    }
    if wait.is_none() {
        ended(state, &intent.delivery);
    }
    intent.retry_time = wait.map(|wait| now + wait);
    state.memo.intent = wait.is_some().then_some(intent);
}

/// The group of a message that may have arrived.
fn known<'a>(object: &NotificationChannel, state: &'a mut State, intent: &DeliveryIntent) -> &'a mut AlertGroup {
    let group = group(state, intent);
    if object.spec.email.is_some() {
        group.first.get_or_insert_with(|| intent.id.clone());
    }
    group
}

/// The group that a message is about.
fn group<'a>(state: &'a mut State, intent: &DeliveryIntent) -> &'a mut AlertGroup {
    let groups = &mut state.memo.groups;
    let at = groups
        .iter()
        .position(|group| group.key == intent.key)
        .unwrap_or(groups.len());
    if at == groups.len() {
        groups.push(AlertGroup {
            key: intent.key.clone(),
            name: intent.delivery.group.clone().unwrap_or_default(),
            since: intent.since,
            first: None,
            firing: intent.firing,
            told: None,
            refused: None,
            handled: None,
        });
    }
    groups.get_mut(at).expect("it was there or was pushed")
}

fn note(delivery: &mut Delivery, result: DeliveryResult, outcome: Outcome) {
    delivery.result = result;
    (delivery.code, delivery.message) = match outcome {
        Ok(code) => (code, None),
        Err(error) => (error.code, Some(clipped(&message(&error.message), LONGEST_MESSAGE))),
    };
}

/// Why an older one was not accepted is history: of the last one it says what to do.
fn ended(state: &mut State, delivery: &Delivery) {
    for older in &mut state.memo.deliveries {
        older.message = None;
    }
    remember(&mut state.memo.deliveries, delivery.clone());
}
