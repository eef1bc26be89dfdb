//! From what was read before the database to the state in which a pass begins.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ace_api::{Database, MigrationSet, Platform};
use jiff::Timestamp;

use super::{Backups, Memory, PlatformFacts, PlatformState, State};
use crate::{
    inputs::{Artifact, ArtifactState, folder, wanted},
    reconcile::timing::Timing,
    sql::{Folder, read_folder},
};

impl State {
    /// The state of a set at the beginning of a reconcile, without any memory but its status.
    pub fn new(object: &MigrationSet, platform: Option<Platform>, source: &ArtifactState, now: Timestamp) -> Self {
        Self {
            timing: Timing::default(),
            began: now,
            watching_since: now,
            memo: object.status.clone().unwrap_or_default(),
            platform: self::platform(object, platform),
            source: wanted(&object.spec.source, source, |artifact| {
                files(object, artifact).map(Arc::new)
            }),
            backups: Backups::default(),
            scripts: BTreeMap::new(),
            answers: BTreeMap::new(),
            locked: false,
            unseen: None,
            written_steps: BTreeSet::new(),
            prepared: false,
            announced: None,
            snapshot_taken: false,
            stop: None,
            memory: Memory::default().with_status(object.status.as_ref()),
            step_error: None,
        }
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

/// Everything in a Platform that affects an observation of its database: not who else reads it.
fn place(database: &Database, object: &MigrationSet) -> String {
    let database = Database {
        reader: None,
        ..database.clone()
    };
    format!("{database:?} {:?} {:?}", object.spec.schemas, object.spec.drift)
}

/// The files of `object` in an artifact.
fn files(object: &MigrationSet, artifact: &Artifact) -> Result<Folder, String> {
    let folder = folder(&object.spec.source)?;
    read_folder(artifact.tree.tree(), folder.as_ref()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use ace_api::{Database, MigrationSet};
    use serde_json::json;

    use super::place;

    #[test]
    fn an_observation_by_other_schemas_or_rules_is_one_of_another_place() {
        let database: Database = serde_json::from_value(json!({
            "host": "db.example.com", "passwordSecretRef": { "name": "supabase", "key": "password" }
        }))
        .unwrap();
        let of = |more: serde_json::Value| {
            let mut spec =
                json!({ "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "migrations" } });
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            place(
                &database,
                &MigrationSet::new("main", serde_json::from_value(spec).unwrap()),
            )
        };
        let usual = of(json!({}));
        let reader = json!({ "user": "ace_reader", "passwordSecretRef": { "name": "supabase", "key": "reader" } });
        let read = Database {
            reader: Some(serde_json::from_value(reader).unwrap()),
            ..database.clone()
        };
        let spec =
            json!({ "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "migrations" } });
        let set = MigrationSet::new("main", serde_json::from_value(spec).unwrap());
        assert_eq!(place(&read, &set), usual);
        assert_eq!(of(json!({ "lockTimeout": "3s" })), usual);
        assert_ne!(of(json!({ "schemas": ["public", "private"] })), usual);
        let rule = json!({ "name": "public.tmp_*", "reason": "a job" });
        assert_ne!(of(json!({ "drift": { "ignore": [rule] } })), usual);
    }
}
