//! All controllers of a process, run together.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared, join_all},
};
use kube::{
    Resource,
    core::DeserializeGuard,
    runtime::{
        reflector::{self, Store, store::Writer},
        watcher,
    },
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    health::Health,
    index::{Departures, Dependents, ObjectId},
    informer::Cache,
    reconcile::{Controller, Object, Queue, Tools, caught_now, run},
    shutdown::Shutdown,
};
use ace_domain::reconcile::{key::Key, kind::Kind};

/// Ends once every cache has its first list.
type Filled = Shared<BoxFuture<'static, ()>>;
type Start = Box<dyn FnOnce(Filled, Tools, CancellationToken) -> BoxFuture<'static, ()> + Send>;
/// A kind's cache, and what fills it, until its controller has that.
type CacheHandle<O> = (Store<DeserializeGuard<O>>, Option<Writer<DeserializeGuard<O>>>);

/// The controllers of a process, one for each kind, with the caches that they share.
pub struct Controllers {
    tools: Tools,
    dependents: Dependents,
    /// By type of object.
    caches: HashMap<TypeId, Box<dyn Any + Send>>,
    filled: Vec<CancellationToken>,
    watches: Vec<BoxFuture<'static, ()>>,
    starts: Vec<(&'static str, Start)>,
}

impl Controllers {
    /// None yet. What depends on what is in `dependents`.
    pub fn new(tools: Tools, dependents: Dependents) -> Self {
        Self {
            tools,
            dependents,
            caches: HashMap::new(),
            filled: Vec::new(),
            watches: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// The cache of a kind, for whoever reads its objects. Its controller fills it, whether that was added before or is later.
    pub fn cache<O>(&mut self) -> Store<DeserializeGuard<O>>
    where
        O: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
    {
        self.handle::<O>().0.clone()
    }

    fn handle<O>(&mut self) -> &mut CacheHandle<O>
    where
        O: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
    {
        let made = || {
            let (store, writer) = reflector::store();
            let handle: CacheHandle<O> = (store, Some(writer));
            Box::new(handle) as Box<dyn Any + Send>
        };
        let handle = self.caches.entry(TypeId::of::<O>()).or_insert_with(made);
        handle.downcast_mut().expect("each is stored under its own type")
    }

    /// Adds the controller of a kind.
    ///
    /// # Panics
    /// If the kind has one.
    pub fn add<C: Controller>(&mut self, controller: Arc<C>) {
        let (store, writer) = self.handle::<Object<C>>();
        let (store, writer) = (store.clone(), writer.take().expect("a kind has one controller"));
        let queue = Queue::<C>::new();
        let enqueue = queue.enqueue(self.tools.metrics.clone());
        let follow = self.follow(controller.clone(), queue.forget());
        let cache = Cache::new(self.tools.client.clone(), store, writer, follow);
        self.filled.push(cache.filled);
        self.watches.push(cache.watch);
        let (objects, store) = (cache.objects, cache.store);
        let dependents = self.dependents.clone();
        let start = move |filled: Filled, tools, stop| {
            let routed = dependents.clone();
            let objects = filled.map(move |()| {
                // Earlier nobody has decided anything, and each that is listed gets a first pass.
                routed.route(C::Kind::NAME, enqueue);
                objects
            });
            let objects = objects.flatten_stream();
            run(controller, tools, queue, dependents, objects, store, stop).boxed()
        };
        self.starts.push((C::Kind::NAME, Box::new(start)));
    }

    /// Fills the cache of a kind that another process reconciles, and enqueues whatever depends on its objects here.
    ///
    /// # Panics
    /// If the kind has a controller.
    pub fn watch<K: Kind>(&mut self) {
        let (store, writer) = self.handle::<K::Object>();
        let (store, writer) = (store.clone(), writer.take().expect("a kind is watched once"));
        let (dependents, mut departures) = (self.dependents.clone(), Departures::default());
        let follow = move |event: &watcher::Event<DeserializeGuard<K::Object>>| {
            if let watcher::Event::Apply(guard) | watcher::Event::InitApply(guard) = event
                && let Ok(object) = &guard.0
                && let Ok((references, facts)) = caught_now(|| (K::references(object), K::facts(object)))
            {
                // Who refers to what is asked of the index. Nobody is enqueued: the kind has no queue here.
                dependents.apply(&ObjectId::of::<K>(Key::of(object)), references, facts);
            }
            for key in departures.take(event) {
                dependents.forget(&ObjectId::of::<K>(key));
            }
        };
        let cache = Cache::new(self.tools.client.clone(), store, writer, follow);
        self.filled.push(cache.filled);
        self.watches.push(cache.watch);
    }

    /// The kinds that have one, in the order in which they were added.
    pub fn kinds(&self) -> Vec<&'static str> {
        self.starts.iter().map(|(kind, _)| *kind).collect()
    }

    /// Brings the index up to date with each event of a kind's cache.
    pub(crate) fn follow<C: Controller>(
        &self,
        controller: Arc<C>,
        forget: impl Fn(&Key) + Send + 'static,
    ) -> impl FnMut(&watcher::Event<DeserializeGuard<Object<C>>>) + Send + 'static {
        let (dependents, metrics) = (self.dependents.clone(), self.tools.metrics.clone());
        let mut departures = Departures::default();
        let kind = C::Kind::NAME;
        move |event| {
            if let watcher::Event::Apply(guard) | watcher::Event::InitApply(guard) = event
                && let Ok(object) = &guard.0
            {
                let key = Key::of(object);
                // A panic is told by the pass, which meets it, too; until then the index has what it had.
                match caught_now(|| (C::Kind::references(object), C::Kind::facts(object))) {
                    Ok((references, facts)) => {
                        dependents.apply(&ObjectId::of::<C::Kind>(key), references, facts);
                    }
                    Err(place) => {
                        tracing::error!(kind, object = %key, place, "internal error: the object is in no index");
                    }
                }
            }
            for key in departures.take(event) {
                forget(&key);
                metrics.forget_object(kind, &key.namespace, &key.name);
                controller.forget(&key);
                dependents.forget(&ObjectId::of::<C::Kind>(key));
            }
        }
    }

