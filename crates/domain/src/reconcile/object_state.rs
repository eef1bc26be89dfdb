//! What is kept of one object between its passes. All of it can be found out again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    annotations::{is_leaving, reconcile_at},
    decision::Requeue,
    timing::Timing,
};

/// That of a Platform whose spec names none: which Platform an object has is not known before it was observed.
const DEFAULT_INTERVAL: Duration = Duration::from_mins(5);

#[derive(Clone, Debug)]
pub struct ObjectState<O, M> {
    /// The API server's answer to our own last write: the cache may not have it yet.
    answer: Option<Arc<O>>,
    /// Version of the object that our own last write made.
    written: Option<String>,
    /// When the next pass is due.
    due: Option<Instant>,
    /// Passes in a row that ended in a failure.
    failures: u32,
    /// The last pass has settled it: the next one by the clock does no more than look.
    is_settled: bool,
    /// What was asked for when a pass hit an internal error: with the same requests it would again.
    put_aside: Option<Requests>,
    /// When the first of the latest passes began that could not observe.
    unobserved: Option<Timestamp>,
    pub memory: M,
}

/// Generation and `reconcile-at` of an object.
type Requests = (Option<i64>, Option<String>);

impl<O, M: Default> Default for ObjectState<O, M> {
    fn default() -> Self {
        Self {
            answer: None,
            written: None,
            due: None,
            failures: 0,
            is_settled: false,
            put_aside: None,
            unobserved: None,
            memory: M::default(),
        }
    }
}

/// What to do with an object whose turn it is.
#[derive(Debug)]
pub enum Turn<O> {
    /// A pass over this version of it.
    Pass(Arc<O>),
    /// Nothing before this time has passed, or before something changes.
    Wait(Option<Duration>),
}

impl<O: ResourceExt + Clone, M> ObjectState<O, M> {
    /// It is the turn of an object that the cache has as `cached`. `enqueued`: something that it depends on has changed.
    pub fn turn(&mut self, cached: &O, enqueued: bool, now: Instant) -> Turn<O> {
        // The cache may not have it yet.
        let newer = self.newer_than(cached);
        if !enqueued && let Some(wait) = self.echo(newer.as_deref().unwrap_or(cached), now) {
            return Turn::Wait(wait);
        }
        let newest = newer.unwrap_or_else(|| Arc::new(cached.clone()));
        if self.is_put_aside(newest.as_ref()) {
            return Turn::Wait(None);
        }
        Turn::Pass(newest)
    }
}

impl<O: ResourceExt, M> ObjectState<O, M> {
    /// The answer to our own last write, where it is newer than the cached object; one that the cache has caught up with is let go.
    pub fn newer_than(&mut self, cached: &O) -> Option<Arc<O>> {
        self.answer = self.answer.take().filter(|answer| is_newer(answer.as_ref(), cached));
        self.answer.clone()
    }

    /// The event that our own write caused and nothing else: the pass that wrote has said when the next one is due. Answers
    /// with the time until then; `None` for any other event.
    pub fn echo(&self, object: &O, now: Instant) -> Option<Option<Duration>> {
        let is_ours = self.written.is_some() && self.written == object.resource_version();
        let wait = self.due.map(|due| due.saturating_duration_since(now));
        (is_ours && wait != Some(Duration::ZERO)).then_some(wait)
    }

    /// Our own write made `answer` of the object that was read as `read`. Where a user changed it in between, the answer holds a
    /// desired state that no pass has seen: then its event is no mere echo.
    pub fn note_write(&mut self, read: &O, answer: &Arc<O>) {
        self.written = answer
            .resource_version()
            .filter(|_| has_same_desired_state(read, answer));
        self.answer = Some(answer.clone());
    }

    /// A pass over `object` hit an internal error, and its status says so: there is no other pass before somebody asks for one.
    pub fn put_aside(&mut self, object: &O) {
        self.put_aside = Some(requests(object));
    }

    /// A pass hit an internal error, and nobody has changed the object or asked for another one since.
    pub fn is_put_aside(&mut self, object: &O) -> bool {
        // Once another request was seen, the one before is over, also if it comes back.
        self.put_aside.take_if(|before| *before != requests(object));
        self.put_aside.is_some()
    }

    /// A pass has observed the object.
    pub fn observed(&mut self) {
        self.unobserved = None;
    }

    /// A pass that began at this time could not observe the object.
    pub fn unobserved(&mut self, began: Timestamp) {
        self.unobserved.get_or_insert(began);
    }

    /// No pass could observe it for so long that nothing is said of it any more.
    pub fn is_lost(&self, timing: Timing, now: Timestamp) -> bool {
        self.unobserved
            .is_some_and(|since| timing.is_lost(since, DEFAULT_INTERVAL, now))
    }

    /// How long to wait for the next pass, and the count of failures that follows. `jitter`: a factor around 1 for waits after
    /// failures.
    pub fn requeue(
        &mut self,
        requeue: Requeue,
        timing: Timing,
        jitter: f64,
        (now, clock): (Instant, Timestamp),
    ) -> Option<Duration> {
        let wait = match requeue {
            Requeue::Backoff => Some(timing.backoff(self.failures).mul_f64(jitter)),
            other => other.wait(clock),
        };
        self.failures = if requeue == Requeue::Backoff {
            self.failures.saturating_add(1)
        } else {
            0
        };
        self.due = wait.map(|wait| now + wait);
        wait
    }

    /// A pass has ended, and this is whether it has settled the object.
    pub fn set_settled(&mut self, is_settled: bool) {
        self.is_settled = is_settled;
    }

    pub fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Passes in a row that ended in a failure.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

/// The answer to our own last write is newer than what the cache has.
fn is_newer<O: ResourceExt>(answer: &O, cached: &O) -> bool {
    let version = |object: &O| {
        object
            .resource_version()
            .and_then(|version| version.parse::<u64>().ok())
    };
    answer.uid() == cached.uid() && version(answer) > version(cached)
}

fn requests<O: ResourceExt>(object: &O) -> Requests {
    (object.meta().generation, reconcile_at(object))
}

/// Nothing that a user can ask for differs.
fn has_same_desired_state<O: ResourceExt>(read: &O, written: &O) -> bool {
    read.meta().generation == written.meta().generation
        && is_leaving(read) == is_leaving(written)
        && read.annotations() == written.annotations()
}
