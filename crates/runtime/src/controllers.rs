//! All controllers of a process, run together.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

use ace_api::ObjectStatus;
use ace_domain::reconcile::{annotations::is_leaving, key::Key, kind::Kind};
use futures::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use kube::{
    Resource, ResourceExt,
    core::{DeserializeGuard, object::HasStatus},
    runtime::{
        reflector::{self, Store, store::Writer},
        watcher,
    },
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    health::Health,
    index::{Depart, Departures, Dependents, Enqueue, News, ObjectId},
    informer::{Filling, cached},
    leases::Assigned,
    queue::Class,
    reconcile::{Context, Controller, Due, Object, Runner, Scheduler, Tools, caught_now, pass},
    shards::{Cached, Shards},
    shutdown::Shutdown,
};

/// A kind's cache, and what fills it, until its controller has that.
type CacheHandle<O> = (Store<DeserializeGuard<O>>, Option<Writer<DeserializeGuard<O>>>);

/// The controllers of a process, one for each kind, with the caches that they share.
pub struct Controllers {
    tools: Tools,
    dependents: Dependents,
    /// Whose objects are watched; all where there is none.
    namespaces: Vec<String>,
    /// By type of object.
    caches: HashMap<TypeId, Box<dyn Any + Send>>,
    filled: Vec<CancellationToken>,
    watches: Vec<BoxFuture<'static, ()>>,
    scheduler: Scheduler,
    kinds: Vec<Routes>,
}

/// What is done with the objects of a kind.
struct Routes {
    kind: &'static str,
    enqueue: Enqueue,
    runner: Runner,
    depart: Depart,
    cached: Cached,
}

impl Controllers {
    /// None yet. What depends on what is in `dependents`.
    pub fn new(tools: Tools, dependents: Dependents) -> Self {
        let scheduler = Scheduler::new(dependents.clone(), tools.timing);
        let metrics = tools.metrics.clone();
        let waiting = scheduler.clone();
        tools
            .metrics
            .before_text(move || metrics.set_waiting(waiting.waiting()));
        Self {
            tools,
            scheduler,
            dependents,
            namespaces: Vec::new(),
            caches: HashMap::new(),
            filled: Vec::new(),
            watches: Vec::new(),
            kinds: Vec::new(),
        }
    }

    /// The same, for the objects of these namespaces alone; of all where none is named.
    #[must_use]
    pub fn within(self, namespaces: Vec<String>) -> Self {
        Self { namespaces, ..self }
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
        let context = Arc::new(Context {
            controller,
            tools: self.tools.clone(),
            states: Arc::default(),
            dependents: self.dependents.clone(),
            scheduler: self.scheduler.clone(),
        });
        let filling = Filling::new(&self.tools.client, &self.namespaces, writer, follow(context.clone()));
        self.filled.push(filling.filled);
        self.watches.push(filling.watch);
        let all = store.clone();
        self.kinds.push(Routes {
            kind: C::Kind::NAME,
            enqueue: enqueue(&context),
            depart: depart(&context),
            runner: runner(context, store),
            cached: Box::new(move || first_passes::<C>(&all)),
        });
    }

    /// Fills the cache of a kind that another process reconciles, and enqueues whatever depends on its objects here.
    ///
    /// # Panics
    /// If the kind has a controller.
    pub fn watch<K: Kind>(&mut self) {
        let writer = self.handle::<K::Object>().1.take().expect("a kind is watched once");
        let (dependents, mut departures) = (self.dependents.clone(), Departures::default());
        let follow = move |event: &watcher::Event<DeserializeGuard<K::Object>>| {
            if let watcher::Event::Apply(guard) | watcher::Event::InitApply(guard) = event {
                // Who refers to what is asked of the index. Nobody is enqueued: the kind has no queue here.
                index::<K>(&dependents, guard);
            }
            for key in departures.take(event).gone {
                dependents.forget(&ObjectId::of::<K>(key));
            }
        };
        let filling = Filling::new(&self.tools.client, &self.namespaces, writer, follow);
        self.filled.push(filling.filled);
        self.watches.push(filling.watch);
    }

