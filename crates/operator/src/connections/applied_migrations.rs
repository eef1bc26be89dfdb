//! Applied versions by MigrationSet, for functions that require one of them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use ace_runtime::reconcile::Key;

/// Versions in the ledger of each set's database, by its last observation. Lost with the process, and observed again by the
/// set's first reconcile.
#[derive(Debug, Default)]
pub struct AppliedVersions(Mutex<HashMap<Key, Arc<BTreeSet<String>>>>);

impl AppliedVersions {
    /// Records the versions of a set; true if they changed.
    pub fn set<'a>(&self, set: &Key, versions: impl Iterator<Item = &'a String>) -> bool {
        let versions: BTreeSet<String> = versions.cloned().collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(set).is_some_and(|known| **known == versions) {
            return false;
        }
        all.insert(set.clone(), Arc::new(versions));
        true
    }

    /// The versions by the last observation; `None` before the first.
    pub fn get(&self, set: &Key) -> Option<Arc<BTreeSet<String>>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(set).cloned()
    }

    /// Forgets a set that was deleted.
    pub fn forget(&self, set: &Key) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(set);
    }
}
