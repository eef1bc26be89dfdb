//! The platform's own page: which rows are written, and that no others are touched.

use ace_database::{PageError, PageRow, PageRows, PageSession};
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::bed::{Bed, column};

const PAGE: &str = include_str!("../../../../examples/ace-engage/supabase/migrations/20250707090000_alerts.sql");

const ROWS: &str = "SELECT title || '/' || severity || '/' || (resolved_at IS NULL) || '/' || coalesce(metadata ->> 'severity', '-') \
    FROM public.alert_instances ORDER BY title";

async fn page() -> (Bed, PageSession, Client) {
    let bed = Bed::empty().await;
    bed.as_owner(PAGE).await;
    let session = PageSession::open(&bed.access()).await.unwrap();
    let superuser = bed.superuser().await;
    (bed, session, superuser)
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn row(number: u128, severity: &'static str) -> PageRow {
    PageRow {
        id: id(number),
        rule: None,
        organization: None,
        client: Some(id(99)),
        title: format!("row {number}"),
        message: "Act at once.".to_owned(),
        severity,
        since: "2026-11-23T10:14:00Z".parse().unwrap(),
        details: json!({ "labels": { "brand": "Book" } }),
    }
}

fn group(told: Vec<PageRow>) -> PageRows<'static> {
    PageRows {
        channel: "channel",
        group: "cards",
        firing: told.iter().map(|row| row.id).collect(),
        told,
    }
}

#[tokio::test]
async fn rows_are_added_once_resolved_when_they_are_over_and_seen_by_who_looks_at_the_page() {
    let (_bed, session, superuser) = page().await;
    let both = group(vec![row(1, "error"), row(2, "info")]);
    session.tell(&both).await.unwrap();
    session.tell(&both).await.unwrap();
    assert_eq!(
        column(&superuser, ROWS).await,
        ["row 1/critical/true/error", "row 2/info/true/info"]
    );
    let staff =
        "SET LOCAL ROLE authenticated; SET LOCAL request.jwt.claims = '{\"app_metadata\": {\"staff\": \"true\"}}'";
    superuser.batch_execute(&format!("BEGIN; {staff}")).await.unwrap();
    let active = "SELECT title || ' ' || triggered_at::text || ' ' || client_id FROM public.get_active_alerts()";
    superuser.batch_execute("SET LOCAL timezone = 'UTC'").await.unwrap();
    let since = "2026-11-23 10:14:00+00";
    assert_eq!(
        column(&superuser, active).await,
        [format!("row 1 {since} {}", id(99)), format!("row 2 {since} {}", id(99))]
    );
    superuser
        .batch_execute("ROLLBACK; BEGIN; SET LOCAL ROLE authenticated")
        .await
        .unwrap();
    assert_eq!(column(&superuser, active).await, Vec::<String>::new(), "of no staff");
    superuser.batch_execute("ROLLBACK").await.unwrap();
    session.tell(&group(vec![row(2, "info")])).await.unwrap();
    assert_eq!(
        column(&superuser, ROWS).await,
        ["row 1/critical/false/error", "row 2/info/true/info"]
    );
    session.tell(&group(vec![])).await.unwrap();
    assert_eq!(
        column(&superuser, "SELECT resolution_notes FROM public.alert_instances").await,
        ["it does not fire any more", "it does not fire any more"]
    );
    // It fires all the same: what we resolved ourselves is opened again.
    session.tell(&group(vec![row(1, "critical")])).await.unwrap();
    assert_eq!(
        column(&superuser, ROWS).await,
        ["row 1/critical/true/critical", "row 2/info/false/info"]
    );
}

#[tokio::test]
async fn what_others_wrote_or_resolved_stays_as_it_is() {
    let (_bed, session, superuser) = page().await;
    superuser
        .batch_execute(&format!(
            "INSERT INTO public.alert_instances (id, title, message, severity) VALUES ('{}', 'row 3', 'by hand', 'info')",
            id(3)
        ))
        .await
        .unwrap();
    session
        .tell(&group(vec![row(1, "warning"), row(3, "critical")]))
        .await
        .unwrap();
    let other = PageRows {
        channel: "other",
        ..group(vec![row(4, "info")])
    };
    session.tell(&other).await.unwrap();
    superuser
        .batch_execute(
            "UPDATE public.alert_instances SET resolved_at = now(), resolution_notes = 'done' WHERE title = 'row 1'",
        )
        .await
        .unwrap();
    session.tell(&group(vec![row(1, "critical")])).await.unwrap();
    session.tell(&group(vec![])).await.unwrap();
    assert_eq!(
        column(&superuser, ROWS).await,
        [
            "row 1/warning/false/warning",
            "row 3/info/true/-",
            "row 4/info/true/info"
        ]
    );
    let notes = "SELECT resolution_notes FROM public.alert_instances WHERE title = 'row 1'";
    assert_eq!(column(&superuser, notes).await, ["done"]);
}

