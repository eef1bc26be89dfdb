//! The platform's own page of alerts: the table is looked at, and the rows of a group are written.

use ace_api::{ChannelReason, Database, NotificationChannel, PlatformTable};
use ace_database::{Limits, PageError, PageRow, PageRows, PageSession};
use ace_domain::{
    inputs::PlatformState,
    kinds::{
        notification_channel::{
            Cause, DEADLINE, Failure, Handled, Look, Page, PagePlatform, Row, Rows, State, Step, StepError,
            database_not_set, is_look_due, of_database, open_rows, unsuitable,
        },
        platform::DatabaseFailure,
    },
    reconcile::{annotations::reconcile_at, key::Key},
};
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

use super::{CONNECT, Destination, NotificationChannels, message};
use crate::{caches::cached, connections::database::DatabaseConnector};

/// Where rows are written.
pub struct PageAddress {
    namespace: String,
    project: String,
    database: Database,
}

/// Reads the Platform, and of the table what there is to know: whether rows can be written, and what people did about those that
/// are open.
pub(super) async fn observe(
    kind: &NotificationChannels,
    object: &NotificationChannel,
    table: &PlatformTable,
    state: &mut State,
    now: Timestamp,
) -> Option<Destination> {
    let platform = cached(&kind.caches.platforms, &Key::beside(object, &table.platform_ref.name));
    let platform = platform.as_deref().and_then(|platform| platform.0.as_ref().ok());
    state.page = Some(Page {
        platform: platform.map_or(PlatformState::Absent, |platform| {
            PlatformState::Present(PagePlatform {
                interval: platform.spec.interval.get(),
                is_suspended: platform.spec.suspend,
            })
        }),
        handled: None,
    });
    let platform = platform.filter(|platform| !platform.spec.suspend)?;
    let Some(database) = platform.spec.database.clone() else {
        state.obstacle = Some(database_not_set());
        return None;
    };
    let address = PageAddress {
        namespace: object.namespace().unwrap_or_default(),
        project: platform.spec.project.clone(),
        database,
    };
    let of = (
        object.metadata.generation,
        platform.metadata.generation,
        reconcile_at(object),
    );
    if is_look_due(state, &of, now) {
        let looked = address.look(kind, &open_rows(object, state, now)).await;
        let failure = looked.as_ref().err().cloned();
        let is_refused = failure
            .as_ref()
            .is_some_and(|cause| cause.reason == ChannelReason::AccessMissing);
        state.memory.refusals = state.memory.refusals.after(is_refused);
        state.memory.look = Some(Look { at: now, of, failure });
        if let Some(page) = &mut state.page {
            page.handled = looked.ok();
        }
    }
    state.obstacle = state.memory.look.as_ref().and_then(|look| look.failure.clone());
    Some(Destination::Page(address))
}

impl PageAddress {
    async fn open(&self, kind: &NotificationChannels) -> Result<PageSession, DatabaseFailure> {
        let connector = DatabaseConnector {
            client: &kind.client,
            hosts: &kind.hosts,
            allow_insecure: kind.allow_insecure_database,
            names: &kind.installation,
            limits: Limits {
                open: CONNECT,
                statement: DEADLINE.saturating_sub(CONNECT).saturating_sub(Limits::MARGIN),
                ..Limits::default()
            },
        };
        let access = connector.access(&self.namespace, &self.project, &self.database).await?;
        Ok(PageSession::open(&access).await?)
    }

    /// What people did about these rows, if the table is as it has to be.
    async fn look(&self, kind: &NotificationChannels, ids: &[Uuid]) -> Result<Vec<Handled>, Cause> {
        let failed = |failure: DatabaseFailure| of_database(&failure, &self.database);
        let session = self.open(kind).await.map_err(failed)?;
        let looked = async {
            if let Some(missing) = session
                .unsuitable()
                .await
                .map_err(DatabaseFailure::from)
                .map_err(failed)?
            {
                return Err(unsuitable(&missing));
            }
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            session
                .handled(ids)
                .await
                .map_err(DatabaseFailure::from)
                .map_err(failed)
        };
        let looked = looked.await;
        session.close().await;
        looked
    }

    /// Writes the rows of a group, or tries whether it could.
    pub(super) async fn tell(
        &self,
        kind: &NotificationChannels,
        object: &NotificationChannel,
        step: &Step,
    ) -> Result<Option<i32>, StepError> {
        match timeout(DEADLINE, self.written(kind, object, step)).await {
            Ok(written) => written.map(|()| None),
            Err(_) => Err(failed(Failure::Unknown, silent(DEADLINE))),
        }
    }

    async fn written(
        &self,
        kind: &NotificationChannels,
        object: &NotificationChannel,
        step: &Step,
    ) -> Result<(), StepError> {
        let unopened = |failure| failed(Failure::Passing(None), of_database(&failure, &self.database).message);
        let session = self.open(kind).await.map_err(unopened)?;
        let channel = object.uid().unwrap_or_default();
        let namespace = object.namespace().unwrap_or_default();
        let written = match step {
            Step::Test(_) => session.rehearse(&rehearsal(&channel)).await,
            Step::Tell(telling) => {
                let rows = telling.rows.as_ref();
                let rows = of_group(&channel, &telling.intent.key, &namespace, rows);
                session.tell(&rows).await
            }
        };
        session.close().await;
        written.map_err(|error| match error {
            PageError::Refused(message) => failed(Failure::Refused, message),
            PageError::Passing(message) => failed(Failure::Passing(None), message),
            PageError::Unknown(message) => failed(Failure::Unknown, message),
        })
    }
}

fn silent(deadline: Duration) -> String {
    format!("no answer within {} s", deadline.as_secs())
}

fn failed(failure: Failure, message: String) -> StepError {
    StepError {
        failure,
        code: None,
        message,
    }
}

fn of_group<'a>(channel: &'a str, group: &'a str, namespace: &str, rows: Option<&Rows>) -> PageRows<'a> {
    let told = rows.map_or(&[][..], |rows| &rows.told);
    PageRows {
        channel,
        group,
        told: told.iter().map(|row| page_row(row, namespace)).collect(),
        firing: rows.map_or_else(Vec::new, |rows| rows.firing.clone()),
    }
}

fn page_row(row: &Row, namespace: &str) -> PageRow {
    let said = message::of_row(row);
    let line = said.alerts.first();
    let scope = |name: &str| row.scopes.iter().find(|(scope, _)| *scope == name).map(|(_, id)| *id);
    PageRow {
        id: row.id,
        rule: scope("rule_id"),
        organization: scope("organization_id"),
        client: scope("client_id"),
        title: said.page_title(),
        message: said.text(),
        severity: said.severity.as_str(),
        since: said.since,
        details: json!({
            "alertrule": format!("{namespace}/{}", row.news.group),
            "uid": row.uid,
            "fingerprint": row.fingerprint,
            "labels": line.map(|line| line.labels.iter().cloned().collect::<std::collections::BTreeMap<_, _>>()),
            "value": line.and_then(|line| line.value.clone()),
            "threshold": line.and_then(|line| line.threshold.clone()),
        }),
    }
}

/// A row that is taken back.
fn rehearsal(channel: &str) -> PageRows<'_> {
    PageRows {
        channel,
        group: "test",
        told: vec![PageRow {
            id: Uuid::new_v5(&Uuid::NAMESPACE_URL, channel.as_bytes()),
            rule: None,
            organization: None,
            client: None,
            title: "test".to_owned(),
            message: "test".to_owned(),
            severity: "info",
            since: Timestamp::UNIX_EPOCH,
            details: json!({}),
        }],
        firing: Vec::new(),
    }
}
