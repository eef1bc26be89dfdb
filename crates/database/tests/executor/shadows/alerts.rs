//! What alerts ask of a database and write into it.

use ace_api::AlertRuleSpec;
use ace_database::{Access, AskError, PageRow, PageRows, PageSession, Password, Question, Reader};
use serde_json::json;
use uuid::Uuid;

use crate::bed::Bed;

/// Rows of the platform's own page.
pub(super) async fn paged(bed: &Bed, access: &Access) {
    bed.as_superuser(
        "CREATE TABLE public.alert_instances (id pg_catalog.uuid PRIMARY KEY, rule_id pg_catalog.uuid, \
         organization_id pg_catalog.uuid, client_id pg_catalog.uuid, title pg_catalog.text, message pg_catalog.text, \
         severity pg_catalog.text, triggered_at pg_catalog.timestamptz, acknowledged_at pg_catalog.timestamptz, \
         acknowledged_by pg_catalog.uuid, resolved_at pg_catalog.timestamptz, resolved_by pg_catalog.uuid, \
         resolution_notes pg_catalog.text, metadata pg_catalog.jsonb); ALTER TABLE public.alert_instances OWNER TO postgres",
    )
    .await;
    let page = PageSession::open(access).await.unwrap();
    assert_eq!(page.unsuitable().await.unwrap(), None);
    let row = |severity| PageRow {
        id: Uuid::from_u128(1),
        rule: None,
        organization: None,
        client: None,
        title: "cards".to_owned(),
        message: "Act at once.".to_owned(),
        severity,
        since: "2026-11-23T10:14:00Z".parse().unwrap(),
        details: json!({}),
    };
    let rows = |told: Vec<PageRow>| PageRows {
        channel: "channel",
        group: "cards",
        firing: told.iter().map(|row| row.id).collect(),
        told,
    };
    for told in [vec![row("warning")], vec![row("error")], Vec::new()] {
        page.tell(&rows(told)).await.unwrap();
    }
    page.rehearse(&rows(vec![row("error")])).await.unwrap();
    page.handled(&[Uuid::from_u128(1)]).await.unwrap();
    page.close().await;
}

/// A query of a rule, with all the columns that there are.
pub(super) async fn asked(bed: &Bed, access: &Access) {
    let role = format!("reader_{}", bed.database);
    bed.as_superuser(&format!("CREATE ROLE {role} LOGIN BYPASSRLS PASSWORD 'reader-canary'"))
        .await;
    let access = Access {
        user: role,
        password: Password::new("reader-canary").unwrap(),
        ..access.clone()
    };
    let reader = Reader::open(&access, "postgres").await.unwrap();
    let query = "SELECT 1 AS value, 2 AS samples, 'error' AS severity, 'a' AS brand, 3 AS low";
    let spec = json!({
        "platformRef": { "name": "prod" },
        "source": { "sql": { "query": query, "labels": ["brand"] } },
        "condition": { "operator": "LessThan", "levels": { "warning": { "thresholdFrom": "low" } } },
    });
    let spec: AlertRuleSpec = serde_json::from_value(spec).unwrap();
    let question = Question::of(spec.source.sql.as_ref().unwrap(), &spec);
    let shape = reader.shape(&question).await.unwrap();
    assert_eq!(reader.ask(&question, shape).await.unwrap().len(), 1);
    // One that the server does not end at its limit is ended from another session.
    bed.as_superuser(
        "CREATE FUNCTION public.stubborn() RETURNS pg_catalog.int4 LANGUAGE plpgsql SET search_path = pg_catalog AS \
         'BEGIN LOOP BEGIN PERFORM pg_catalog.pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END'",
    )
    .await;
    let sql = json!({ "query": "SELECT public.stubborn() AS value", "timeout": "200ms" });
    let spec = json!({ "platformRef": { "name": "prod" }, "source": { "sql": sql } });
    let spec: AlertRuleSpec = serde_json::from_value(spec).unwrap();
    let question = Question::of(spec.source.sql.as_ref().unwrap(), &spec);
    let shape = reader.shape(&question).await.unwrap();
    assert!(matches!(reader.ask(&question, shape).await, Err(AskError::Lost(_))));
}
