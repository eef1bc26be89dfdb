//! Whose turn it is to have code parsed, on a thread of its own: the closure of a function, or files of SQL.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ace_domain::bundle::Closure;
use ace_domain::inputs::{FunctionParts, SourceTree};
use ace_domain::kinds::migration_set::{Assessment, Unassessed};
use ace_domain::sql::{File, Script, ScriptError, read_all};
use ace_runtime::reconcile::on_own_thread;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Sources;

/// What is parsed at the same time for all namespaces: the runtime's threads need a processor, too.
pub(super) const AT_ONCE: usize = 2;

/// Whose turn it is: one of a namespace at a time, and so many of all.
#[derive(Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    namespaces: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl Turns {
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(at_once)),
            namespaces: Mutex::default(),
        }
    }

    /// Waits for the turn of a namespace. Waiting in its own queue first, it takes no turn of the others.
    pub(super) async fn wait(&self, namespace: &str) -> Turn {
        let own = turn(self.of(namespace)).await;
        let shared = turn(self.all.clone()).await;
        (own, shared)
    }

    /// The queue of a namespace, which is gone when nobody waits in it.
    pub(super) fn of(&self, namespace: &str) -> Arc<Semaphore> {
        let mut namespaces = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = namespaces.get(namespace).and_then(Weak::upgrade) {
            return turns;
        }
        let turns = Arc::new(Semaphore::new(1));
        namespaces.retain(|_, turns| turns.strong_count() > 0);
        namespaces.insert(namespace.to_owned(), Arc::downgrade(&turns));
        turns
    }
}

impl Sources {
    /// The closure of a function of `namespace` over a tree; an error says what to change. Panics where reading does.
    pub async fn closure(
        &self,
        namespace: &str,
        tree: &Arc<SourceTree>,
        parts: FunctionParts,
    ) -> Result<Arc<Closure>, String> {
        if let Some(known) = tree.known(&parts) {
            return known;
        }
        let own = turn(self.turns.of(namespace)).await;
        // Whoever had the turn before may have computed the same.
        if let Some(known) = tree.known(&parts) {
            return known;
        }
        let shared = turn(self.turns.all.clone()).await;
        let tree = tree.clone();
        // The turns end with the computation, also when nobody waits for it any more.
        on_own_thread(move || {
            let _turns = (own, shared);
            tree.closure(parts)
        })
        .await
    }
}

impl Sources {
    /// What files of SQL say, by their digests. Panics where reading does.
    pub async fn scripts(&self, namespace: &str, files: Vec<File>) -> Scripts {
        let turn = self.turns.wait(namespace).await;
        on_own_thread(move || {
            let _turn = turn;
            read_all(&files)
        })
        .await
    }

    /// The risks of the files that would run, in the same turn as what is read. Panics where that does.
    pub async fn assessment(&self, namespace: &str, unassessed: Unassessed) -> Arc<Assessment> {
        let turn = self.turns.wait(namespace).await;
        on_own_thread(move || {
            let _turn = turn;
            Arc::new(unassessed.assess())
        })
        .await
    }
}

type Scripts = BTreeMap<String, Result<Arc<Script>, ScriptError>>;

/// A turn, until it is dropped: in the queue of the namespace, and in that of all.
pub(super) type Turn = (Option<OwnedSemaphorePermit>, Option<OwnedSemaphorePermit>);

/// `None` only of a queue that was closed, which none is.
async fn turn(turns: Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    turns.acquire_owned().await.ok()
}
