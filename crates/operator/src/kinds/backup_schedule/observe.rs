use std::{collections::BTreeMap, sync::Arc};

use ace_api::BackupSchedule;
use ace_archive::Recipients;
use ace_domain::{
    kinds::{
        backup_schedule::{Drilled, Known, Memory, Platform, PlatformState, State, is_own_drill, needed},
        migration_set,
        platform::{self, Points},
        restore,
    },
    reconcile::{key::Key, kind::Kind, schedule::Schedule},
};
use jiff::{SignedDuration, Timestamp};
use kube::{ResourceExt, core::DeserializeGuard, runtime::reflector::Store};

use super::BackupSchedules;
use crate::{
    backups::backups_of,
    caches::{cached, in_namespace},
};

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
        backups: backups_of(&kind.caches.dependents, &kind.backups, Key::of(object), Known::of),
        needed: needed_by(kind, object),
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
    let name = object.name_any();
    let restores = beside::<restore::Kind>(kind, &kind.restores, object);
    let restores = restores.iter().filter_map(|restore| restore.0.as_ref().ok());
    let own = restores.filter(|restore| is_own_drill(restore, object));
    own.map(|restore| Drilled::of(restore, &name)).collect()
}

/// What waits for a Backup, by its name.
fn needed_by(kind: &BackupSchedules, object: &BackupSchedule) -> BTreeMap<String, String> {
    let restores = beside::<restore::Kind>(kind, &kind.restores, object);
    let sets = beside::<migration_set::Kind>(kind, &kind.sets, object);
    needed(
        restores.iter().filter_map(|restore| restore.0.as_ref().ok()),
        sets.iter().filter_map(|set| set.0.as_ref().ok()),
    )
}

fn beside<K: Kind>(
    kind: &BackupSchedules,
    store: &Store<DeserializeGuard<K::Object>>,
    object: &BackupSchedule,
) -> Vec<Arc<DeserializeGuard<K::Object>>> {
    let namespace = object.namespace().unwrap_or_default();
    in_namespace::<K>(&kind.caches.dependents, store, &namespace)
}
