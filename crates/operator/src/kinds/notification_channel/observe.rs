use ace_api::{ChannelReason, NotificationChannel};
use ace_domain::{
    kinds::{
        alert_rule,
        notification_channel::{self, Memory, Neighbour, Rule, State},
        silence::{self, Quiet},
    },
    reconcile::key::Key,
};
use jiff::Timestamp;

use super::{Destination, NotificationChannels, destination::destination, page};
use crate::caches::{beside, cached};

/// Reads the Secrets of a channel, and from the caches what there is to tell.
pub(super) async fn observe(
    kind: &NotificationChannels,
    object: &NotificationChannel,
    memory: Memory,
    now: Timestamp,
) -> (State, Option<Destination>) {
    let (caches, index) = (&kind.caches, &kind.caches.dependents);
    let rules = beside::<alert_rule::Kind>(index, &caches.rules, object);
    let silences = beside::<silence::Kind>(index, &caches.silences, object);
    let channels = beside::<notification_channel::Kind>(index, &caches.channels, object);
    let mut state = State {
        timing: kind.timing,
        memo: object.status.clone().unwrap_or_default(),
        obstacle: None,
        are_rules_known: rules.iter().all(|rule| rule.0.is_ok()),
        rules: rules
            .iter()
            .filter_map(|rule| rule.0.as_ref().ok())
            .map(|rule| {
                let platform = cached(&kind.caches.platforms, &Key::beside(rule, &rule.spec.platform_ref.name));
                Rule::of(rule, platform.as_deref().and_then(|platform| platform.0.as_ref().ok()))
            })
            .collect(),
        silences: silences
            .iter()
            .filter_map(|silence| Quiet::of(silence.0.as_ref().ok()?, now))
            .collect(),
        channels: channels
            .iter()
            .filter_map(|channel| channel.0.as_ref().ok())
            .map(Neighbour::of)
            .collect(),
        page: None,
        holder: kind.instance.clone(),
        memory,
    };
    if object.spec.suspend {
        return (state, None);
    }
    if let Some(table) = &object.spec.platform_table {
        let destination = page::observe(kind, object, table, &mut state, now).await;
        return (state, destination);
    }
    let read = destination(kind, object).await;
    let is_refused = matches!(&read, Err(cause) if cause.reason == ChannelReason::AccessMissing);
    state.memory.refusals = state.memory.refusals.after(is_refused);
    match read {
        Ok(destination) => (state, Some(destination)),
        Err(cause) => {
            state.obstacle = Some(cause);
            (state, None)
        }
    }
}
