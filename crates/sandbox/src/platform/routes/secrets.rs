//! Secrets: digests out, values in.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::platform::answer::{Body, Failure};
use crate::platform::hub::{Hub, now};

#[derive(Serialize)]
pub(super) struct Listed {
    name: String,
    /// Not the value: its digest.
    value: String,
    updated_at: String,
}

#[derive(Deserialize)]
pub(super) struct Item {
    name: String,
    value: String,
}

/// The list as it is answered, the platform's own variables among them.
pub(super) fn listed(hub: &Hub, reference: &str) -> Result<Vec<Listed>, Failure> {
    let reserved = hub.reserved(reference)?;
    let digests = hub.look(reference, |project| Ok(project.secrets(&reserved)))?;
    let listed = digests.into_iter().map(|digest| Listed {
        name: digest.name,
        value: digest.digest,
        updated_at: super::projects::rfc3339(digest.updated),
    });
    Ok(listed.collect())
}

pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    Path(reference): Path<String>,
) -> Result<Json<Vec<Listed>>, Failure> {
    Ok(Json(listed(&hub, &reference)?))
}

pub(super) async fn set(
    State(hub): State<Arc<Hub>>,
    Path(reference): Path<String>,
    Body(items): Body<Vec<Item>>,
) -> Result<StatusCode, Failure> {
    let items = items.into_iter().map(|item| (item.name, item.value)).collect();
    hub.change(&reference, move |project| project.set_secrets(items, now()))
        .await?;
    Ok(StatusCode::CREATED)
}

pub(super) async fn unset(
    State(hub): State<Arc<Hub>>,
    Path(reference): Path<String>,
    Body(names): Body<Vec<String>>,
) -> Result<StatusCode, Failure> {
    hub.change(&reference, move |project| project.unset_secrets(&names))
        .await?;
    Ok(StatusCode::OK)
}
