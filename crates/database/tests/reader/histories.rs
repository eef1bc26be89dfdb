//! Rules and page on the schema of a whole project: `HISTORIES=<directory>` has `supabase/migrations`, and tables of alerts.

use std::{env, fs, path::PathBuf};

use ace_api::{AlertRule, Severity};
use ace_database::{AskError, PageRow, PageRows, PageSession, Question};
use ace_domain::kinds::alert_rule::Row;
use serde_json::json;
use uuid::Uuid;

use crate::bed::{Bed, ask, column, question};

const SHIPPED: &str = include_str!("../../../../examples/ace-engage/resources/alerts/platform.yaml");

/// What documents ask of a schema that has it not, and the name that is wrong.
const WRONG: [(&str, &str); 5] = [
    (
        "select count(*) as value from public.error_logs where message like '%timeout%'",
        "message",
    ),
    (
        "select count(*) as value from public.system_alerts where resolved_at is null",
        "public.system_alerts",
    ),
    (
        "select count(*) as value from public.gift_card_pools",
        "public.gift_card_pools",
    ),
    ("select count(*) as value from public.sms_opt_ins", "public.sms_opt_ins"),
    (
        "select n_dead_tup as value, tablename from pg_catalog.pg_stat_user_tables limit 1",
        "tablename",
    ),
];

fn severity(row: &Row) -> &'static str {
    let named = row.severity.as_deref().and_then(Severity::named);
    named.unwrap().as_str()
}

async fn project(directory: &str) -> Bed {
    let bed = Bed::empty().await;
    let folder = PathBuf::from(directory).join("supabase/migrations");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let files = files
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "sql"));
    let owner = bed.superuser().await;
    let (mut ran, mut stopped) = (0, Vec::new());
    for file in files {
        // A dump leaves the search path empty.
        owner.batch_execute("RESET ALL").await.unwrap();
        owner.batch_execute("SET ROLE postgres").await.unwrap();
        match owner.batch_execute(&fs::read_to_string(file).unwrap()).await {
            Ok(()) => ran += 1,
            Err(error) => {
                owner.batch_execute("ROLLBACK").await.unwrap();
                stopped.push(format!("{}: {error:?}", file.display()));
            }
        }
    }
    eprintln!("{ran} files ran, {} did not: {stopped:#?}", stopped.len());
    bed
}

#[tokio::test]
#[ignore = "needs HISTORIES, a project's directory"]
async fn on_a_projects_own_schema_its_rules_fire_its_page_shows_them_and_wrong_names_are_told() {
    let bed = project(&env::var("HISTORIES").expect("HISTORIES names a project")).await;
    let reader = bed.reader().await;
    for (query, name) in WRONG {
        let refused = ask(&reader, &question(query, &[])).await;
        let Err(AskError::Invalid(message)) = &refused else {
            panic!("{query}: {refused:?}");
        };
        assert!(message.contains(name) && message.contains("line 1"), "{message}");
    }
    bed.as_superuser(
        "INSERT INTO public.activity_log (category, event_type, status, severity, description) VALUES
         ('system', 'crash', 'failed', 'critical', 'canary'), ('gift_card', 'provision_failed', 'failed', 'error', 'canary')",
    )
    .await;
    let rule: AlertRule = serde_yaml::from_str(SHIPPED).unwrap();
    let rows = ask(
        &reader,
        &Question::of(rule.spec.source.sql.as_ref().unwrap(), &rule.spec),
    )
    .await;
    let rows = rows.unwrap();
    let fires: Vec<_> = rows
        .iter()
        .map(|row| (row.labels["rule"].as_str(), row.value, row.severity.clone()))
        .collect();
    eprintln!("{fires:?}");
    assert_eq!(fires.len(), 2);
    assert!(fires.iter().all(|(_, value, _)| *value == Some(1.0)), "{fires:?}");
    let page = PageSession::open(&bed.access()).await.unwrap();
    assert_eq!(page.unsuitable().await.unwrap(), None);
    let row = |row: &Row| PageRow {
        id: Uuid::parse_str(&row.labels["rule_id"]).unwrap(),
        rule: Uuid::parse_str(&row.labels["rule_id"]).ok(),
        organization: Uuid::parse_str(&row.labels["organization_id"]).ok(),
        client: Uuid::parse_str(&row.labels["client_id"]).ok(),
        title: row.labels["rule"].clone(),
        message: "Act at once.".to_owned(),
        severity: severity(row),
        since: "2026-11-23T10:14:00Z".parse().unwrap(),
        details: json!({}),
    };
    let told: Vec<PageRow> = rows.iter().map(row).collect();
    let mut rows = PageRows {
        channel: "channel",
        group: "rules",
        firing: told.iter().map(|row| row.id).collect(),
        told,
    };
    page.tell(&rows).await.unwrap();
    let looks = bed.superuser().await;
    let active = "SELECT severity || ' ' || title FROM public.get_active_alerts() ORDER BY 1";
    let seen = async || {
        looks.batch_execute("SET ROLE authenticated").await.unwrap();
        column(&looks, active).await
    };
    assert_eq!(
        seen().await,
        ["critical Critical Errors", "critical Gift Card Provisioning Failures"]
    );
    rows.told.clear();
    rows.firing.clear();
    page.tell(&rows).await.unwrap();
    assert_eq!(seen().await, Vec::<String>::new());
}
