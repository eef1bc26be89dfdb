//! The platform's own page of alerts: rows of `public.alert_instances`, of which only those are touched that bear our mark.

mod error;

use std::time::Duration;

use ace_domain::kinds::notification_channel::Handled;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::{
    Access, Connection, OpenError, QueryError,
    connection::{Parameters, StartUp},
};

pub use error::PageError;

/// `application_name` of the sessions.
const APPLICATION: &str = "ace-operator/page";

/// What the columns have to be, and that the id is unique: which of it is not so.
const UNSUITABLE: &str = include_str!("unsuitable.sql");

/// Adds rows, changes those that are there, and resolves the others of the group, at once or not at all.
const TELL: &str = include_str!("tell.sql");

/// Of these rows, those that people have acknowledged or resolved.
const HANDLED: &str = "SELECT i.id::text, COALESCE(i.acknowledged_by, i.resolved_by)::text, \
    floor(EXTRACT(epoch FROM LEAST(i.acknowledged_at, i.resolved_at)))::bigint \
    FROM public.alert_instances i WHERE i.id = ANY ($1::uuid[]) AND i.metadata ->> 'managed_by' = 'ace-ops' \
    AND (i.acknowledged_at IS NOT NULL OR i.resolved_at IS NOT NULL AND NOT i.metadata ? 'resolved_by')";

/// A row that there is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct PageRow {
    pub id: Uuid,
    pub rule: Option<Uuid>,
    pub organization: Option<Uuid>,
    pub client: Option<Uuid>,
    pub title: String,
    pub message: String,
    /// `info`, `warning`, `error` or `critical`; the column has no `error`.
    pub severity: &'static str,
    pub since: Timestamp,
    /// What the page shows beside that.
    pub details: Value,
}

/// The rows of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct PageRows<'a> {
    /// Whose rows they are.
    pub channel: &'a str,
    pub group: &'a str,
    pub told: Vec<PageRow>,
    /// The others of the group are over.
    pub firing: Vec<Uuid>,
}

/// A session that reads and writes the page.
pub struct PageSession(Connection);

impl PageSession {
    pub async fn open(access: &Access) -> Result<Self, OpenError> {
        let start_up = StartUp {
            application: APPLICATION,
            runs_files: false,
            settings: vec![
                // Rows that a policy hides are an error, and not none.
                ("row_security", "off".to_owned()),
                ("lock_timeout", Duration::from_secs(1).as_millis().to_string()),
            ],
        };
        Ok(Self(Connection::open_as(access, &start_up).await?))
    }

    /// What is missing of the table, in words; nothing where it is as it has to be.
    pub async fn unsuitable(&self) -> Result<Option<String>, QueryError> {
        let missing = self.0.rows(UNSUITABLE).await?;
        let missing: Vec<String> = missing.into_iter().flatten().flatten().collect();
        Ok((!missing.is_empty()).then(|| missing.join(", ")))
    }

    /// Of these rows, those that people have acknowledged or resolved.
    pub async fn handled(&self, ids: &[Uuid]) -> Result<Vec<Handled>, QueryError> {
        let ids = array(ids);
        let parameters: Parameters<'_> = &[(&ids, Type::TEXT)];
        let rows = self.0.query(HANDLED, parameters).await?;
        let read = |row: &tokio_postgres::Row| {
            let (id, by, second): (String, Option<String>, i64) =
                (row.try_get(0).ok()?, row.try_get(1).ok()?, row.try_get(2).ok()?);
            Some(Handled {
                id: id.parse().ok()?,
                by: by.and_then(|by| by.parse().ok()),
                time: Timestamp::from_second(second).ok()?,
            })
        };
        rows.iter().map(read).collect::<Option<_>>().ok_or(QueryError::Protocol)
    }

    /// Writes the rows of a group. The same again changes nothing.
    pub async fn tell(&self, rows: &PageRows<'_>) -> Result<(), PageError> {
        let (given, firing) = (given(rows), array(&rows.firing));
        let parameters: Parameters<'_> = &[
            (&given, Type::TEXT),
            (&firing, Type::TEXT),
            (&rows.channel, Type::TEXT),
            (&rows.group, Type::TEXT),
        ];
        let told = self.0.client().query_typed(TELL, parameters);
        match tokio::time::timeout(self.0.limit(), told).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(PageError::of(&error)),
            Err(_) => {
                self.0.abandon();
                Err(PageError::Unknown(QueryError::NoAnswer(self.0.limit()).to_string()))
            }
        }
    }

    /// Writes a row as it would be written, and takes it back.
    pub async fn rehearse(&self, rows: &PageRows<'_>) -> Result<(), PageError> {
        self.0.execute("BEGIN").await?;
        self.tell(rows).await?;
        Ok(self.0.execute("ROLLBACK").await?)
    }

    /// Closes the session in order.
    pub async fn close(self) {
        self.0.close().await;
    }
}

/// An array of PostgreSQL's, as text.
fn array(ids: &[Uuid]) -> String {
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    format!("{{{}}}", ids.join(","))
}

fn given(rows: &PageRows<'_>) -> String {
    let row = |row: &PageRow| {
        let own = [
            ("managed_by", "ace-ops"),
            ("channel", rows.channel),
            ("group", rows.group),
            ("severity", row.severity),
        ];
        let mut metadata = row.details.as_object().cloned().unwrap_or_default();
        metadata.extend(own.map(|(name, value)| (name.to_owned(), json!(value))));
        json!({
            "id": row.id, "rule_id": row.rule, "organization_id": row.organization, "client_id": row.client,
            "title": row.title, "message": row.message, "triggered_at": row.since, "metadata": metadata,
            "severity": if row.severity == "error" { "critical" } else { row.severity },
        })
    };
    Value::Array(rows.told.iter().map(row).collect()).to_string()
}
