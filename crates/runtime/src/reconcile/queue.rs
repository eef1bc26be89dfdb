use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ace_domain::reconcile::{decision::Requeue, event::Event, kind::Kind, object_state::ObjectState, timing::Timing};
use futures::{Stream, StreamExt};
use kube::{
    Client, Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        controller::{self, Action},
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;

use super::{
    Controller, Key, ObjectStates,
    controller::{Memory, Object},
    pass::pass,
};
use crate::{events::Events, metrics::Metrics};

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
    pub(super) fn publish(&self, object: &impl Resource<DynamicType = ()>, event: &Event) {
        let Event { type_, reason, note } = event;
        self.events
            .publish(object.object_ref(&()), *type_, reason, "Reconcile", note);
    }
}

/// Asks for passes over objects of one kind.
pub struct Waker<C: Controller> {
    states: Arc<ObjectStates<Object<C>, Memory<C>>>,
    queue: mpsc::UnboundedSender<Key>,
    metrics: Metrics,
}

impl<C: Controller> Clone for Waker<C> {
    fn clone(&self) -> Self {
        Self {
            states: self.states.clone(),
            queue: self.queue.clone(),
            metrics: self.metrics.clone(),
        }
    }
}

impl<C: Controller> Waker<C> {
    /// A waker and the stream that [`run`] takes. What is asked for before `run` is not lost.
    pub fn new(metrics: Metrics) -> (Self, Wakes<C>) {
        let (queue, receiver) = mpsc::unbounded_channel();
        let states = Arc::new(ObjectStates::default());
        (
            Self {
                states: states.clone(),
                queue,
                metrics,
            },
            Wakes { states, receiver },
        )
    }

    /// Asks for a pass over `key`; `source` says why, in a word.
    pub fn wake(&self, key: Key, source: &'static str) {
        if self.states.mark(&key) {
            self.metrics.woken(C::Kind::NAME, source);
            // The receiver is gone only when the controller has ended.
            let _ = self.queue.send(key);
        }
    }

    /// The object is gone, and so is what was kept of it.
    pub fn forget(&self, key: &Key) {
        self.states.forget(key);
    }
}

/// The receiving end of a [`Waker`].
pub struct Wakes<C: Controller> {
    states: Arc<ObjectStates<Object<C>, Memory<C>>>,
    receiver: mpsc::UnboundedReceiver<Key>,
}

pub(super) struct Context<C: Controller> {
    pub(super) controller: Arc<C>,
    pub(super) tools: Tools,
    pub(super) states: Arc<ObjectStates<Object<C>, Memory<C>>>,
}

impl<C: Controller> Context<C> {
    /// When the next pass is due.
    pub(super) fn requeue(&self, requeue: Requeue, state: &mut ObjectState<Object<C>, Memory<C>>) -> Option<Duration> {
        state.requeue(requeue, self.tools.timing, rand::random_range(0.9..1.1), Instant::now())
    }
}

/// Runs `controller` over the objects of `input` until `stop`; passes in flight end first.
pub async fn run<C: Controller>(
    controller: Arc<C>,
    tools: Tools,
    wakes: Wakes<C>,
    input: impl Stream<Item = Result<DeserializeGuard<Object<C>>, watcher::Error>> + Send + 'static,
    store: Store<DeserializeGuard<Object<C>>>,
    stop: CancellationToken,
) {
    let context = Arc::new(Context {
        controller,
        tools,
        states: wakes.states,
    });
    let keys = UnboundedReceiverStream::new(wakes.receiver);
    let asked = keys.map(|key| ObjectRef::new(&key.name).within(&key.namespace));
    kube::runtime::Controller::for_stream(input, store)
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .reconcile_on(asked)
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(
            pass::<C>,
            |object: Arc<DeserializeGuard<Object<C>>>, error, context: Arc<Context<C>>| {
                tracing::error!(kind = C::Kind::NAME, object = %object.name_any(), %error, "object cannot be deserialized; skipped");
                let _ = &context;
                Action::await_change()
            },
            context,
        )
        .for_each(|result| {
            // An object that went before its turn is no news, and a pass that broke off was logged where it did.
            if let Err(controller::Error::QueueError(error)) = result {
                tracing::warn!(kind = C::Kind::NAME, %error, "the watch of this kind is in trouble; it is tried again");
            }
            std::future::ready(())
        })
        .await;
}
