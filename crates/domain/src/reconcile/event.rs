//! What is worth an event: read off two statuses, so that no decision has to think of it.

use ace_api::{
    ConditionType::{self, Drifted, Stalled},
    ObjectStatus, SecretFiles,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{drift::uncorrected, messages::of_total};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventType {
    Normal,
    Warning,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    pub type_: EventType,
    pub reason: String,
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
    let was_known = Drifted.is_true(&before.common().conditions) || uncorrected(before.drift()).is_some();
    let now = Drifted.of(&after.common().conditions)?;
    (now.status == "True" && !was_known).then(|| Event::warning("DriftDetected", &now.message))
}

/// What a status says of its source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Carried<'a> {
    /// Revision of the artifact.
    pub(crate) revision: Option<&'a str>,
    pub(crate) secret_files: Option<&'a SecretFiles>,
}

/// The source has files with secrets: once for each of its revisions.
pub(crate) fn secrets_in_source(before: Carried<'_>, after: Carried<'_>) -> Option<Event> {
    /// Most paths in the message.
    const NAMED: usize = 3;
    let found = after.secret_files.filter(|_| before != after)?;
    let named: Vec<String> = found.paths.iter().take(NAMED).cloned().collect();
    let named = of_total(&named, usize::try_from(found.count).unwrap_or_default());
    let note = format!(
        "the source has secrets in {named}: they are neither deployed nor archived, but whoever reads the source has them; leave them out (`tar --exclude`, `spec.ignore`, `.sourceignore`) and replace the secrets"
    );
    Some(Event::warning("SecretsInSource", note))
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

/// A condition is False, and it is news: what it says is not what it said before. The event's reason is made of the condition's.
pub(crate) fn condition_fell(
    type_: ConditionType,
    before: &impl ObjectStatus,
    after: &impl ObjectStatus,
    named: impl Fn(&str) -> String,
) -> Option<Event> {
    let now = type_.of(&after.common().conditions)?;
    let was = type_.of(&before.common().conditions);
    let is_news = was.is_none_or(|was| (&was.status, &was.reason) != (&now.status, &now.reason));
    (now.status == "False" && is_news).then(|| Event::warning(named(&now.reason), &now.message))
}
