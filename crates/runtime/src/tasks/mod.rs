//! Work that takes longer than a pass: a step starts it and ends, the pass waits, and the work wakes its object.
//!
//! ```text
//! start ─▶ Queued ─▶ Running (progress) ─▶ Ended
//!             └── cancel, stop ───────────────▲
//! ```
//! What a task is for is recorded in the object's status before it begins: one that is lost with its process is found there.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ace_domain::reconcile::key::Key;
use futures::FutureExt;
use tokio::{sync::Semaphore, time::MissedTickBehavior};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::reconcile::caught;

#[cfg(test)]
mod tests;

/// How many tasks of a process may run at once, whatever they do. Those that wait begin in the order in which they were started.
#[derive(Clone, Debug)]
pub struct Slots(Arc<Semaphore>);

impl Slots {
    /// At least one.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS))))
    }
}

/// The tasks of a kind's objects, at most one for each. Cheap to clone.
#[derive(Debug)]
pub struct Tasks<J, P, R>(Arc<Shared<J, P, R>>);

struct Shared<J, P, R> {
    slots: Slots,
    wake: Wake,
    /// Shortest time between two wakes because of progress.
    interval: Duration,
    /// No task begins any more.
    stop: CancellationToken,
    /// Those that began end.
    tracker: TaskTracker,
    tasks: Mutex<HashMap<Key, Task<J, P, R>>>,
}

/// Asks for a pass over an object.
type Wake = Box<dyn Fn(&Key) + Send + Sync>;

struct Task<J, P, R> {
    job: J,
    state: TaskState<P, R>,
    cancel: CancellationToken,
    /// Nobody asks for its end.
    is_forgotten: bool,
}

/// How far a task is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TaskState<P, R> {
    /// Others run, as many as may.
    Queued,
    /// It runs; what it told last of its progress.
    Running(Option<P>),
    /// It is over. That is told once.
    Ended(Ended<R>),
}

/// How a task ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ended<R> {
    /// By itself, also where it was asked to.
    Done(R),
    /// It panicked at this place.
    Panicked(String),
    /// It was cancelled before it began.
    NotBegun,
}

/// The key already has a task that has not ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a task of this object is still running")]
pub struct StillRunning;

/// What a task has of itself.
#[derive(Debug)]
pub struct Running<P> {
    cancel: CancellationToken,
    progress: Arc<Mutex<Progress<P>>>,
}

#[derive(Debug)]
struct Progress<P> {
    last: Option<P>,
    has_moved: bool,
}

impl<P> Clone for Running<P> {
    fn clone(&self) -> Self {
        Self {
            cancel: self.cancel.clone(),
            progress: self.progress.clone(),
        }
    }
}

impl<P: PartialEq> Running<P> {
    /// Cancelled when the task is to end: it cleans up, and returns.
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Tells how far it is. Its object is woken for it once per interval at most.
    pub fn progress(&self, progress: P) {
        let mut known = lock(&self.progress);
        if known.last.as_ref() != Some(&progress) {
            known.last = Some(progress);
            known.has_moved = true;
        }
    }
}

impl<J, P, R> Clone for Tasks<J, P, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<J, P, R> fmt::Debug for Shared<J, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").finish_non_exhaustive()
    }
}

