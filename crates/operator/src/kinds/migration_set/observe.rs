use ace_api::MigrationSet;
use ace_domain::{
    inputs::folder,
    kinds::migration_set::{Memory, State},
    reconcile::key::{Key, SourceKey},
};
use jiff::Timestamp;

use super::MigrationSets;

/// Collects the state of a set from caches and its source. Does not connect to a database.
pub(super) async fn observe(kind: &MigrationSets, object: &MigrationSet, memory: Memory, now: Timestamp) -> State {
    let platform = Key::beside(object, &object.spec.platform_ref.name);
    let platform = kind.caches.platform(&platform);
    let source = SourceKey::of(object, &object.spec.source);
    // A path that is none is told by those who read below it.
    let folder = folder(&object.spec.source).unwrap_or_default();
    let source = kind.sources.artifact_state(&source, folder.as_ref()).await;
    State {
        timing: kind.timing,
        watching_since: kind.watching_since,
        memory: memory.with_status(object.status.as_ref()),
        ..State::new(object, platform, &source, now)
    }
}
