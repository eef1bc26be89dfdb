//! What to do next about a NotificationChannel.

use ace_api::{
    ANNOTATION_TEST_AT, ChannelReason, Delivery, DeliveryResult, DeliveryType, NotificationChannel, TestDelivery,
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{Cause, Decision, State, Step, update::MOST_ATTEMPTS};
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
    if let Some(obstacle) = &state.obstacle {
        return prevented(obstacle, state.memory.refusals, state.timing, Requeue::Backoff);
    }
    let generation = object.metadata.generation.unwrap_or_default();
    let test = state.memo.test.as_ref();
    let asked = asked(object).filter(|asked| test.is_none_or(|test| test.handled != *asked));
    match (asked, test, test.and_then(|test| test.retry_time)) {
        (Some(handled), _, _) => attempt(handled, 1, now, generation),
        (None, Some(test), Some(at)) if at <= now => {
            let Delivery { attempts, time, .. } = test.delivery;
            attempt(test.handled.clone(), attempts + 1, time, generation)
        }
        (None, Some(test), Some(at)) => Decision::Wait(failed(&test.delivery), Requeue::At(at)),
        _ => last(state, generation),
    }
}

/// Value of the annotation that asks for a test message; cut to 256 bytes.
fn asked(object: &NotificationChannel) -> Option<String> {
    object.annotations().get(ANNOTATION_TEST_AT).map(|value| noted(value))
}

fn attempt(handled: String, attempts: i32, time: Timestamp, generation: i64) -> Decision {
    Decision::Do(Step(TestDelivery {
        handled,
        retry_time: None,
        delivery: Delivery {
            type_: DeliveryType::Test,
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

/// What the last message says of the channel, if it was sent by the spec as it is.
fn last(state: &State, generation: i64) -> Decision {
    let last = state.memo.deliveries.first();
    let Some(last) = last.filter(|last| last.generation == generation) else {
        return Decision::Settled(Requeue::OnChange);
    };
    let (reason, what) = match last.result {
        DeliveryResult::Refused => (ChannelReason::Refused, "the last message was refused"),
        DeliveryResult::NotDelivered => (ChannelReason::NotDelivered, "the last message was not delivered"),
        DeliveryResult::Unknown => (
            ChannelReason::DeliveryUnknown,
            "the last message may have been received",
        ),
        _ => return Decision::Settled(Requeue::OnChange),
    };
    let (attempts, why) = (last.attempts, last.message.as_deref().unwrap_or_default());
    let message = format!(
        "{what} (attempt {attempts}): {why}. To send a test message, change the annotation `{ANNOTATION_TEST_AT}`"
    );
    Decision::Refuse(Cause::new(reason, message), Requeue::OnChange)
}
