//! One check of a database.

use ace_api::{Database, DatabaseStatus, Platform};
use ace_database::Connection;
use ace_domain::kinds::platform::DatabaseFailure;
use kube::ResourceExt;

use crate::connections::database::DatabaseConnector;

/// Connects to the database of a Platform and reads its identity.
pub(super) async fn ask(
    connector: &DatabaseConnector<'_>,
    object: &Platform,
    database: &Database,
) -> Result<DatabaseStatus, DatabaseFailure> {
    let namespace = object.namespace().unwrap_or_default();
    let access = connector.access(&namespace, &object.spec.project, database).await?;
    let connection = Connection::open(&access).await?;
    let identity = connection.identify().await;
    connection.close().await;
    Ok(identity?)
}
