//! The Management API's routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};

use super::guard::guard;
use super::hub::Hub;

mod backups;
mod body;
mod deploy;
mod functions;
mod projects;
mod query;
mod secrets;
mod undone;

pub(super) use undone::is_known;

/// Bytes of a request: three times the bundle's limit, so that what is too large is answered and not cut.
const REQUEST_LIMIT: usize = 64 * 1024 * 1024;

/// Path and methods of what has a handler below.
const IMPLEMENTED: &[(&str, &str)] = &[
    ("/v1/projects", "GET"),
    ("/v1/projects/{ref}", "GET"),
    ("/v1/projects/{ref}/api-keys", "GET"),
    ("/v1/projects/{ref}/database/backups", "GET"),
    ("/v1/projects/{ref}/database/query", "POST"),
    ("/v1/projects/{ref}/database/query/read-only", "POST"),
    ("/v1/projects/{ref}/functions", "GET PUT"),
    ("/v1/projects/{ref}/functions/deploy", "POST"),
    ("/v1/projects/{ref}/functions/{function_slug}", "GET PATCH DELETE"),
    ("/v1/projects/{ref}/functions/{function_slug}/body", "GET"),
    ("/v1/projects/{ref}/health", "GET"),
    ("/v1/projects/{ref}/secrets", "GET POST DELETE"),
];

/// Everything under `/v1` and `/v2`, behind the guard.
pub(super) fn management(hub: Arc<Hub>) -> Router {
    let other = undone::other;
    let mut router = Router::new()
        .route("/v1/projects", get(projects::list).fallback(other))
        .route("/v1/projects/{ref}", get(projects::one).fallback(other))
        .route("/v1/projects/{ref}/api-keys", get(projects::api_keys).fallback(other))
        .route("/v1/projects/{ref}/health", get(projects::health).fallback(other))
        .route(
            "/v1/projects/{ref}/database/backups",
            get(backups::list).fallback(other),
        )
        .route("/v1/projects/{ref}/database/query", post(query::run).fallback(other))
        .route(
            "/v1/projects/{ref}/database/query/read-only",
            post(query::run_read_only).fallback(other),
        )
        .route(
            "/v1/projects/{ref}/functions",
            get(functions::list).put(functions::activate).fallback(other),
        )
        .route(
            "/v1/projects/{ref}/functions/deploy",
            post(deploy::deploy).fallback(other),
        )
        .route(
            "/v1/projects/{ref}/functions/{function_slug}",
            get(functions::one)
                .patch(functions::patch)
                .delete(functions::delete)
                .fallback(other),
        )
        .route(
            "/v1/projects/{ref}/functions/{function_slug}/body",
            get(body::body).fallback(other),
        )
        .route(
            "/v1/projects/{ref}/secrets",
            get(secrets::list)
                .post(secrets::set)
                .delete(secrets::unset)
                .fallback(other),
        )
        .route("/v2/{*rest}", any(undone::version_two));
    for (path, _) in undone::UNDONE {
        if !IMPLEMENTED.iter().any(|(implemented, _)| implemented == path) {
            router = router.route(path, any(other));
        }
    }
    router
        .fallback(undone::nowhere)
        .layer(DefaultBodyLimit::max(REQUEST_LIMIT))
        .layer(from_fn_with_state(hub.clone(), guard))
        .with_state(hub)
}

/// Lists that the fault `staleList` knows, as they are now.
pub(super) fn stale_lists(hub: &Hub, route: &str) -> super::faults::Lists {
    let mut lists = super::faults::Lists::new();
    for project in hub.projects() {
        let reference = &project.reference;
        let now = [
            (
                "GET /v1/projects/{ref}/functions",
                functions::listed(hub, reference).map(|all| serde_json::to_vec(&all)),
            ),
            (
                "GET /v1/projects/{ref}/secrets",
                secrets::listed(hub, reference).map(|all| serde_json::to_vec(&all)),
            ),
        ];
        for (list, answer) in now {
            if let (true, Ok(Ok(answer))) = (super::faults::same_route(route, list), answer) {
                lists.insert((reference.clone(), list.to_owned()), answer.into());
            }
        }
    }
    lists
}
