//! Artifacts that are too many for the memory.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ace_domain::inputs::sha256;
use ace_egress::AllowedHosts;
use ace_runtime::testing::{Answer, Server, server};
use axum::body::Body;
use futures::{StreamExt, stream};
use tokio::sync::Semaphore;

use super::fixture::until;
use crate::sources::{
    fetch::{FetchError, Fetched, Fetcher},
    flux::Pointer,
};

const MIB: usize = 1 << 20;
/// Of one artifact.
const LIMIT: usize = 8 * MIB;

fn fetcher(room: usize, deadline: Duration) -> Arc<Fetcher> {
    let hosts = AllowedHosts::parse(["127.0.0.1"]).unwrap();
    Arc::new(Fetcher::new(hosts, deadline, LIMIT, room).unwrap())
}

fn bytes(mib: usize) -> Vec<u8> {
    vec![b'x'; mib * MIB]
}

/// A server of artifacts whose path is their size in MiB. Each goes on behind its first 5 MiB once somebody lets it.
async fn serving(length_is_declared: bool) -> (Server, Arc<Semaphore>) {
    let goes_on = Arc::new(Semaphore::new(0));
    let waits_for = goes_on.clone();
    let server = server(move |asked| {
        let mib: usize = asked.path.trim_start_matches('/').parse().unwrap();
        let waits_for = waits_for.clone();
        let pieces = stream::iter(0..mib).then(move |piece| {
            let waits_for = waits_for.clone();
            async move {
                if piece == 5 {
                    waits_for.acquire().await.unwrap().forget();
                }
                Ok::<_, Infallible>(bytes(1))
            }
        });
        let answer = Answer::bytes(Body::from_stream(pieces));
        if length_is_declared {
            answer.header("content-length", &(mib * MIB).to_string())
        } else {
            answer
        }
    })
    .await;
    (server, goes_on)
}

async fn fetched(fetcher: &Fetcher, server: &Server, mib: usize, namespace: &str) -> Result<Fetched, FetchError> {
    let pointer = Pointer {
        url: format!("{}/{mib}", server.url()),
        digest: sha256(&bytes(mib)),
        revision: "main@sha1:4f2c".to_owned(),
    };
    fetcher.admit(&pointer)?.fetch(namespace).await
}

#[tokio::test]
async fn large_artifacts_wait_for_room_and_small_ones_do_not() {
    for (length_is_declared, taken) in [(true, 6 * MIB), (false, LIMIT)] {
        let fetcher = fetcher(LIMIT, Duration::from_hours(1));
        let (server, goes_on) = serving(length_is_declared).await;
        let server = Arc::new(server);
        let large = |namespace: &'static str| {
            let (fetcher, server) = (fetcher.clone(), server.clone());
            tokio::spawn(async move { fetched(&fetcher, &server, 6, namespace).await })
        };
        let first = large("a");
        until("the first has all that it may take", || {
            !fetcher.room.has(LIMIT - taken + 1)
        })
        .await;
        assert!(fetcher.room.has(LIMIT - taken), "no more than that is taken");
        let second = large("b");
        until("the second is asked for", || server.requests().len() == 2).await;
        // Meanwhile it waits.
        let small = fetched(&fetcher, &server, 4, "c").await.unwrap();
        assert_eq!(small.bytes.len(), 4 * MIB);
        assert!(!second.is_finished() && !first.is_finished());
        goes_on.add_permits(2);
        let first = first.await.unwrap().unwrap();
        assert!(!fetcher.room.has(LIMIT), "it is in memory until it is unpacked");
        drop(first);
        let second = second.await.unwrap().unwrap();
        assert_eq!(second.bytes.len(), 6 * MIB);
        drop(second);
        assert!(fetcher.room.has(LIMIT), "all of it is free again");
    }
}

#[tokio::test]
async fn who_waits_for_room_for_too_long_does_not_blame_the_server() {
    let fetcher = fetcher(LIMIT, Duration::from_secs(3));
    let (server, _goes_on) = serving(true).await;
    let _all = fetcher.room.take(LIMIT).await;
    let waited = fetched(&fetcher, &server, 6, "a").await.unwrap_err();
    assert!(
        matches!(&waited, FetchError::Failed(says) if says.contains("other large artifacts")),
        "{waited:?}"
    );
}

#[tokio::test]
async fn an_artifact_without_end_ends_at_the_limit_and_gives_its_room_back() {
    let sent = Arc::new(AtomicU64::new(0));
    let counts = sent.clone();
    let endless = server(move |_| {
        let counts = counts.clone();
        let pieces = stream::repeat_with(move || {
            counts.fetch_add(MIB as u64, Ordering::Relaxed);
            Ok::<_, Infallible>(bytes(1))
        });
        Answer::bytes(Body::from_stream(pieces))
    })
    .await;
    let fetcher = fetcher(LIMIT, Duration::from_hours(1));
    let refused = fetched(&fetcher, &endless, 1, "a").await.unwrap_err();
    assert_eq!(refused, FetchError::TooLarge { limit: LIMIT });
    assert!(fetcher.room.has(LIMIT));
    // What lies in the buffers of two sockets comes on top.
    assert!(sent.load(Ordering::Relaxed) < 4 * LIMIT as u64);
}
