use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ace_api::{Source, SourceKind};
use ace_domain::bundle::TreePath;
use ace_domain::inputs::{Artifact, ArtifactState, folder_read};
use ace_domain::reconcile::key::SourceKey;
use ace_egress::HttpError;
use ace_runtime::index::Dependents;
use futures::{FutureExt, Stream};
use kube::Client;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::backoff::Backoff;
use super::cache::Trees;
use super::changes::Changes;
use super::closures::{AT_ONCE, Turns};
use super::entry::{Entry, Flight, Landed, Memo, NextRead, Reading};
use super::fetch::Fetcher;
use super::flux::Installed;
use super::read::ended;
use super::watch::{self, Target};
use crate::metrics::Metrics;

/// The HTTP client could not be created, because of the machine's certificates or TLS. Fatal at start.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for sources cannot be set up")]
pub struct SourcesError(#[from] HttpError);

/// The sources that are used.
pub struct Sources {
    pub(super) client: Client,
    pub(super) settings: Settings,
    pub(super) fetcher: Fetcher,
    /// One archive is unpacked at a time: it may take 128 MiB, and a processor.
    pub(super) unpacking: Semaphore,
    pub(super) turns: Turns,
    /// Which objects read what.
    pub(super) dependents: Dependents,
    metrics: Metrics,
    pub(super) installed: Installed,
    pub(super) changes: Changes,
    pub(super) state: Mutex<State>,
    /// Notifies `run` of a change in `state`.
    pub(super) attention: Notify,
}

pub(super) struct State {
    pub(super) entries: HashMap<SourceKey, Entry>,
    pub(super) trees: Trees,
    pub(super) targets: BTreeMap<Target, watch::Progress>,
    /// Number of reads so far, of all keys.
    pub(super) flights: u64,
    /// Nothing is asked for in all namespaces.
    pub(super) is_limited: bool,
}

impl State {
    /// The watch that covers this key's object.
    pub(super) fn target_of(&self, key: &SourceKey) -> Target {
        Target::of(key, self.is_limited)
    }

    /// Whether a watch reports changes of this key's object.
    pub(super) fn covers(&self, key: &SourceKey) -> bool {
        let synced = self
            .targets
            .get(&self.target_of(key))
            .is_some_and(|progress| progress.synced);
        let labelled = || self.entries.get(key).is_some_and(|entry| entry.labelled);
        synced && (key.kind != SourceKind::ConfigMap || labelled())
    }
}

impl Sources {
    /// A reader without any known source.
    pub fn new(
        client: Client,
        settings: Settings,
        dependents: Dependents,
        metrics: Metrics,
    ) -> Result<Arc<Self>, SourcesError> {
        let fetcher = Fetcher::new(
            settings.hosts.clone(),
            settings.download,
            settings.limits.compressed,
            settings.room,
        )?;
        Ok(Arc::new(Self {
            installed: Installed::new(client.clone(), settings.discovery, settings.read),
            state: Mutex::new(State {
                entries: HashMap::new(),
                trees: Trees::new(settings.cache),
                targets: BTreeMap::new(),
                flights: 0,
                is_limited: settings.installation.is_limited,
            }),
            client,
            settings,
            dependents,
            metrics,
            fetcher,
            unpacking: Semaphore::new(1),
            turns: Turns::new(AT_ONCE),
            changes: Changes::default(),
            attention: Notify::new(),
        }))
    }

    /// The current state. Reads the object if it was never read, if a failure is due for a retry, or if its tree was evicted;
    /// concurrent callers share one request and one download. `folder`: what is read of it (all without one), for of a large
    /// source only the folders are kept that objects refer to.
    pub async fn artifact_state(self: &Arc<Self>, key: &SourceKey, folder: Option<&TreePath>) -> ArtifactState {
        loop {
            let (flight, began) = {
                let mut state = self.state();
                let target = state.target_of(key);
                self.want(&mut state, target);
                if let Some(artifact_state) = self.remembered(&mut state, key, folder) {
                    return artifact_state;
                }
                let entry = state.entries.entry(key.clone()).or_default();
                match entry.flight.clone() {
                    Some(flight) => (flight, false),
                    None => (self.begin(&mut state, key), true),
                }
            };
            let artifact_state = flight.await.artifact_state;
            match &artifact_state {
                // A read that had begun before may know nothing of the folder, or leave room for one that is not read any more.
                ArtifactState::Ready(artifact) if !began && !self.is_for(&self.state(), key, folder, artifact) => {}
                _ => return artifact_state,
            }
        }
    }

    /// The state of an object's source, for who reads its folder. What is remembered of one that no watch covers may be outdated, and
    /// is read again if it is not what the spec pins, or if somebody `asks` for a reconcile.
    pub async fn state_of(self: &Arc<Self>, key: &SourceKey, source: &Source, asks: bool) -> ArtifactState {
        let folder = folder_read(source);
        let known = self.artifact_state(key, folder.as_ref()).await;
        let is_pinned = |artifact: &Artifact| source.digest.as_ref().is_none_or(|pin| *pin == artifact.digest);
        let is_other = matches!(&known, ArtifactState::Ready(artifact) if !is_pinned(artifact));
        if (asks || is_other) && self.refresh(key).await {
            return self.artifact_state(key, folder.as_ref()).await;
        }
        known
    }

    /// Reads the object again; true if the state has changed, which [`Sources::changes`] then publishes, too. Returns `false`
    /// without a request if a watch covers the object. Called once per interval of a Platform, and by [`Sources::state_of`].
    pub async fn refresh(self: &Arc<Self>, key: &SourceKey) -> bool {
        {
            let mut state = self.state();
            if state.covers(key) {
                return false;
            }
            state.entries.entry(key.clone()).or_default();
        }
        self.reread(key).await
    }

    /// Keys whose state changes after the call. A key that was not taken yet is queued once, however often it changed.
    pub fn changes(&self) -> impl Stream<Item = SourceKey> + Send + 'static + use<> {
        self.changes.listen()
    }

    /// Watches and retries, until `stop`. Without it sources are still read, but changes are not published.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        watch::run(self, stop).await;
    }

    /// Reads the object of a key again if it is still used. The read begins after this call.
    pub(super) async fn reread(self: &Arc<Self>, key: &SourceKey) -> bool {
        let asked = self.state().flights;
        loop {
            let (flight, fresh) = {
                let mut state = self.state();
                let Some(entry) = state.entries.get(key) else {
                    return false;
                };
                match &entry.flight {
                    Some(flight) => (flight.clone(), entry.number > asked),
                    // Another caller's read began after this call and has ended; it has published the change.
                    None if entry.number > asked => return false,
                    None => (self.begin(&mut state, key), true),
                }
            };
            let landed = flight.await;
            if fresh {
                return landed.changed;
            }
        }
    }

    /// The state of a key for who reads a folder, if it is known without a read.
    fn remembered(&self, state: &mut State, key: &SourceKey, folder: Option<&TreePath>) -> Option<ArtifactState> {
        let now = Instant::now();
        let entry = state
            .entries
            .get(key)
            .filter(|entry| entry.due.is_none_or(|due| due > now))?;
        match entry.memo.as_ref()? {
            Memo::Other(artifact_state) => Some(artifact_state.clone()),
            Memo::Ready { revision, digest } => {
                let tree = state.trees.get(digest)?;
                let artifact = Artifact {
                    revision: revision.clone(),
                    digest: digest.clone(),
                    tree,
                };
                let is_for = self.is_for(state, key, folder, &artifact);
                is_for.then(|| ArtifactState::Ready(Arc::new(artifact)))
            }
        }
    }

    /// Whether a tree has the folder, or would not have it if it were read again.
    fn is_for(&self, state: &State, key: &SourceKey, folder: Option<&TreePath>, artifact: &Artifact) -> bool {
        let scope = artifact.tree.scope();
        match scope.fit(folder) {
            None => false,
            Some(fit) if fit.lacks_room() => scope.serves(&self.folders(state, key, &artifact.digest)),
            Some(_) => true,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn want(&self, state: &mut State, target: Target) {
        state.targets.entry(target).or_insert_with(|| {
            self.attention.notify_one();
            watch::Progress::default()
        });
    }

    /// Begins a read that continues without any waiting caller.
    fn begin(self: &Arc<Self>, state: &mut State, key: &SourceKey) -> Flight {
        state.flights += 1;
        let number = state.flights;
        let entry = state.entries.entry(key.clone()).or_default();
        let (sources, key) = (self.clone(), key.clone());
        let task = tokio::spawn(async move {
            let reading = ended(&key, sources.read(&key)).await;
            sources.land(&key, number, reading)
        });
        let landed = task.map(|landed| {
            landed.unwrap_or_else(|_| Landed {
                artifact_state: ArtifactState::Failed("the operator is stopping".to_owned()),
                changed: false,
            })
        });
        entry.fly(number, landed.boxed())
    }

    fn land(&self, key: &SourceKey, number: u64, reading: Reading) -> Landed {
        self.metrics.source_read(key.kind, reading.artifact_state.reason());
        if reading.again == NextRead::Unanswered {
            tracing::warn!(source = %key, artifact_state = ?reading.artifact_state, "source could not be read");
        }
        let backoff = Backoff {
            first: self.settings.retry_first,
            most: self.settings.retry_most,
        };
        let mut state = self.state();
        let State { entries, trees, .. } = &mut *state;
        // A key that was forgotten meanwhile may be used again, with a read of its own.
        let Some(entry) = entries.get_mut(key).filter(|entry| entry.number == number) else {
            return Landed {
                artifact_state: reading.artifact_state,
                changed: false,
            };
        };
        let kept = match &entry.memo {
            Some(Memo::Ready { digest, .. }) => trees.get(digest),
            _ => None,
        };
        if let ArtifactState::Ready(artifact) = &reading.artifact_state {
            trees.put(&artifact.digest, artifact.tree.clone());
        }
        let landed = entry.land(reading, kept, Instant::now(), backoff);
        let repeats = entry.due.is_some();
        drop(state);
        if repeats {
            self.attention.notify_one();
        }
        if landed.changed {
            self.changes.publish(key);
        }
        landed
    }
}
