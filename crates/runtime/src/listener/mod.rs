//! The HTTP server. Whoever reaches the pod can open connections to it, so it takes no more than it needs: it runs on a thread of its
//! own, with a limit of connections, and closes those that are silent or slow.

use std::{
    collections::VecDeque,
    io,
    net::{self, SocketAddr},
    pin::pin,
    thread,
    time::Duration,
};

use axum::Router;
use clap::Args;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime,
    task::{AbortHandle, yield_now},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    health::{Health, router},
    metrics::Metrics,
};

/// Flags of the listener.
#[derive(Args, Clone, Copy, Debug)]
pub struct ListenArguments {
    /// Address that serves /metrics, /healthz and /readyz.
    #[arg(long, default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
}

/// Connections at the same time: the kubelet has one, and each Prometheus another. With one more the oldest is closed, and not the
/// newest refused: a probe asks at once, and has its answer within milliseconds.
const CONNECTIONS: usize = 64;
/// Until the head of a request has to be there, from when the connection was opened or the request before was answered.
const HEADER: Duration = Duration::from_secs(10);
/// How long a connection is kept for further requests.
const LIFETIME: Duration = Duration::from_mins(5);
/// How long the last answer of a connection may take.
const LAST: Duration = Duration::from_secs(10);
/// Until connections are accepted again after an error, such as that there are too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves on a thread of its own until `stop`: what keeps the other threads busy stops no probe, nor a probe them.
pub fn serve(
    listener: net::TcpListener,
    metrics: Metrics,
    health: Health,
    stop: CancellationToken,
) -> io::Result<thread::JoinHandle<()>> {
    listener.set_nonblocking(true)?;
    let runtime = runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .enable_all()
        .build()?;
    let serving = {
        let _runtime = runtime.enter();
        accept(TcpListener::from_std(listener)?, router(metrics, health))
    };
    thread::Builder::new().name("http".to_owned()).spawn(move || {
        runtime.block_on(stop.run_until_cancelled(serving));
        // Not waiting for metrics that are being gathered.
        runtime.shutdown_background();
    })
}

async fn accept(listener: TcpListener, router: Router) {
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        open.push_back(tokio::spawn(answer(stream, router.clone())).abort_handle());
        // Where many come at once, each is read from before it can be the oldest.
        yield_now().await;
    }
}

/// Answers the requests of one connection.
async fn answer(stream: TcpStream, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    // How a connection ends is no news: probes and scrapes say what they miss.
    if timeout(LIFETIME, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(LAST, connection).await;
    }
}

#[cfg(test)]
mod tests;
