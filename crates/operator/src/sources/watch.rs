//! Watches of source objects, and retries of failed reads. Only metadata are watched, so no content of a ConfigMap is held
//! here; after a change the object is read.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ace_api::{LABEL_WATCH, SourceKind};
use ace_domain::inputs::ArtifactState;
use ace_domain::reconcile::key::SourceKey;
use ace_runtime::informer::watched;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DynamicObject, ListParams};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Config, Event, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Sources;
use super::backoff::Backoff;
use super::entry::Memo;
use super::failure::status_code;
use super::flux::Served;
use super::reader::State;

/// Most objects that are read at one time for watches and retries.
const REREADS: usize = 8;
/// Factor by which a broken watch is reopened sooner than an unreadable object is read: it may have missed a change.
const WATCH_SOONER: u32 = 15;

/// The scope of one watch.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Target {
    /// A Flux kind, in all namespaces where none is named.
    Flux(SourceKind, Option<String>),
    /// The labelled ConfigMaps of a namespace.
    ConfigMaps(String),
}

/// The progress of a watch.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) stop: CancellationToken,
    /// It is open, and every object has been listed.
    pub(super) synced: bool,
    started: bool,
    /// How often following it has panicked.
    panics: u32,
}

/// An item of a watch.
enum Word {
    Began,
    Listed(Seen),
    Synced,
    Changed(Seen),
    Gone(Seen),
    Failed(watcher::Error),
}

/// Why there is no watch.
enum Closed {
    /// The API server does not serve the kind.
    NotServed,
    /// The API server answered with this status, or not at all.
    Refused(Option<u16>),
}

struct Seen {
    namespace: String,
    name: String,
    version: Option<String>,
}

impl Target {
    /// `is_limited`: nothing is asked for in all namespaces.
    pub(super) fn of(key: &SourceKey, is_limited: bool) -> Self {
        match key.kind {
            SourceKind::ConfigMap => Self::ConfigMaps(key.namespace.clone()),
            kind => Self::Flux(kind, is_limited.then(|| key.namespace.clone())),
        }
    }

    fn key(&self, seen: &Seen) -> SourceKey {
        let kind = match self {
            Self::Flux(kind, _) => *kind,
            Self::ConfigMaps(_) => SourceKind::ConfigMap,
        };
        SourceKey {
            namespace: seen.namespace.clone(),
            kind,
            name: seen.name.clone(),
        }
    }
}

pub(super) async fn run(sources: Arc<Sources>, stop: CancellationToken) {
    run_by(follow, sources, stop).await;
}

/// Runs the watches, each followed by `follow`.
pub(super) async fn run_by<F>(
    follow: impl Fn(Arc<Sources>, Target, Arc<Semaphore>) -> F,
    sources: Arc<Sources>,
    stop: CancellationToken,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut watches = JoinSet::new();
    let mut targets = HashMap::new();
    let rereads = Arc::new(Semaphore::new(REREADS));
    loop {
        for (target, ended, panics) in unstarted(&mut sources.state()) {
            let watch = follow(sources.clone(), target.clone(), rereads.clone());
            let wait = if panics > 0 {
                pause(&sources, None, panics)
            } else {
                Duration::ZERO
            };
            let watch = sleep(wait).then(|()| watch);
            let task = watches.spawn(async move { ended.run_until_cancelled(watch).await.unwrap_or_default() });
            targets.insert(task.id(), target);
        }
        let (due, next) = due(&sources, Instant::now());
        for key in due {
            let (sources, rereads) = (sources.clone(), rereads.clone());
            tokio::spawn(async move {
                let _turn = rereads.acquire().await;
                sources.reread(&key).await;
            });
        }
        let waiting = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = sources.attention.notified() => {}
            () = waiting => {}
            Some(ended) = watches.join_next_with_id() => {
                let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
                if let (Some(target), Err(error)) = (targets.remove(&id), ended) {
                    tracing::error!(?target, %error, "internal error: the watch of sources ended; it is opened again");
                    begin_again(&mut sources.state(), &target);
                }
            }
        }
    }
}

