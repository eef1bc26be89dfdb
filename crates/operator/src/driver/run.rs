use std::{sync::Arc, time::Duration};

use ace_domain::{reconcile::decision::Requeue, reconcile::timing::Timing};
use futures::{Stream, StreamExt};
use kube::{
    Client, Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        Controller,
        controller::{self, Action},
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;

use super::{Key, Kind, memory::Keep, pass::pass};
use crate::{
    events::{EventType, Events},
    metrics::Metrics,
};

/// Passes at the same time, per kind. More writers gain nothing: at 64 the API server's p99 triples (measured).
const CONCURRENCY: u16 = 16;

/// What wraps every kind.
#[derive(Clone)]
pub struct Tools {
    /// To the API server.
    pub client: Client,
    /// Counts.
    pub metrics: Metrics,
    /// Tells.
    pub events: Events,
    /// Constants of time.
    pub timing: Timing,
}

impl Tools {
    pub(super) fn publish<K: Kind>(&self, object: &K::Object, type_: EventType, reason: &str, note: &str) {
        self.events
            .publish(object.object_ref(&()), type_, reason, "Reconcile", note);
    }
}

/// Asks for passes over objects of one kind.
pub struct Waker<K: Kind> {
    keep: Arc<Keep<K::Object, K::Memory>>,
    queue: mpsc::UnboundedSender<Key>,
    metrics: Metrics,
}

impl<K: Kind> Clone for Waker<K> {
    fn clone(&self) -> Self {
        Self {
            keep: self.keep.clone(),
            queue: self.queue.clone(),
            metrics: self.metrics.clone(),
        }
    }
}

impl<K: Kind> Waker<K> {
    /// A waker and the stream that [`run`] takes. What is asked for before `run` is not lost.
    pub fn new(metrics: Metrics) -> (Self, Wakes<K>) {
        let (queue, receiver) = mpsc::unbounded_channel();
        let keep = Arc::new(Keep::default());
        (
            Self {
                keep: keep.clone(),
                queue,
                metrics,
            },
            Wakes { keep, receiver },
        )
    }

    /// Asks for a pass over `key`; `source` says why, in a word.
    pub fn wake(&self, key: Key, source: &'static str) {
        if self.keep.mark(&key) {
            self.metrics.woken(K::NAME, source);
            // The receiver is gone only when the controller has ended.
            let _ = self.queue.send(key);
        }
    }
}

impl<K: Kind> Waker<K> {
    /// The object is gone, and so is what was kept of it.
    pub fn forget(&self, key: &Key) {
        self.keep.forget(key);
    }
}

/// The receiving end of a [`Waker`].
pub struct Wakes<K: Kind> {
    keep: Arc<Keep<K::Object, K::Memory>>,
    receiver: mpsc::UnboundedReceiver<Key>,
}

pub(super) struct Context<K: Kind> {
    pub(super) kind: Arc<K>,
    pub(super) tools: Tools,
    pub(super) keep: Arc<Keep<K::Object, K::Memory>>,
}

impl<K: Kind> Context<K> {
    /// How long to wait, and the count of failures that follows.
    pub(super) fn wait(&self, again: Requeue, failures: &mut u32) -> Option<Duration> {
        match again {
            Requeue::OnChange => {
                *failures = 0;
                None
            }
            Requeue::After(wait) => {
                *failures = 0;
                Some(wait)
            }
            Requeue::Backoff => {
                let doubled = self.tools.timing.backoff_first() * 2_u32.saturating_pow((*failures).min(16));
                *failures += 1;
                let jitter = rand::random_range(0.9..1.1);
                Some(doubled.min(self.tools.timing.backoff_most()).mul_f64(jitter))
            }
        }
    }
}

/// Runs `kind` over the objects of `input` until `stop`; passes in flight end first.
pub async fn run<K: Kind>(
    kind: Arc<K>,
    tools: Tools,
    wakes: Wakes<K>,
    input: impl Stream<Item = Result<DeserializeGuard<K::Object>, watcher::Error>> + Send + 'static,
    store: Store<DeserializeGuard<K::Object>>,
    stop: CancellationToken,
) {
    let context = Arc::new(Context {
        kind,
        tools,
        keep: wakes.keep,
    });
    let keys = UnboundedReceiverStream::new(wakes.receiver);
    let asked = keys.map(|key| ObjectRef::new(&key.name).within(&key.namespace));
    Controller::for_stream(input, store)
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .reconcile_on(asked)
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(
            pass::<K>,
            |object: Arc<DeserializeGuard<K::Object>>, error, context: Arc<Context<K>>| {
                tracing::error!(kind = K::NAME, object = %object.name_any(), %error, "no pass over this object");
                let _ = &context;
                Action::await_change()
            },
            context,
        )
        .for_each(|result| {
            // An object that went before its turn is no news, and a pass that broke off was logged where it did.
            if let Err(controller::Error::QueueError(error)) = result {
                tracing::warn!(kind = K::NAME, %error, "the watch of this kind is in trouble; it is tried again");
            }
            std::future::ready(())
        })
        .await;
}
