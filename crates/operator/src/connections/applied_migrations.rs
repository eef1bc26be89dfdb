//! Versions that were seen as applied: what functions that require one of them wait for.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use ace_runtime::reconcile::Key;

/// Versions in the ledger of each set's database, as of its last look. Lost with the process, and found out again by the set's
/// first pass.
#[derive(Debug, Default)]
pub struct AppliedVersions(Mutex<HashMap<Key, Arc<BTreeSet<String>>>>);

impl AppliedVersions {
    /// What a set has seen; whether that is news.
    pub fn set<'a>(&self, set: &Key, versions: impl Iterator<Item = &'a String>) -> bool {
        let versions: BTreeSet<String> = versions.cloned().collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(set).is_some_and(|known| **known == versions) {
            return false;
        }
        all.insert(set.clone(), Arc::new(versions));
        true
    }

    /// What was last seen; nothing before the first look.
    pub fn get(&self, set: &Key) -> Option<Arc<BTreeSet<String>>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(set).cloned()
    }

    /// The set is gone.
    pub fn forget(&self, set: &Key) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(set);
    }
}
