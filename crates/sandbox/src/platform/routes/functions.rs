//! Functions: list, get, activate, patch, delete.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use crate::platform::answer::{Body, Failure};
use crate::platform::guard::query_value;
use crate::platform::hub::{Hub, now};
use crate::platform::state::{Activate, Patch, Record};

/// The list as it is answered.
pub(super) fn listed(hub: &Hub, reference: &str) -> Result<Vec<Record>, Failure> {
    let records = hub.look(reference, |project| {
        Ok(project.list().into_iter().cloned().collect::<Vec<_>>())
    })?;
    Ok(records.iter().map(|record| hub.shown(record)).collect())
}

pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    Path(reference): Path<String>,
) -> Result<Json<Vec<Record>>, Failure> {
    Ok(Json(listed(&hub, &reference)?))
}

pub(super) async fn one(
    State(hub): State<Arc<Hub>>,
    Path((reference, slug)): Path<(String, String)>,
) -> Result<Json<Record>, Failure> {
    let record = hub.look(&reference, |project| project.get(&slug).cloned())?;
    Ok(Json(hub.shown(&record)))
}

pub(super) async fn activate(
    State(hub): State<Arc<Hub>>,
    Path(reference): Path<String>,
    Body(entries): Body<Vec<Activate>>,
) -> Result<Json<Value>, Failure> {
    let records = hub
        .change(&reference, move |project| project.activate(&entries, now()))
        .await?;
    let records: Vec<Record> = records.iter().map(|record| hub.shown(record)).collect();
    Ok(Json(json!({ "functions": records })))
}

/// Name and JWT rule come as JSON or in the query. New content is uploaded by `POST …/deploy`; the older ways to do it
/// here (a `body` in the JSON, an eszip) are not implemented.
pub(super) async fn patch(
    State(hub): State<Arc<Hub>>,
    Path((reference, slug)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Json<Record>, Failure> {
    let undone = |what: &str| {
        let message =
            format!("PATCH of a function with {what} is not implemented by the sandbox: use POST functions/deploy");
        Failure::new(StatusCode::NOT_IMPLEMENTED, message)
    };
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if media_type.starts_with("application/vnd.denoland.eszip") {
        return Err(undone("an eszip"));
    }
    let body: Value = serde_json::from_slice(&bytes).map_err(|error| Failure::bad(error.to_string()))?;
    if body.get("body").is_some() {
        return Err(undone("a body"));
    }
    let mut patch: Patch = serde_json::from_value(body).map_err(|error| Failure::bad(error.to_string()))?;
    patch.name = patch.name.or_else(|| query_value(query.as_deref(), "name"));
    if let Some(verify_jwt) = query_value(query.as_deref(), "verify_jwt") {
        let verify_jwt = verify_jwt
            .parse()
            .map_err(|_| Failure::bad("verify_jwt: Expected true or false"))?;
        patch.verify_jwt = patch.verify_jwt.or(Some(verify_jwt));
    }
    let record = hub
        .change(&reference, move |project| project.patch(&slug, patch, now()))
        .await?;
    Ok(Json(hub.shown(&record)))
}

pub(super) async fn delete(
    State(hub): State<Arc<Hub>>,
    Path((reference, slug)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let deleted = slug.clone();
    hub.change(&reference, move |project| project.delete(&deleted)).await?;
    hub.runtime.forget(&reference, &slug);
    Ok(Json(json!({ "message": "ok" })))
}
