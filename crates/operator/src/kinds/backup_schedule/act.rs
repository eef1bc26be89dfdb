use std::collections::BTreeMap;

use ace_api::{
    Backup, BackupClass, BackupSchedule, BackupSpec, DeletionPolicy, LABEL_SCHEDULE, LocalReference, field_manager,
};
use ace_domain::kinds::backup_schedule::{Known, Step, StepError, StepResult, Victim, is_own};
use ace_runtime::{children::label_value, request::answer};
use kube::{
    Api, Resource as _, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::json;

use super::BackupSchedules;

/// Makes one request, or two where the Backup is there already.
pub(super) async fn act(kind: &BackupSchedules, object: &BackupSchedule, step: &Step) -> Result<StepResult, StepError> {
    let backups: Api<Backup> = Api::namespaced(kind.client.clone(), &object.namespace().unwrap_or_default());
    match step {
        Step::Start { name, .. } => start(kind, &backups, object, name).await,
        Step::Expire(victim) => expire(kind, &backups, victim).await,
        Step::Delete(victim) => delete(kind, &backups, victim).await,
    }
}

async fn start(
    kind: &BackupSchedules,
    backups: &Api<Backup>,
    object: &BackupSchedule,
    name: &str,
) -> Result<StepResult, StepError> {
    let schedule = object.name_any();
    let parameters = PostParams {
        field_manager: Some(field_manager(&BackupSchedule::kind(&()))),
        ..PostParams::default()
    };
    let made = match answer(backups.create(&parameters, &backup(&schedule, name))).await {
        Some(Err(kube::Error::Api(status))) if status.is_already_exists() => {
            let there = understood(kind, answer(backups.get_opt(name)).await)?;
            let there = there.ok_or_else(|| StepError::Failed(format!("Backup `{name}` came and went")))?;
            if !is_own(&there, &schedule) {
                let message = format!(
                    "Backup `{name}` is there, and was not made by this schedule: delete it, and its slot gets its backup; else the next slot does"
                );
                return Err(StepError::NameTaken(message));
            }
            there
        }
        made => understood(kind, made)?,
    };
    Ok(StepResult::Started(Box::new(Known::of(&made))))
}

/// No owner: whoever deletes a schedule deletes no backups.
fn backup(schedule: &str, name: &str) -> Backup {
    let spec = BackupSpec {
        schedule_ref: Some(LocalReference {
            name: schedule.to_owned(),
        }),
        import: None,
        class: BackupClass::Scheduled,
        reason: String::new(),
        hold: None,
        cancel: false,
        deletion_policy: DeletionPolicy::Retain,
    };
    let mut backup = Backup::new(name, spec);
    backup.metadata.labels = Some(BTreeMap::from([(LABEL_SCHEDULE.to_owned(), label_value(schedule))]));
    backup
}

/// The uid makes it this object, and no other of its name.
async fn expire(kind: &BackupSchedules, backups: &Api<Backup>, victim: &Victim) -> Result<StepResult, StepError> {
    let parameters = PatchParams {
        field_manager: Some(field_manager(&BackupSchedule::kind(&()))),
        ..PatchParams::default()
    };
    let patch = json!({ "metadata": { "uid": victim.uid }, "spec": { "deletionPolicy": "Delete" } });
    let patched = answer(backups.patch(&victim.name, &parameters, &Patch::Merge(patch))).await;
    done(kind, patched)
}

async fn delete(kind: &BackupSchedules, backups: &Api<Backup>, victim: &Victim) -> Result<StepResult, StepError> {
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(victim.uid.clone()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    done(kind, answer(backups.delete(&victim.name, &parameters)).await)
}

/// What is gone, or another by now, is not there to be deleted.
fn done<T>(kind: &BackupSchedules, answer: Option<Result<T, kube::Error>>) -> Result<StepResult, StepError> {
    match answer {
        Some(Err(kube::Error::Api(status))) if status.is_not_found() || status.is_conflict() => Ok(StepResult::Done),
        answer => understood(kind, answer).map(|_| StepResult::Done),
    }
}

fn understood<T>(kind: &BackupSchedules, answer: Option<Result<T, kube::Error>>) -> Result<T, StepError> {
    match answer {
        Some(Ok(value)) => Ok(value),
        Some(Err(kube::Error::Api(status))) if status.is_forbidden() => Err(StepError::AccessMissing(format!(
            "the operator is not allowed to write Backups; to allow it, run: {}",
            kind.installation.grant_cluster()
        ))),
        Some(Err(kube::Error::Api(status))) => Err(StepError::Failed(format!(
            "the API server refused it: {}",
            status.message
        ))),
        Some(Err(_)) | None => Err(StepError::Failed("the API server did not answer".to_owned())),
    }
}
