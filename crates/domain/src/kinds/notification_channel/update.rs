//! What became of an attempt.

use ace_api::{DeliveryResult, NotificationChannel, TestDelivery, clipped, message};
use jiff::Timestamp;

use super::{Failure, Outcome, State, StepError};
use crate::reconcile::status::remember;

/// Attempts to deliver one message: the last one four minutes after the first, if the receiver does not ask to wait longer.
pub(super) const MOST_ATTEMPTS: i32 = 5;

/// Most bytes of a delivery's message.
const LONGEST_MESSAGE: usize = 400;

/// An attempt that was announced and whose outcome the status does not have was made in an earlier pass. What became of it is
/// remembered, unless the process ended.
pub fn infer(object: &NotificationChannel, state: &mut State, now: Timestamp) {
    let announced = state.memo.test.clone();
    let Some(test) = announced.filter(|test| test.delivery.result == DeliveryResult::Sending) else {
        return;
    };
    let outcome = match &state.memory.outcome {
        Some((made, outcome)) if *made == test => outcome.clone(),
        _ => Err(StepError::new(
            Failure::Unknown,
            "the operator stopped during the attempt",
        )),
    };
    conclude(object, state, test, outcome, now);
}

/// Notes what became of an attempt.
pub(super) fn conclude(
    object: &NotificationChannel,
    state: &mut State,
    mut test: TestDelivery,
    outcome: Outcome,
    now: Timestamp,
) {
    let attempts = test.delivery.attempts;
    let is_last = attempts >= MOST_ATTEMPTS;
    let backoff = state.timing.backoff(u32::try_from(attempts - 1).unwrap_or_default());
    // A receiver of Standard Webhooks drops what it has under the same id; in Slack everybody would read the message twice.
    let is_repeatable = object.spec.slack.is_none();
    let (result, wait) = match outcome.as_ref().map_err(|error| error.failure) {
        Ok(_) => (DeliveryResult::Accepted, None),
        Err(Failure::Refused) => (DeliveryResult::Refused, None),
        Err(Failure::Unknown) if is_last || !is_repeatable => (DeliveryResult::Unknown, None),
        Err(Failure::Unknown) => (DeliveryResult::Retrying, Some(backoff)),
        Err(Failure::Passing(_)) if is_last => (DeliveryResult::NotDelivered, None),
        Err(Failure::Passing(asked)) => (DeliveryResult::Retrying, asked.max(Some(backoff))),
    };
    let delivery = &mut test.delivery;
    delivery.result = result;
    (delivery.code, delivery.message) = match outcome {
        Ok(code) => (Some(code), None),
        Err(error) => (error.code, Some(clipped(&message(&error.message), LONGEST_MESSAGE))),
    };
    if wait.is_none() {
        remember(&mut state.memo.deliveries, delivery.clone());
    }
    test.retry_time = wait.map(|wait| now + wait);
    state.memo.test = Some(test);
}
