//! One look at a database: what it says of itself.

use ace_api::{Database, DatabaseStatus, Platform};
use ace_database::Connection;
use ace_domain::platform::DatabaseTrouble;
use kube::ResourceExt;

use crate::doorman::{Doorman, not_open, not_said};

/// Asks the database of a Platform who it is.
pub(super) async fn ask(
    doorman: &Doorman<'_>,
    object: &Platform,
    database: &Database,
) -> Result<DatabaseStatus, DatabaseTrouble> {
    let namespace = object.namespace().unwrap_or_default();
    let access = doorman.access(&namespace, database).await?;
    let connection = Connection::open(&access).await.map_err(|error| not_open(&error))?;
    let identity = connection.identify().await;
    connection.close().await;
    let identity = identity.map_err(|error| not_said(&error))?;
    Ok(DatabaseStatus {
        server_version: identity.server_version,
        system_identifier: identity.system_identifier,
        timeline: identity.timeline,
    })
}
