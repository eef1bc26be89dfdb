//! Requests to the API server, and the connections that they are made on.

use std::time::Duration;

use kube::Config;

/// Deadline of one request: kube's client has none.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The answer to a request; `None` when it did not come within the deadline.
pub async fn answer<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Option<Result<T, kube::Error>> {
    tokio::time::timeout(DEADLINE, request).await.ok()
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

#[cfg(test)]
mod tests {
    use std::{io, time::Duration};

    use axum::body::Body;
    use bytes::Bytes;
    use futures::{StreamExt, stream};
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::{Api, Client, Config, api::WatchParams};

    use super::{SILENCE, given_up_after};
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

    #[test]
    fn a_lost_connection_is_noticed_within_a_minute_and_a_quiet_watch_is_not_lost() {
        assert!(SILENCE < Duration::from_mins(1));
        assert!(Duration::from_secs(WATCH_SECONDS.into()) < SILENCE);
    }
}
