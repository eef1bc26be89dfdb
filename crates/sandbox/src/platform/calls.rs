//! The gateway of a project: `/functions/v1/<slug>[/…]`, the JWT check, and the call.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::json;
use uuid::Uuid;

use super::answer::Failure;
use super::guard::{Seen, enter, faulty};
use super::hub::Hub;
use super::keys::verify;
use super::state::{Bundle, Status};
use crate::runtime::Deployment;

/// Where functions live on a gateway.
const PREFIX: &str = "/functions/v1";

/// The router of one project's gateway.
pub(super) fn gateway(hub: Arc<Hub>, reference: String) -> Router {
    Router::new().fallback(answer).with_state((hub, reference))
}

async fn answer(State((hub, reference)): State<(Arc<Hub>, String)>, request: Request) -> Response {
    let slug = called(request.uri().path()).map(str::to_owned);
    let seen = Seen {
        route: super::GATEWAY_ROUTE.to_owned(),
        project: Some(reference.clone()),
        slug: slug.clone(),
    };
    let n = enter(&hub, &seen, &request);
    let handle = {
        let hub = hub.clone();
        async move {
            match slug {
                Some(slug) => call(&hub, &reference, &slug, request).await,
                None => Failure::new(StatusCode::NOT_FOUND, "no Route matched with those values").into_response(),
            }
        }
    };
    faulty(&hub, &seen, n, handle).await
}

/// The slug that a path calls.
fn called(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(PREFIX)?.strip_prefix('/')?;
    rest.split('/').next().filter(|slug| !slug.is_empty())
}

async fn call(hub: &Hub, reference: &str, slug: &str, request: Request) -> Response {
    let live = hub.look(reference, |project| {
        Ok((project.get(slug)?.clone(), project.body(slug)?.clone()))
    });
    let Some((record, bundle)) = live.ok().filter(|(record, _)| record.status != Status::Removed) else {
        let body = json!({ "code": "NOT_FOUND", "message": "Requested function was not found" });
        return (StatusCode::NOT_FOUND, Json(body)).into_response();
    };
    if record.verify_jwt
        && let Err(message) = authorised(hub, reference, request.method(), request.headers())
    {
        return (
            StatusCode::UNAUTHORIZED,
            Json(json!({ "code": 401, "message": message })),
        )
            .into_response();
    }
    match deployment(hub, reference, slug, record.id, &bundle) {
        Ok(deployment) => hub.runtime.call(&deployment, under_slug(request)).await,
        Err(failure) => failure.into_response(),
    }
}

/// Preflights carry no token by their nature and pass, as the platform's guide to CORS relies on.
fn authorised(hub: &Hub, reference: &str, method: &Method, headers: &HeaderMap) -> Result<(), &'static str> {
    if method == Method::OPTIONS {
        return Ok(());
    }
    let header = headers
        .get(header::AUTHORIZATION)
        .ok_or("Missing authorization header")?;
    let token = header
        .to_str()
        .ok()
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or("Invalid JWT")?;
    let site = hub.site(reference).map_err(|_| "Invalid JWT")?;
    let now = jiff::Timestamp::now().as_second();
    if verify(token, &site.keys.jwt_secret, now) {
        Ok(())
    } else {
        Err("Invalid JWT")
    }
}

/// The function sees `/<slug>/…`, as on the real platform.
fn under_slug(mut request: Request) -> Request {
    let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let target = target.strip_prefix(PREFIX).unwrap_or(target);
    if let Ok(uri) = Uri::try_from(target) {
        *request.uri_mut() = uri;
    }
    request
}

/// What the runtime needs to know of an upload.
pub(super) fn deployment(
    hub: &Hub,
    reference: &str,
    slug: &str,
    id: Uuid,
    bundle: &Bundle,
) -> Result<Deployment, Failure> {
    let mut environment = hub.look(reference, |project| Ok(project.environment()))?;
    environment.extend(hub.reserved(reference)?);
    Ok(Deployment {
        project: reference.to_owned(),
        slug: slug.to_owned(),
        id,
        version: bundle.version,
        root: hub.store.bundle_dir(reference, bundle.deployment),
        entrypoint: PathBuf::from(&bundle.entrypoint),
        import_map: bundle.import_map.as_ref().map(PathBuf::from),
        environment,
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;

    use super::{called, under_slug};

    #[test]
    fn only_paths_under_functions_v1_call_a_function() {
        let paths = [
            "/functions/v1/hello",
            "/functions/v1/hello/a/b",
            "/functions/v1/",
            "/functions/v1",
            "/rest/v1/hello",
        ];
        assert_eq!(paths.map(called), [Some("hello"), Some("hello"), None, None, None]);
    }

    #[test]
    fn the_function_sees_its_slug_and_the_query_as_they_came() {
        let request = Request::builder()
            .uri("/functions/v1/hello/a%20b?c=%2F")
            .body(Body::empty())
            .unwrap();
        assert_eq!(under_slug(request).uri(), "/hello/a%20b?c=%2F");
    }
}
