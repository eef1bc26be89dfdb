use std::collections::BTreeMap;

use ace_api::{
    Backup, BackupClass, BackupSchedule, DeletionPolicy, LABEL_SCHEDULE, Restore, RestoreSource, RestoreSpec,
    RestoreTarget,
};
use ace_domain::kinds::backup_schedule::{Drilled, Known, Step, StepError, StepResult, Victim, is_own, is_own_drill};
use ace_runtime::{
    children::{ChildError, label_value},
    made::Made,
};
use kube::{Resource, ResourceExt};
use serde_json::json;

use super::BackupSchedules;
use crate::backups::backup;

/// Makes one request, or two where what is made is there already.
pub(super) async fn act(kind: &BackupSchedules, object: &BackupSchedule, step: &Step) -> Result<StepResult, StepError> {
    let schedule = object.name_any();
    let backups = Made::<Backup>::by(&kind.client, object);
    let restores = Made::<Restore>::by(&kind.client, object);
    let of_backup = |error| problem::<Backup>(kind, object, error);
    let of_restore = |error| problem::<Restore>(kind, object, error);
    match step {
        Step::Start { name, .. } => {
            let wanted = backup(name, &schedule, BackupClass::Scheduled, "");
            let made = backups.create(&wanted, |there| is_own(there, &schedule)).await;
            Ok(StepResult::Started(Box::new(Known::of(&made.map_err(of_backup)?))))
        }
        Step::Drill {
            name, backup, drills, ..
        } => {
            let wanted = drill(object, name, backup, drills);
            let made = restores.create(&wanted, |there| is_own_drill(there, object)).await;
            let made = made.map_err(of_restore)?;
            Ok(StepResult::Drilled(Box::new(Drilled::of(&made, &schedule))))
        }
        Step::Expire(Victim { name, uid }) => {
            let expired = json!({ "deletionPolicy": DeletionPolicy::Delete });
            done(backups.change(name, uid, &expired).await.map_err(of_backup))
        }
        Step::Delete(Victim { name, uid }) => done(backups.delete(name, uid).await.map_err(of_backup)),
        Step::DeleteDrill(Victim { name, uid }) => done(restores.delete(name, uid).await.map_err(of_restore)),
    }
}

fn done(result: Result<(), StepError>) -> Result<StepResult, StepError> {
    result.map(|()| StepResult::Done)
}

/// Its owner tells whose it is: nothing is lost that goes with a schedule.
fn drill(object: &BackupSchedule, name: &str, backup: &str, drills: &[String]) -> Restore {
    let asked = object.spec.drills.iter().filter(|drill| drills.contains(&drill.name));
    let spec = RestoreSpec {
        platform_ref: object.spec.platform_ref.clone(),
        source: RestoreSource {
            backup: Some(backup.to_owned()),
            latest: None,
        },
        target: RestoreTarget::Scratch,
        assertions: asked.flat_map(|drill| drill.assertions.clone()).collect(),
        cancel: false,
    };
    let mut restore = labelled(Restore::new(name, spec), &object.name_any());
    restore.metadata.owner_references = object.owner_ref(&()).map(|owner| vec![owner]);
    restore
}

fn labelled<K: Resource>(mut made: K, schedule: &str) -> K {
    let labels = BTreeMap::from([(LABEL_SCHEDULE.to_owned(), label_value(schedule))]);
    made.meta_mut().labels = Some(labels);
    made
}

fn problem<K: Resource<DynamicType = ()>>(
    kind: &BackupSchedules,
    object: &BackupSchedule,
    error: ChildError,
) -> StepError {
    let (of, plural) = (K::kind(&()), K::plural(&()));
    match error {
        ChildError::NameTaken(name) => StepError::NameTaken(format!(
            "{of} `{name}` is there, and was not made by this schedule: delete it, and its slot gets its {of}; else the next slot does"
        )),
        ChildError::Forbidden => StepError::AccessMissing(format!(
            "the operator is not allowed to write {plural}; to allow it, run: {}",
            kind.installation.grant_cluster(&object.namespace().unwrap_or_default())
        )),
        error @ (ChildError::Refused(_) | ChildError::Unanswered) => StepError::Failed(error.to_string()),
    }
}
