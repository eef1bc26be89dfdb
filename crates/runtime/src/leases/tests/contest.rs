//! A process that competes on an API server.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use ace_domain::reconcile::shard::Shards;
use axum::{body::Body, http::Method};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;

use super::super::{Contest, Fence, Holding, Terms, assigned};
use crate::{
    health::Health,
    testing::{Answer, Received, Server, api_server},
};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn each_write_names_the_version_that_was_seen_and_the_end_gives_the_lease_back() {
    let leases = Leases::default();
    let server = competes(&leases, async |server, fence| {
        assert_eq!(fence.epoch(), 5);
        has_written(server, 3).await;
        assert!(fence.is_open());
    })
    .await;
    assert_eq!(server.bodies().last().unwrap()["spec"]["holderIdentity"], "");
}

#[tokio::test]
async fn a_write_that_is_answered_late_counts_though_it_was_repeated() {
    let leases = Leases {
        is_slow: true,
        ..Leases::default()
    };
    competes(&leases, async |server, fence| {
        // Two of each.
        has_written(server, 6).await;
        assert!(fence.is_open());
        assert!(leases.shown.lock().unwrap().versions.len() >= 3, "it is renewed");
    })
    .await;
}

/// Competes for the Lease until `then` has ended.
async fn competes(leases: &Leases, then: impl AsyncFnOnce(&Server, &Fence)) -> Server {
    leases.put(&json!({ "holderIdentity": "", "leaseTransitions": 4 }));
    let theirs = leases.clone();
    let server = api_server(move |request| theirs.answer(&request)).await;
    let contest = Contest {
        client: server.client(),
        namespace: "ace-system".to_owned(),
        name: "ace-operator".to_owned(),
        shards: Shards::ONE,
        identity: "b".to_owned(),
        terms: Terms::default().scaled(if leases.is_slow { 10 } else { 100 }),
    };
    let (competes, mut assigned) = assigned(Holding::default());
    let (stop, leave) = (CancellationToken::new(), CancellationToken::new());
    let gate = Health::default().gate("lease");
    let running = tokio::spawn(contest.run(competes, gate, stop.clone(), leave.clone()));
    assigned.warmed();
    let acts = assigned.holding.wait_for(|holding| !holding.parts().is_empty());
    let acts = timeout(PATIENCE, acts).await.expect("it acts").unwrap().clone();
    let fence = acts.parts().get(&0).unwrap().fence.clone();
    then(&server, &fence).await;
    stop.cancel();
    leave.cancel();
    assert_eq!(running.await.unwrap(), Ok(()));
    assert!(!fence.is_open());
    server
}

async fn has_written(server: &Server, times: usize) {
    let is_write = |request: &&String| request.starts_with("PUT");
    let written = async {
        while server.requests().iter().filter(is_write).count() < times {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, written).await.expect("it is renewed");
}

/// One Lease on an API server.
#[derive(Clone, Default)]
struct Leases {
    shown: Arc<Mutex<Shown>>,
    /// A write is answered once it was repeated, and its repetition never.
    is_slow: bool,
}

#[derive(Default)]
struct Shown {
    /// Every version: the first is 7.
    versions: Vec<Value>,
    watches: Vec<mpsc::UnboundedSender<Value>>,
    /// Whoever waits for the answer to the newest write.
    waits: Option<oneshot::Sender<Value>>,
}

impl Leases {
    fn put(&self, spec: &Value) -> Value {
        let mut shown = self.shown.lock().unwrap();
        let version = (7 + shown.versions.len()).to_string();
        let metadata =
            json!({ "name": "ace-operator", "namespace": "ace-system", "uid": "1", "resourceVersion": version });
        let lease =
            json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec });
        shown.versions.push(lease.clone());
        shown.watches.retain(|watch| watch.send(lease.clone()).is_ok());
        lease
    }

    fn late(&self, spec: &Value) -> Body {
        let waits = self.shown.lock().unwrap().waits.take();
        if let Some(waits) = waits.filter(|waits| !waits.is_closed()) {
            waits.send(self.put(spec)).unwrap();
            return Body::from_stream(stream::pending::<Result<String, io::Error>>());
        }
        let (waits, answer) = oneshot::channel();
        self.shown.lock().unwrap().waits = Some(waits);
        let answer = async { Ok::<_, oneshot::error::RecvError>(answer.await?.to_string()) };
        Body::from_stream(stream::once(answer))
    }

    fn answer(&self, request: &Received) -> Answer {
        if request.method != Method::GET {
            let written: Value = serde_json::from_slice(&request.body).unwrap();
            let newest = self.shown.lock().unwrap().versions.last().unwrap()["metadata"]["resourceVersion"].clone();
            if written["metadata"]["resourceVersion"] != newest {
                return Answer::refusal(409, "Conflict");
            }
            if self.is_slow {
                return Answer::bytes(self.late(&written["spec"])).header("content-type", "application/json");
            }
            return Answer::json(&self.put(&written["spec"]));
        }
        let mut shown = self.shown.lock().unwrap();
        if request.query.contains("watch") {
            let (watch, events) = mpsc::unbounded_channel();
            // Beginning with what was listed is more than the client asks for, and nothing new.
            for lease in &shown.versions {
                watch.send(lease.clone()).unwrap();
            }
            shown.watches.push(watch);
            let line =
                |lease: Value| Ok::<_, io::Error>(format!("{}\n", json!({ "type": "MODIFIED", "object": lease })));
            let lines = UnboundedReceiverStream::new(events).map(line);
            return Answer::bytes(Body::from_stream(lines));
        }
        let newest = shown.versions.last().unwrap();
        let metadata = json!({ "resourceVersion": newest["metadata"]["resourceVersion"] });
        Answer::json(
            &json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "LeaseList", "metadata": metadata, "items": [newest] }),
        )
    }
}
