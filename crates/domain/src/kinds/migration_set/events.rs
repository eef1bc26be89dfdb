//! Events about a MigrationSet.

use ace_api::{
    ConditionType::{Drifted, Ready},
    MigrationEvent, MigrationEventType, MigrationReason, MigrationSetStatus, Reason as _,
};

use crate::reconcile::event::{Carried, Event, done, drift_detected, secrets_in_source, stalled};

pub fn events(before: &MigrationSetStatus, after: &MigrationSetStatus) -> Vec<Event> {
    let mut events = done(&before.history, &after.history, history_event);
    events.extend(secrets_in_source(carried(before), carried(after)));
    events.extend(drift_detected(before, after));
    events.extend(drift_corrected(before, after));
    events.extend(attempt_failed(before, after));
    // The message too: it names the plan that needs an approval.
    events.extend(stalled(before, after, |now| (now.reason.clone(), now.message.clone())));
    events
}

fn carried(status: &MigrationSetStatus) -> Carried<'_> {
    let source = status.source.as_ref();
    Carried {
        revision: source.map(|source| source.artifact_revision.as_str()),
        secret_files: source.and_then(|source| source.secret_files.as_ref()),
    }
}

fn history_event(event: &MigrationEvent) -> Event {
    let version = event.version.as_deref().unwrap_or_default();
    let (reason, note) = match event.type_ {
        MigrationEventType::Applied => {
            let milliseconds = event.duration_milliseconds.unwrap_or_default();
            ("Applied", format!("ran {version} in {milliseconds} ms"))
        }
        MigrationEventType::Adopted => (
            "Adopted",
            format!("{version} was applied outside this operator, from the same file"),
        ),
        MigrationEventType::Baselined => (
            "Baselined",
            format!("recorded {version} as applied, without running it"),
        ),
        MigrationEventType::SchemaAccepted => ("SchemaAccepted", "the live schema is now the reference".to_owned()),
        MigrationEventType::SchemaReworded => (
            "SchemaReworded",
            "the form of schema descriptions changed; the live schema is now the reference".to_owned(),
        ),
    };
    // A migration that reports its own failure does so as a warning.
    match event.warnings.first() {
        Some(warning) => Event::warning(reason, format!("{note}; the server warns: {warning}")),
        None => Event::normal(reason, note),
    }
}

/// An attempt at a file failed, and there will be another: its message says how many there were.
fn attempt_failed(before: &MigrationSetStatus, after: &MigrationSetStatus) -> Option<Event> {
    let retry = after.retry.as_ref()?;
    let now = Ready.of(&after.common.conditions)?;
    let is_news =
        before.retry.as_ref().map(|before| (&before.digest, before.time)) != Some((&retry.digest, retry.time));
    (is_news && now.reason == MigrationReason::Retrying.as_str()).then(|| Event::warning(&now.reason, &now.message))
}

fn drift_corrected(before: &MigrationSetStatus, after: &MigrationSetStatus) -> Option<Event> {
    let now = Drifted.of(&after.common.conditions)?;
    let is_over = Drifted.is_true(&before.common.conditions) && now.status == "False";
    is_over.then(|| Event::normal("DriftCorrected", &now.message))
}
