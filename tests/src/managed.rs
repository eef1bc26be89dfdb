//! When the turn of an object is in a model of the operator: its own echoes and waits, in virtual time.

use std::{
    mem,
    sync::{Arc, OnceLock},
    time::Instant,
};

use ace_domain::reconcile::{
    decision::Requeue,
    kind::Kind,
    object_state::{ObjectState, Turn},
    timing::Timing,
};
use jiff::Timestamp;

/// An object, what is kept of it between passes, and when its turn is.
pub struct Managed<K: Kind> {
    pub object: K::Object,
    pub kept: ObjectState<K::Object, K::Memory>,
    pub due: Option<Timestamp>,
    enqueued: bool,
}

impl<K: Kind> Managed<K> {
    /// An object of which nothing is kept yet, and whose turn it is not.
    pub fn new(object: K::Object) -> Self {
        Self {
            object,
            kept: ObjectState::default(),
            due: None,
            enqueued: false,
        }
    }

    /// Something that it depends on has changed.
    pub fn enqueue(&mut self, now: Timestamp) {
        self.enqueued = true;
        self.due = Some(now);
    }

    /// Its turn has come: the version to reconcile, if that is to be done.
    pub fn turn(&mut self, now: Timestamp) -> Option<Arc<K::Object>> {
        self.due = None;
        match self
            .kept
            .turn(&self.object, mem::take(&mut self.enqueued), instant(now))
        {
            Turn::Pass(object) => Some(object),
            Turn::Wait(wait) => {
                self.due = wait.map(|wait| now + wait);
                None
            }
        }
    }

    /// A pass has ended; `clock`: what its decisions went by, while a timer knows no clock.
    pub fn ended(&mut self, requeue: Requeue, now: Timestamp, clock: Timestamp) {
        let wait = self
            .kept
            .requeue(requeue, Timing::default(), 1.0, (instant(now), clock));
        let due = wait.map(|wait| now + wait);
        self.due = [self.due, due].into_iter().flatten().min();
    }

    /// Our own write of the object that was `read` has made it what it is now: the answer.
    pub fn note_write(&mut self, read: &K::Object) -> Arc<K::Object> {
        let answer = Arc::new(self.object.clone());
        self.kept.note_write(read, &answer);
        answer
    }

    /// The process is gone, and what it kept.
    pub fn restart(&mut self, now: Timestamp) {
        self.kept = ObjectState::default();
        self.enqueued = false;
        self.due = Some(now);
    }
}

/// Virtual time as the standard library has it.
fn instant(now: Timestamp) -> Instant {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let elapsed = now.duration_since(Timestamp::UNIX_EPOCH);
    *BEGAN.get_or_init(Instant::now) + elapsed.unsigned_abs()
}
