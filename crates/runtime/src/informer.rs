//! The cache of one kind, and the watch that fills it.

use std::fmt::Debug;

use futures::{FutureExt, StreamExt, future::BoxFuture};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        WatchStreamExt,
        reflector::{Store, store::Writer},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;

/// Seconds after which the API server ends a watch and it is opened again. kube's default is 290 s: so
/// long a new object was not noticed where the other end of the connection was gone (measured).
pub(crate) const WATCH_SECONDS: u32 = 40;

/// How objects are watched.
pub fn watched() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_SECONDS)
}

/// A cache. Its watch does not depend on the consumer of its objects: a slow controller must not keep it from being filled.
pub struct Cache<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
    DeserializeGuard<K>: kube::runtime::reflector::Lookup<DynamicType = ()>,
{
    /// Fills the cache; never ends.
    pub watch: BoxFuture<'static, ()>,
    /// The objects that were added or changed, in order.
    pub objects: UnboundedReceiverStream<Result<DeserializeGuard<K>, watcher::Error>>,
    pub store: Store<DeserializeGuard<K>>,
    /// Cancelled once the first list is cached. `Store::wait_until_ready` wakes only the last of several waiting tasks, and the
    /// controller is one of them.
    pub filled: CancellationToken,
}

impl<K> Cache<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    /// A cache of all namespaces that passes each event to `follow` after applying it.
    pub fn new(
        client: Client,
        store: Store<DeserializeGuard<K>>,
        writer: Writer<DeserializeGuard<K>>,
        mut follow: impl FnMut(&watcher::Event<DeserializeGuard<K>>) + Send + 'static,
    ) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
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
            .applied_objects()
            .boxed();
        let watch = async move {
            while let Some(object) = objects.next().await {
                // The receiver is dropped only when the controller has ended.
                let _ = sender.send(object);
            }
        };
        Self {
            watch: watch.boxed(),
            objects: UnboundedReceiverStream::new(receiver),
            store,
            filled,
        }
    }
}
