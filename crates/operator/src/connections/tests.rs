//! Sharing of lists.

mod changes;
mod looks;
mod points;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use ace_egress::{AllowedHosts, Token, Url};
use ace_supabase::{Client, Deadlines, Http, Limits, Priority};
use bytes::Bytes;
use futures::{future::join_all, stream};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::PlatformConnection;
use ace_runtime::{
    clock,
    testing::{Answer, Server, server},
};

/// A connection, and a platform that answers a list when the test allows it.
struct Stage {
    connection: PlatformConnection,
    client: Client,
    server: Server,
    answers: Arc<Semaphore>,
}

async fn stage(requests_per_minute: u32) -> Stage {
    let answers = Arc::new(Semaphore::new(0));
    let allowed = answers.clone();
    let server = server(move |_| {
        let allowed = allowed.clone();
        let body = stream::once(async move {
            allowed.acquire().await.unwrap().forget();
            Ok::<_, std::io::Error>(Bytes::from_static(b"[]"))
        });
        Answer::bytes(axum::body::Body::from_stream(body)).header("content-type", "application/json")
    })
    .await;
    let rate = NonZeroU32::new(requests_per_minute).unwrap();
    let connection = PlatformConnection::new("uid", rate, Timestamp::UNIX_EPOCH);
    let hosts = AllowedHosts::parse([server.url()]).unwrap();
    let http = Http::new(hosts, Deadlines::default(), Limits::default()).unwrap();
    let token = Token::new("sbp_0123456789abcdef0123456789abcdef01234567").unwrap();
    let project = "abcdefghijklmnopqrst".parse().unwrap();
    let base = Url::parse(&server.url()).unwrap();
    let client = Client::new(&http, base, token, project, connection.budget());
    Stage {
        connection,
        client,
        server,
        answers,
    }
}

impl Stage {
    async fn list(&self) {
        let now = clock::now();
        self.connection.list(&self.client, Priority::Change, now).await.unwrap();
    }

    /// Takes all tokens but one.
    fn make_scarce(&self) {
        let budget = self.connection.budget();
        let mut budget = budget.lock().unwrap();
        let now = std::time::Instant::now();
        while budget.left(now) > 1 {
            let _ = budget.try_take(Priority::Change, now).unwrap();
        }
    }

    async fn gets_requests(&self, times: usize) {
        while self.server.requests().len() < times {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_list_serves_writes_from_before_its_request_and_the_next_one_all_later_writes() {
    let stage = stage(60).await;
    let meanwhile = async {
        stage.gets_requests(1).await;
        let others = join_all((0..8).map(|_| stage.list()));
        let answer = async {
            tokio::task::yield_now().await;
            stage.answers.add_permits(2);
        };
        tokio::join!(others, answer)
    };
    tokio::join!(stage.list(), meanwhile);
    assert_eq!(stage.server.requests().len(), 2);
}

#[tokio::test]
async fn while_requests_are_scarce_a_list_waits_a_moment_for_writes_that_need_one_too() {
    let stage = stage(4).await;
    stage
        .connection
        .set_described(["own".to_owned(), "other".to_owned()].into());
    let longest = Duration::from_secs(2);
    let gathers = |seconds: u64| {
        let then = clock::now() + Duration::from_secs(seconds);
        stage.connection.gathers("own", longest, then).is_some()
    };
    let other = stage.connection.write("other");
    drop(stage.connection.write("own"));
    stage.answers.add_permits(1);
    stage.list().await;
    assert!(!gathers(0), "where there are plenty, it does not");
    stage.make_scarce();
    assert!(gathers(0));
    assert!(!gathers(3), "a write that takes long does not keep it from being made");
    let never_written = stage.connection.gathers("never", longest, clock::now());
    assert_eq!(never_written, None);
    drop(other);
    assert!(!gathers(0), "nobody else writes");
}