#[tokio::test]
async fn what_people_did_is_read_and_what_we_did_is_not() {
    let (_bed, session, superuser) = page().await;
    session
        .tell(&group(vec![
            row(1, "info"),
            row(2, "info"),
            row(3, "info"),
            row(4, "info"),
        ]))
        .await
        .unwrap();
    session
        .tell(&group(vec![row(1, "info"), row(2, "info"), row(3, "info")]))
        .await
        .unwrap();
    superuser
        .batch_execute(&format!(
            "INSERT INTO auth.users (id) VALUES ('{user}');
             UPDATE public.alert_instances SET acknowledged_at = '2026-11-23T10:20:00.7Z', acknowledged_by = '{user}' WHERE id = '{one}';
             UPDATE public.alert_instances SET resolved_at = '2026-11-23T10:30:00Z' WHERE id = '{two}'",
            user = id(7),
            one = id(1),
            two = id(2)
        ))
        .await
        .unwrap();
    let all = [id(1), id(2), id(3), id(4), id(5)];
    let mut handled = session.handled(&all).await.unwrap();
    handled.sort_by_key(|one| one.id);
    let shown: Vec<_> = handled
        .iter()
        .map(|one| (one.id, one.by, one.time.to_string()))
        .collect();
    assert_eq!(
        shown,
        [
            (id(1), Some(id(7)), "2026-11-23T10:20:00Z".to_owned()),
            (id(2), None, "2026-11-23T10:30:00Z".to_owned())
        ]
    );
    assert_eq!(session.handled(&all[2..]).await.unwrap(), []);
}

#[tokio::test]
async fn a_table_that_is_not_as_it_has_to_be_is_told_by_what_is_missing() {
    let bed = Bed::empty().await;
    let session = PageSession::open(&bed.access()).await.unwrap();
    let missing = async || session.unsuitable().await.unwrap();
    assert_eq!(missing().await.as_deref(), Some("there is no such table"));
    bed.as_owner(PAGE).await;
    assert_eq!(missing().await, None);
    bed.as_owner(
        "ALTER TABLE public.alert_instances DROP COLUMN metadata; ALTER TABLE public.alert_instances ALTER COLUMN message TYPE varchar(20)",
    )
    .await;
    assert_eq!(
        missing().await.as_deref(),
        Some(
            "its column \"message\" is of type character varying and not text, it has no column \"metadata\" of type jsonb"
        )
    );
    bed.as_owner("ALTER TABLE public.alert_instances DROP CONSTRAINT alert_instances_pkey")
        .await;
    assert!(missing().await.unwrap().contains("its column \"id\" is not unique"));
    // Whoever writes all the same is told to look again.
    let error = session.tell(&group(vec![row(1, "info")])).await.unwrap_err();
    assert!(matches!(error, PageError::Passing(_)), "{error:?}");
}

#[tokio::test]
async fn what_the_table_does_not_take_is_refused_without_a_value_of_a_row() {
    let (bed, session, superuser) = page().await;
    let unknown = PageRow {
        rule: Some(id(0xdead_beef)),
        ..row(1, "info")
    };
    let error = session.tell(&group(vec![unknown, row(2, "info")])).await.unwrap_err();
    let PageError::Refused(message) = &error else {
        panic!("{error:?}");
    };
    assert!(message.contains("23503") && message.contains("`rule_id`"), "{message}");
    assert!(!message.contains("deadbeef"), "{message}");
    assert_eq!(column(&superuser, ROWS).await, Vec::<String>::new(), "all or nothing");
    // A role that policies bind must not take hidden rows for none.
    let bound = bed
        .role(
            "NOBYPASSRLS",
            "GRANT SELECT, INSERT, UPDATE ON public.alert_instances TO {role}",
        )
        .await;
    let bound = PageSession::open(&bound).await.unwrap();
    let error = bound.tell(&group(vec![row(2, "info")])).await.unwrap_err();
    assert!(
        matches!(&error, PageError::Refused(message) if message.contains("BYPASSRLS")),
        "{error:?}"
    );
    // A trial leaves nothing.
    session.rehearse(&group(vec![row(2, "info")])).await.unwrap();
    assert_eq!(column(&superuser, ROWS).await, Vec::<String>::new());
}
