use std::sync::Arc;

use ace_api::{Database, MigrationSet};
use ace_domain::{
    migration::{PlatformFacts, PlatformSight, Recall, SourceSight, World},
    script::read_folder,
    source::TreePath,
};
use jiff::Timestamp;

use super::MigrationSets;
use crate::{
    directory::{platform_of_set, source_of_set},
    sources::{Artifact, Sight},
};

/// Collects what is known of a set: from caches and its source. Asks no database.
pub(super) async fn observe(kind: &MigrationSets, object: &MigrationSet, recall: Recall, now: Timestamp) -> World {
    World {
        pace: kind.pace,
        began: now,
        watching_since: kind.watching_since,
        memo: object.status.clone().unwrap_or_default(),
        platform: platform(kind, object),
        source: source(object, kind.sources.sight(&source_of_set(object)).await),
        scripts: Default::default(),
        answers: Default::default(),
        locked: false,
        stale: false,
        wrote: Default::default(),
        prepared: false,
        announced: None,
        looked_behind: false,
        stop: None,
        recall,
        trouble: None,
    }
}

fn platform(kind: &MigrationSets, object: &MigrationSet) -> PlatformSight {
    let Some(platform) = kind.directory.platform(&platform_of_set(object)) else {
        return PlatformSight::Absent;
    };
    let spec = platform.spec;
    PlatformSight::Present(PlatformFacts {
        project: spec.project,
        interval: spec.interval.get(),
        suspended: spec.suspend,
        place: spec
            .database
            .as_ref()
            .map(|database| place(database, object))
            .unwrap_or_default(),
        database: spec.database,
    })
}

/// Everything that decides what a look shows, or whether it can be made.
fn place(database: &Database, object: &MigrationSet) -> String {
    format!("{database:?} {:?}", object.spec.schemas)
}

fn source(object: &MigrationSet, sight: Sight) -> SourceSight {
    match sight {
        Sight::Ready(artifact) => files(object, &artifact),
        Sight::Waiting(message) => SourceSight::Waiting(message),
        Sight::Refused(message) => SourceSight::Refused(message),
        Sight::AccessMissing(message) => SourceSight::AccessMissing(message),
        Sight::Failed(message) => SourceSight::Failed(message),
    }
}

fn files(object: &MigrationSet, artifact: &Artifact) -> SourceSight {
    let source = &object.spec.source;
    if let Some(pin) = source.digest.as_ref().filter(|pin| **pin != artifact.digest) {
        let message = format!(
            "`spec.source.digest` pins {pin}, and the source has {}",
            artifact.digest
        );
        return SourceSight::Waiting(message);
    }
    let folder = match source.path.as_deref().map(TreePath::new).transpose() {
        Ok(folder) => folder,
        Err(error) => return SourceSight::Invalid(format!("`spec.source.path`: {error}")),
    };
    match read_folder(artifact.tree.tree(), folder.as_ref()) {
        Ok(folder) => SourceSight::Ready {
            folder: Arc::new(folder),
            artifact_revision: artifact.revision.clone(),
        },
        Err(error) => SourceSight::Invalid(error.to_string()),
    }
}
