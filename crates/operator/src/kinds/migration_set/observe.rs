use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ace_api::{Database, MigrationSet, Platform};
use ace_domain::{
    kinds::migration_set::{Memory, PlatformFacts, PlatformState, State},
    reconcile::{
        key::{Key, SourceKey},
        timing::Timing,
    },
    sql::{Folder, read_folder},
};
use jiff::Timestamp;

use super::MigrationSets;
use crate::{
    sources::pinned::{folder, wanted},
    sources::{Artifact, ArtifactState},
};

/// The inputs of a set that are read before its database.
pub struct Inputs {
    /// The Platform, if it exists.
    pub platform: Option<Platform>,
    /// The migrations of `spec.source`.
    pub source: ArtifactState,
}

/// Collects the state of a set from caches and its source. Does not connect to a database.
pub(super) async fn observe(kind: &MigrationSets, object: &MigrationSet, memory: Memory, now: Timestamp) -> State {
    let inputs = Inputs {
        platform: kind
            .caches
            .platform(&Key::beside(object, &object.spec.platform_ref.name)),
        source: kind
            .sources
            .artifact_state(&SourceKey::beside(object, &object.spec.source))
            .await,
    };
    State {
        timing: kind.timing,
        watching_since: kind.watching_since,
        memory,
        ..known(object, inputs, now)
    }
}

/// The state of a set at the beginning of a reconcile, without any memory but its status.
pub fn known(object: &MigrationSet, inputs: Inputs, now: Timestamp) -> State {
    State {
        timing: Timing::default(),
        began: now,
        watching_since: now,
        memo: object.status.clone().unwrap_or_default(),
        platform: platform(object, inputs.platform),
        source: wanted(&object.spec.source, &inputs.source, |artifact| {
            files(object, artifact).map(Arc::new)
        }),
        scripts: BTreeMap::new(),
        answers: BTreeMap::new(),
        locked: false,
        unseen: None,
        written_steps: BTreeSet::new(),
        prepared: false,
        announced: None,
        snapshot_taken: false,
        stop: None,
        memory: Memory::default(),
        step_error: None,
    }
}

fn platform(object: &MigrationSet, platform: Option<Platform>) -> PlatformState {
    let Some(Platform { spec, .. }) = platform else {
        return PlatformState::Absent;
    };
    PlatformState::Present(PlatformFacts {
        project: spec.project,
        interval: spec.interval.get(),
        suspended: spec.suspend,
        place: spec
            .database
            .as_ref()
            .map(|database| place(database, object))
            .unwrap_or_default(),
        database: spec.database.map(Box::new),
    })
}

/// Everything in a Platform that affects an observation of its database.
fn place(database: &Database, object: &MigrationSet) -> String {
    format!("{database:?} {:?}", object.spec.schemas)
}

/// The files of `object` in an artifact.
fn files(object: &MigrationSet, artifact: &Artifact) -> Result<Folder, String> {
    let folder = folder(&object.spec.source)?;
    read_folder(artifact.tree.tree(), folder.as_ref()).map_err(|error| error.to_string())
}
