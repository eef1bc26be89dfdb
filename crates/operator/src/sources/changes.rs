use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ace_domain::reconcile::key::SourceKey;
use futures::Stream;
use futures::stream::unfold;
use tokio::sync::Notify;

/// Publishes the keys of changed sources to all listeners. Nothing is lost and nothing piles up: a key that a listener has not
/// taken yet is queued once, however often it changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    listeners: Mutex<Vec<Weak<Listener>>>,
}

#[derive(Debug, Default)]
struct Listener {
    pending: Mutex<BTreeSet<SourceKey>>,
    more: Notify,
}

impl Changes {
    pub(super) fn publish(&self, key: &SourceKey) {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|listener| {
                let Some(listener) = listener.upgrade() else {
                    return false;
                };
                listener
                    .pending
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(key.clone());
                listener.more.notify_one();
                true
            });
    }

    /// Everything that changes from now on.
    pub(super) fn listen(&self) -> impl Stream<Item = SourceKey> + Send + 'static + use<> {
        let listener = Arc::new(Listener::default());
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::downgrade(&listener));
        unfold(listener, |listener| async move {
            loop {
                let next = listener
                    .pending
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .pop_first();
                if let Some(key) = next {
                    return Some((key, listener));
                }
                listener.more.notified().await;
            }
        })
    }
}
