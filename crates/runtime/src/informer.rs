//! The watch that fills the cache of one kind.

mod merged;

use std::{collections::HashSet, fmt::Debug, sync::Arc};

use ace_domain::reconcile::key::Key;
use futures::{
    FutureExt, Stream, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource,
    core::DeserializeGuard,
    runtime::{
        WatchStreamExt,
        reflector::{ObjectRef, Store, store::Writer},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use self::merged::Merged;

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

/// A cache, and what of a list that is read again was seen in it so far.
///
/// kube's own shows nothing of such a list before its end: whoever is told of an object of it would still read the one before, and
/// is told nothing when that is over.
struct Cache<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    writer: Writer<DeserializeGuard<K>>,
    is_filled: bool,
    listed: HashSet<ObjectRef<DeserializeGuard<K>>>,
}

impl<K> Cache<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + 'static,
{
    fn new(writer: Writer<DeserializeGuard<K>>) -> Self {
        Self {
            writer,
            is_filled: false,
            listed: HashSet::new(),
        }
    }

    fn take(&mut self, event: &watcher::Event<DeserializeGuard<K>>) {
        if !self.is_filled {
            self.writer.apply_watcher_event(event);
            self.is_filled = matches!(event, watcher::Event::InitDone);
            return;
        }
        match event {
            watcher::Event::Init => self.listed.clear(),
            watcher::Event::InitApply(object) => {
                self.listed.insert(ObjectRef::from_obj(object));
                self.writer.apply_watcher_event(&watcher::Event::Apply(object.clone()));
            }
            watcher::Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                for object in self.writer.as_reader().state() {
                    if !listed.contains(&ObjectRef::from_obj(&*object)) {
                        let gone = watcher::Event::Delete(DeserializeGuard::clone(&object));
                        self.writer.apply_watcher_event(&gone);
                    }
                }
            }
            event => self.writer.apply_watcher_event(event),
        }
    }
}

/// What fills a cache.
pub(crate) struct Filling {
    /// Never ends.
    pub(crate) watch: BoxFuture<'static, ()>,
    /// Cancelled once the first list is cached. `Store::wait_until_ready` wakes only the last of several waiting tasks.
    pub(crate) filled: CancellationToken,
}

impl Filling {
    /// Fills the cache behind `writer` with the objects of these namespaces, of all where none is named, and passes each event to
    /// `follow` after applying it.
    pub(crate) fn new<K>(
        client: &Client,
        namespaces: &[String],
        writer: Writer<DeserializeGuard<K>>,
        mut follow: impl FnMut(&watcher::Event<DeserializeGuard<K>>) + Send + 'static,
    ) -> Self
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        let filled = CancellationToken::new();
        let is_filled = filled.clone();
        let mut cache = Cache::new(writer);
        let mut objects = objects(client, namespaces)
            // Emptied, the list would keep its room: 704 bytes of each object.
            .modify(|object: &mut DeserializeGuard<K>| object.meta_mut().managed_fields = None)
            .inspect(move |event| {
                let Ok(event) = event else { return };
                cache.take(event);
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

/// One watch of all namespaces, or one of each.
fn objects<K>(
    client: &Client,
    namespaces: &[String],
) -> BoxStream<'static, Result<watcher::Event<DeserializeGuard<K>>, watcher::Error>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    if namespaces.is_empty() {
        return watched_in(Api::all(client.clone())).boxed();
    }
    let each = namespaces.iter().enumerate().map(|(of, namespace)| {
        let objects = watched_in(Api::namespaced(client.clone(), namespace));
        objects.map(move |event| (of, event)).boxed()
    });
    let mut merged = Merged::new(namespaces);
    stream::select_all(each)
        .flat_map(move |(of, event)| {
            let events = match event {
                Ok(event) => merged.take(of, event).into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            stream::iter(events)
        })
        .boxed()
}

fn watched_in<K>(
    api: Api<DeserializeGuard<K>>,
) -> impl Stream<Item = Result<watcher::Event<DeserializeGuard<K>>, watcher::Error>> + Send
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    watcher(api, watched()).default_backoff()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::{ResourceExt, core::DeserializeGuard, runtime::reflector, runtime::watcher::Event};
    use serde_json::json;

    use super::Cache;

    type Map = DeserializeGuard<ConfigMap>;

    fn map(name: &str, version: &str) -> Map {
        let metadata = json!({ "name": name, "namespace": "ace", "resourceVersion": version });
        serde_json::from_value(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata })).unwrap()
    }

    fn versions(store: &reflector::Store<Map>) -> Vec<String> {
        let of = |object: &Map| {
            format!(
                "{} {}",
                object.name_any(),
                object.resource_version().unwrap_or_default()
            )
        };
        let mut all: Vec<String> = store.state().iter().map(|object| of(object)).collect();
        all.sort();
        all
    }

    #[test]
    fn an_object_of_a_list_that_is_read_again_is_in_the_cache_when_it_is_told() {
        let (store, writer) = reflector::store();
        let mut cache = Cache::new(writer);
        for event in [
            Event::Init,
            Event::InitApply(map("a", "1")),
            Event::InitApply(map("b", "1")),
            Event::InitDone,
        ] {
            cache.take(&event);
        }
        assert_eq!(versions(&store), ["a 1", "b 1"]);
        // The watch has expired: what changed meanwhile comes with another list.
        for (event, expected) in [
            (Event::Init, ["a 1", "b 1"].as_slice()),
            (Event::InitApply(map("a", "7")), &["a 7", "b 1"]),
            // It broke off, and is read from its beginning.
            (Event::Init, &["a 7", "b 1"]),
            (Event::InitApply(map("b", "8")), &["a 7", "b 8"]),
            (Event::InitApply(map("c", "8")), &["a 7", "b 8", "c 8"]),
            (Event::InitDone, &["b 8", "c 8"]),
            (Event::Apply(map("a", "9")), &["a 9", "b 8", "c 8"]),
            (Event::Delete(map("b", "9")), &["a 9", "c 8"]),
        ] {
            cache.take(&event);
            assert_eq!(versions(&store), expected);
        }
    }
}
