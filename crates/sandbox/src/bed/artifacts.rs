//! The artifact server: files of one directory over HTTP, as source-controller serves what it packed.

use std::path::{Component, Path, PathBuf};

use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves `directory` until `stop`.
pub(super) async fn serve(listener: TcpListener, directory: PathBuf, stop: CancellationToken) {
    let router = Router::new().route("/{*path}", get(file)).with_state(directory);
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the artifact server ended");
    }
}

async fn file(State(directory): State<PathBuf>, UrlPath(path): UrlPath<String>) -> Response {
    let inside = Path::new(&path)
        .components()
        .all(|component| matches!(component, Component::Normal(_)));
    if !inside {
        return StatusCode::NOT_FOUND.into_response();
    }
    match tokio::fs::read(directory.join(path)).await {
        Ok(content) => ([(header::CONTENT_TYPE, "application/gzip")], content).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
