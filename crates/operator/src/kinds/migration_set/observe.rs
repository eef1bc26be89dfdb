use ace_api::MigrationSet;
use ace_domain::{
    kinds::migration_set::{Backups, Candidate, Memory, Schedule, State},
    reconcile::{
        annotations::is_reconcile_requested,
        key::{Key, SourceKey},
    },
};
use jiff::Timestamp;

use super::MigrationSets;
use crate::{backups::backups_of, caches::cached};

/// Collects the state of a set from caches and its source. Does not connect to a database.
pub(super) async fn observe(kind: &MigrationSets, object: &MigrationSet, memory: Memory, now: Timestamp) -> State {
    let platform = Key::beside(object, &object.spec.platform_ref.name);
    let platform = kind.caches.platform(&platform);
    let handled = object.status.as_ref();
    let handled = handled.and_then(|status| status.common.last_handled_reconcile_at.as_ref());
    let asks = is_reconcile_requested(object, handled);
    let source = &object.spec.source;
    let source = kind
        .sources
        .state_of(&SourceKey::of(object, source), source, asks)
        .await;
    State {
        timing: kind.timing,
        watching_since: kind.watching_since,
        memory: memory.with_status(object.status.as_ref()),
        backups: backups(kind, object),
        ..State::new(object, platform, &source, now)
    }
}

fn backups(kind: &MigrationSets, object: &MigrationSet) -> Backups {
    let Some(required) = &object.spec.requires.backup else {
        return Backups::default();
    };
    let schedule = Key::beside(object, &required.schedule);
    let found = cached(&kind.schedules, &schedule);
    Backups {
        schedule: found.and_then(|found| found.0.as_ref().ok().map(Schedule::of)),
        all: backups_of(&kind.caches.dependents, &kind.backups, schedule, Candidate::of),
        ..Backups::default()
    }
}
