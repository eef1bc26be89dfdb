//! One attempt: manifest and identity are read, the archive is restored into scratch and compared, and the database is dropped.

use ace_api::{
    Backup, Reason as _, Restore, RestorePoint, RestoreReason, RestoreRun, RestoreStepName, VerificationLevel,
};
use ace_domain::{
    kinds::{
        backup::{self, Problem as Wrong},
        restore::{Outcome, Problem, Proved, TaskError},
    },
    reconcile::key::Key,
};
use ace_runtime::tasks::Running;
use kube::ResourceExt;

use super::{Restores, observe::stopped};
use crate::kinds::backup::{
    given::{Given, cached},
    scratch::{Drill, Steps},
    verify,
};

pub(super) async fn run(
    kind: &Restores,
    object: &Restore,
    backup: &Backup,
    run: &RestoreRun,
    running: &Running<RestoreStepName>,
) -> Outcome {
    let restored = restore(kind, object, backup, run, running);
    let restored = running.cancel().run_until_cancelled(restored).await;
    restored.unwrap_or_else(|| Err(stopped()))
}

async fn restore(
    kind: &Restores,
    object: &Restore,
    backup: &Backup,
    run: &RestoreRun,
    running: &Running<RestoreStepName>,
) -> Outcome {
    let steps = Steps::begin();
    let kind = &kind.backups;
    let given = Given::of(kind, backup);
    let stored = verify::stored(kind, backup, &given).await.map_err(told)?;
    let identities = verify::identities(kind, &given).await.map_err(told)?;
    let identities = identities.ok_or_else(|| TaskError {
        problem: Problem::Obstacle(RestoreReason::IdentityMissing),
        message: "the BackupSchedule has no `encryption.identitySecretRef`: name the Secret with an identity of one of its recipients"
            .to_owned(),
    })?;
    let namespace = object.namespace().unwrap_or_default();
    let uid = object.uid().unwrap_or_default();
    let named = Key::beside(object, &object.spec.platform_ref.name);
    let platform = cached(&kind.caches.platforms, &named).ok_or_else(|| TaskError {
        problem: Problem::Obstacle(RestoreReason::WaitingForPlatform),
        message: "the Platform is gone".to_owned(),
    })?;
    let drill = Drill {
        kind,
        namespace: &namespace,
        platform: &platform,
        stored: &stored,
        identities: &identities,
        application: format!("ace-worker/{namespace}/{}", object.name_any()),
        name: format!("{}_{}", uid.split('-').next().unwrap_or_default(), run.id),
        assertions: &object.spec.assertions,
    };
    let drilled = drill.run(steps, |step| running.progress(step)).await.map_err(told)?;
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(Box::new(Proved {
        point: RestorePoint {
            backup: backup.name_any(),
            time: stored.manifest.snapshot.time,
            bytes: count(stored.manifest.archive.sealed.bytes),
            level: Some(VerificationLevel::Content),
            tables: Some(count(drilled.tables)),
            rows: Some(count(drilled.rows)),
        },
        steps: drilled.steps,
        assertions: drilled.assertions,
    }))
}

/// Reasons are one vocabulary over all kinds.
fn told(error: backup::TaskError) -> TaskError {
    let named = |reason: ace_api::BackupReason, other| RestoreReason::named(reason.as_str()).unwrap_or(other);
    TaskError {
        problem: match error.problem {
            Wrong::Stopped => Problem::Stopped,
            Wrong::Busy(_) | Wrong::Failed(_) => Problem::Failed,
            Wrong::Obstacle(reason) => Problem::Obstacle(named(reason, RestoreReason::WaitingForBackup)),
            Wrong::Final(reason) => Problem::Final(named(reason, RestoreReason::ProofFailed)),
        },
        message: error.message,
    }
}
