//! The status of a NotificationChannel.

use ace_api::{ANNOTATION_TEST_AT, ChannelReason, ChannelStatus, ChannelType, DeliveryResult, NotificationChannel};
use jiff::Timestamp;

use super::{Cause, Decision, State};
use crate::inputs::is_doubted;
use crate::reconcile::{
    event::{Event, stalled},
    status::{Shown, common, is_ready, suspended},
};

pub fn status(object: &NotificationChannel, state: &State, decision: &Decision, now: Timestamp) -> ChannelStatus {
    let memo = &state.memo;
    if is_doubted(decision, state.memory.refusals) {
        return memo.clone();
    }
    let sending = Cause::new(ChannelReason::Delivering, "sending a test message");
    let shown = match decision {
        // A message that is being sent says nothing yet.
        Decision::Do(_) if is_ready(&memo.common, object) => Shown::Unchanged,
        decision => Shown::of(decision, |_| sending, || at_rest(object, memo)),
    };
    ChannelStatus {
        common: common(object, &memo.common, shown, decision.is_answer(), now),
        type_: Some(match object.spec.slack {
            Some(_) => ChannelType::Slack,
            None => ChannelType::Webhook,
        }),
        test: match decision {
            Decision::Do(step) => Some(step.0.clone()),
            _ => memo.test.clone(),
        },
        deliveries: memo.deliveries.clone(),
    }
}

fn at_rest(object: &NotificationChannel, memo: &ChannelStatus) -> Shown<ChannelReason> {
    if object.spec.suspend {
        return suspended(ChannelReason::SuspendedByUser);
    }
    let last = memo.deliveries.first();
    let (reason, message) = match last.filter(|last| Some(last.generation) == object.metadata.generation) {
        Some(_) => (ChannelReason::Accepted, "the last message was accepted".to_owned()),
        None => (
            ChannelReason::Untested,
            format!(
                "no message was sent yet with this spec; to send a test message, set the annotation `{ANNOTATION_TEST_AT}`"
            ),
        ),
    };
    Shown::Ready(Cause::new(reason, message))
}

/// Events for the difference between two statuses: a message was accepted, or a person must act.
pub fn events(before: &ChannelStatus, after: &ChannelStatus) -> Vec<Event> {
    let last = after.deliveries.first();
    let is_news = last != before.deliveries.first() && last.is_some_and(|last| last.result == DeliveryResult::Accepted);
    let accepted = is_news.then(|| Event::normal("Accepted", "the receiver accepted a test message"));
    let stalled = stalled(before, after, |now| now.reason.clone());
    accepted.into_iter().chain(stalled).collect()
}
