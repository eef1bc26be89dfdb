//! Listeners: HTTP/1.1 connections that a handler can cut instead of answering.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Connections that are still busy this long after the stop are dropped.
const DRAIN: Duration = Duration::from_secs(2);

/// In a response's extensions: cut the connection, the client shall see no answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut;

/// Why a connection ends: hyper closes it when the service fails.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
struct WasCut;

/// Binds a port: the wanted one if it is free, else any.
pub(super) async fn bind_gateway(host: Ipv4Addr, wanted: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((host, wanted)).await {
        Err(error) if wanted != 0 => {
            tracing::info!(%error, wanted, "the gateway's last port is taken; another one is used");
            TcpListener::bind((host, 0)).await
        }
        bound => bound,
    }
}

/// Serves until `stop`, then lets requests under way finish for a short while.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
            // Collected as they end: a bed runs for days.
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                connections.spawn(connection(stream, peer, router.clone(), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                // Out of file descriptors, most likely: without a pause this loop would take a core.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        connections.shutdown().await;
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    // Small answers go out at once; a failure only costs time.
    stream.set_nodelay(true).ok();
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| answer(router.clone(), request));
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection ended early");
    }
}

async fn answer(router: Router, request: hyper::Request<Incoming>) -> Result<Response, WasCut> {
    let answered: Result<Response, Infallible> = router.oneshot(request.map(axum::body::Body::new) as Request).await;
    let Ok(response) = answered;
    if response.extensions().get::<Cut>().is_some() {
        Err(WasCut)
    } else {
        Ok(response)
    }
}
