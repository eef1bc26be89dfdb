//! The platform's own page of alerts: what it shows, and what people do about it there.

use ace_api::{AlertRule, NotificationChannel};
use ace_tests::{Database, PLATFORM, Receiver, Stage, reason_of};
use serde_json::{Value, json};

use super::{CARDS, becomes, on_cards, rule, until};

ace_tests::tests![
    a_table_that_can_not_be_written_to_is_named_and_written_to_once_it_can,
    who_acknowledges_on_the_page_stops_the_escalation,
    the_rules_that_staff_set_on_the_page_fire_with_their_own_severity_and_scope,
];

const ALERTS: &str = include_str!("../../../../examples/ace-engage/supabase/migrations/20250707090000_alerts.sql");

const SHIPPED: &str = include_str!("../../../../examples/ace-engage/resources/alerts/platform.yaml");

/// Makes the platform's tables, and a channel that writes there.
pub(super) async fn page(stage: &Stage<'_>, database: &Database) {
    database.run(ALERTS).await;
    channel(stage).await;
}

async fn channel(stage: &Stage<'_>) {
    told(
        stage,
        "page",
        json!({ "platformTable": { "platformRef": { "name": PLATFORM } } }),
    )
    .await;
}

async fn told(stage: &Stage<'_>, name: &str, spec: Value) {
    let mut usual = json!({ "groupWait": "0s", "groupInterval": "1m" });
    usual.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    stage
        .apply::<NotificationChannel>(json!({ "metadata": { "name": name }, "spec": usual }))
        .await;
}

/// What the page shows to staff: the columns of this list, of each alert.
pub(super) async fn shown(database: &Database, columns: &str) -> Vec<String> {
    database
        .rows(&format!(
            "BEGIN; SET LOCAL ROLE authenticated; SET LOCAL request.jwt.claims = '{{\"app_metadata\": {{\"staff\": \"true\"}}}}'; \
             SELECT {columns} FROM public.get_active_alerts() ORDER BY 1; COMMIT"
        ))
        .await
}

pub(super) async fn shows(stage: &Stage<'_>, database: &Database, columns: &str, expected: &[&str]) {
    stage
        .space
        .eventually(&format!("the page shows {expected:?}"), async || {
            (shown(database, columns).await == expected).then_some(())
        })
        .await;
}

async fn channel_is(stage: &Stage<'_>, reason: &str) -> Value {
    let what = format!("is Ready or not: {reason}");
    let is = |channel: &Value| reason_of(channel, "Ready") == reason;
    stage.space.wait::<NotificationChannel>("page", &what, is).await
}

async fn a_table_that_can_not_be_written_to_is_named_and_written_to_once_it_can() {
    on_cards(async |stage, database| {
        channel(stage).await;
        let stalled = channel_is(stage, "TableUnsuitable").await;
        let message = ace_tests::message_of(&stalled, "Stalled");
        assert!(message.contains("there is no such table"), "{message}");
        rule(stage, "cards", CARDS, &["brand"], json!({ "notify": ["page"] })).await;
        database.run("UPDATE public.cards SET claimed = true").await;
        becomes(stage, "cards", "Firing").await;
        database.run(ALERTS).await;
        shows(stage, database, "title", &["cards"]).await;
        let channel = channel_is(stage, "Accepted").await;
        let status = &channel["status"];
        assert_eq!(
            json!([status["type"], status["open"], status["deliveries"][0]["code"]]),
            json!(["PlatformTable", 1, null])
        );
        // A test writes a row, and takes it back.
        let test = ["annotate", "channel", "page", "ops.mobulace.com/test-at=now"];
        stage.space.kubectl(&test).await.expect("a channel is annotated");
        stage
            .space
            .wait::<NotificationChannel>("page", "is tested", |channel| {
                channel["status"]["test"]["result"] == "Accepted"
            })
            .await;
        assert_eq!(
            database.rows("SELECT count(*) FROM public.alert_instances").await,
            ["1"]
        );
        let kept = database
            .rows("SELECT row_to_json(i)::text FROM public.alert_instances i")
            .await;
        assert!(!kept[0].contains("canary"), "{kept:?}");
    })
    .await;
}

