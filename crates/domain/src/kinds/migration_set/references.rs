//! What a MigrationSet depends on, and what others depend on of it.

use std::sync::Arc;

use ace_api::MigrationSet;

use super::State;
use crate::inputs::source_references;
use crate::reconcile::{
    dependency::{Dependency, Fact, Facts},
    key::Key,
};

/// Of the Platform only its spec: migrations connect to the database themselves. And the backups that a plan may wait for.
pub fn references(object: &MigrationSet) -> Vec<Dependency> {
    let [source, folder] = source_references(object, &object.spec.source);
    let platform = Key::beside(object, &object.spec.platform_ref.name);
    let schedule = object.spec.requires.backup.iter();
    let schedule = schedule.flat_map(|required| {
        let schedule = Key::beside(object, &required.schedule);
        [
            Dependency::BackupSchedule(schedule.clone()),
            Dependency::BackupsOf(schedule),
        ]
    });
    [Dependency::Platform(platform), source, folder]
        .into_iter()
        .chain(schedule)
        .collect()
}

pub fn findings(object: &MigrationSet, state: &State) -> Facts {
    let versions = state.observation().map(|observation| {
        let versions = observation.ledger.keys().cloned().collect();
        Fact::Versions(Arc::new(versions))
    });
    let applied = Dependency::AppliedMigrations(Key::of(object));
    versions.map(|versions| (applied, versions)).into_iter().collect()
}
