//! Requests to the API server, and the connections that they are made on.

use std::{fmt::Debug, time::Duration};

use kube::{Api, Client, Config, api::ListParams, client::ClientBuilder};
use serde::de::DeserializeOwned;
use tower::limit::GlobalConcurrencyLimitLayer;

/// Deadline of one request: kube's client has none.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The answer to a request; `None` when it did not come within the deadline.
pub async fn answer<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Option<Result<T, kube::Error>> {
    tokio::time::timeout(DEADLINE, request).await.ok()
}

/// The object of this name as the API server has it now. It is listed and not read: to list is a right that a watch has already.
pub async fn listed<K>(api: &Api<K>, name: &str) -> Result<Option<K>, kube::Error>
where
    K: Clone + Debug + DeserializeOwned,
{
    let only = ListParams::default().fields(&format!("metadata.name={name}"));
    Ok(api.list(&only).await?.items.into_iter().next())
}

/// A connection on which nothing came for so long is given up. Longer than a watch lasts, at whose end the API server says so.
pub const SILENCE: Duration = Duration::from_secs(50);

/// Settings of a client that gives up a connection on which nothing comes, while an answer is due: where the other end is gone,
/// nobody else says so.
#[must_use]
pub fn given_up_after(silence: Duration, mut config: Config) -> Config {
    config.read_timeout = Some(silence);
    // The time that a connection was not used for is no silence.
    config.reset_reader_on_write = true;
    config
}

/// Requests that are answered at the same time. More gain nothing: at 64 the API server's p99 triples (measured). A watch counts
/// until it has begun.
pub const AT_ONCE: usize = 16;

/// A client that makes so many requests at the same time, in the order in which they were asked for.
pub fn client(config: Config) -> Result<Client, kube::Error> {
    let client = ClientBuilder::try_from(config)?;
    Ok(client.with_layer(&GlobalConcurrencyLimitLayer::new(AT_ONCE)).build())
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use axum::{Router, body::Body};
    use bytes::Bytes;
    use futures::{StreamExt, future::join_all, stream};
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::{
        Api, Client, Config,
        api::{ListParams, WatchParams},
    };
    use tokio::{net::TcpListener, sync::Semaphore};

    use super::{AT_ONCE, SILENCE, client, given_up_after};
    use crate::{
        informer::WATCH_SECONDS,
        testing::{Answer, api_server},
    };

    #[tokio::test]
    async fn a_connection_whose_other_end_is_gone_ends_the_watch_on_it() {
        // An answer that begins, and then nothing comes any more.
        let server = api_server(|_| {
            let silent = stream::pending::<Result<Bytes, io::Error>>();
            Answer::bytes(Body::from_stream(silent)).header("content-type", "application/json")
        })
        .await;
        let config = given_up_after(Duration::from_millis(50), Config::new(server.url().parse().unwrap()));
        let maps: Api<ConfigMap> = Api::all(Client::try_from(config).unwrap());
        let mut watch = maps.watch(&WatchParams::default(), "0").await.unwrap().boxed();
        let patience = Duration::from_secs(20);
        let ended = tokio::time::timeout(patience, watch.next())
            .await
            .expect("the watch ends");
        assert!(matches!(ended, None | Some(Err(_))), "{ended:?}");
    }

    #[tokio::test]
    async fn an_api_server_behind_a_proxy_is_reached_through_it() {
        let proxy = api_server(|_| Answer::status(403)).await;
        let mut config = Config::new("http://api.test".parse().unwrap());
        config.default_retry = false;
        // What kube takes from `HTTPS_PROXY`.
        config.proxy_url = Some(proxy.url().parse().unwrap());
        let client = Client::try_from(config).unwrap();
        assert!(client.apiserver_version().await.is_err());
        assert_eq!(proxy.requests().len(), 1);
        assert!(proxy.requests()[0].starts_with("CONNECT "), "{:?}", proxy.requests());
    }

    #[tokio::test]
    async fn watches_do_not_count_among_the_requests_that_are_made_at_once() {
        let server =
            api_server(|_| Answer::bytes(Body::from_stream(stream::pending::<Result<Bytes, io::Error>>()))).await;
        let maps: Api<ConfigMap> = Api::all(client(Config::new(server.url().parse().unwrap())).unwrap());
        let mut watches = Vec::new();
        for _ in 0..2 * AT_ONCE {
            watches.push(maps.watch(&WatchParams::default(), "0").await.unwrap());
        }
        assert_eq!(server.requests().len(), 2 * AT_ONCE);
    }

    #[tokio::test]
    async fn a_request_beyond_those_waits_for_the_answer_to_another() {
        let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (noted, answers) = (most.clone(), Arc::new(Semaphore::new(0)));
        // The first answers come when there are as many requests as there may be.
        let answer = move || {
            let (open, most, answers) = (open.clone(), noted.clone(), answers.clone());
            async move {
                let now = open.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                if now == AT_ONCE {
                    answers.add_permits(1);
                }
                let turn = answers.acquire().await.unwrap();
                open.fetch_sub(1, Ordering::SeqCst);
                drop(turn);
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer);
        let serving = tokio::spawn(async move { axum::serve(listener, app).await });
        let maps: Api<ConfigMap> = Api::all(client(Config::new(url.parse().unwrap())).unwrap());
        let every = ListParams::default();
        let requests = (0..4 * AT_ONCE).map(|_| maps.list_metadata(&every));
        assert_eq!(join_all(requests).await.len(), 4 * AT_ONCE);
        assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
        serving.abort();
    }

    #[test]
    fn a_lost_connection_is_noticed_within_a_minute_and_a_quiet_watch_is_not_lost() {
        assert!(SILENCE < Duration::from_mins(1));
        assert!(Duration::from_secs(WATCH_SECONDS.into()) < SILENCE);
    }
}