impl<J, P, R> Tasks<J, P, R>
where
    J: Clone + Send + 'static,
    P: Clone + PartialEq + Send + 'static,
    R: Send + 'static,
{
    /// None yet. `wake` asks for a pass over an object: at the begin and at the end of its task, and where it has moved, once per
    /// `interval`.
    pub fn new(slots: Slots, interval: Duration, wake: impl Fn(&Key) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared {
            slots,
            wake: Box::new(wake),
            interval,
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
            tasks: Mutex::default(),
        }))
    }

    /// Starts a task of an object; `job` tells tasks of one object apart. An earlier one must have ended.
    ///
    /// Must be called within a tokio runtime.
    pub fn start<F>(
        &self,
        key: &Key,
        job: J,
        work: impl FnOnce(Running<P>) -> F + Send + 'static,
    ) -> Result<(), StillRunning>
    where
        F: Future<Output = R> + Send + 'static,
    {
        let cancel = CancellationToken::new();
        let task = Task {
            job,
            state: TaskState::Queued,
            cancel: cancel.clone(),
            is_forgotten: false,
        };
        {
            let mut tasks = lock(&self.0.tasks);
            let before = tasks.get(key).map(|before| &before.state);
            if before.is_some_and(|before| !matches!(before, TaskState::Ended(_))) {
                return Err(StillRunning);
            }
            tasks.insert(key.clone(), task);
        }
        let mut turn = Box::pin(self.0.slots.0.clone().acquire_owned());
        // Its place is that of the first poll, which may be long after the task was spawned.
        let at_once = turn.as_mut().now_or_never();
        let (tasks, key) = (self.clone(), key.clone());
        self.0.tracker.spawn(async move {
            let stop = tasks.0.stop.clone();
            let turn = async {
                match at_once {
                    Some(slot) => slot,
                    None => turn.await,
                }
            };
            let slot = tokio::select! {
                biased;
                () = cancel.cancelled() => None,
                () = stop.cancelled() => None,
                slot = turn => slot.ok(),
            };
            let ended = match slot {
                None => Ended::NotBegun,
                Some(slot) => {
                    let ended = tasks.follow(&key, cancel, work).await;
                    drop(slot);
                    ended
                }
            };
            tasks.set(&key, TaskState::Ended(ended));
            (tasks.0.wake)(&key);
        });
        Ok(())
    }

    /// What there is to know of the task of an object. One that has ended is let go of by that.
    pub fn look(&self, key: &Key) -> Option<(J, TaskState<P, R>)> {
        let mut tasks = lock(&self.0.tasks);
        let task = tasks.remove(key)?;
        let (job, seen) = (
            task.job.clone(),
            match &task.state {
                TaskState::Queued => TaskState::Queued,
                TaskState::Running(progress) => TaskState::Running(progress.clone()),
                TaskState::Ended(_) => return Some((task.job, task.state)),
            },
        );
        tasks.insert(key.clone(), task);
        Some((job, seen))
    }

    /// Asks the task of an object to end. One that waits does not begin.
    pub fn cancel(&self, key: &Key) {
        if let Some(task) = lock(&self.0.tasks).get(key) {
            task.cancel.cancel();
        }
    }

    /// The object is gone: its task is asked to end, and nothing is known of it then.
    pub fn forget(&self, key: &Key) {
        let mut tasks = lock(&self.0.tasks);
        if let Some(task) = tasks.get_mut(key) {
            task.cancel.cancel();
            task.is_forgotten = true;
            if matches!(task.state, TaskState::Ended(_)) {
                tasks.remove(key);
            }
        }
    }

    /// Waits for `stop`: no task begins from then on. Those that run may end by themselves until `grace` has passed, and are asked to
    /// end then. Returns when none runs.
    pub async fn run(self, stop: CancellationToken, grace: Duration) {
        stop.cancelled().await;
        self.0.stop.cancel();
        self.0.tracker.close();
        let ended = tokio::time::timeout(grace, self.0.tracker.wait()).await;
        if ended.is_err() {
            tracing::warn!("the grace period is over: work in progress is stopped");
            for task in lock(&self.0.tasks).values() {
                task.cancel.cancel();
            }
            self.0.tracker.wait().await;
        }
    }

    /// Runs the work, and wakes its object while it moves.
    async fn follow<F>(
        &self,
        key: &Key,
        cancel: CancellationToken,
        work: impl FnOnce(Running<P>) -> F + Send,
    ) -> Ended<R>
    where
        F: Future<Output = R> + Send + 'static,
    {
        self.set(key, TaskState::Running(None));
        (self.0.wake)(key);
        let progress = Arc::new(Mutex::new(Progress {
            last: None,
            has_moved: false,
        }));
        let running = Running {
            cancel,
            progress: progress.clone(),
        };
        // Also the part that makes the future may panic.
        let mut work = std::pin::pin!(caught(async move { work(running).await }));
        let mut ticks = tokio::time::interval(self.0.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        loop {
            tokio::select! {
                biased;
                ended = &mut work => break ended.map_or_else(Ended::Panicked, Ended::Done),
                _ = ticks.tick() => {
                    let moved = {
                        let mut known = lock(&progress);
                        let has_moved = std::mem::take(&mut known.has_moved);
                        known.last.clone().filter(|_| has_moved)
                    };
                    if let Some(moved) = moved {
                        self.set(key, TaskState::Running(Some(moved)));
                        (self.0.wake)(key);
                    }
                }
            }
        }
    }

    fn set(&self, key: &Key, state: TaskState<P, R>) {
        let mut tasks = lock(&self.0.tasks);
        let Some(task) = tasks.get_mut(key) else { return };
        if task.is_forgotten && matches!(state, TaskState::Ended(_)) {
            tasks.remove(key);
        } else {
            task.state = state;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
