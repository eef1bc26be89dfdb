//! Which of several destinations in one store has a prefix.

use ace_api::{BackupDestination, BackupDestinationSpec};
use kube::ResourceExt;

use super::inventory::suspicions;
use crate::kinds::platform::place;
use crate::reconcile::{
    dependency::{Dependency, Fact, Facts},
    key::Key,
};

/// Whether the prefix is this destination's own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Claim {
    Own,
    /// An older one has it, which is named to its own namespace.
    Lost(Option<String>),
}

/// The store itself, whatever the prefix: two destinations with the same text lie in one bucket.
pub fn store(spec: &BackupDestinationSpec) -> String {
    let BackupDestinationSpec {
        s3, gcs, azure, local, ..
    } = spec;
    if let Some(s3) = s3 {
        return format!("s3 {} {}", place(&s3.endpoint), s3.bucket);
    }
    if let Some(gcs) = gcs {
        return format!("gcs {}", gcs.bucket);
    }
    if let Some(azure) = azure {
        return format!("azure {} {}", azure.account, azure.container);
    }
    // A directory is part of the path below it: one lies in another as prefixes do.
    match local {
        Some(_) => "local".to_owned(),
        None => String::new(),
    }
}

/// The path in the store.
fn path(spec: &BackupDestinationSpec) -> String {
    match &spec.local {
        Some(local) => format!("{}/{}/", local.path, spec.prefix),
        None => format!("{}/", spec.prefix),
    }
}

/// Among `others` of the same store, an older one that has listed it keeps its prefix, what is above it and what is below. Who
/// could not list it has no claim: anybody may name a bucket that is not theirs.
pub fn claim<'a>(object: &BackupDestination, others: impl IntoIterator<Item = &'a BackupDestination>) -> Claim {
    let age = |object: &BackupDestination| (object.creation_timestamp().map(|time| time.0), object.uid());
    let (own, own_store, own_path) = (age(object), store(&object.spec), path(&object.spec));
    let is_rival = |other: &&BackupDestination| {
        let path = path(&other.spec);
        let overlap = own_path.starts_with(&path) || path.starts_with(&own_path);
        let listed = other.status.as_ref().is_some_and(|status| status.stored.is_some());
        overlap && listed && store(&other.spec) == own_store && other.uid() != object.uid() && age(other) < own
    };
    let oldest = others.into_iter().filter(is_rival).min_by_key(|other| age(other));
    oldest.map_or(Claim::Own, |owner| {
        let is_neighbour = owner.namespace() == object.namespace();
        Claim::Lost(is_neighbour.then(|| Key::of(owner).to_string()))
    })
}

/// The others of the store depend on whether it has been listed, schedules on whether it is there, and Backups on what it lacks.
pub(super) fn facts(object: &BackupDestination) -> Facts {
    let listed = object.status.as_ref().is_some_and(|status| status.stored.is_some());
    let fact = format!("{} {} {listed}", object.uid().unwrap_or_default(), path(&object.spec));
    vec![
        (Dependency::Store(store(&object.spec)), Fact::is(fact)),
        (
            Dependency::BackupDestination(Key::of(object)),
            Fact::is(format!("{} {}", object.uid().unwrap_or_default(), suspicions(object))),
        ),
    ]
}
