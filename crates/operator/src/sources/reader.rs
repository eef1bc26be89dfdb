use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ace_api::{LABEL_WATCH, SourceKind};
use ace_domain::source::{ArchiveLimits, Tree, read_archive};
use ace_supabase::AllowedHosts;
use futures::{FutureExt, Stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::DynamicObject;
use kube::{Api, Client, ResourceExt};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::cache::Trees;
use super::changes::Changes;
use super::config_map::{Carried, carried};
use super::entry::{Again, Entry, Flight, Landed, Memo, Reading};
use super::failure::{Asked, access_missing};
use super::fetch::{FetchError, Fetcher};
use super::flux::{Installed, Pointer, Says, Served, says};
use super::watch::{self, Target};
use super::{Artifact, Identity, Sight, SourceKey, SourceTree};
use crate::metrics::Metrics;

/// How sources are read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Hosts that an artifact may lie on.
    pub hosts: AllowedHosts,
    /// What an archive may cost.
    pub limits: ArchiveLimits,
    /// Bytes of trees that are kept for the next look. 64 MiB: some sixty trees like the real one, which has 1 MB. A tree
    /// that was given up is fetched anew.
    pub cache: usize,
    /// Deadline of one request to the API server. 30 s.
    pub read: Duration,
    /// Deadline of one download. 60 s, for 32 MiB at some 5 Mbit/s.
    pub download: Duration,
    /// Until a source that could not be read is read again; doubled by each further failure. 15 s.
    pub retry_first: Duration,
    /// Longest such wait. 5 min.
    pub retry_most: Duration,
    /// How often the API server is asked for a Flux kind that it does not serve. 1 min.
    pub discovery: Duration,
    /// Under which names the operator is installed.
    pub identity: Identity,
}

impl Settings {
    /// The defaults, with the hosts that may be asked.
    pub fn new(hosts: AllowedHosts) -> Self {
        Self {
            hosts,
            limits: ArchiveLimits::default(),
            cache: 64 << 20,
            read: Duration::from_secs(30),
            download: Duration::from_mins(1),
            retry_first: Duration::from_secs(15),
            retry_most: Duration::from_mins(5),
            discovery: Duration::from_mins(1),
            identity: Identity::default(),
        }
    }

    /// Waits divided by `scale`, for tests and benchmarks that run in shortened time. Deadlines stay as they are, because
    /// the machine is no faster then.
    #[must_use]
    pub fn scaled(self, scale: u32) -> Self {
        let scale = scale.max(1);
        Self {
            retry_first: self.retry_first / scale,
            retry_most: self.retry_most / scale,
            discovery: self.discovery / scale,
            ..self
        }
    }
}

