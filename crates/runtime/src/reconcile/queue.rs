use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ace_domain::reconcile::{
    decision::Requeue, event::Event, key::Key, kind::Kind, object_state::ObjectState, timing::Timing,
};
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
    Controller,
    controller::{Memory, Object},
    object_states::ObjectStates,
    pass::pass,
};
use crate::{clock, events::Events, index::Dependents, metrics::Metrics};

/// Passes at the same time, per kind. More writers gain nothing: at 64 the API server's p99 triples (measured).
pub(super) const CONCURRENCY: u16 = 16;

/// What wraps every kind.
#[derive(Clone)]
pub struct Tools {
    /// To the API server.
    pub client: Client,
    pub metrics: Metrics,
    pub events: Events,
    pub timing: Timing,
}

impl Tools {
    pub(super) fn publish(&self, object: &impl Resource<DynamicType = ()>, event: &Event) {
        let Event { type_, reason, note } = event;
        self.events
            .publish(object.object_ref(&()), *type_, reason, "Reconcile", note);
    }
}

/// Objects of one kind that wait for a pass, and what is kept of each.
pub(crate) struct Queue<C: Controller> {
    pub(super) states: Arc<ObjectStates<Object<C>, Memory<C>>>,
    sender: mpsc::UnboundedSender<Key>,
    receiver: mpsc::UnboundedReceiver<Key>,
}

impl<C: Controller> Queue<C> {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self {
            states: Arc::default(),
            sender,
            receiver,
        }
    }

    /// Asks for a pass over an object; the word says what changed.
    pub(crate) fn enqueue(&self, metrics: Metrics) -> impl Fn(Key, &'static str) + Send + Sync + use<C> {
        let (states, sender) = (self.states.clone(), self.sender.clone());
        move |key, what| {
            if states.mark(&key) {
                metrics.enqueued(C::Kind::NAME, what);
                // The receiver is gone only when the controller has ended.
                let _ = sender.send(key);
            }
        }
    }

    /// The object is gone, and so is what was kept of it.
    pub(crate) fn forget(&self) -> impl Fn(&Key) + Send + use<C> {
        let states = self.states.clone();
        move |key| states.forget(key)
    }
}

pub(super) struct Context<C: Controller> {
    pub(super) controller: Arc<C>,
    pub(super) tools: Tools,
    pub(super) states: Arc<ObjectStates<Object<C>, Memory<C>>>,
    pub(super) dependents: Dependents,
}

impl<C: Controller> Context<C> {
    /// When the next pass is due.
    pub(super) fn requeue(&self, requeue: Requeue, state: &mut ObjectState<Object<C>, Memory<C>>) -> Option<Duration> {
        let now = (Instant::now(), clock::now());
        state.requeue(requeue, self.tools.timing, rand::random_range(0.9..1.1), now)
    }
}

/// Runs `controller` over the objects of `input` until `stop`; passes in flight end first.
pub(crate) async fn run<C: Controller>(
    controller: Arc<C>,
    tools: Tools,
    queue: Queue<C>,
    dependents: Dependents,
    input: impl Stream<Item = Result<DeserializeGuard<Object<C>>, watcher::Error>> + Send + 'static,
    store: Store<DeserializeGuard<Object<C>>>,
    stop: CancellationToken,
) {
    let context = Arc::new(Context {
        controller,
        tools,
        states: queue.states,
        dependents,
    });
    let keys = UnboundedReceiverStream::new(queue.receiver);
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
                tracing::warn!(kind = C::Kind::NAME, %error, "the watch of this kind failed; it is opened again; it is tried again");
            }
            std::future::ready(())
        })
        .await;
}
