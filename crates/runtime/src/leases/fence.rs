use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// Since the machine was started, the time that it was suspended for included. Nobody sets this clock.
pub fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let (seconds, nanoseconds) = (time.tv_sec.try_into(), time.tv_nsec.try_into());
    Duration::new(seconds.unwrap_or_default(), nanoseconds.unwrap_or_default())
}

/// Until when a process may act. Cheap to clone; whoever holds one sees it renewed and revoked.
#[derive(Clone, Debug)]
pub struct Fence {
    state: Arc<State>,
    /// This piece of work is over before that.
    is_cut: Arc<AtomicBool>,
}

#[derive(Debug)]
struct State {
    epoch: i32,
    /// In milliseconds since the machine was started.
    until: AtomicU64,
}

impl Fence {
    pub(crate) fn new(epoch: i32, until: Duration) -> Self {
        let until = AtomicU64::new(milliseconds(until));
        Self {
            state: Arc::new(State { epoch, until }),
            is_cut: Arc::default(),
        }
    }

    /// One that never ends, for a process that competes with nobody.
    pub fn open() -> Self {
        Self::new(0, Duration::from_millis(u64::MAX))
    }

    /// The number of this time of acting: `leaseTransitions`.
    pub fn epoch(&self) -> i32 {
        self.state.epoch
    }

    pub(super) fn renew(&self, until: Duration) {
        self.state.until.store(milliseconds(until), Ordering::SeqCst);
    }

    pub(crate) fn revoke(&self) {
        self.state.until.store(0, Ordering::SeqCst);
    }

    /// Whether the process may act now.
    pub fn is_open(&self) -> bool {
        self.is_open_at(since_boot())
    }

    pub(super) fn is_open_at(&self, now: Duration) -> bool {
        milliseconds(now) < self.state.until.load(Ordering::SeqCst) && !self.is_cut.load(Ordering::SeqCst)
    }

    /// The same for one piece of work, which can be cut by itself.
    pub(crate) fn of_one(&self) -> Self {
        Self {
            state: self.state.clone(),
            is_cut: Arc::default(),
        }
    }

    /// Lets nothing go on of what is behind it.
    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
    }

    /// Work that goes on only while the process may act: it is looked at before each part of it that waits for nothing, and so
    /// before each request that it makes. `None` where it was given up.
    pub fn hold<F: Future>(&self, work: F) -> Held<F> {
        Held {
            fence: self.clone(),
            work: Some(Box::pin(work)),
        }
    }
}

/// See [`Fence::hold`].
pub struct Held<F> {
    fence: Fence,
    work: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Held<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.fence.is_open() {
            // What it holds is dropped, with it the requests that have not been sent.
            self.work = None;
        }
        match &mut self.work {
            Some(work) => work.as_mut().poll(context).map(Some),
            None => Poll::Ready(None),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
