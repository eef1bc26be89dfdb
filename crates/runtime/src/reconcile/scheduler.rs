use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ace_domain::reconcile::{key::Key, tenant::Tenant, timing::Timing};
use futures::future::{BoxFuture, pending};
use tokio::{sync::Notify, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    index::{Dependents, ObjectId},
    leases::{Fence, Held, Holding, Part},
    queue::{Class, Limits, Queue},
};

/// Makes a pass over the object of this key, if there still is one.
pub(crate) type Runner = Box<dyn Fn(Key) -> BoxFuture<'static, Due> + Send + Sync>;

/// When the next pass over an object is due, if nothing asks for one before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Due {
    pub(super) wait: Option<Duration>,
    pub(super) class: Class,
}

impl Due {
    /// Not by the clock.
    pub(crate) const ON_CHANGE: Self = Self {
        wait: None,
        class: Class::Poll,
    };
}

/// Begins the passes of all kinds in the order of the queue, each as a task of its own. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Scheduler(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue<ObjectId, Tenant>>,
    work: Mutex<Work>,
    /// Something may begin that could not before.
    changed: Notify,
    /// A pass has ended.
    ended: Notify,
    /// Knows whose object each is.
    dependents: Dependents,
    timing: Timing,
}

/// What this process acts on.
#[derive(Default)]
struct Work {
    /// By shard.
    parts: BTreeMap<u32, Part>,
    /// The shard of each pass in progress, and what it is behind.
    running: HashMap<ObjectId, (u32, Fence)>,
}

impl Scheduler {
    pub(crate) fn new(dependents: Dependents, timing: Timing) -> Self {
        Self(Arc::new(Shared {
            queue: Mutex::new(Queue::new(Limits::new(timing))),
            work: Mutex::default(),
            changed: Notify::new(),
            ended: Notify::new(),
            dependents,
            timing,
        }))
    }

    /// Acts on this from now on, and begins nothing on what is being let go. Answers with the shards that it did not have before.
    pub(crate) fn hold(&self, holding: &Holding) -> BTreeSet<u32> {
        let mut work = self.work();
        let is_new = |(shard, part): &(&u32, &Part)| !part.is_leaving && !work.parts.contains_key(shard);
        let gained = holding.parts().iter().filter(is_new).map(|(shard, _)| *shard).collect();
        work.parts.clone_from(holding.parts());
        gained
    }

    /// The shards that are being let go and on which nothing goes on.
    pub(crate) fn drained(&self) -> BTreeSet<u32> {
        let work = self.work();
        let is_idle = |shard: &u32| work.running.values().all(|(running, _)| running != shard);
        let leaving = work
            .parts
            .iter()
            .filter(|(shard, part)| part.is_leaving && is_idle(shard));
        leaving.map(|(shard, _)| *shard).collect()
    }

    /// Returns once another pass has ended.
    pub(crate) async fn ended(&self) {
        self.0.ended.notified().await;
    }

    /// Whether passes over the object may begin in this process.
    pub(crate) fn has(&self, object: &ObjectId) -> bool {
        let shard = self.0.dependents.shard(object);
        self.work().parts.get(&shard).is_some_and(|part| !part.is_leaving)
    }

    /// A pass over the object is wanted, if this process makes those.
    pub(crate) fn wake(&self, object: &ObjectId, class: Class) {
        if !self.has(object) {
            return;
        }
        let tenant = self.0.dependents.tenant(object);
        self.queue().wake(object, &tenant, class, Instant::now().into_std());
        self.0.changed.notify_one();
    }

    /// The object is gone.
    pub(crate) fn forget(&self, object: &ObjectId) {
        self.queue().forget(object);
    }

    /// The object is of another shard from now on: nothing goes on of a pass over it.
    pub(crate) fn cut(&self, object: &ObjectId) {
        if let Some((_, fence)) = self.work().running.get(object) {
            fence.cut();
        }
        self.forget(object);
    }

    /// Whether the last request of a pass over the object was answered.
    pub(crate) fn answered(&self, object: &ObjectId, is_answered: bool) {
        self.queue().answered(object, is_answered);
        self.0.changed.notify_one();
    }

    /// How many objects wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.queue().waiting()
    }

    /// Makes passes until `stop`, by the runner of each kind; those in flight end first. None goes on when the fence of its shard is
    /// closed.
    pub(crate) async fn run(self, runners: HashMap<&'static str, Runner>, stop: CancellationToken) {
        let mut passes = JoinSet::new();
        let mut stopped = pin!(stop.cancelled());
        loop {
            while !stop.is_cancelled()
                && let Some(object) = self.next()
            {
                // Each object was woken by its kind, which has one.
                let Some(runner) = runners.get(object.kind) else {
                    continue;
                };
                match self.begin(&object) {
                    Some(fence) => {
                        passes.spawn(self.clone().pass(object.clone(), fence.hold(runner(object.key))));
                    }
                    // It has become another's while it waited.
                    None => self.queue().done(&object, None),
                }
            }
            let due = self.queue().due();
            let due = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = &mut stopped => break,
                () = self.0.changed.notified() => {}
                () = due => {}
                Some(_) = passes.join_next() => {}
            }
        }
        while passes.join_next().await.is_some() {}
    }

    /// What a pass over the object is behind, if it may begin.
    fn begin(&self, object: &ObjectId) -> Option<Fence> {
        let shard = self.0.dependents.shard(object);
        let mut work = self.work();
        let part = work.parts.get(&shard).filter(|part| !part.is_leaving)?;
        let fence = part.fence.of_one();
        work.running.insert(object.clone(), (shard, fence.clone()));
        Some(fence)
    }

    fn next(&self) -> Option<ObjectId> {
        self.queue().next(Instant::now().into_std())
    }

    async fn pass(self, object: ObjectId, pass: Held<BoxFuture<'static, Due>>) {
        // Of a pass that panics where nothing can be said of it.
        let panicked = Due {
            wait: Some(self.0.timing.backoff_most()),
            class: Class::Retry,
        };
        let mut ending = Ending {
            scheduler: self,
            object,
            due: panicked,
        };
        // Where it was given up, another process acts now.
        ending.due = pass.await.unwrap_or(Due::ON_CHANGE);
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.0.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Queue<ObjectId, Tenant>> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the queue that a pass has ended, however it did.
struct Ending {
    scheduler: Scheduler,
    object: ObjectId,
    due: Due,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let Due { wait, class } = self.due;
        let due = wait.map(|wait| (Instant::now().into_std() + wait, class));
        self.scheduler.queue().done(&self.object, due);
        self.scheduler.work().running.remove(&self.object);
        self.scheduler.0.changed.notify_one();
        self.scheduler.0.ended.notify_one();
    }
}
