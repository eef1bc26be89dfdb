//! What others depend on of a Restore.

use ace_api::{BackupSchedule, ConditionType, Restore, RestorePoint, VerificationLevel};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource as _, ResourceExt};

use crate::reconcile::{
    annotations::is_leaving,
    dependency::{Dependency, Fact, Facts},
    key::Key,
};

/// The BackupSchedule that made it.
pub fn maker(object: &Restore) -> Option<&OwnerReference> {
    let kind = BackupSchedule::kind(&());
    object.owner_references().iter().find(|owner| owner.kind == kind)
}

/// The backup that it restored, if each table had the rows of the source and each assertion passed.
pub fn proved(object: &Restore) -> Option<&RestorePoint> {
    let status = object.status.as_ref()?;
    status.recovery_time.as_ref()?;
    let point = status.point.as_ref();
    point.filter(|point| point.level == Some(VerificationLevel::Content))
}

/// A schedule depends on what became of its drills, and a Backup on the proof of its content.
pub(super) fn facts(object: &Restore) -> Facts {
    let maker = maker(object).map(|owner| {
        let status = object.status.as_ref();
        let conditions = status.map_or(&[][..], |status| &status.common.conditions);
        // Progress is none of it: nobody is enqueued for that.
        let stalled = ConditionType::Stalled.of(conditions).map(|stalled| &stalled.message);
        let took = status.and_then(|status| status.recovery_time.as_ref());
        let ready = ConditionType::Ready.is_true(conditions);
        let became = format!("{ready} {took:?} {stalled:?} {}", is_leaving(object));
        (Dependency::DrillsOf(Key::beside(object, &owner.name)), Fact::is(became))
    });
    let proved = proved(object).map(|point| {
        let backup = Dependency::RestoresOf(Key::beside(object, &point.backup));
        (backup, Fact::is(format!("{} {}", point.time, point.bytes)))
    });
    maker.into_iter().chain(proved).collect()
}
