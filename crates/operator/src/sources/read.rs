//! One read: from an object to a tree, or to the message that says why there is none.

use std::collections::BTreeSet;
use std::sync::Arc;

use ace_api::{LABEL_WATCH, SourceKind};
use ace_domain::bundle::{ArchiveError, Folder, Scope, Tree, read_for};
use ace_domain::inputs::{ArtifactState, SourceTree, carried, with_less};
use ace_domain::reconcile::key::SourceKey;
use ace_runtime::reconcile::{caught, on_own_thread};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::DynamicObject;
use kube::{Api, ResourceExt};
use tokio::time::timeout;

use super::Sources;
use super::entry::{Memo, NextRead, Reading};
use super::failure::{Lookup, access_missing};
use super::fetch::FetchError;
use super::flux::{FluxArtifact, Pointer, Served, artifact_of};
use super::reader::State;

impl Sources {
    /// Reads the object of a key and its artifact.
    pub(super) async fn read(&self, key: &SourceKey) -> Reading {
        match key.kind {
            SourceKind::ConfigMap => self.read_config_map(key).await,
            _ => self.read_flux(key).await,
        }
    }

    async fn read_config_map(&self, key: &SourceKey) -> Reading {
        let maps = Api::<ConfigMap>::namespaced(self.client.clone(), &key.namespace);
        let map = match Lookup::from(timeout(self.settings.read, maps.get_opt(&key.name)).await.ok()) {
            Lookup::Found(map) => map,
            Lookup::Absent => return unread(ArtifactState::absent(key)),
            Lookup::Forbidden => return unread(access_missing(key, &self.settings.installation)),
            Lookup::Unanswered(why) => return unanswered(format!("{key} can't be read: {why}")),
        };
        let labelled = map.labels().get(LABEL_WATCH).is_some_and(|value| value == "true");
        let version = map.resource_version();
        let limits = self.settings.limits;
        let read = match carried(map) {
            Ok(carried) => {
                let digest = carried.digest();
                let tree = self
                    .tree(key, &digest, move |folders| carried.into_tree(&limits, folders))
                    .await;
                tree.map(|tree| (digest, tree))
            }
            Err(why) => Err(why),
        };
        let artifact_state = match read {
            Ok((digest, tree)) => ArtifactState::ready(digest.clone(), digest, tree),
            Err(why) => ArtifactState::unusable(key, &why),
        };
        Reading {
            artifact_state,
            version,
            labelled,
            again: NextRead::OnChange,
        }
    }

    async fn read_flux(&self, key: &SourceKey) -> Reading {
        let resource = match self.installed.served(key.kind).await {
            Served::As(resource) => resource,
            Served::No => {
                let waits =
                    format!("{key} can't exist: the cluster does not serve its kind; install Flux's source-controller");
                return unread(ArtifactState::Waiting(waits));
            }
            Served::Unanswered(why) => return unanswered(format!("{key} can't be read: {why}")),
        };
        let objects = Api::<DynamicObject>::namespaced_with(self.client.clone(), &key.namespace, &resource);
        let object = match Lookup::from(timeout(self.settings.read, objects.get_opt(&key.name)).await.ok()) {
            Lookup::Found(object) => object,
            Lookup::Absent => return unread(ArtifactState::absent(key)),
            Lookup::Forbidden => return unread(access_missing(key, &self.settings.installation)),
            Lookup::Unanswered(why) => return unanswered(format!("{key} can't be read: {why}")),
        };
        let (artifact_state, again) = match artifact_of(&object) {
            FluxArtifact::Waiting(why) => (
                ArtifactState::Waiting(format!("{key} is not ready: {why}")),
                NextRead::Soon,
            ),
            FluxArtifact::Unusable(why) => (ArtifactState::unusable(key, &why), NextRead::OnChange),
            FluxArtifact::Ready(pointer) => self.follow(key, &pointer).await,
        };
        Reading {
            artifact_state,
            version: object.resource_version(),
            labelled: true,
            again,
        }
    }

