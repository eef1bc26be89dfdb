//! What is served: metrics, liveness and readiness. Read-only, without secrets, for the cluster network.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::{StreamExt, stream};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::metrics::Metrics;

/// Answers with metrics that may be on their way at the same time: one has some megabytes in a large cluster.
const SCRAPES: usize = 4;

/// Interval of the heartbeats of a loop.
const BEAT: Duration = Duration::from_secs(1);
/// A loop without a heartbeat for longer is stuck. The kubelet probes every 10 s and restarts at the third failure, so a
/// machine that is busy for a while causes no restart.
const SILENCE: Duration = Duration::from_secs(30);

/// Whether the process is alive, and ready. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<Signs>>);

#[derive(Debug, Default)]
struct Signs {
    /// Last heartbeat of each loop that must not stop.
    hearts: BTreeMap<&'static str, Instant>,
    /// Whether each gate is open.
    gates: BTreeMap<&'static str, bool>,
    stopping: bool,
}

/// Something that must be done before the process is ready.
#[derive(Debug)]
#[must_use = "a gate that is dropped stays closed"]
pub struct Gate {
    health: Health,
    name: &'static str,
}

impl Health {
    /// Runs a loop that must not end before the process does, with heartbeats for as long as it is polled: they stop when the
    /// loop ends, panics, blocks its thread, or is never polled again.
    pub async fn keep<F: Future>(self, name: &'static str, work: F) -> F::Output {
        let mut ticks = interval(BEAT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut work = std::pin::pin!(work);
        loop {
            self.signs().hearts.insert(name, Instant::now());
            tokio::select! {
                output = &mut work => return output,
                _ = ticks.tick() => {}
            }
        }
    }

    /// A closed gate of this name.
    pub fn gate(&self, name: &'static str) -> Gate {
        self.signs().gates.insert(name, false);
        Gate {
            health: self.clone(),
            name,
        }
    }

    /// Begins the shutdown: the process is not ready any more, and loops may end.
    pub fn stopping(&self) {
        self.signs().stopping = true;
    }

    /// Names of the loops that are stuck at `now`.
    fn silent(&self, now: Instant) -> Vec<&'static str> {
        let signs = self.signs();
        if signs.stopping {
            return Vec::new();
        }
        let silent = signs
            .hearts
            .iter()
            .filter(|(_, beat)| now.saturating_duration_since(**beat) > SILENCE);
        silent.map(|(name, _)| *name).collect()
    }

    /// Names of the closed gates.
    fn waiting_for(&self) -> Vec<&'static str> {
        let signs = self.signs();
        let closed = signs.gates.iter().filter(|(_, open)| !**open).map(|(name, _)| *name);
        closed
            .chain(signs.stopping.then_some("nothing: shutting down"))
            .collect()
    }

    fn signs(&self) -> MutexGuard<'_, Signs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate {
    pub fn open(self) {
        self.health.signs().gates.insert(self.name, true);
    }
}

/// The routes. Metrics are gathered beside the thread that answers probes, and only so many answers with them are on their way.
pub(crate) fn router(metrics: Metrics, health: Health) -> Router {
    let healthz = |State(health): State<Health>| async move { answer("stuck", &health.silent(Instant::now())) };
    let readyz = |State(health): State<Health>| async move { answer("waiting for", &health.waiting_for()) };
    let answers = Arc::new(Semaphore::new(SCRAPES));
    Router::new()
        .route("/metrics", get(move || text(metrics.clone(), answers.clone())))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(health)
}

fn answer(problem: &str, names: &[&str]) -> (StatusCode, String) {
    if names.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    (
        StatusCode::SERVICE_UNAVAILABLE,
        format!("{problem}: {}\n", names.join(", ")),
    )
}

async fn text(metrics: Metrics, answers: Arc<Semaphore>) -> Response {
    let Ok(permit) = answers.try_acquire_owned() else {
        let busy = "too many answers with metrics are on their way: try again\n";
        return (StatusCode::SERVICE_UNAVAILABLE, busy).into_response();
    };
    let Ok(Ok(text)) = spawn_blocking(move || metrics.text()).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // The permit is given back when the last byte is on its way, or the connection is closed.
    let body = Body::from_stream(
        stream::once(ready(Ok::<_, Infallible>(text))).chain(stream::once(async move {
            drop(permit);
            Ok(String::new())
        })),
    );
    let type_ = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, type_)], body).into_response()
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        net::TcpListener,
    };

    use tokio::time::{Instant, sleep};
    use tokio_util::sync::{CancellationToken, DropGuard};

    use super::{BEAT, Health, SILENCE};
    use crate::{listener::serve, metrics::Metrics};

    fn served(health: &Health) -> (String, DropGuard) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        serve(listener, Metrics::new("1.2.3"), health.clone(), stop.clone()).unwrap();
        (url, stop.drop_guard())
    }

    async fn get(url: &str, path: &str) -> (u16, String, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(format!("{url}{path}")).send().await.unwrap();
        let type_ = answer
            .headers()
            .get("content-type")
            .map(|value| value.to_str().unwrap().to_owned());
        (
            answer.status().as_u16(),
            type_.unwrap_or_default(),
            answer.text().await.unwrap(),
        )
    }

    #[tokio::test]
    async fn it_is_ready_once_every_gate_is_open_and_until_it_stops() {
        let health = Health::default();
        let (url, _served) = served(&health);
        let (platforms, functions) = (health.gate("Platforms"), health.gate("EdgeFunctions"));
        let body = |answer: (u16, String, String)| (answer.0, answer.2);
        assert_eq!(
            body(get(&url, "/readyz").await),
            (503, "waiting for: EdgeFunctions, Platforms\n".to_owned())
        );
        platforms.open();
        assert_eq!(
            body(get(&url, "/readyz").await),
            (503, "waiting for: EdgeFunctions\n".to_owned())
        );
        functions.open();
        assert_eq!(body(get(&url, "/readyz").await), (200, "ok\n".to_owned()));
        health.stopping();
        assert_eq!(
            body(get(&url, "/readyz").await),
            (503, "waiting for: nothing: shutting down\n".to_owned())
        );
        assert_eq!(body(get(&url, "/healthz").await), (200, "ok\n".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_ended_is_stuck_and_one_that_runs_is_not() {
        let health = Health::default();
        health.clone().keep("ended", ready(())).await;
        let running = health.clone();
        let task = tokio::spawn(async move { running.keep("running", pending::<()>()).await });
        assert_eq!(health.silent(Instant::now()), Vec::<&str>::new());
        // Time is paused in this test.
        sleep(SILENCE + 2 * BEAT).await;
        assert_eq!(health.silent(Instant::now()), ["ended"]);
        task.abort();
        sleep(SILENCE + 2 * BEAT).await;
        assert_eq!(health.silent(Instant::now()), ["ended", "running"]);
    }

    #[tokio::test]
    async fn metrics_come_as_open_metrics_text() {
        let (url, _served) = served(&Health::default());
        let (status, type_, text) = get(&url, "/metrics").await;
        assert_eq!(
            (status, type_.as_str()),
            (200, "application/openmetrics-text; version=1.0.0; charset=utf-8")
        );
        assert!(
            text.contains("ace_build_info{version=\"1.2.3\"} 1\n") && text.ends_with("# EOF\n"),
            "{text}"
        );
    }
}
