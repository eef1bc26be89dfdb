use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ace_domain::reconcile::{
    decision::Requeue, event::Event, key::Key, kind::Kind, object_state::ObjectState, timing::Timing,
};
use kube::{Client, Resource};

use super::{
    Controller, Scheduler,
    controller::{Memory, Object},
    object_states::ObjectStates,
};
use crate::{clock, events::Events, index::Dependents, metrics::Metrics};

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

/// What the passes of one kind share.
pub(crate) struct Context<C: Controller> {
    pub(crate) controller: Arc<C>,
    pub(crate) tools: Tools,
    pub(crate) states: Arc<ObjectStates<Object<C>, Memory<C>>>,
    pub(crate) dependents: Dependents,
    pub(crate) scheduler: Scheduler,
}

impl<C: Controller> Context<C> {
    /// Nothing is known of this object any more.
    pub(crate) fn forget(&self, key: &Key) {
        self.states.forget(key);
        let kind = <C::Kind as Kind>::NAME;
        self.tools.metrics.forget_object(kind, &key.namespace, &key.name);
        self.controller.forget(key);
    }

    /// When the next pass is due.
    pub(super) fn requeue(&self, requeue: Requeue, state: &mut ObjectState<Object<C>, Memory<C>>) -> Option<Duration> {
        let now = (Instant::now(), clock::now());
        state.requeue(requeue, self.tools.timing, rand::random_range(0.9..1.1), now)
    }
}
