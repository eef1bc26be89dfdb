//! What is worth an event: read off two statuses, so that no decision has to think of it.

use ace_api::{
    ConditionType::{Drifted, Stalled},
    ObjectStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::drift::standing;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventType {
    Normal,
    Warning,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    pub type_: EventType,
    /// CamelCase reason.
    pub reason: String,
    /// One sentence.
    pub note: String,
}

impl Event {
    pub fn normal(reason: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            type_: EventType::Normal,
            reason: reason.into(),
            note: note.into(),
        }
    }

    pub fn warning(reason: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            type_: EventType::Warning,
            ..Self::normal(reason, note)
        }
    }
}

/// What was done since, oldest first: the entries of the history `after` that the one `before` does not have.
pub(crate) fn done<E: PartialEq>(before: &[E], after: &[E], event: impl Fn(&E) -> Event) -> Vec<Event> {
    let done = after.iter().take_while(|entry| Some(*entry) != before.first());
    let mut events: Vec<Event> = done.map(event).collect();
    events.reverse();
    events
}

/// Drift began. Drift that could not be observed for a while is the same drift, and gets no second event.
pub(crate) fn drift_detected(before: &impl ObjectStatus, after: &impl ObjectStatus) -> Option<Event> {
    let was_known = Drifted.is_true(&before.common().conditions) || standing(before.drift()).is_some();
    let now = Drifted.of(&after.common().conditions)?;
    (now.status == "True" && !was_known).then(|| Event::warning("DriftDetected", &now.message))
}

/// Only a person can go on, and it is news: what the condition `says` is not what it said before.
pub(crate) fn stalled<T: PartialEq>(
    before: &impl ObjectStatus,
    after: &impl ObjectStatus,
    says: impl Fn(&Condition) -> T,
) -> Option<Event> {
    let now = Stalled.of(&after.common().conditions)?;
    let is_news = Stalled.of(&before.common().conditions).map(&says) != Some(says(now));
    is_news.then(|| Event::warning(&now.reason, &now.message))
}
