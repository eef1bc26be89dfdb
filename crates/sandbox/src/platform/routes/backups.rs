//! The platform's own backups of the database.

use std::io;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::projects::rfc3339;
use crate::platform::answer::Failure;
use crate::platform::hub::{Hub, now};

pub(super) async fn list(State(hub): State<Arc<Hub>>, Path(reference): Path<String>) -> Result<Json<Value>, Failure> {
    let (settings, created) = hub.look(&reference, |project| Ok((project.backups, project.created)))?;
    let there = match (settings, &hub.recovery) {
        (None, Some(recovery)) => recovery.backups().map_err(|error| unread(&error))?,
        (settings, _) => settings.unwrap_or_default().at(created, now()),
    };
    let daily: Vec<Value> = there
        .daily
        .iter()
        .map(|(id, time)| {
            json!({ "id": id, "is_physical_backup": true, "status": "COMPLETED", "inserted_at": rfc3339(*time) })
        })
        .collect();
    let physical = there.physical.map_or_else(
        || json!({}),
        |(first, last)| {
            json!({
                "earliest_physical_backup_date_unix": first.div_euclid(1_000),
                "latest_physical_backup_date_unix": last.div_euclid(1_000),
            })
        },
    );
    Ok(Json(json!({
        "region": "eu-central-1",
        "walg_enabled": true,
        "pitr_enabled": there.pitr,
        "backups": daily,
        "physical_backup_data": physical,
    })))
}

fn unread(error: &io::Error) -> Failure {
    tracing::warn!(%error, "the bed's own backups can't be read");
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the backups can't be read")
}
