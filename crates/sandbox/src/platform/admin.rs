//! The admin listener: projects, faults, knobs, the journal, and logs. For tests and the demo; asks for no token.
//!
//! | request | body, answer |
//! |---|---|
//! | `POST /projects` | `{"ref"?, "name"?}` → 201 with keys, gateway and token; `GET` lists the same |
//! | `PATCH /projects/{ref}` | `{"functionLimit"?, "backups"?}`, of backups any of [`BackupPlan`], which take the place of what there is → both |
//! | `POST /faults` | [`Fault`] → `{"id"}`; the first that was set wins where several hit one request |
//! | `GET`, `DELETE /faults`, `DELETE /faults/{id}` | |
//! | `GET`, `PUT /knobs` | any of [`Knobs`] |
//! | `GET /requests?since=N` | `{"next", "requests"}`: entered when they arrive, with status null until they are answered |
//! | `GET /logs/{ref}/{slug}` | lines, newest last |

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, patch};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Body, Failure};
use super::faults::{Fault, Kind, same_route};
use super::hub::{Bodies, Hub, Knobs};
use super::routes::{is_known, stale_lists};
use super::sites;
use super::state::BackupPlan;
use super::{GATEWAY_ROUTE, ProjectAccess};

pub(super) fn admin(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/projects", get(projects).post(create))
        .route("/projects/{ref}", patch(settings))
        .route("/faults", get(faults).post(set_fault).delete(clear_faults))
        .route("/faults/{id}", delete(remove_fault))
        .route("/knobs", get(knobs).put(turn))
        .route("/requests", get(requests))
        .route("/logs/{ref}/{slug}", get(logs))
        .with_state(hub)
}

fn access(hub: &Hub, project: &ProjectAccess) -> Value {
    let mut access = json!({ "token": hub.token });
    if let (Value::Object(all), Ok(Value::Object(project))) = (&mut access, serde_json::to_value(project)) {
        all.extend(project);
    }
    access
}

async fn projects(State(hub): State<Arc<Hub>>) -> Json<Vec<Value>> {
    let references: Vec<String> = hub.projects().into_iter().map(|project| project.reference).collect();
    let all = references
        .iter()
        .filter_map(|reference| sites::access(&hub, reference).ok());
    Json(all.map(|project| access(&hub, &project)).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    #[serde(rename = "ref")]
    reference: Option<String>,
    name: Option<String>,
}

async fn create(
    State(hub): State<Arc<Hub>>,
    Body(desired): Body<Create>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let project = sites::create(&hub, desired.reference, desired.name).await?;
    Ok((StatusCode::CREATED, Json(access(&hub, &project))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Settings {
    function_limit: Option<usize>,
    backups: Option<BackupPlan>,
}

async fn settings(
    State(hub): State<Arc<Hub>>,
    Path(reference): Path<String>,
    Body(settings): Body<Settings>,
) -> Result<Json<Value>, Failure> {
    let now = hub.change(&reference, move |project| {
        project.function_limit = settings.function_limit.unwrap_or(project.function_limit);
        project.backups = settings.backups.or(project.backups);
        Ok((project.function_limit, project.backups))
    });
    let (function_limit, backups) = now.await?;
    Ok(Json(json!({ "functionLimit": function_limit, "backups": backups })))
}

async fn faults(State(hub): State<Arc<Hub>>) -> Json<Value> {
    Json(json!(hub.faults().all()))
}

/// Refuses what could never hit: a fault that does nothing would make a test that passes for nothing.
async fn set_fault(State(hub): State<Arc<Hub>>, Body(fault): Body<Fault>) -> Result<Json<Value>, Failure> {
    let route = fault.route.as_str();
    if route != "*" && route != GATEWAY_ROUTE && !is_known(route, same_route) {
        return Err(Failure::bad(format!("route: no such route {route:?}")));
    }
    if let Kind::Status(status) = fault.kind
        && !(400..600).contains(&status)
    {
        return Err(Failure::bad("status: must be 400 to 599"));
    }
    let lists = if fault.kind == (Kind::StaleList {}) {
        stale_lists(&hub, route)
    } else {
        super::faults::Lists::new()
    };
    if fault.kind == (Kind::StaleList {}) && lists.is_empty() {
        return Err(Failure::bad("staleList: the route is no list, or there is no project"));
    }
    Ok(Json(json!({ "id": hub.faults().set(fault, lists) })))
}

async fn clear_faults(State(hub): State<Arc<Hub>>) -> StatusCode {
    hub.faults().clear();
    StatusCode::NO_CONTENT
}

async fn remove_fault(State(hub): State<Arc<Hub>>, Path(id): Path<u64>) -> Result<StatusCode, Failure> {
    if hub.faults().remove(id) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Failure::new(StatusCode::NOT_FOUND, "no such fault"))
}

async fn knobs(State(hub): State<Arc<Hub>>) -> Json<Knobs> {
    Json(hub.knobs())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Turn {
    entrypoint_echo: Option<bool>,
    bodies: Option<Bodies>,
    type_only_files: Option<bool>,
    rate_limits: Option<bool>,
}

async fn turn(State(hub): State<Arc<Hub>>, Body(turn): Body<Turn>) -> Json<Knobs> {
    let now = hub.knobs();
    hub.turn(Knobs {
        entrypoint_echo: turn.entrypoint_echo.unwrap_or(now.entrypoint_echo),
        bodies: turn.bodies.unwrap_or(now.bodies),
        type_only_files: turn.type_only_files.unwrap_or(now.type_only_files),
        rate_limits: turn.rate_limits.unwrap_or(now.rate_limits),
    });
    Json(hub.knobs())
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: u64,
}

async fn requests(State(hub): State<Arc<Hub>>, Query(from): Query<Since>) -> Json<Value> {
    let journal = hub.journal();
    Json(json!({ "next": journal.next(), "requests": journal.since(from.since) }))
}

async fn logs(
    State(hub): State<Arc<Hub>>,
    Path((reference, slug)): Path<(String, String)>,
) -> Result<Json<Vec<String>>, Failure> {
    hub.site(&reference)?;
    Ok(Json(hub.runtime.logs(&reference, &slug)))
}
