//! What Backups and Platform say of a Restore.

use ace_api::{Backup, LatestBackup, Platform, Restore, RestoreReason};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{Cause, Inputs};

/// What they say together. `backups`: those of the namespace.
pub fn inputs<'a>(
    object: &Restore,
    platform: Option<&Platform>,
    backups: impl IntoIterator<Item = &'a Backup>,
) -> Inputs {
    let waiting = |reason, message: String| Inputs::Waiting(Cause::new(reason, message));
    let named = &object.spec.platform_ref.name;
    let Some(platform) = platform.map(|platform| &platform.spec) else {
        let message = format!("there is no Platform `{named}` in this namespace");
        return waiting(RestoreReason::WaitingForPlatform, message);
    };
    if platform.suspend {
        let message = format!("Platform `{named}` is suspended: nothing is restored");
        return Inputs::Suspended(Cause::new(RestoreReason::SuspendedByPlatform, message));
    }
    if platform.scratch.is_none() {
        let message = format!("Platform `{named}` has no scratch server: name one in its `spec.scratch`");
        return waiting(RestoreReason::ScratchMissing, message);
    }
    let source = &object.spec.source;
    if let Some(latest) = &source.latest {
        let point = |backup: &Backup| Some((time(backup)?, backup.name_any()));
        let found = backups.into_iter().filter(|backup| is_wanted(backup, latest));
        return if let Some((_, name)) = found.filter_map(point).max() {
            Inputs::Usable(name)
        } else {
            let message = format!(
                "BackupSchedule `{}` has no complete Backup that is verified to {:?} and as old as `latest` asks for",
                latest.schedule, latest.level
            );
            waiting(RestoreReason::PointUnavailable, message)
        };
    }
    let wanted = source.backup.as_deref().unwrap_or_default();
    let found = backups.into_iter().find(|backup| backup.name_any() == wanted);
    match found.map(time) {
        Some(Some(_)) => Inputs::Usable(wanted.to_owned()),
        Some(None) => waiting(
            RestoreReason::WaitingForBackup,
            format!("Backup `{wanted}` is not complete yet"),
        ),
        None => {
            let message = format!("there is no Backup `{wanted}` in this namespace");
            waiting(RestoreReason::WaitingForBackup, message)
        }
    }
}

/// When its snapshot was taken, if it is complete.
fn time(backup: &Backup) -> Option<Timestamp> {
    let status = backup.status.as_ref()?;
    status.archive.as_ref()?;
    Some(status.snapshot.as_ref()?.time)
}

fn is_wanted(backup: &Backup, latest: &LatestBackup) -> bool {
    let is_of_schedule = backup
        .spec
        .schedule_ref
        .as_ref()
        .is_some_and(|of| of.name == latest.schedule);
    let is_old = time(backup).is_some_and(|time| latest.before.is_none_or(|before| time <= before));
    let verified = backup.status.iter().flat_map(|status| &status.verified);
    let mut levels = verified.map(|verified| verified.level);
    is_of_schedule && is_old && levels.any(|level| level >= latest.level)
}
