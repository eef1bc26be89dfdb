//! The requests that a process is answering: what keeps it alive, and what its limits are measured by.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::Notify;

/// Shared by a process, its watcher and the tickets of its requests.
pub(super) struct Load {
    state: Mutex<State>,
    /// Told when the process is retired and when a retired one has answered its last request.
    pub(super) changed: Notify,
}

struct State {
    begun: BTreeMap<u64, Instant>,
    next: u64,
    progress: u64,
    quiet_since: Instant,
    retired: bool,
}

impl Load {
    pub(super) fn new() -> Arc<Load> {
        let state = State {
            begun: BTreeMap::new(),
            next: 0,
            progress: 0,
            quiet_since: Instant::now(),
            retired: false,
        };
        Arc::new(Load {
            state: Mutex::new(state),
            changed: Notify::new(),
        })
    }

    /// `None` when the process takes no more requests.
    pub(super) fn begin(self: &Arc<Load>) -> Option<Ticket> {
        let mut state = self.state();
        if state.retired {
            return None;
        }
        if state.begun.is_empty() {
            state.progress += 1;
        }
        let number = state.next;
        state.next += 1;
        state.begun.insert(number, Instant::now());
        Some(Ticket {
            load: Arc::clone(self),
            number,
        })
    }

    /// No more requests; those that have begun are finished.
    pub(super) fn retire(&self) {
        self.state().retired = true;
        self.changed.notify_one();
    }

    /// Retires it when it has had no request for `idle`.
    pub(super) fn retire_if_quiet(&self, idle: Duration) {
        let mut state = self.state();
        if state.begun.is_empty() && state.quiet_since.elapsed() >= idle {
            state.retired = true;
        }
    }

    /// Retired, and its last request is answered.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state();
        state.retired && state.begun.is_empty()
    }

    /// Changes with each request that ends, and with the first one after a quiet time.
    pub(super) fn progress(&self) -> u64 {
        self.state().progress
    }

    /// Age of the oldest request under way.
    pub(super) fn oldest(&self) -> Option<Duration> {
        self.state().begun.values().min().map(Instant::elapsed)
    }

    fn end(&self, number: u64) {
        let mut state = self.state();
        state.begun.remove(&number);
        state.progress += 1;
        state.quiet_since = Instant::now();
        if state.retired && state.begun.is_empty() {
            self.changed.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request under way; it ends when this is dropped.
pub(super) struct Ticket {
    load: Arc<Load>,
    number: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.load.end(self.number);
    }
}

/// The body of an answer: its request is under way until the last byte has been handed on or nobody wants it any more.
pub(super) struct Held {
    pub(super) body: Body,
    pub(super) ticket: Option<Ticket>,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.ticket = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retired_process_is_over_when_its_last_request_ends_and_takes_no_new_one() {
        let load = Load::new();
        let ticket = load.begin().expect("a fresh process takes requests");
        load.retire();
        let seen = (load.begin().is_none(), load.is_over());
        drop(ticket);
        assert_eq!((seen, load.is_over()), ((true, false), true));
    }

    #[test]
    fn a_process_under_load_is_not_idle() {
        let load = Load::new();
        let ticket = load.begin().expect("a fresh process takes requests");
        load.retire_if_quiet(Duration::ZERO);
        let busy = load.is_over();
        drop(ticket);
        load.retire_if_quiet(Duration::ZERO);
        assert_eq!((busy, load.is_over()), (false, true));
    }

    #[test]
    fn a_request_that_only_joins_others_is_no_progress() {
        let load = Load::new();
        let _first = load.begin();
        let before = load.progress();
        let second = load.begin();
        let joined = load.progress();
        drop(second);
        assert_eq!((joined - before, load.progress() - before), (0, 1));
    }
}