    /// The kinds that have one, in the order in which they were added.
    pub fn kinds(&self) -> Vec<&'static str> {
        self.kinds.iter().map(|routes| routes.kind).collect()
    }

    /// Tells whether this process makes the passes over an object.
    pub fn own(&self) -> impl Fn(&ObjectId) -> bool + Send + Sync + use<> {
        let scheduler = self.scheduler.clone();
        move |object| scheduler.has(object)
    }

    /// Runs all of them until `shutdown`, and `beside` with them, each of which ends by itself then; passes in flight are
    /// completed first. No pass begins over an object whose shard this process does not have.
    pub async fn run(
        self,
        beside: Vec<BoxFuture<'static, ()>>,
        assigned: Assigned,
        health: Health,
        shutdown: Shutdown,
    ) {
        let stop = shutdown.stop();
        // Each is a task of its own, so that an event of one does not poll the others.
        let mut tasks = JoinSet::new();
        for task in beside {
            tasks.spawn(task);
        }
        for until_stop in self.watches {
            let stop = stop.clone();
            tasks.spawn(async move {
                stop.run_until_cancelled(until_stop).await;
            });
        }
        let (ready, filled) = (health.gate("caches"), self.filled);
        let (dependents, scheduler, kinds) = (self.dependents, self.scheduler, self.kinds);
        let metrics = self.tools.metrics;
        let stopped = stop.clone();
        let passes = async move {
            // Decisions read all caches: no pass begins before they are filled.
            let filled = join_all(filled.iter().map(CancellationToken::cancelled));
            if stopped.run_until_cancelled(filled).await.is_none() {
                return;
            }
            ready.open();
            let (mut runners, mut cached) = (HashMap::new(), Vec::new());
            for routes in kinds {
                // Earlier nobody has decided anything, and each that is listed gets a first pass.
                dependents.route(routes.kind, routes.enqueue);
                dependents.on_departure(routes.kind, routes.depart);
                runners.insert(routes.kind, routes.runner);
                cached.push(routes.cached);
            }
            let shards = Shards {
                assigned,
                dependents,
                scheduler: scheduler.clone(),
                metrics,
                cached,
            };
            tokio::select! {
                () = scheduler.run(runners, stopped) => {}
                () = shards.follow() => {}
            }
        };
        tasks.spawn(health.clone().keep("passes", passes));
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

/// What makes the passes over the objects of a kind.
pub(crate) fn runner<C: Controller>(context: Arc<Context<C>>, store: Store<DeserializeGuard<Object<C>>>) -> Runner {
    Box::new(move |key| {
        let object = cached(&store, &key);
        let context = context.clone();
        async move {
            match object {
                Some(object) => pass(object, context).await,
                // It went before its turn.
                None => Due::ON_CHANGE,
            }
        }
        .boxed()
    })
}

/// Asks for a pass over an object, because something that it depends on has changed.
fn enqueue<C: Controller>(context: &Arc<Context<C>>) -> Enqueue {
    let context = context.clone();
    Box::new(move |key, what| {
        let object = ObjectId::of::<C::Kind>(key);
        if context.scheduler.has(&object) && context.states.mark(&object.key) {
            context.tools.metrics.enqueued(C::Kind::NAME, what);
            context.scheduler.wake(&object, Class::Dependency);
        }
    })
}

/// Lets go whatever is known of an object and done with it: it is another process's from now on.
fn depart<C: Controller>(context: &Arc<Context<C>>) -> Depart {
    let context = context.clone();
    Arc::new(move |key| {
        let object = ObjectId::of::<C::Kind>(key.clone());
        context.scheduler.cut(&object);
        context.forget(key);
        context.dependents.unfind(&object);
    })
}

fn first_passes<C: Controller>(store: &Store<DeserializeGuard<Object<C>>>) -> Vec<(ObjectId, Class)> {
    let first = |guard: &Arc<DeserializeGuard<Object<C>>>| {
        let is_asked = guard.0.as_ref().is_ok_and(is_unanswered);
        let class = if is_asked { Class::Change } else { Class::StartUp };
        (ObjectId::of::<C::Kind>(Key::of(&**guard)), class)
    };
    store.state().iter().map(first).collect()
}

/// Brings the index up to date with each event of a kind's cache, and asks for a pass where it tells news.
pub(crate) fn follow<C: Controller>(
    context: Arc<Context<C>>,
) -> impl FnMut(&watcher::Event<DeserializeGuard<Object<C>>>) + Send + 'static {
    let mut departures = Departures::default();
    move |event| {
        let (dependents, told) = (&context.dependents, departures.take(event));
        if let watcher::Event::Apply(guard) | watcher::Event::InitApply(guard) = event {
            let object = ObjectId::of::<C::Kind>(Key::of(guard));
            let mut class = told.news.map(class);
            index::<C::Kind>(dependents, guard);
            if let Ok(resource) = &guard.0
                && class == Some(Class::StartUp)
                && is_unanswered(resource)
            {
                class = Some(Class::Change);
            }
            if let Some(class) = class {
                context.scheduler.wake(&object, class);
            }
        }
        for key in told.gone {
            context.forget(&key);
            let object = ObjectId::of::<C::Kind>(key);
            context.scheduler.forget(&object);
            dependents.forget(&object);
        }
    }
}

/// Takes into the index what an object refers to, and what others depend on of it.
fn index<K: Kind>(dependents: &Dependents, guard: &DeserializeGuard<K::Object>) {
    let id = ObjectId::of::<K>(Key::of(guard));
    let Ok(object) = &guard.0 else {
        dependents.see(&id);
        return;
    };
    // A panic is told by the pass, which meets it, too; until then the index has what it had.
    match caught_now(|| (K::references(object), K::facts(object))) {
        Ok((references, facts)) => dependents.apply(&id, references, facts),
        Err(place) => {
            dependents.see(&id);
            tracing::error!(kind = K::NAME, object = %id.key, place, "internal error: what the object refers to is not known");
        }
    }
}

fn class(news: News) -> Class {
    match news {
        News::New { listed: true } => Class::StartUp,
        News::New { listed: false } | News::Requested => Class::Change,
        News::Other => Class::Poll,
    }
}

/// What a user asked for while nobody listened has not been seen by any pass.
fn is_unanswered<O>(object: &O) -> bool
where
    O: ResourceExt + HasStatus<Status: ObjectStatus>,
{
    let observed = object.status().and_then(|status| status.common().observed_generation);
    is_leaving(object) || observed != object.meta().generation
}
