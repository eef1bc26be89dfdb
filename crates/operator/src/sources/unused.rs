//! What is read of the sources, and what is not any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use ace_domain::bundle::Folder;
use ace_domain::reconcile::dependency::Dependency;
use ace_domain::reconcile::key::SourceKey;
use ace_runtime::index::Unused;

use super::Sources;
use super::entry::Memo;
use super::reader::State;
use super::watch::Target;

impl Sources {
    /// The folders that objects read of this content of a key, and of the same content of others.
    pub(super) fn folders(&self, state: &State, key: &SourceKey, digest: &str) -> BTreeSet<Folder> {
        let others = state.with_content(digest).filter(|other| *other != key);
        others.chain([key]).flat_map(|key| self.folders_of(key)).collect()
    }

    fn folders_of(&self, key: &SourceKey) -> BTreeSet<Folder> {
        let folder = |beside: &Dependency| match beside {
            Dependency::SourceFolder(of, folder) if of == key => Some(folder.clone()),
            _ => None,
        };
        self.dependents.beside(&Dependency::Source(key.clone()), folder)
    }

    /// Forgets the sources that no object reads any more: of a namespace that went with all its objects, in one go.
    pub async fn forget_unused(self: Arc<Self>, mut unused: Unused) {
        let mut gone = Vec::new();
        while unused.recv_many(&mut gone, usize::MAX).await > 0 {
            let mut is_source_gone = false;
            let mut less_read = BTreeSet::new();
            for dependency in gone.drain(..) {
                match dependency {
                    Dependency::Source(_) => is_source_gone = true,
                    Dependency::SourceFolder(key, _) => {
                        less_read.insert(key);
                    }
                    _ => {}
                }
            }
            for key in &less_read {
                self.make_room(key);
            }
            if is_source_gone {
                // Meanwhile they may be used again, and one that was forgotten earlier may have been read by a pass that had begun.
                self.retain(|key| self.dependents.is_used(&Dependency::Source(key.clone())));
            }
        }
    }

    /// A folder of a source is not read any more: whoever had no room beside it asks again.
    fn make_room(&self, key: &SourceKey) {
        let waiting: Vec<SourceKey> = {
            let mut state = self.state();
            let memo = state.entries.get(key).and_then(|entry| entry.memo.as_ref());
            let Some(Memo::Ready { digest, .. }) = memo else {
                return;
            };
            let digest = digest.clone();
            // Of a tree that was evicted nobody knows.
            if state.trees.get(&digest).is_some_and(|tree| !tree.scope().lacks_room()) {
                return;
            }
            state.with_content(&digest).cloned().collect()
        };
        for key in &waiting {
            self.changes.publish(key);
        }
    }

    /// Forgets the keys that nobody uses any more, and ends the watches that cover no other.
    pub(super) fn retain(&self, is_used: impl Fn(&SourceKey) -> bool) {
        let mut state = self.state();
        state.entries.retain(|key, _| is_used(key));
        let State {
            entries,
            trees,
            targets,
            is_limited,
            ..
        } = &mut *state;
        let digests: BTreeSet<&str> = entries
            .values()
            .filter_map(|entry| match &entry.memo {
                Some(Memo::Ready { digest, .. }) => Some(digest.as_str()),
                _ => None,
            })
            .collect();
        trees.retain(|digest| digests.contains(digest));
        let covered: BTreeSet<Target> = entries.keys().map(|key| Target::of(key, *is_limited)).collect();
        targets.retain(|target, progress| {
            let is_wanted = covered.contains(target);
            if !is_wanted {
                progress.stop.cancel();
            }
            is_wanted
        });
    }
}

impl State {
    /// The keys whose content this is.
    fn with_content(&self, wanted: &str) -> impl Iterator<Item = &SourceKey> {
        let has = move |memo: &Memo| matches!(memo, Memo::Ready { digest, .. } if digest == wanted);
        let keys = self.entries.iter();
        keys.filter(move |(_, entry)| entry.memo.as_ref().is_some_and(has))
            .map(|(key, _)| key)
    }
}