/// The HTTP client could not be made: a matter of the machine (certificates, TLS), fatal at start.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for sources cannot be set up")]
pub struct SourcesError(#[from] reqwest::Error);

/// The sources that somebody asked for.
pub struct Sources {
    client: Client,
    settings: Settings,
    metrics: Metrics,
    fetcher: Fetcher,
    /// One archive is unpacked at a time: it may take 128 MiB, and the processor besides.
    unpacking: Semaphore,
    pub(super) installed: Installed,
    pub(super) changes: Changes,
    pub(super) state: Mutex<State>,
    /// Something in `state` asks for the attention of `run`.
    pub(super) attention: Notify,
}

pub(super) struct State {
    pub(super) entries: HashMap<SourceKey, Entry>,
    pub(super) trees: Trees,
    pub(super) targets: BTreeMap<Target, watch::Progress>,
}

impl State {
    /// Whether a watch would tell of a change of this key's object.
    pub(super) fn covers(&self, key: &SourceKey) -> bool {
        let synced = self
            .targets
            .get(&Target::of(key))
            .is_some_and(|progress| progress.synced);
        let labelled = || self.entries.get(key).is_some_and(|entry| entry.labelled);
        synced && (key.kind != SourceKind::ConfigMap || labelled())
    }
}

impl Sources {
    /// A reader that has read nothing yet.
    pub fn new(client: Client, settings: Settings, metrics: Metrics) -> Result<Arc<Self>, SourcesError> {
        let fetcher = Fetcher::new(settings.hosts.clone(), settings.download, settings.limits.compressed)?;
        Ok(Arc::new(Self {
            installed: Installed::new(client.clone(), settings.discovery, settings.read),
            state: Mutex::new(State {
                entries: HashMap::new(),
                trees: Trees::new(settings.cache),
                targets: BTreeMap::new(),
            }),
            client,
            settings,
            metrics,
            fetcher,
            unpacking: Semaphore::new(1),
            changes: Changes::default(),
            attention: Notify::new(),
        }))
    }

    /// What is known now. Reads the object when it was never read, when a failure is old enough to be tried again, and
    /// when its tree was given up; however many ask at the same time, there is one request and one download.
    pub async fn sight(self: &Arc<Self>, key: &SourceKey) -> Sight {
        let flight = {
            let mut state = self.state();
            self.want(&mut state, Target::of(key));
            let State { entries, trees, .. } = &mut *state;
            let entry = entries.entry(key.clone()).or_default();
            let due = entry.due.is_some_and(|due| due <= Instant::now());
            match (&entry.memo, &entry.flight) {
                (Some(Memo::Told(sight)), _) if !due => return sight.clone(),
                (Some(Memo::Ready { revision, digest }), _) if !due => match (trees.get(digest), &entry.flight) {
                    (Some(tree), _) => {
                        let artifact = Artifact {
                            revision: revision.clone(),
                            digest: digest.clone(),
                            tree,
                        };
                        return Sight::Ready(Arc::new(artifact));
                    }
                    (None, Some(flight)) => flight.clone(),
                    (None, None) => self.begin(entry, key),
                },
                (_, Some(flight)) => flight.clone(),
                (_, None) => self.begin(entry, key),
            }
        };
        flight.await.sight
    }

    /// Reads the object again and says whether something else is seen than before; then [`Sources::changes`] tells it to
    /// everybody, too. Answers `false` without a request where a watch would have told. Meant for the Platform's tick.
    pub async fn refresh(self: &Arc<Self>, key: &SourceKey) -> bool {
        if self.state().covers(key) {
            return false;
        }
        self.reread(key).await
    }

    /// Keys whose sight changed after the call. A key that was not taken yet is there once, however often it changed.
    pub fn changes(&self) -> impl Stream<Item = SourceKey> + Send + 'static + use<> {
        self.changes.listen()
    }

    /// Has labelled ConfigMaps of this namespace watched. [`Sources::sight`] of a ConfigMap does it by itself.
    pub fn watch_namespace(&self, namespace: &str) {
        self.want(&mut self.state(), Target::ConfigMaps(namespace.to_owned()));
    }

    /// Forgets what is not `used` any more, and ends watches that serve nothing else.
    pub fn retain(&self, used: &BTreeSet<SourceKey>) {
        let mut state = self.state();
        state.entries.retain(|key, _| used.contains(key));
        let State {
            entries,
            trees,
            targets,
        } = &mut *state;
        let digests: BTreeSet<&str> = entries
            .values()
            .filter_map(|entry| match &entry.memo {
                Some(Memo::Ready { digest, .. }) => Some(digest.as_str()),
                _ => None,
            })
            .collect();
        trees.retain(|digest| digests.contains(digest));
        let needed: BTreeSet<Target> = used.iter().map(Target::of).collect();
        targets.retain(|target, progress| {
            let keep = needed.contains(target);
            if !keep {
                progress.stop.cancel();
            }
            keep
        });
    }

    /// Watches and repeats, until `stop`. Without it sources are still read, but nobody is told of changes.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        watch::run(self, stop).await;
    }

    /// Reads the object of a key in a flight that begins after this call.
    pub(super) async fn reread(self: &Arc<Self>, key: &SourceKey) -> bool {
        let asked = self.state().entries.entry(key.clone()).or_default().begun;
        loop {
            let flight = {
                let mut state = self.state();
                let entry = state.entries.entry(key.clone()).or_default();
                match &entry.flight {
                    Some(flight) => (flight.clone(), entry.begun > asked),
                    // Another caller's flight began after this call, and has landed; it told of what it saw.
                    None if entry.begun > asked => return false,
                    None => (self.begin(entry, key), true),
                }
            };
            let (flight, fresh) = flight;
            let landed = flight.await;
            if fresh {
                return landed.changed;
            }
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    fn want(&self, state: &mut State, target: Target) {
        state.targets.entry(target).or_insert_with(|| {
            self.attention.notify_one();
            watch::Progress::default()
        });
    }

    /// Begins a read that goes on though all who wait for it go away.
    fn begin(self: &Arc<Self>, entry: &mut Entry, key: &SourceKey) -> Flight {
        let (sources, key) = (self.clone(), key.clone());
        let task = tokio::spawn(async move {
            let reading = {
                let (sources, key) = (sources.clone(), key.clone());
                // A task of its own: if it panics, the flight still lands.
                tokio::spawn(async move { sources.read(&key).await }).await
            };
            let reading = reading.unwrap_or_else(|_| unanswered(format!("reading {key} broke off")));
            sources.land(&key, reading)
        });
        let landed = task.map(|landed| {
            landed.unwrap_or_else(|_| Landed {
                sight: Sight::Failed("the operator is stopping".to_owned()),
                changed: false,
            })
        });
        entry.fly(landed.boxed())
    }

    fn land(&self, key: &SourceKey, reading: Reading) -> Landed {
        self.metrics.source_read(key.kind, reading.sight.reason());
        if reading.again == Again::Unanswered {
            tracing::warn!(source = %key, sight = ?reading.sight, "source could not be read");
        }
        let backoff = Backoff {
            first: self.settings.retry_first,
            most: self.settings.retry_most,
        };
        let mut state = self.state();
        let State { entries, trees, .. } = &mut *state;
        let Some(entry) = entries.get_mut(key) else {
            // Nobody uses it any more.
            return Landed {
                sight: reading.sight,
                changed: false,
            };
        };
        let kept = match &entry.memo {
            Some(Memo::Ready { digest, .. }) => trees.get(digest),
            _ => None,
        };
        if let Sight::Ready(artifact) = &reading.sight {
            trees.put(&artifact.digest, artifact.tree.clone());
        }
        let landed = entry.land(reading, kept, Instant::now(), backoff);
        let repeats = entry.due.is_some();
        drop(state);
        if repeats {
            self.attention.notify_one();
        }
        if landed.changed {
            self.changes.tell(key);
        }
        landed
    }

    async fn read(&self, key: &SourceKey) -> Reading {
        match key.kind {
            SourceKind::ConfigMap => self.read_config_map(key).await,
            _ => self.read_flux(key).await,
        }
    }

    async fn read_config_map(&self, key: &SourceKey) -> Reading {
        let maps = Api::<ConfigMap>::namespaced(self.client.clone(), &key.namespace);
        let map = match Asked::from(timeout(self.settings.read, maps.get_opt(&key.name)).await.ok()) {
            Asked::Found(map) => map,
            Asked::Absent => return told(Sight::Waiting(format!("{key} is not there; create it"))),
            Asked::Forbidden => return told(access_missing(key, &self.settings.identity)),
            Asked::Unanswered(why) => return unanswered(format!("{key} can't be read: {why}")),
        };
        let labelled = map.labels().get(LABEL_WATCH).is_some_and(|value| value == "true");
        let version = map.resource_version();
        let sight = match carried(map) {
            Err(why) => Sight::Refused(format!("{key} is no source: {why}")),
            Ok(carried) => {
                let digest = carried.digest();
                let limits = self.settings.limits;
                let tree = self.tree(key, &digest, move || match carried {
                    Carried::Archive(bytes) => read_archive(&bytes, &limits).map_err(|error| error.to_string()),
                    Carried::Keys(files) => Tree::from_keys(files).map_err(|error| error.to_string()),
                });
                match tree.await {
                    Ok(tree) => ready(digest.clone(), digest, tree),
                    Err(why) => Sight::Refused(format!("{key} can't be used: {why}")),
                }
            }
        };
        Reading {
            sight,
            version,
            labelled,
            again: Again::OnChange,
        }
    }

    async fn read_flux(&self, key: &SourceKey) -> Reading {
        let resource = match self.installed.served(key.kind).await {
            Served::As(resource) => resource,
            Served::No => {
                let waits = format!(
                    "{key} can't be there: the cluster does not serve its kind; install Flux's source-controller"
                );
                return told(Sight::Waiting(waits));
            }
            Served::Unanswered(why) => return unanswered(format!("{key} can't be read: {why}")),
        };
        let objects = Api::<DynamicObject>::namespaced_with(self.client.clone(), &key.namespace, &resource);
        let object = match Asked::from(timeout(self.settings.read, objects.get_opt(&key.name)).await.ok()) {
            Asked::Found(object) => object,
            Asked::Absent => return told(Sight::Waiting(format!("{key} is not there; create it"))),
            Asked::Forbidden => return told(access_missing(key, &self.settings.identity)),
            Asked::Unanswered(why) => return unanswered(format!("{key} can't be read: {why}")),
        };
        let (sight, again) = match says(&object) {
            Says::Nothing(why) => (Sight::Waiting(format!("{key} is not ready: {why}")), Again::Soon),
            Says::Unusable(why) => (Sight::Refused(format!("{key} can't be used: {why}")), Again::OnChange),
            Says::Artifact(pointer) => self.follow(key, &pointer).await,
        };
        Reading {
            sight,
            version: object.resource_version(),
            labelled: true,
            again,
        }
    }

    /// The artifact that an object points at.
    async fn follow(&self, key: &SourceKey, pointer: &Pointer) -> (Sight, Again) {
        let known = self.state().trees.get(&pointer.digest);
        if let Some(tree) = known {
            return (
                ready(pointer.revision.clone(), pointer.digest.clone(), tree),
                Again::OnChange,
            );
        }
        let bytes = match self.fetcher.fetch(pointer).await {
            Ok(bytes) => bytes,
            Err(FetchError::Refused(why)) => {
                return (Sight::Refused(format!("the artifact of {key} {why}")), Again::OnChange);
            }
            Err(FetchError::Odd(why)) => return (Sight::Refused(format!("the artifact of {key} {why}")), Again::Soon),
            Err(FetchError::Failed(why)) => {
                return (Sight::Failed(format!("the artifact of {key} {why}")), Again::Soon);
            }
        };
        let limits = self.settings.limits;
        let unpack = move || read_archive(&bytes, &limits).map_err(|error| error.to_string());
        let sight = match self.tree(key, &pointer.digest, unpack).await {
            Ok(tree) => ready(pointer.revision.clone(), pointer.digest.clone(), tree),
            Err(why) => Sight::Refused(format!("the artifact of {key} can't be used: {why}")),
        };
        (sight, Again::OnChange)
    }

    /// The tree of a digest, from the cache or from `unpack`, which may take its time.
    async fn tree(
        &self,
        key: &SourceKey,
        digest: &str,
        unpack: impl FnOnce() -> Result<Tree, String> + Send + 'static,
    ) -> Result<Arc<SourceTree>, String> {
        let before = {
            let mut state = self.state();
            let State { entries, trees, .. } = &mut *state;
            if let Some(tree) = trees.get(digest) {
                return Ok(tree);
            }
            match entries.get(key).and_then(|entry| entry.memo.as_ref()) {
                Some(Memo::Ready { digest, .. }) => trees.get(digest),
                _ => None,
            }
        };
        let _turn = self.unpacking.acquire().await;
        let unpacked = tokio::task::spawn_blocking(move || {
            let tree = unpack()?;
            Ok(match before {
                Some(before) => before.renewed(tree),
                None => SourceTree::new(tree),
            })
        });
        unpacked
            .await
            .unwrap_or_else(|_| Err("reading it broke off".to_owned()))
            .map(Arc::new)
    }
}

fn ready(revision: String, digest: String, tree: Arc<SourceTree>) -> Sight {
    Sight::Ready(Arc::new(Artifact { revision, digest, tree }))
}

/// A sight that time may change, of an object that was not read.
fn told(sight: Sight) -> Reading {
    Reading {
        sight,
        version: None,
        labelled: false,
        again: Again::Soon,
    }
}

fn unanswered(why: String) -> Reading {
    Reading {
        sight: Sight::Failed(why),
        version: None,
        labelled: false,
        again: Again::Unanswered,
    }
}
