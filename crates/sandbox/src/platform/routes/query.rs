//! SQL by HTTP.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::platform::answer::{Body, Failure};
use crate::platform::hub::Hub;

#[derive(Deserialize)]
pub(super) struct Query {
    #[serde(rename = "query")]
    sql: String,
    #[serde(default)]
    parameters: Vec<Value>,
    #[serde(default)]
    read_only: bool,
}

type Answer = Result<(StatusCode, Json<Value>), Failure>;

pub(super) async fn run(
    State(hub): State<Arc<Hub>>,
    Path(reference): Path<String>,
    Body(query): Body<Query>,
) -> Answer {
    let read_only = query.read_only;
    answer(&hub, &reference, query, read_only).await
}

pub(super) async fn run_read_only(
    State(hub): State<Arc<Hub>>,
    Path(reference): Path<String>,
    Body(query): Body<Query>,
) -> Answer {
    answer(&hub, &reference, query, true).await
}

async fn answer(hub: &Hub, reference: &str, query: Query, read_only: bool) -> Answer {
    hub.site(reference)?;
    if query.sql.is_empty() {
        return Err(Failure::bad("query: String must contain at least 1 character(s)"));
    }
    let Some(database) = &hub.database else {
        return Err(Failure::new(
            StatusCode::NOT_IMPLEMENTED,
            "the sandbox was started without a database",
        ));
    };
    match database.run(&query.sql, &query.parameters, read_only).await {
        Ok(rows) => Ok((StatusCode::CREATED, Json(rows))),
        Err(failed) => Err(Failure::bad(format!("Failed to run sql query: {failed}"))),
    }
}
