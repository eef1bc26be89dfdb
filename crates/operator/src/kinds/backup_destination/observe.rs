use ace_api::{BackupDestination, DestinationReason};
use ace_archive::Store;
use ace_domain::{
    kinds::backup_destination::{self, Memory, State, claim, is_due},
    reconcile::{dependency::Dependency, kind::Kind as _},
};
use jiff::Timestamp;

use super::BackupDestinations;
use crate::caches::cached;

/// Reads the Secret where a request is due, and sets the store up. Asks it nothing.
pub(super) async fn observe(
    kind: &BackupDestinations,
    object: &BackupDestination,
    memory: Memory,
    now: Timestamp,
) -> (State, Option<Store>) {
    let store = Dependency::Store(backup_destination::store(&object.spec));
    let others = kind
        .dependents
        .of_kind(backup_destination::Kind::NAME, store.clone()..=store);
    let others: Vec<_> = others.iter().filter_map(|key| cached(&kind.cache, key)).collect();
    let others = others.iter().filter_map(|other| other.0.as_ref().ok());
    let mut state = State {
        timing: kind.timing,
        began: now,
        memo: object.status.clone().unwrap_or_default(),
        obstacle: None,
        claim: claim(object, others),
        memory,
        step_error: None,
    };
    state.memory.first.get_or_insert(now);
    if object.spec.suspend || !is_due(object, &state, now) {
        return (state, None);
    }
    let opened = kind.stores.open(object).await;
    let is_refused = matches!(&opened, Err(cause) if cause.reason == DestinationReason::AccessMissing);
    state.memory.refusals = state.memory.refusals.after(is_refused);
    match opened {
        Ok(store) => (state, Some(store)),
        Err(cause) => {
            state.obstacle = Some(cause);
            (state, None)
        }
    }
}
