//! Of several processes one acts on each shard: the one that holds its Lease. The others have their caches filled and wait.
//!
//! ```text
//! standby ──nobody holds it, or has renewed it for 15 s──▶ PUT with resourceVersion ──▶ acts, and renews every 5 s
//!    ▲ ▲                                                                                │  │ not renewed for 10 s,
//!    │ └───── released ◀── passes end ◀── one with two shards fewer asks for it ◀───────┘  │ or held by another
//!    └──────────────── a new process ◀── the process ends ◀───────────────────────────────┘
//! ```
//! Nobody's clock is trusted: a Lease has expired when its version has not moved for 15 s as this process has measured them. What
//! acts looks at the fence of its shard before anything of it goes on (`fence`), so that a process that was stopped and woken does
//! nothing. Who has which shard is decided in `assignment`, from what a watch of all Leases shows.

mod assigned;
mod assignment;
mod election;
mod fence;
mod names;
mod others;
mod terms;

#[cfg(test)]
mod tests;

use std::{pin::pin, time::Duration};

use ace_domain::reconcile::shard::Shards;
use futures::{StreamExt, stream::FuturesUnordered};
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
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::{assignment::Assignment, election::Write, names::Names};
use crate::{health::Gate, informer::watched};

pub(crate) use self::assigned::Part;
pub use self::assigned::{Assigned, Assigner, Holding, assigned};
pub(crate) use self::fence::Held;
pub use self::fence::{Fence, since_boot};
pub use self::terms::Terms;

/// The Leases that processes of one kind compete for.
pub struct Contest {
    /// For the Leases alone: its requests must wait for no others.
    pub client: Client,
    pub namespace: String,
    /// Of the Lease; with several shards, what their names begin with.
    pub name: String,
    pub shards: Shards,
    /// Of this process, and of no other; a process that is started again in the same pod has the same one.
    pub identity: String,
    pub terms: Terms,
}

/// The names of all Leases of processes of this name.
pub fn names(name: &str, shards: Shards) -> Vec<String> {
    let names = Names::new(name.to_owned(), shards);
    (0..shards.number()).map(|shard| names.of(shard)).collect()
}

/// A Lease was lost: another process acts now, or may. This one must end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the Lease was lost: another process may act now, and this one ends")]
pub struct Lost;

/// What became of a write: of which shard, when it began, and the Lease as it then was.
type Written = (u32, Write, Duration, Option<Lease>);

impl Contest {
    /// Competes, and says at each change what this process has. From `stop` it takes nothing more, and at `end` it gives back what
    /// it has. Opens `seen` once it is known who holds the Leases, if anybody does.
    pub async fn run(
        self,
        mut assigner: Assigner,
        seen: Gate,
        stop: CancellationToken,
        end: CancellationToken,
    ) -> Result<(), Lost> {
        let mut seen = Some(seen);
        let api: Api<Lease> = Api::namespaced(self.client.clone(), &self.namespace);
        let names = Names::new(self.name.clone(), self.shards);
        let mut assignment = Assignment::new(self.identity.clone(), names.clone(), self.shards, self.terms);
        let mut events = pin!(watcher(api.clone(), watched()).default_backoff());
        let (mut warm, mut ends) = (pin!(assigner.warm()), pin!(end.cancelled()));
        let (mut is_warm, mut is_ending) = (false, false);
        let mut writing = FuturesUnordered::new();
        loop {
            if assignment.has_lost(since_boot()) {
                return Err(Lost);
            }
            let next = assignment.next(since_boot());
            assigner.show(assignment.holding());
            let writes = next.writes.into_iter();
            writing.extend(writes.map(|(shard, write)| self.write(&api, shard, names.of(shard), write)));
            let wait = next.at.map_or(Duration::MAX, |at| at.saturating_sub(since_boot()));
            tokio::select! {
                () = &mut ends => break,
                () = &mut warm, if !is_warm => {
                    is_warm = true;
                    assignment.warm();
                }
                () = stop.cancelled(), if !is_ending => {
                    is_ending = true;
                    assignment.end();
                }
                Some(written) = writing.next() => note(&mut assignment, written),
                Some(shard) = assigner.drained() => assignment.drained(shard),
                () = sleep(wait.min(self.terms.retry)) => {}
                event = events.next() => match event {
                    Some(Ok(event)) => {
                        assignment.observe(&event, since_boot());
                        if matches!(event, watcher::Event::InitDone) && let Some(seen) = seen.take() {
                            seen.open();
                        }
                    }
                    Some(Err(error)) => {
                        let (namespace, lease) = (&self.namespace, &self.name);
                        tracing::warn!(%error, namespace, lease, "the Lease can't be watched; it is tried again, and nothing is reconciled before: is deploy/rbac.yaml of this version applied?");
                    }
                    None => {}
                },
            }
        }
        // What is given back is the version that they make.
        while let Some(written) = writing.next().await {
            note(&mut assignment, written);
        }
        let released = assignment.release();
        assigner.show(assignment.holding());
        writing.extend(
            released
                .into_iter()
                .map(|(shard, write)| self.write(&api, shard, names.of(shard), write)),
        );
        while writing.next().await.is_some() {}
        Ok(())
    }

    async fn write(&self, api: &Api<Lease>, shard: u32, name: String, write: Write) -> Written {
        let began = since_boot();
        let renewed = (!write.holder.is_empty()).then(|| MicroTime(Timestamp::now()));
        let spec = write.kept.clone().unwrap_or_else(|| LeaseSpec {
            holder_identity: Some(write.holder.clone()),
            lease_duration_seconds: Some(seconds(self.terms.duration)),
            lease_transitions: Some(write.transitions),
            acquire_time: renewed.clone(),
            renew_time: renewed,
            ..LeaseSpec::default()
        });
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                namespace: Some(self.namespace.clone()),
                resource_version: write.version.clone(),
                annotations: write.annotations(),
                ..ObjectMeta::default()
            },
            spec: Some(spec),
        };
        let request = || put(api, &name, &lease);
        let written = match timeout(self.terms.patience(), first_answer(request, self.terms.attempt())).await {
            Ok(Ok(written)) => Some(written),
            // The watch shows whose it is now.
            Ok(Err(kube::Error::Api(status))) if status.is_conflict() || status.is_already_exists() => None,
            Ok(Err(error)) => {
                tracing::warn!(%error, lease = name, "the Lease could not be written; it is tried again");
                None
            }
            Err(_) => {
                tracing::warn!(lease = name, "no answer to a write of the Lease; it is tried again");
                None
            }
        };
        (shard, write, began, written)
    }
}

/// Puts a Lease in place of the version that it names, or a new one where it names none.
async fn put(api: &Api<Lease>, name: &str, lease: &Lease) -> Result<Lease, kube::Error> {
    let parameters = PostParams::default();
    match lease.metadata.resource_version {
        Some(_) => api.replace(name, &parameters, lease).await,
        None => api.create(&parameters, lease).await,
    }
}

/// What is answered first, by a request or by the same one again after a while: of two that name one version the API server takes one.
async fn first_answer<F: Future>(request: impl Fn() -> F, after: Duration) -> F::Output {
    let again = async {
        sleep(after).await;
        request().await
    };
    tokio::select! {
        answer = request() => answer,
        answer = again => answer,
    }
}

fn note(assignment: &mut Assignment, (shard, write, began, written): Written) {
    match written {
        Some(lease) => assignment.written(shard, &write, &lease, began),
        None => assignment.refused(shard, since_boot()),
    }
}

fn seconds(duration: Duration) -> i32 {
    duration.as_secs().max(1).try_into().unwrap_or(i32::MAX)
}
