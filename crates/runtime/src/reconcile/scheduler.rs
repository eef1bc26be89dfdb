use std::{
    collections::HashMap,
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
    leases::{Fence, Held},
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
    /// Something may begin that could not before.
    changed: Notify,
    /// Knows whose object each is.
    dependents: Dependents,
    timing: Timing,
}

impl Scheduler {
    pub(crate) fn new(dependents: Dependents, timing: Timing) -> Self {
        Self(Arc::new(Shared {
            queue: Mutex::new(Queue::new(Limits::new(timing))),
            changed: Notify::new(),
            dependents,
            timing,
        }))
    }

    /// A pass over the object is wanted.
    pub(crate) fn wake(&self, object: &ObjectId, class: Class) {
        let tenant = self.0.dependents.tenant(object);
        self.queue().wake(object, &tenant, class, Instant::now().into_std());
        self.0.changed.notify_one();
    }

    /// The object is gone.
    pub(crate) fn forget(&self, object: &ObjectId) {
        self.queue().forget(object);
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

    /// Makes passes until `stop`, by the runner of each kind; those in flight end first. None goes on when `fence` is closed.
    pub(crate) async fn run(self, runners: HashMap<&'static str, Runner>, fence: Fence, stop: CancellationToken) {
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
                passes.spawn(self.clone().pass(object.clone(), fence.hold(runner(object.key))));
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
        self.scheduler.0.changed.notify_one();
    }
}
