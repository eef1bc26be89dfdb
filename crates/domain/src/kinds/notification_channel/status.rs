//! The status of a NotificationChannel.

use ace_api::{
    ANNOTATION_TEST_AT, ChannelReason, ChannelStatus, ChannelType, Delivery, DeliveryResult, DeliveryType,
    NotificationChannel,
};
use jiff::Timestamp;

use super::{Cause, Decision, State, Step, groups::count, update::underway_elsewhere};
use crate::inputs::is_doubted;
use crate::reconcile::{
    event::{Event, done, stalled},
    size::bounded,
    status::{Shown, common, is_ready, suspended},
};

pub fn status(object: &NotificationChannel, state: &State, decision: &Decision, now: Timestamp) -> ChannelStatus {
    let memo = &state.memo;
    // Whoever makes the attempt says what becomes of it.
    let is_foreign = underway_elsewhere(state, now).is_some() && matches!(decision, Decision::Wait(..));
    if is_foreign || is_doubted(decision, state.memory.refusals) {
        return memo.clone();
    }
    let sending = |step: &Step| {
        let what = match step {
            Step::Test(_) => "sending a test message".to_owned(),
            Step::Tell(telling) => format!("telling of {}", telling.news.group),
        };
        Cause::new(ChannelReason::Delivering, what)
    };
    let shown = match decision {
        // A message that is being sent says nothing yet.
        Decision::Do(_) if is_ready(&memo.common, object) => Shown::Unchanged,
        decision => Shown::of(decision, sending, || at_rest(object, state)),
    };
    let status = ChannelStatus {
        common: common(object, &memo.common, shown, decision.is_answer(), now),
        type_: Some(type_of(object)),
        open: Some(count(memo.groups.iter().filter(|group| group.told.is_some()).count())),
        groups: memo.groups.clone(),
        intent: match decision {
            Decision::Do(Step::Tell(telling)) => Some(telling.intent.clone()),
            _ => memo.intent.clone(),
        },
        test: match decision {
            Decision::Do(Step::Test(test)) => Some(test.clone()),
            _ => memo.test.clone(),
        },
        deliveries: memo.deliveries.clone(),
    };
    bounded(status, shorten)
}

fn type_of(object: &NotificationChannel) -> ChannelType {
    let spec = &object.spec;
    match (&spec.pager_duty, &spec.slack, &spec.email, &spec.platform_table) {
        (Some(_), ..) => ChannelType::PagerDuty,
        (None, Some(_), ..) => ChannelType::Slack,
        (None, None, Some(_), _) => ChannelType::Email,
        (None, None, None, Some(_)) => ChannelType::PlatformTable,
        (None, None, None, None) => ChannelType::Webhook,
    }
}

/// Drops the last name of a group, whose key is still there; then what people did, which is read again.
fn shorten(status: &mut ChannelStatus) -> bool {
    if status.deliveries.len() > 1 {
        return status.deliveries.pop().is_some();
    }
    let named = status.groups.iter_mut().rev().find(|group| !group.name.is_empty());
    if named.map(|group| group.name.clear()).is_some() {
        return true;
    }
    let handled = status.groups.iter_mut().rev().find(|group| group.handled.is_some());
    handled.map(|group| group.handled = None).is_some()
}

fn at_rest(object: &NotificationChannel, state: &State) -> Shown<ChannelReason> {
    let memo = &state.memo;
    if object.spec.suspend {
        return suspended(ChannelReason::SuspendedByUser);
    }
    let suspension = match (&state.page, &object.spec.platform_table) {
        (Some(page), Some(table)) => page.platform.suspension(false, &table.platform_ref),
        _ => None,
    };
    Shown::at_rest(suspension, || is_ready(&memo.common, object), || accepted(object, memo))
}

fn accepted(object: &NotificationChannel, memo: &ChannelStatus) -> Cause {
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
    Cause::new(reason, message)
}

/// Events for the difference between two statuses: messages were accepted, or a person must act.
pub fn events(before: &ChannelStatus, after: &ChannelStatus) -> Vec<Event> {
    let accepted = |delivery: &Delivery| {
        let group = delivery.group.as_deref().unwrap_or_default();
        let what = match delivery.type_ {
            DeliveryType::Test => "a test message".to_owned(),
            DeliveryType::Trigger => format!("that {group} fires"),
            DeliveryType::Update => format!("that more of {group} fires"),
            DeliveryType::Repeat => format!("that {group} still fires"),
            DeliveryType::Resolve => format!("that nothing of {group} fires any more"),
        };
        Event::normal("Accepted", format!("the receiver accepted {what}"))
    };
    // An older delivery loses its message.
    let plain = |deliveries: &[Delivery]| -> Vec<Delivery> {
        let without = |delivery: &Delivery| Delivery {
            message: None,
            ..delivery.clone()
        };
        deliveries.iter().map(without).collect()
    };
    let (before_them, all) = (plain(&before.deliveries), plain(&after.deliveries));
    let new = all.iter().take_while(|delivery| Some(*delivery) != before_them.first());
    let new: Vec<Delivery> = new
        .filter(|delivery| delivery.result == DeliveryResult::Accepted)
        .cloned()
        .collect();
    let stalled = stalled(before, after, |now| now.reason.clone());
    done(&[], &new, accepted).into_iter().chain(stalled).collect()
}