    /// Runs all of them until `shutdown`, and `beside` with them, each of which ends by itself then; reconciles in progress are
    /// completed first.
    pub async fn run(self, beside: Vec<BoxFuture<'static, ()>>, health: Health, shutdown: Shutdown) {
        let stop = shutdown.stop();
        let ready = health.gate("caches");
        // Decisions read all caches: no reconcile begins before they are filled.
        let filled: Vec<CancellationToken> = self.filled;
        let filled = async move {
            join_all(filled.iter().map(CancellationToken::cancelled)).await;
        };
        let filled = filled.boxed().shared();
        let gate = filled.clone().map(|()| ready.open()).boxed();
        // Each is a task of its own, so that an event of one does not poll the others.
        let mut tasks = JoinSet::new();
        for task in beside {
            tasks.spawn(task);
        }
        for until_stop in self.watches.into_iter().chain([gate]) {
            let stop = stop.clone();
            tasks.spawn(async move {
                stop.run_until_cancelled(until_stop).await;
            });
        }
        for (name, start) in self.starts {
            let running = start(filled.clone(), self.tools.clone(), stop.clone());
            tasks.spawn(health.clone().keep(name, running));
        }
        let stopping = {
            let health = health.clone();
            tokio::spawn(async move {
                stop.cancelled().await;
                health.stopping();
            })
        };
        let all = async {
            while let Some(ended) = tasks.join_next().await {
                if let Err(failed) = ended
                    && failed.is_panic()
                {
                    std::panic::resume_unwind(failed.into_panic());
                }
            }
        };
        if shutdown.in_flight(all).await.is_err() {
            tracing::warn!("reconciles in progress were cancelled");
        }
        stopping.abort();
    }
}
