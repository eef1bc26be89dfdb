use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ace_api::{Database, MigrationSet, Platform};
use ace_domain::{
    migration::{PlatformFacts, PlatformSight, Recall, World},
    pace::Pace,
    script::{Folder, read_folder},
};
use jiff::Timestamp;

use super::{
    super::source::{folder, wanted},
    MigrationSets,
};
use crate::{
    directory::{platform_of_set, source_of_set},
    sources::{Artifact, Sight},
};

/// What was read for a set, before any database is asked.
pub struct Sights {
    /// The Platform that it names, if there is one.
    pub platform: Option<Platform>,
    /// Its files.
    pub source: Sight,
}

/// Collects what is known of a set: from caches and its source. Asks no database.
pub(super) async fn observe(kind: &MigrationSets, object: &MigrationSet, recall: Recall, now: Timestamp) -> World {
    let sights = Sights {
        platform: kind.directory.platform(&platform_of_set(object)),
        source: kind.sources.sight(&source_of_set(object)).await,
    };
    World {
        pace: kind.pace,
        watching_since: kind.watching_since,
        recall,
        ..known(object, sights, now)
    }
}

/// What is known of a set at the beginning of a pass, with nothing remembered but its status.
pub fn known(object: &MigrationSet, sights: Sights, now: Timestamp) -> World {
    World {
        pace: Pace::default(),
        began: now,
        watching_since: now,
        memo: object.status.clone().unwrap_or_default(),
        platform: platform(object, sights.platform),
        source: wanted(&object.spec.source, &sights.source, |artifact| {
            files(object, artifact).map(Arc::new)
        }),
        scripts: BTreeMap::new(),
        answers: BTreeMap::new(),
        locked: false,
        unseen: None,
        wrote: BTreeSet::new(),
        prepared: false,
        announced: None,
        looked_behind: false,
        stop: None,
        recall: Recall::default(),
        trouble: None,
    }
}

fn platform(object: &MigrationSet, platform: Option<Platform>) -> PlatformSight {
    let Some(Platform { spec, .. }) = platform else {
        return PlatformSight::Absent;
    };
    PlatformSight::Present(PlatformFacts {
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

/// Everything that decides what a look shows, or whether it can be made.
fn place(database: &Database, object: &MigrationSet) -> String {
    format!("{database:?} {:?}", object.spec.schemas)
}

/// The files that `object` wants of an artifact.
fn files(object: &MigrationSet, artifact: &Artifact) -> Result<Folder, String> {
    let folder = folder(&object.spec.source)?;
    read_folder(artifact.tree.tree(), folder.as_ref()).map_err(|error| error.to_string())
}
