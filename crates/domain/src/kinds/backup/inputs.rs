//! What schedule, Platform and destinations say of a Backup.

use std::collections::BTreeSet;

use ace_api::{Backup, BackupReason, BackupSchedule, ConditionType, Platform, Restore, VerificationLevel, VerifyLevel};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{Cause, Inputs, Place, Plan};
use crate::kinds::restore;

/// What they say together. `destinations`: those that there are.
pub fn inputs(
    object: &Backup,
    schedule: Option<&BackupSchedule>,
    platform: Option<&Platform>,
    destinations: &BTreeSet<&str>,
) -> Inputs {
    let waiting = |reason, message: String| Inputs::Waiting(Cause::new(reason, message));
    let absent = |destination: &str| {
        let message = format!("there is no BackupDestination `{destination}` in this namespace");
        waiting(BackupReason::WaitingForDestination, message)
    };
    if let Some(import) = &object.spec.import {
        let destination = import.destination.name.as_str();
        if !destinations.contains(destination) {
            return absent(destination);
        }
        return Inputs::Usable(Plan {
            attempts: 1,
            verify: None,
            unverifiable: None,
            has_identity: false,
            destinations: Vec::new(),
        });
    }
    let named = object.spec.schedule_ref.as_ref().map(|schedule| schedule.name.as_str());
    let named = named.unwrap_or_default();
    let Some(schedule) = schedule.map(|schedule| &schedule.spec) else {
        let message = format!("there is no BackupSchedule `{named}` in this namespace");
        return waiting(BackupReason::WaitingForSchedule, message);
    };
    if schedule.suspend {
        let message = format!("BackupSchedule `{named}` is suspended: no backup of it is made");
        return Inputs::Suspended(Cause::new(BackupReason::SuspendedBySchedule, message));
    }
    let named = &schedule.platform_ref.name;
    let Some(platform) = platform.map(|platform| &platform.spec) else {
        let message = format!("there is no Platform `{named}` in this namespace");
        return waiting(BackupReason::WaitingForPlatform, message);
    };
    if platform.suspend {
        let message = format!("Platform `{named}` is suspended: nothing is read of it");
        return Inputs::Suspended(Cause::new(BackupReason::SuspendedByPlatform, message));
    }
    if platform.database.is_none() {
        let message = format!("Platform `{named}` has no database: set its `spec.database`");
        return waiting(BackupReason::DatabaseMissing, message);
    }
    let is_there = |name: &str| destinations.contains(name);
    if let Some(first) = schedule.destinations.first()
        && !schedule
            .destinations
            .iter()
            .any(|destination| is_there(&destination.name))
    {
        return absent(&first.name);
    }
    let (level, unverifiable) = match schedule.verify {
        VerifyLevel::Bytes if schedule.encryption.identity_secret_ref.is_none() => {
            let message = "its digest alone, since the schedule has no `encryption.identitySecretRef`";
            (VerificationLevel::Bytes, Some(message.to_owned()))
        }
        level => (level.level(), None),
    };
    let place = |destination: &ace_api::ScheduleDestination| Place {
        destination: destination.name.clone(),
        required: destination.required,
    };
    Inputs::Usable(Plan {
        attempts: schedule.attempts,
        verify: Some(level),
        unverifiable,
        has_identity: schedule.encryption.identity_secret_ref.is_some(),
        destinations: schedule.destinations.iter().map(place).collect(),
    })
}

/// When one of these Restores last proved the content of what this Backup stored, and not of another one that had its name.
pub fn proved<'a>(object: &Backup, restores: impl IntoIterator<Item = &'a Restore>) -> Option<Timestamp> {
    let status = object.status.as_ref()?;
    let (snapshot, archive) = (status.snapshot.as_ref()?, status.archive.as_ref()?);
    let is_of = |restore: &&Restore| {
        restore::proved(restore).is_some_and(|point| {
            let is_named = restore.namespace() == object.namespace() && point.backup == object.name_any();
            is_named && (point.time, point.bytes) == (snapshot.time, archive.bytes)
        })
    };
    let ready = |restore: &Restore| {
        let conditions = &restore.status.as_ref()?.common.conditions;
        let ready = ConditionType::Ready
            .of(conditions)
            .filter(|ready| ready.status == "True")?;
        Some(ready.last_transition_time.0)
    };
    restores.into_iter().filter(is_of).filter_map(ready).max()
}
