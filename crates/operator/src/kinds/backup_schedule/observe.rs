use ace_api::BackupSchedule;
use ace_archive::Recipients;
use ace_domain::{
    kinds::{
        backup_schedule::{Drilled, Known, Memory, Platform, PlatformState, State, is_own_drill, needed},
        migration_set,
        platform::{self, Points},
        restore,
    },
    reconcile::{key::Key, schedule::Schedule},
};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::BackupSchedules;
use crate::{
    backups::backups_of,
    caches::{beside, cached},
};

/// After this time a Backup that was created is in the cache, or is not there any more.
const CACHED_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// Collects the state of a schedule from caches.
pub(super) fn observe(kind: &BackupSchedules, object: &BackupSchedule, memory: Memory, now: Timestamp) -> State {
    let spec = &object.spec;
    let is_absent = |name: &&String| cached(&kind.destinations, &Key::beside(object, name.as_str())).is_none();
    let drills = spec.drills.iter();
    let drills = drills.map(|drill| (drill.name.clone(), Schedule::new(&drill.schedule, &spec.time_zone)));
    let restores = beside::<restore::Kind>(&kind.caches.dependents, &kind.restores, object);
    let restores = || restores.iter().filter_map(|restore| restore.0.as_ref().ok());
    let sets = beside::<migration_set::Kind>(&kind.caches.dependents, &kind.sets, object);
    let sets = sets.iter().filter_map(|set| set.0.as_ref().ok());
    let own_drills = restores().filter(|restore| is_own_drill(restore, object));
    let mut state = State {
        timing: kind.timing,
        memo: object.status.clone().unwrap_or_default(),
        schedule: Schedule::new(&spec.schedule, &spec.time_zone),
        platform: platform(kind, object),
        drills: drills.collect(),
        drilled: own_drills
            .map(|restore| Drilled::of(restore, &object.name_any()))
            .collect(),
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
        backups: backups_of(&kind.caches.dependents, &kind.backups, Key::of(object), Known::of),
        needed: needed(restores(), sets),
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