    /// Downloads the artifact of an object.
    async fn follow(&self, key: &SourceKey, pointer: &Pointer) -> (ArtifactState, NextRead) {
        let known = self.known(key, &pointer.digest);
        // An address that the operator may not call is refused, also where another object's artifact is the same.
        let fetched = match (self.fetcher.admit(pointer), known) {
            (Ok(_), Some(tree)) => {
                return (
                    ArtifactState::ready(pointer.revision.clone(), pointer.digest.clone(), tree),
                    NextRead::OnChange,
                );
            }
            (Ok(download), None) => download.fetch(&key.namespace).await,
            (Err(error), _) => Err(error),
        };
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(FetchError::Refused(why)) => {
                return (
                    ArtifactState::Refused(format!("the artifact of {key} {why}")),
                    NextRead::OnChange,
                );
            }
            Err(FetchError::TooLarge { limit }) => {
                let why = with_less(&format!("has more than {limit} bytes"), key.kind);
                return (
                    ArtifactState::Refused(format!("the artifact of {key} {why}")),
                    NextRead::OnChange,
                );
            }
            Err(FetchError::Odd(why)) => {
                return (
                    ArtifactState::Refused(format!("the artifact of {key} {why}")),
                    NextRead::Soon,
                );
            }
            Err(FetchError::Failed(why)) => {
                return (
                    ArtifactState::Failed(format!("the artifact of {key} {why}")),
                    NextRead::Soon,
                );
            }
        };
        let limits = self.settings.limits;
        let kind = key.kind;
        let unpack =
            move |folders: &_| read_for(&fetched.bytes, &limits, folders).map_err(|error| refused(&error, kind));
        let artifact_state = match self.tree(key, &pointer.digest, unpack).await {
            Ok(tree) => ArtifactState::ready(pointer.revision.clone(), pointer.digest.clone(), tree),
            Err(why) => ArtifactState::unusable(format_args!("the artifact of {key}"), &why),
        };
        (artifact_state, NextRead::OnChange)
    }

    /// The tree of a digest, if it is in memory and has all that is read of the source.
    fn known(&self, key: &SourceKey, digest: &str) -> Option<Arc<SourceTree>> {
        let mut state = self.state();
        let tree = state.trees.get(digest)?;
        let scope = tree.scope();
        let has_all = *scope == Scope::Everything || scope.serves(&self.folders(&state, key, digest));
        has_all.then_some(tree)
    }

    /// The tree of a digest, from the cache or from `unpack`, which may take long and is told the folders that are read of it.
    /// Panics where that does.
    pub(super) async fn tree(
        &self,
        key: &SourceKey,
        digest: &str,
        unpack: impl FnOnce(&BTreeSet<Folder>) -> Result<(Tree, Scope), String> + Send + 'static,
    ) -> Result<Arc<SourceTree>, String> {
        if let Some(tree) = self.known(key, digest) {
            return Ok(tree);
        }
        let _turn = self.unpacking.acquire().await;
        let (before, folders) = {
            let mut state = self.state();
            let folders = self.folders(&state, key, digest);
            let State { entries, trees, .. } = &mut *state;
            let before = trees.get(digest).or_else(|| match entries.get(key)?.memo.as_ref()? {
                Memo::Ready { digest, .. } => trees.get(digest),
                Memo::Other(_) => None,
            });
            (before, folders)
        };
        on_own_thread(move || {
            let (tree, scope) = unpack(&folders)?;
            let tree = match before {
                Some(before) => before.renewed(tree),
                None => SourceTree::new(tree),
            };
            Ok(Arc::new(tree.within(scope)))
        })
        .await
    }
}

/// Why an artifact is not read.
fn refused(error: &ArchiveError, kind: SourceKind) -> String {
    if error.ends_with_less() {
        with_less(&error.to_string(), kind)
    } else {
        error.to_string()
    }
}

/// The state of an object that was not read; it is read again after a while.
fn unread(artifact_state: ArtifactState) -> Reading {
    Reading {
        artifact_state,
        version: None,
        labelled: false,
        again: NextRead::Soon,
    }
}

/// The result of a read, which others wait for: also if it panics. Nothing in the source has to be changed then.
pub(super) async fn ended(key: &SourceKey, read: impl Future<Output = Reading>) -> Reading {
    let version = env!("CARGO_PKG_VERSION");
    caught(read).await.unwrap_or_else(|place| {
        tracing::error!(source = %key, place, version, "internal error: the source could not be read");
        unread(ArtifactState::Failed(format!(
            "the operator hit an internal error at {place} in version {version} when it read {key}: report it"
        )))
    })
}

/// The state after a failed request.
fn unanswered(why: String) -> Reading {
    Reading {
        artifact_state: ArtifactState::Failed(why),
        version: None,
        labelled: false,
        again: NextRead::Unanswered,
    }
}