/// Until the watch is open again its objects are polled.
fn begin_again(state: &mut State, target: &Target) {
    if let Some(progress) = state.targets.get_mut(target) {
        progress.synced = false;
        progress.started = false;
        progress.panics = progress.panics.saturating_add(1);
    }
}

fn unstarted(state: &mut State) -> Vec<(Target, CancellationToken, u32)> {
    let new = state.targets.iter_mut().filter(|(_, progress)| !progress.started);
    new.map(|(target, progress)| {
        progress.started = true;
        (target.clone(), progress.stop.clone(), progress.panics)
    })
    .collect()
}

/// The keys whose retry is due, and the time of the next one.
fn due(sources: &Sources, now: Instant) -> (Vec<SourceKey>, Option<Instant>) {
    let mut state = sources.state();
    let repeating = state.entries.iter().filter(|(_, entry)| entry.due.is_some());
    // If a watch covers the object, it reports the change.
    let due: Vec<SourceKey> = repeating
        .filter(|(key, entry)| matches!(entry.memo, Some(Memo::Other(ArtifactState::Waiting(_)))) && state.covers(key))
        .map(|(key, _)| key.clone())
        .collect();
    for key in due {
        if let Some(entry) = state.entries.get_mut(&key) {
            entry.due = None;
        }
    }
    let mut keys = Vec::new();
    for (key, entry) in &mut state.entries {
        if entry.due.take_if(|due| *due <= now).is_some() {
            keys.push(key.clone());
        }
    }
    let next = state.entries.values().filter_map(|entry| entry.due).min();
    (keys, next)
}

/// Keeps one watch open, for ever.
pub(super) async fn follow(sources: Arc<Sources>, target: Target, rereads: Arc<Semaphore>) {
    let mut failures = 0;
    loop {
        let mut words = match open(&sources, &target).await {
            Ok(words) => words,
            Err(Closed::NotServed) => {
                sleep(sources.settings.discovery).await;
                continue;
            }
            Err(Closed::Refused(code)) => {
                failures += 1;
                refused(&sources, &target, code, failures).await;
                continue;
            }
        };
        let mut listed = BTreeSet::new();
        while let Some(word) = words.next().await {
            let outdated = match word {
                Word::Began => {
                    listed.clear();
                    continue;
                }
                Word::Failed(error) => {
                    failures += 1;
                    set_synced(&sources, &target, false);
                    let code = code_of(&error);
                    refused(&sources, &target, code, failures).await;
                    if matches!(code, Some(403 | 404)) {
                        break;
                    }
                    continue;
                }
                Word::Synced => {
                    failures = 0;
                    set_synced(&sources, &target, true);
                    unlisted(&sources.state(), &target, &listed)
                }
                Word::Listed(seen) => {
                    let key = target.key(&seen);
                    listed.insert(key.clone());
                    vec![(key, seen.version)]
                }
                Word::Changed(seen) => vec![(target.key(&seen), seen.version)],
                Word::Gone(seen) => vec![(target.key(&seen), None)],
            };
            for (key, version) in outdated {
                if sources.state().entries.contains_key(&key) {
                    let (sources, rereads) = (sources.clone(), rereads.clone());
                    tokio::spawn(async move {
                        let _turn = rereads.acquire().await;
                        catch_up(&sources, &key, version).await;
                    });
                }
            }
        }
    }
}

/// Keys that the list of a watch did not have, and whose state may be older: of an object that was deleted, or of one that
/// could not be read.
fn unlisted(state: &State, target: &Target, listed: &BTreeSet<SourceKey>) -> Vec<(SourceKey, Option<String>)> {
    let unlisted = state.entries.iter().filter(|(key, entry)| {
        let doubtful = entry.labelled || matches!(entry.memo, Some(Memo::Other(_)));
        doubtful && state.target_of(key) == *target && !listed.contains(key)
    });
    unlisted.map(|(key, _)| (key.clone(), None)).collect()
}

