//! Events about a Backup.

use ace_api::BackupStatus;

use super::decide::is_made;
use crate::reconcile::event::{Event, stalled};

/// Events for the difference between two statuses: it is stored, an attempt failed, or a person must act.
pub fn events(before: &BackupStatus, after: &BackupStatus) -> Vec<Event> {
    let mut events = Vec::new();
    if is_made(after) && !is_made(before) {
        let path = after.copies.first().and_then(|copy| copy.path.as_deref());
        events.push(Event::normal(
            "Stored",
            format!("stored as {}", path.unwrap_or_default()),
        ));
    }
    let failed = after.run.as_ref().filter(|run| run.retry_time.is_some());
    if let Some(run) = failed
        && before.run.as_ref() != Some(run)
    {
        let why = run.message.as_deref().unwrap_or_default();
        events.push(Event::warning(
            "AttemptFailed",
            format!("attempt {} failed: {why}", run.attempt),
        ));
    }
    events.extend(stalled(before, after, |now| now.reason.clone()));
    events
}
