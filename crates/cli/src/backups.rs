//! `kubectl ace backup` and `kubectl ace drill`: the object to create. Nothing is read, and nothing is asked.

use std::error::Error;

use ace_api::{
    Backup, BackupClass, BackupSpec, DeletionPolicy, LatestBackup, LocalReference, Restore, RestoreSource, RestoreSpec,
    RestoreTarget,
};
use kube::core::ObjectMeta;
use serde_json::json;

use crate::{
    arguments::{BackupArguments, DrillArguments},
    manifest,
};

/// The Backup that makes one now.
pub(crate) fn backup(arguments: &BackupArguments) -> Result<String, Box<dyn Error>> {
    let spec = BackupSpec {
        schedule_ref: Some(named(&arguments.schedule)),
        import: None,
        class: if arguments.incident {
            BackupClass::Incident
        } else {
            BackupClass::Manual
        },
        reason: arguments.reason.clone().unwrap_or_default(),
        hold: arguments.hold.clone(),
        cancel: false,
        deletion_policy: DeletionPolicy::Retain,
    };
    let mut object = Backup::new(&arguments.name, spec);
    place(&mut object.metadata, arguments.namespace.as_ref());
    let required = json!({ "scheduleRef": object.spec.schedule_ref });
    manifest::one::<BackupSpec>(&object, &required)
}

/// The Restore that tries a backup in the Platform's scratch server.
pub(crate) fn drill(arguments: &DrillArguments) -> Result<String, Box<dyn Error>> {
    let latest = |schedule: &String| LatestBackup {
        schedule: schedule.clone(),
        before: arguments.before,
        level: arguments.level,
    };
    let spec = RestoreSpec {
        platform_ref: named(&arguments.platform),
        source: RestoreSource {
            backup: arguments.backup.clone(),
            latest: arguments.schedule.as_ref().map(latest),
        },
        target: RestoreTarget::Scratch,
        assertions: Vec::new(),
        cancel: false,
    };
    let mut object = Restore::new(&arguments.name, spec);
    place(&mut object.metadata, arguments.namespace.as_ref());
    let required = json!({ "platformRef": object.spec.platform_ref, "source": object.spec.source });
    manifest::one::<RestoreSpec>(&object, &required)
}

fn named(name: &str) -> LocalReference {
    LocalReference { name: name.to_owned() }
}

fn place(metadata: &mut ObjectMeta, namespace: Option<&String>) {
    metadata.namespace = namespace.cloned();
}
