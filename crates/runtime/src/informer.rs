//! The watch that fills the cache of one kind.

use std::{fmt::Debug, sync::Arc};

use ace_domain::reconcile::key::Key;
use futures::{FutureExt, StreamExt, future::BoxFuture};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        WatchStreamExt,
        reflector::{ObjectRef, Store, store::Writer},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

/// Seconds after which the API server ends a watch and it is opened again. kube's default is 290 s: so
/// long a new object was not noticed where the other end of the connection was gone (measured).
pub(crate) const WATCH_SECONDS: u32 = 40;

/// How objects are watched.
pub fn watched() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_SECONDS)
}

/// The object of this key, as it is cached.
pub fn cached<K>(store: &Store<DeserializeGuard<K>>, key: &Key) -> Option<Arc<DeserializeGuard<K>>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    store.get(&ObjectRef::new(&key.name).within(&key.namespace))
}

/// What fills a cache.
pub(crate) struct Filling {
    /// Never ends.
    pub(crate) watch: BoxFuture<'static, ()>,
    /// Cancelled once the first list is cached. `Store::wait_until_ready` wakes only the last of several waiting tasks.
    pub(crate) filled: CancellationToken,
}

impl Filling {
    /// Fills the cache behind `writer` with the objects of all namespaces, and passes each event to `follow` after applying it.
    pub(crate) fn new<K>(
        client: Client,
        writer: Writer<DeserializeGuard<K>>,
        mut follow: impl FnMut(&watcher::Event<DeserializeGuard<K>>) + Send + 'static,
    ) -> Self
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let filled = CancellationToken::new();
        let is_filled = filled.clone();
        let mut objects = watcher(Api::all(client), watched())
            .default_backoff()
            .modify(|object: &mut DeserializeGuard<K>| object.managed_fields_mut().clear())
            .reflect(writer)
            .inspect(move |event| {
                let Ok(event) = event else { return };
                follow(event);
                if matches!(event, watcher::Event::InitDone) {
                    is_filled.cancel();
                }
            })
            .boxed();
        let watch = async move {
            while let Some(event) = objects.next().await {
                if let Err(error) = event {
                    let kind = K::kind(&());
                    tracing::warn!(%kind, %error, "the watch of this kind failed; it is opened again");
                }
            }
        };
        Self {
            watch: watch.boxed(),
            filled,
        }
    }
}
