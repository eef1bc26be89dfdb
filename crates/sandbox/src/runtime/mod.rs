//! The edge runtime: one Deno process per function, started at its first call, watched, swapped and reaped.
//!
//! Workers in one process would be cheaper (9 MB instead of 31 MB each) but share their environment, and one that runs
//! out of memory takes all with it. A process of its own keeps what a function does to itself.
//!
//! A process gets its environment and a secret through stdin, says on stdout which loopback port it listens on, and
//! answers only requests that carry the secret. It ends with the thread that started it, or with its stdin.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod answers;
mod check;
mod deno;
mod deployment;
mod graph;
mod headers;
mod imports;
mod load;
mod logs;
mod process;
mod slot;
mod spawner;
mod usage;
mod watcher;

use answers::Failure;
pub use check::{CheckError, Refused};
use deno::Deno;
pub use deployment::Deployment;
use slot::Slot;
use spawner::Spawner;

/// Limits of one function's process, enforced by looking every 250 ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Resident memory without mapped files, in bytes. The platform: 256 MB (functions/limits).
    pub memory: u64,
    /// CPU time without finishing a request. The platform: 2 s a request (functions/limits).
    pub cpu: Duration,
    /// Age of a request at which its process is killed. The platform: 400 s on paid plans (functions/limits).
    pub wall: Duration,
    /// Time to the head of an answer; then 504, and the process lives on. The platform: 150 s (functions/limits).
    pub answer: Duration,
    /// Time to load the modules and register a handler. A start takes 0.05 s, with supabase-js 0.2 s (measured); the rest is for
    /// machines that are busy with other things. A loop is ended by its CPU time.
    pub boot: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory: 256 * 1024 * 1024,
            cpu: Duration::from_secs(2),
            wall: Duration::from_secs(400),
            answer: Duration::from_secs(150),
            boot: Duration::from_secs(30),
        }
    }
}

/// Where the runtime finds Deno and keeps its own files.
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// The native binary. A script that starts it would be watched in its place.
    pub deno: PathBuf,
    /// Folder for caches, generated configurations and the boot file; created when absent.
    pub dir: PathBuf,
    /// A process without a request for this long is stopped.
    pub idle: Duration,
    /// Limits of each process.
    pub limits: Limits,
}

/// What starting a process takes.
struct Shared {
    config: RuntimeConfig,
    deno: Deno,
    spawner: Spawner,
    /// Kills every process, also those that are being drained.
    stop: CancellationToken,
    watchers: TaskTracker,
}

/// By project and slug.
type Slots = BTreeMap<(String, String), Arc<Slot>>;

/// All functions' processes. Dropped, it takes them with it.
pub struct Runtime {
    shared: Arc<Shared>,
    /// `None` after the end.
    slots: Mutex<Option<Slots>>,
}

impl Runtime {
    /// Prepares the folder; starts nothing.
    pub fn new(config: RuntimeConfig) -> io::Result<Arc<Runtime>> {
        let deno = Deno::new(config.deno.clone(), &config.dir)?;
        let shared = Shared {
            config,
            deno,
            spawner: Spawner::new()?,
            stop: CancellationToken::new(),
            watchers: TaskTracker::new(),
        };
        Ok(Arc::new(Runtime {
            shared: Arc::new(shared),
            slots: Mutex::new(Some(BTreeMap::new())),
        }))
    }

    /// Deploy-time check, without running anything; also fills the npm cache. Remote imports never refuse a deploy.
    pub async fn check(&self, deployment: &Deployment) -> Result<(), CheckError> {
        check::check(&self.shared.deno, &process::located(deployment)?).await?;
        if let Some(slot) = self.slot(deployment) {
            slot.looked_at(deployment.version);
        }
        Ok(())
    }

    /// Answers one call, whose path is `/<slug>/…` already; starts the process at the first, swaps when version or environment changed (the new one
    /// first, then the old one is drained).
    pub async fn call(&self, deployment: &Deployment, request: Request) -> Response {
        let Some(slot) = self.slot(deployment) else {
            return Failure::Exited.into_response();
        };
        let promise = match slot.promise(&self.shared, deployment).await {
            Ok(promise) => promise,
            Err(failure) => return failure.into_response(),
        };
        let answer = promise.process.answer(promise.stream, promise.ticket, request).await;
        answer.unwrap_or_else(IntoResponse::into_response)
    }

    /// Stops the process of a deleted function and drops its logs. Calls under way are answered.
    pub fn forget(&self, project: &str, slug: &str) {
        let key = (project.to_owned(), slug.to_owned());
        let slot = self.slots().as_mut().and_then(|slots| slots.remove(&key));
        if let Some(slot) = slot {
            slot.close();
        }
    }

    /// Last lines that the function wrote, newest last: at most 1,000 and 1 MiB, each at most 10,000 characters.
    pub fn logs(&self, project: &str, slug: &str) -> Vec<String> {
        let key = (project.to_owned(), slug.to_owned());
        let slot = self.slots().as_ref().and_then(|slots| slots.get(&key).cloned());
        slot.map(|slot| slot.logs.lines()).unwrap_or_default()
    }

    /// Kills every process and returns when they are gone. Later calls are answered with a failure.
    pub async fn shutdown(&self) {
        let slots = self.slots().take().unwrap_or_default();
        for slot in slots.values() {
            slot.close();
        }
        self.shared.stop.cancel();
        self.shared.watchers.close();
        self.shared.watchers.wait().await;
    }

    fn slot(&self, deployment: &Deployment) -> Option<Arc<Slot>> {
        let key = (deployment.project.clone(), deployment.slug.clone());
        Some(Arc::clone(self.slots().as_mut()?.entry(key).or_default()))
    }

    fn slots(&self) -> MutexGuard<'_, Option<Slots>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