async fn who_acknowledges_on_the_page_stops_the_escalation() {
    on_cards(async |stage, database| {
        page(stage, database).await;
        let lead = Receiver::pagerduty(stage.space);
        let data = json!({ "key": "CANARY0123456789CANARY0123456789" });
        stage.secret_offering("receivers", "pagerduty", data).await;
        let to = json!({ "routingKeySecretRef": { "name": "receivers", "key": "key" }, "url": lead.base() });
        told(stage, "lead", json!({ "pagerDuty": to, "after": "24h" })).await;
        let spec = json!({ "notify": ["page", "lead"] });
        database.run("UPDATE public.cards SET claimed = true").await;
        for name in ["cards", "others"] {
            rule(stage, name, CARDS, &["brand"], spec.clone()).await;
            becomes(stage, name, "Firing").await;
        }
        shows(stage, database, "title", &["cards", "others"]).await;
        let user = "0b0e6f4c-9f0c-4d9a-8a53-7f3f6a1c2d3e";
        database
            .run(&format!(
                "INSERT INTO auth.users (id) VALUES ('{user}'); BEGIN; SET LOCAL ROLE authenticated; \
                 SET LOCAL request.jwt.claims = '{{\"sub\": \"{user}\", \"app_metadata\": {{\"staff\": \"true\"}}}}'; \
                 UPDATE public.alert_instances SET acknowledged_at = now(), acknowledged_by = auth.uid() WHERE title = 'cards'; COMMIT"
            ))
            .await;
        let taken = until(stage, "cards", "is acknowledged", |rule| {
            rule["status"]["acknowledged"].is_object()
        })
        .await;
        assert_eq!(
            taken["status"]["acknowledged"]["by"],
            format!("user {user}, on the platform's page")
        );
        // Both have fired for long enough now; one of them somebody takes care of.
        told(stage, "lead", json!({ "pagerDuty": to, "after": "1s" })).await;
        let all = stage
            .space
            .eventually("the lead is told", async || {
                Some(lead.deliveries().await).filter(|all| !all.is_empty())
            })
            .await;
        assert_eq!(all[0]["body"]["payload"]["summary"], "[critical] others: 1 alert");
        shows(stage, database, "title", &["cards", "others"]).await;
        database.run("UPDATE public.cards SET claimed = false").await;
        shows(stage, database, "title", &[]).await;
        let all = lead.deliveries().await;
        assert!(
            all.iter().all(|one| one["body"]["dedup_key"] == all[0]["body"]["dedup_key"]),
            "{all:#?}"
        );
    })
    .await;
}

async fn the_rules_that_staff_set_on_the_page_fire_with_their_own_severity_and_scope() {
    on_cards(async |stage, database| {
        page(stage, database).await;
        let role = database.reader();
        database.run(&format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")).await;
        let owner = "ALTER TABLE public.alert_rules DISABLE ROW LEVEL SECURITY; ALTER TABLE public.activity_log DISABLE ROW LEVEL SECURITY";
        database.run(owner).await;
        let organization = "11111111-1111-4111-8111-111111111111";
        database
            .run(&format!(
                "INSERT INTO public.alert_rules (name, category, count_threshold, organization_id) VALUES ('Many calls', 'api', 1, '{organization}');
                 INSERT INTO public.alert_rules (name, category, count_threshold, enabled) VALUES ('Off', 'api', 0, false);
                 INSERT INTO public.alert_rules (name, category, event_type, severity_threshold) VALUES
                   ('Critical errors', 'system', NULL, 'critical'), ('Gift cards that were not provisioned', 'gift_card', 'provision_failed', 'error');
                 INSERT INTO public.activity_log (category, event_type, status, severity, description, organization_id) VALUES
                   ('gift_card', 'provision_failed', 'failed', 'error', 'canary', NULL),
                   ('system', 'crash', 'failed', 'error', 'canary', NULL),
                   ('api', 'call', 'failed', 'info', 'canary', NULL),
                   ('api', 'call', 'failed', 'info', 'canary', '{organization}'),
                   ('api', 'call', 'failed', 'info', 'canary', '{organization}')"
            ))
            .await;
        let mut shipped: Value = serde_yaml::from_str(SHIPPED).unwrap();
        shipped["spec"]["platformRef"]["name"] = json!(PLATFORM);
        shipped["spec"]["notify"] = json!(["page"]);
        shipped["spec"]["condition"]["keepFiringFor"] = json!("0s");
        stage.apply::<AlertRule>(shipped).await;
        let columns = "title, severity, metadata ->> 'severity', coalesce(organization_id::text, '-'), rule_id = (SELECT r.id FROM public.alert_rules r WHERE r.name = metadata -> 'labels' ->> 'rule')";
        let expected = [
            "platform-alert-rules: Gift cards that were not provisioned: 1 events, more than 0|critical|error|-|t",
            "platform-alert-rules: Many calls: 2 events, more than 1|warning|warning|11111111-1111-4111-8111-111111111111|t",
        ];
        shows(stage, database, columns, &expected).await;
        database.run("UPDATE public.alert_rules SET enabled = false WHERE name = 'Many calls'; DELETE FROM public.activity_log WHERE category = 'gift_card'").await;
        shows(stage, database, "title", &[]).await;
        let all = "SELECT count(*), count(resolved_at) FROM public.alert_instances";
        assert_eq!(database.rows(all).await, ["2|2"]);
    })
    .await;
}