/// Reads an object again unless the version in the watch is the one that was read.
async fn catch_up(sources: &Arc<Sources>, key: &SourceKey, version: Option<String>) {
    let flight = sources.state().entries.get(key).and_then(|entry| entry.flight.clone());
    if let Some(flight) = flight {
        flight.await;
    }
    let known = sources.state().entries.get(key).and_then(|entry| entry.version.clone());
    if version.is_none() || version != known {
        sources.reread(key).await;
    }
}

/// The items of a watch.
async fn open(sources: &Sources, target: &Target) -> Result<BoxStream<'static, Word>, Closed> {
    let client = sources.client.clone();
    match target {
        Target::ConfigMaps(namespace) => {
            let maps = Api::<PartialObjectMeta<ConfigMap>>::namespaced(client, namespace);
            permitted(sources, maps, Some(format!("{LABEL_WATCH}=true"))).await
        }
        Target::Flux(kind, namespace) => match sources.installed.served(*kind).await {
            Served::As(resource) => {
                let objects: Api<PartialObjectMeta<DynamicObject>> = match namespace {
                    Some(namespace) => Api::namespaced_with(client, namespace, &resource),
                    None => Api::all_with(client, &resource),
                };
                permitted(sources, objects, None).await
            }
            Served::No | Served::Unanswered(_) => Err(Closed::NotServed),
        },
    }
}

/// Opens a watch after a successful list of one object: kube's watcher logs every refusal in full, so a right that is missing
/// for days would be logged for days.
async fn permitted<K>(
    sources: &Sources,
    api: Api<PartialObjectMeta<K>>,
    labels: Option<String>,
) -> Result<BoxStream<'static, Word>, Closed>
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    let probe = ListParams {
        label_selector: labels.clone(),
        ..ListParams::default()
    }
    .limit(1);
    match timeout(sources.settings.read, api.list(&probe)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(Closed::Refused(status_code(&error))),
        Err(_) => return Err(Closed::Refused(None)),
    }
    let config = Config {
        label_selector: labels,
        ..watched()
    };
    Ok(watcher(api, config).map(word).boxed())
}

fn word<K: Resource>(event: Result<Event<PartialObjectMeta<K>>, watcher::Error>) -> Word {
    let seen = |object: PartialObjectMeta<K>| Seen {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
        version: object.resource_version(),
    };
    match event {
        Ok(Event::Init) => Word::Began,
        Ok(Event::InitApply(object)) => Word::Listed(seen(object)),
        Ok(Event::InitDone) => Word::Synced,
        Ok(Event::Apply(object)) => Word::Changed(seen(object)),
        Ok(Event::Delete(object)) => Word::Gone(seen(object)),
        Err(error) => Word::Failed(error),
    }
}

pub(super) fn set_synced(sources: &Sources, target: &Target, synced: bool) {
    if let Some(progress) = sources.state().targets.get_mut(target) {
        progress.synced = synced;
    }
}

/// Waits until the next attempt.
async fn refused(sources: &Sources, target: &Target, code: Option<u16>, failures: u32) {
    log(target, code, failures);
    sleep(pause(sources, code, failures)).await;
    if code == Some(404) {
        // The kind was removed, or is served in another version now.
        sources.installed.forget().await;
    }
}

/// A missing right needs a person, so it is retried as rarely as an object; other failures may be over soon.
fn pause(sources: &Sources, code: Option<u16>, failures: u32) -> Duration {
    let settings = &sources.settings;
    let sooner = if code == Some(403) { 1 } else { WATCH_SOONER };
    Backoff {
        first: settings.retry_first / sooner,
        most: settings.retry_most / sooner,
    }
    .after(failures)
}

/// Logs that a watch failed. A missing right is not logged as a warning: the conditions of the objects that use the source
/// report it.
fn log(target: &Target, code: Option<u16>, failures: u32) {
    if failures == 1 && code != Some(403) {
        tracing::warn!(?target, ?code, "watch of sources failed; retrying");
    } else {
        tracing::debug!(?target, ?code, failures, "watch of sources failed again; retrying");
    }
}

/// The HTTP status of an error.
fn code_of(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => status_code(error),
        watcher::Error::WatchError(status) => Some(status.code),
        watcher::Error::NoResourceVersion => None,
    }
}
