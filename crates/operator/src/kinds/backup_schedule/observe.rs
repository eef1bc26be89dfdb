use std::collections::BTreeMap;

use ace_api::{Backup, BackupSchedule, ConditionType};
use ace_archive::Recipients;
use ace_domain::{
    kinds::{
        backup_schedule::{Drilled, Known, Memory, Platform, PlatformState, State, is_own_drill},
        platform::{self, Points},
    },
    reconcile::{dependency::Dependency, key::Key, schedule::Schedule},
};
use jiff::{SignedDuration, Timestamp};
use kube::{Resource as _, ResourceExt};

use super::BackupSchedules;
use crate::caches::cached;

/// After this time a Backup that was created is in the cache, or is not there any more.
const CACHED_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// Collects the state of a schedule from caches.
pub(super) fn observe(kind: &BackupSchedules, object: &BackupSchedule, memory: Memory, now: Timestamp) -> State {
    let spec = &object.spec;
    let is_absent = |name: &&String| cached(&kind.destinations, &Key::beside(object, name.as_str())).is_none();
    let drills = spec.drills.iter();
    let drills = drills.map(|drill| (drill.name.clone(), Schedule::new(&drill.schedule, &spec.time_zone)));
    let mut state = State {
        timing: kind.timing,
        memo: object.status.clone().unwrap_or_default(),
        schedule: Schedule::new(&spec.schedule, &spec.time_zone),
        platform: platform(kind, object),
        drills: drills.collect(),
        drilled: drilled(kind, object),
        absent: spec
            .destinations
            .iter()
            .map(|one| &one.name)
            .filter(is_absent)
            .cloned()
            .collect(),
        recipients: Recipients::parse(&spec.encryption.recipients)
            .err()
            .map(|error| error.to_string()),
        backups: backups(kind, object),
        needed: needed(kind, object),
        memory,
        steps: 0,
        step_error: None,
    };
    let made = state.memory.made.clone();
    if let Some(made) = made.filter(|made| made.created.is_some_and(|created| now < created + CACHED_AFTER)) {
        state.learn(made);
    }
    state
}

fn platform(kind: &BackupSchedules, object: &BackupSchedule) -> PlatformState {
    let key = Key::beside(object, &object.spec.platform_ref.name);
    let Some(platform) = kind.caches.platform(&key) else {
        return PlatformState::Absent;
    };
    let connection = kind.connections.to(&key, &platform::project(&platform));
    let shown = platform.status.as_ref().and_then(|status| status.recovery.as_ref());
    let points = connection.and_then(|connection| connection.points());
    PlatformState::Present(Platform {
        interval: platform.spec.interval.get(),
        is_suspended: platform.spec.suspend,
        has_scratch: platform.spec.scratch.is_some(),
        points: points.or_else(|| shown.map(Points::of).map(Ok)),
    })
}

fn drilled(kind: &BackupSchedules, object: &BackupSchedule) -> Vec<Drilled> {
    let (name, namespace) = (object.name_any(), object.namespace());
    let restores = kind.restores.state();
    let restores = restores.iter().filter_map(|restore| restore.0.as_ref().ok());
    let own = restores.filter(|restore| restore.namespace() == namespace && is_own_drill(restore, object));
    own.map(|restore| Drilled::of(restore, &name)).collect()
}

fn backups(kind: &BackupSchedules, object: &BackupSchedule) -> Vec<Known> {
    let schedule = Dependency::BackupSchedule(Key::of(object));
    let keys = kind
        .caches
        .dependents
        .of_kind(&Backup::kind(&()), schedule.clone()..=schedule);
    let backups = keys.iter().filter_map(|key| cached(&kind.backups, key));
    backups
        .filter_map(|backup| backup.0.as_ref().ok().map(Known::of))
        .collect()
}

/// Restores that have not ended, by the Backup that each waits for.
fn needed(kind: &BackupSchedules, object: &BackupSchedule) -> BTreeMap<String, String> {
    let namespace = object.namespace();
    let mut needed = BTreeMap::new();
    for restore in kind.restores.state() {
        let Ok(restore) = restore.0.as_ref() else { continue };
        let conditions = restore
            .status
            .as_ref()
            .map_or(&[][..], |status| &status.common.conditions);
        let has_ended = ConditionType::Ready.is_true(conditions) || ConditionType::Stalled.is_true(conditions);
        if restore.namespace() != namespace || has_ended {
            continue;
        }
        let point = restore.status.as_ref().and_then(|status| status.point.as_ref());
        let named = restore.spec.source.backup.as_ref();
        for name in named.into_iter().chain(point.map(|point| &point.backup)) {
            needed.insert(name.clone(), format!("Restore {}", restore.name_any()));
        }
    }
    needed
}
