use ace_api::{Platform, PlatformSpec};
use serde_json::json;

use crate::project::Project;

use super::Settings;

/// Stands where the project's reference has to be written. The API server refuses it, so that it can't be forgotten.
pub(super) const PLACEHOLDER: &str = "PROJECT-REFERENCE";

/// The Platform that the other resources name, with Secrets by the names that the README makes. Only a MigrationSet needs the
/// database.
pub(crate) fn platform(
    project: &Project,
    settings: &Settings,
    with_database: bool,
) -> Result<Platform, serde_json::Error> {
    let reference = project
        .reference
        .as_ref()
        .map_or(PLACEHOLDER, |(reference, _)| reference);
    let database = with_database.then(|| {
        json!({
            "host": format!("db.{reference}.supabase.co"),
            "caSecretRef": { "name": "database", "key": "ca.crt" },
            "passwordSecretRef": { "name": "database", "key": "password" },
        })
    });
    let spec = json!({
        "project": reference,
        "api": { "tokenSecretRef": { "name": "supabase", "key": "token" } },
        "database": database,
    });
    let spec: PlatformSpec = serde_json::from_value(spec)?;
    let mut platform = Platform::new(&settings.platform.name, spec);
    platform.metadata.namespace.clone_from(&settings.namespace);
    Ok(platform)
}
