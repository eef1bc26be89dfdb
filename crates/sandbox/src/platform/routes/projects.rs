//! Projects: list, get, health, keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Value, json};

use crate::platform::answer::Failure;
use crate::platform::database::Database;
use crate::platform::guard::query_value;
use crate::platform::hub::Hub;
use crate::platform::state::Project;

/// Services that the document's enum names; those that are answered by PostgreSQL first.
const DATABASE_SERVICES: [&str; 4] = ["db", "db_postgres_user", "pooler", "pg_bouncer"];
const OTHER_SERVICES: [&str; 4] = ["auth", "realtime", "rest", "storage"];

/// Milliseconds since 1970 as the API writes times.
pub(super) fn rfc3339(milliseconds: i64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds)
        .unwrap_or_default()
        .to_string()
}

fn described(project: &Project, hub: &Hub) -> Value {
    json!({
        "id": project.reference,
        "ref": project.reference,
        "organization_id": "sandbox",
        "organization_slug": "sandbox",
        "name": project.name,
        "region": "eu-central-1",
        "created_at": rfc3339(project.created),
        "status": "ACTIVE_HEALTHY",
        "database": {
            "host": hub.database.as_ref().map_or_else(|| "localhost".to_owned(), Database::host),
            "version": hub.database.as_ref().map_or("none", |database| database.version()),
            "postgres_engine": hub.database.as_ref().map_or("none", |database| database.engine()),
            "release_channel": "ga",
        },
    })
}

pub(super) async fn list(State(hub): State<Arc<Hub>>) -> Json<Vec<Value>> {
    Json(hub.projects().iter().map(|project| described(project, &hub)).collect())
}

pub(super) async fn one(State(hub): State<Arc<Hub>>, Path(reference): Path<String>) -> Result<Json<Value>, Failure> {
    let project = hub.look(&reference, |project| Ok(project.clone()))?;
    Ok(Json(described(&project, &hub)))
}

/// The two legacy keys. They come in clear with and without `reveal`, as those of old projects do.
pub(super) async fn api_keys(
    State(hub): State<Arc<Hub>>,
    Path(reference): Path<String>,
) -> Result<Json<Value>, Failure> {
    let keys = hub.site(&reference)?.keys;
    let key = |name: &str, key: &str| {
        json!({
            "id": name, "name": name, "type": "legacy", "api_key": key, "prefix": null, "hash": null,
            "description": format!("Legacy {name} API key"), "secret_jwt_template": null,
            "inserted_at": null, "updated_at": null,
        })
    };
    Ok(Json(json!([
        key("anon", &keys.anon),
        key("service_role", &keys.service_role)
    ])))
}

/// Services may come comma-separated or repeated. Those in front of PostgreSQL are as well as it is; the others do not
/// exist here and never fail.
pub(super) async fn health(
    State(hub): State<Arc<Hub>>,
    Path(reference): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    hub.site(&reference)?;
    let pairs = query.as_deref().unwrap_or_default().split('&');
    let values =
        pairs.filter_map(|pair| query_value(Some(pair), "services").or_else(|| query_value(Some(pair), "services[]")));
    let names: Vec<String> = values
        .flat_map(|value| value.split(',').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    if names.is_empty() {
        return Err(Failure::bad("services: Required"));
    }
    let timeout = query_value(query.as_deref(), "timeout_ms");
    if timeout.is_some_and(|timeout| {
        !timeout
            .parse()
            .is_ok_and(|milliseconds| (0..=10_000).contains(&milliseconds))
    }) {
        return Err(Failure::bad("timeout_ms: Expected a number from 0 to 10000"));
    }
    let mut answers = Vec::new();
    let mut database = None;
    for name in names {
        if OTHER_SERVICES.contains(&name.as_str()) {
            answers.push(json!({ "name": name, "healthy": true, "status": "ACTIVE_HEALTHY" }));
        } else if DATABASE_SERVICES.contains(&name.as_str()) {
            if database.is_none() {
                database = Some(ping(&hub).await);
            }
            answers.push(match &database {
                Some(Err(error)) => json!({ "name": name, "healthy": false, "status": "UNHEALTHY", "error": error }),
                _ => json!({ "name": name, "healthy": true, "status": "ACTIVE_HEALTHY" }),
            });
        } else {
            return Err(Failure::bad(format!("services: Invalid enum value {name:?}")));
        }
    }
    Ok(Json(Value::Array(answers)))
}

async fn ping(hub: &Hub) -> Result<(), String> {
    match &hub.database {
        Some(database) => database.ping().await.map_err(|failed| failed.to_string()),
        None => Err("the sandbox was started without a database".to_owned()),
    }
}
