//! One process of several acts: the one that holds the Lease. The others have their caches filled and wait.
//!
//! ```text
//! standby ──nobody holds it, or has renewed it for 15 s──▶ PUT with resourceVersion ──▶ acts, and renews every 5 s
//!    ▲                                                                                     │ not renewed for 10 s,
//!    └──────────────── a new process ◀── the process ends ◀───────────────────────────────┘ or held by another
//! ```
//! Nobody's clock is trusted: a Lease has expired when its version has not moved for 15 s as this process has measured them. What
//! acts looks at its fence before anything of it goes on (`fence`), so that a process that was stopped and woken does nothing.

mod election;
mod fence;

#[cfg(test)]
mod tests;

use std::{pin::pin, time::Duration};

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
    runtime::{WatchStreamExt, watcher},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::election::{Action, Election, Write};
use crate::{health::Gate, informer::watched};

pub use self::election::Terms;
pub(crate) use self::fence::Held;
pub use self::fence::{Fence, since_boot};

/// Whether this process acts.
#[derive(Clone, Debug)]
pub enum Standing {
    /// Another one does, or nobody yet.
    Standby,
    /// It does, for as long as the fence lets it.
    Leading(Fence),
}

/// The Lease that processes of one kind compete for.
pub struct Contest {
    /// For the Lease alone: its requests must wait for no others.
    pub client: Client,
    pub namespace: String,
    /// Of the Lease.
    pub name: String,
    /// Of this process, and of no other; a process that is started again in the same pod has the same one.
    pub identity: String,
    pub terms: Terms,
}

/// The Lease was lost: another process acts now, or may. This one must end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the Lease was lost: another process may act now, and this one ends")]
pub struct Lost;

impl Contest {
    /// Competes until `until`, and then gives the Lease back. Says at each change what this process is.
    /// Opens `seen` once it is known who holds the Lease, if anybody does.
    pub async fn run(
        self,
        standing: watch::Sender<Standing>,
        seen: Gate,
        until: CancellationToken,
    ) -> Result<(), Lost> {
        let mut seen = Some(seen);
        let api: Api<Lease> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut election = Election::new(self.identity.clone(), self.terms);
        let only = watched().fields(&format!("metadata.name={}", self.name));
        let mut events = pin!(watcher(api.clone(), only).default_backoff());
        let mut ends = pin!(until.cancelled());
        let mut listed = Vec::new();
        loop {
            let action = election.next(since_boot());
            if election.has_lost(since_boot()) {
                return Err(Lost);
            }
            let wait = match action {
                Action::Write(write) => {
                    self.write(&api, &mut election, write).await;
                    standing.send_if_modified(|standing| lead(standing, &election));
                    continue;
                }
                Action::Wait(until) => until.saturating_sub(since_boot()),
                Action::Watch => Duration::MAX,
            };
            tokio::select! {
                () = &mut ends => break,
                () = tokio::time::sleep(wait.min(self.terms.duration)) => {}
                event = events.next() => match event {
                    Some(Ok(watcher::Event::Init)) => listed.clear(),
                    Some(Ok(watcher::Event::InitApply(lease))) => listed.push(lease),
                    Some(Ok(watcher::Event::InitDone)) => {
                        if let Some(seen) = seen.take() {
                            seen.open();
                        }
                        election.observe(listed.pop().as_ref(), since_boot());
                    }
                    Some(Ok(watcher::Event::Apply(lease))) => election.observe(Some(&lease), since_boot()),
                    Some(Ok(watcher::Event::Delete(_))) => election.observe(None, since_boot()),
                    Some(Err(error)) => {
                        let (namespace, lease) = (&self.namespace, &self.name);
                        tracing::warn!(%error, namespace, lease, "the Lease can't be watched; it is tried again, and nothing is reconciled before: is deploy/rbac.yaml of this version applied?");
                    }
                    None => {}
                },
            }
        }
        if let Some(write) = election.release() {
            standing.send_replace(Standing::Standby);
            self.write(&api, &mut election, write).await;
        }
        Ok(())
    }

    async fn write(&self, api: &Api<Lease>, election: &mut Election, write: Write) {
        let began = since_boot();
        let renewed = (!write.holder.is_empty()).then(|| MicroTime(Timestamp::now()));
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(self.namespace.clone()),
                resource_version: write.version.clone(),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(write.holder.clone()),
                lease_duration_seconds: Some(seconds(self.terms.duration)),
                lease_transitions: Some(write.transitions),
                acquire_time: renewed.clone(),
                renew_time: renewed,
                ..LeaseSpec::default()
            }),
        };
        let parameters = PostParams::default();
        let request = async {
            match &write.version {
                Some(_) => api.replace(&self.name, &parameters, &lease).await,
                None => api.create(&parameters, &lease).await,
            }
        };
        match tokio::time::timeout(self.terms.retry, request).await {
            Ok(Ok(written)) => return election.written(&write, &written, began),
            // The watch shows whose it is now.
            Ok(Err(kube::Error::Api(status))) if status.is_conflict() || status.is_already_exists() => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, lease = self.name, "the Lease could not be written; it is tried again");
            }
            Err(_) => tracing::warn!(
                lease = self.name,
                "no answer to a write of the Lease; it is tried again"
            ),
        }
        election.refused(since_boot());
    }
}

/// Shows what the election has come to; whether that is news.
fn lead(standing: &mut Standing, election: &Election) -> bool {
    match (&*standing, election.fence()) {
        (Standing::Standby, Some(fence)) => {
            tracing::info!(epoch = fence.epoch(), "this process acts");
            *standing = Standing::Leading(fence);
            true
        }
        _ => false,
    }
}

fn seconds(duration: Duration) -> i32 {
    duration.as_secs().max(1).try_into().unwrap_or(i32::MAX)
}
