//! The place of one function: at most one process takes its requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;

use super::answers::Failure;
use super::deployment::Deployment;
use super::load::Ticket;
use super::logs::SharedLogs;
use super::process::{Process, located};
use super::{Shared, check};

/// A process may end of its own between two looks; a call then starts the next one, this many times.
const ATTEMPTS: usize = 3;

#[derive(Default)]
pub(super) struct Slot {
    pub(super) logs: SharedLogs,
    /// Held while a process is being started, so that calls wait for that one instead of starting their own.
    starting: tokio::sync::Mutex<()>,
    place: Mutex<Place>,
}

#[derive(Default)]
struct Place {
    current: Option<Arc<Process>>,
    /// Versions whose packages are known to be in the cache.
    looked_at: Option<i64>,
    closed: bool,
}

/// A process that has promised to answer.
pub(super) struct Promise {
    pub(super) process: Arc<Process>,
    pub(super) ticket: Ticket,
    pub(super) stream: TcpStream,
}

impl Slot {
    /// A connection to the process of `deployment`, started when there is none.
    pub(super) async fn promise(
        self: &Arc<Slot>,
        shared: &Arc<Shared>,
        deployment: &Deployment,
    ) -> Result<Promise, Failure> {
        let mut failure = Failure::Exited;
        for _ in 0..ATTEMPTS {
            let (process, ticket) = match self.running(deployment) {
                Some(found) => found,
                None => self.started(shared, deployment).await?,
            };
            match process.connect().await {
                Ok(stream) => {
                    return Ok(Promise {
                        process,
                        ticket,
                        stream,
                    });
                }
                Err(_) => failure = Failure::Exited,
            }
            process.retire();
        }
        Err(failure)
    }

    fn running(&self, deployment: &Deployment) -> Option<(Arc<Process>, Ticket)> {
        let place = self.place();
        let process = place.current.as_ref().filter(|process| serves(process, deployment))?;
        Some((Arc::clone(process), process.begin()?))
    }

    /// In a task of its own: a caller that goes away does not undo a start that others wait for.
    async fn started(
        self: &Arc<Slot>,
        shared: &Arc<Shared>,
        deployment: &Deployment,
    ) -> Result<(Arc<Process>, Ticket), Failure> {
        let (slot, shared, deployment) = (Arc::clone(self), Arc::clone(shared), deployment.clone());
        tokio::spawn(async move { slot.start(&shared, deployment).await })
            .await
            .unwrap_or(Err(Failure::Boot))
    }

    async fn start(&self, shared: &Shared, deployment: Deployment) -> Result<(Arc<Process>, Ticket), Failure> {
        let _starting = self.starting.lock().await;
        if let Some(found) = self.running(&deployment) {
            return Ok(found);
        }
        self.fill_cache(shared, &deployment).await;
        let logs = Arc::clone(&self.logs);
        let started = Process::start(shared, deployment, logs).await;
        let mut place = self.place();
        // Also when the new version does not start: the old one is no longer what the platform shows as live.
        if let Some(old) = place.current.take() {
            old.retire();
        }
        let process = Arc::new(started?);
        let ticket = process.begin().ok_or(Failure::Exited)?;
        if place.closed {
            process.retire();
        } else {
            place.current = Some(Arc::clone(&process));
        }
        Ok((process, ticket))
    }

    /// The deploy-time check fills the cache; after a restart of the platform nobody knows of which versions.
    async fn fill_cache(&self, shared: &Shared, deployment: &Deployment) {
        if self.place().looked_at == Some(deployment.version) {
            return;
        }
        // What it finds is said again by the start that follows.
        if let Ok(located) = located(deployment) {
            drop(check::check(&shared.deno, &located).await);
        }
        self.looked_at(deployment.version);
    }

    pub(super) fn looked_at(&self, version: i64) {
        self.place().looked_at = Some(version);
    }

    /// No process of it takes another request; what has begun is answered.
    pub(super) fn close(&self) {
        let mut place = self.place();
        place.closed = true;
        if let Some(process) = place.current.take() {
            process.retire();
        }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that was read before a deploy and arrives after it is served by the newer version: nothing swaps back.
fn serves(process: &Process, deployment: &Deployment) -> bool {
    let running = &process.deployment;
    running == deployment || (running.id == deployment.id && running.version > deployment.version)
}
