//! What is worth an event: read off two statuses, so that no decision has to think of it.

use ace_api::ConditionType;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Whether an event is a warning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventType {
    /// Something was done.
    Normal,
    /// Somebody should look.
    Warning,
}

/// One event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// Normal or warning.
    pub type_: EventType,
    /// CamelCase reason.
    pub reason: String,
    /// One sentence.
    pub note: String,
}

impl Event {
    /// Something was done.
    pub fn normal(reason: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            type_: EventType::Normal,
            reason: reason.into(),
            note: note.into(),
        }
    }

    /// Somebody should look.
    pub fn warning(reason: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            type_: EventType::Warning,
            ..Self::normal(reason, note)
        }
    }
}

/// Only a person can go on, and it is news: what the condition `says` is not what it said before.
pub(crate) fn stalled<T: PartialEq>(
    before: &[Condition],
    after: &[Condition],
    says: impl Fn(&Condition) -> T,
) -> Option<Event> {
    let now = ConditionType::Stalled.of(after)?;
    let is_news = ConditionType::Stalled.of(before).map(&says) != Some(says(now));
    is_news.then(|| Event::warning(&now.reason, &now.message))
}
