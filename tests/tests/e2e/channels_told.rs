//! What channels tell of alerts, end to end. What fires is written by the test into the status of a rule that is suspended: that one
//! is not asked, and what fires goes on firing.

use ace_api::{AlertRule, NotificationChannel, Silence};
use ace_tests::{Operator, Receiver, Space, is_true, message_of, reason_of, with_namespace};
use serde_json::{Value, json};

ace_tests::tests![
    what_fires_is_told_everywhere_once_and_so_is_its_end,
    one_that_does_not_deliver_repeats_under_its_key_and_the_next_one_speaks,
    what_is_refused_is_not_sent_again_unchanged,
    a_storm_is_one_message_for_each_of_twenty_groups_and_one_for_all_others,
    what_is_silenced_is_told_when_the_silence_is_over,
];

const KEY: &str = "CANARY0123456789CANARY0123456789";

/// The time in a status, as that of what fires now.
fn now() -> String {
    format!("{:.0}", jiff::Timestamp::now())
}

pub(crate) async fn channel(space: &Space, name: &str, spec: Value) {
    let object = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "NotificationChannel", "metadata": { "name": name }, "spec": spec,
    });
    space.apply(&object.to_string()).await;
}

pub(crate) async fn secrets(space: &Space, slack: &Receiver, webhook: &Receiver) {
    Operator::shared();
    let uses = json!({ ace_api::LABEL_USE: "slack.webhook.pagerduty.smtp" });
    let file = space.bed.bed.file();
    let data = json!({
        "slack": slack.url, "webhook": webhook.url, "signing": file.webhook_secret, "key": KEY,
        "username": file.mail_user, "password": file.mail_password,
    });
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "receivers", "labels": uses }, "stringData": data,
    });
    space.apply(&secret.to_string()).await;
}

fn key(name: &str) -> Value {
    json!({ "name": "receivers", "key": name })
}

pub(crate) fn pagerduty(receiver: &Receiver) -> Value {
    json!({ "pagerDuty": { "routingKeySecretRef": key("key"), "url": receiver.base() }, "default": true })
}

fn slack() -> Value {
    json!({ "slack": { "webhookURLSecretRef": key("slack") }, "default": true })
}

fn webhook() -> Value {
    json!({ "webhook": { "urlSecretRef": key("webhook"), "signingSecretRef": key("signing") }, "default": true })
}

pub(crate) async fn rule(space: &Space, name: &str) {
    let object = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "AlertRule",
        "metadata": { "name": name, "labels": { "team": "rewards" } },
        "spec": {
            "platformRef": { "name": "prod" },
            "source": { "sql": { "query": "select 'Book Harbour' as brand, 0 as value", "labels": ["brand"] } },
            "condition": { "operator": "LessThan", "levels": { "critical": { "threshold": "2" }, "warning": { "threshold": "10" } } },
            "summary": "{labels.brand}: {value} left",
            "runbookURL": "https://docs.example.com/runbooks/gift-cards",
            "suspend": true,
        },
    });
    space.apply(&object.to_string()).await;
}

/// The series of a rule that fire from now on, with their severities.
pub(crate) async fn fires(space: &Space, name: &str, alerts: &[(&str, &str)]) {
    let alerts: Vec<Value> = alerts
        .iter()
        .map(|(brand, severity)| {
            json!({
                "fingerprint": brand, "state": "Firing", "severity": severity, "since": now(),
                "labels": { "brand": brand }, "value": "0", "threshold": "2",
            })
        })
        .collect();
    let patch = json!({ "status": { "alerts": alerts } }).to_string();
    let patched = [
        "patch",
        "alertrule",
        name,
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ];
    space.kubectl(&patched).await.expect("a status can be written");
}

pub(crate) async fn received(space: &Space, receiver: &Receiver, count: usize) -> Vec<Value> {
    let there = async || Some(receiver.deliveries().await).filter(|all| all.len() >= count);
    let all = space.eventually(&format!("{count} messages have arrived"), there).await;
    assert_eq!(all.len(), count, "{all:#?}");
    all
}

pub(crate) async fn until(space: &Space, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    space.wait::<NotificationChannel>(name, what, is).await
}

fn bodies(all: &[Value], name: &str) -> Vec<String> {
    all.iter()
        .map(|one| one["body"][name].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn what_fires_is_told_everywhere_once_and_so_is_its_end() {
    with_namespace(async |space| {
        let receivers = (
            Receiver::pagerduty(space),
            Receiver::slack(space),
            Receiver::webhook(space),
        );
        let (events, posts, hooks) = &receivers;
        secrets(space, posts, hooks).await;
        channel(space, "on-call", pagerduty(events)).await;
        channel(space, "team", slack()).await;
        channel(space, "intake", webhook()).await;
        rule(space, "cards").await;
        fires(space, "cards", &[("Book <!channel>", "critical")]).await;
        let event = received(space, events, 1).await.remove(0)["body"].take();
        assert_eq!(
            [
                &event["event_action"],
                &event["payload"]["severity"],
                &event["payload"]["summary"]
            ],
            [
                &json!("trigger"),
                &json!("critical"),
                &json!("[critical] cards: 1 alert: Book <!channel>: 0 left")
            ]
        );
        let post = received(space, posts, 1).await.remove(0);
        assert!(
            post["accepted"] == true && !post["body"].to_string().contains("<!channel>"),
            "{post:#}"
        );
        let hook = received(space, hooks, 1).await.remove(0)["body"].take();
        assert_eq!(
            (&hook["type"], &hook["data"]["group"]["name"]),
            (&json!("alerts.fired"), &json!("prod critical"))
        );
        for name in ["on-call", "team", "intake"] {
            let told = until(space, name, "has told it", |channel| channel["status"]["open"] == 1).await;
            assert_eq!(reason_of(&told, "Ready"), "Accepted");
        }

        // Nothing has changed, whatever is looked at again.
        space
            .kubectl(&["annotate", "channel", "--all", "ops.mobulace.com/reconcile-at=now"])
            .await
            .expect("channels can be annotated");
        for name in ["on-call", "team", "intake"] {
            until(space, name, "was reconciled", |channel| {
                channel["status"]["lastHandledReconcileAt"] == "now"
            })
            .await;
        }
        fires(space, "cards", &[]).await;
        let all = received(space, events, 2).await;
        assert_eq!(bodies(&all, "event_action"), ["trigger", "resolve"]);
        assert_eq!(all[0]["body"]["dedup_key"], all[1]["body"]["dedup_key"]);
        received(space, posts, 2).await;
        assert_eq!(
            bodies(&received(space, hooks, 2).await, "type"),
            ["alerts.fired", "alerts.resolved"]
        );
        for name in ["on-call", "team", "intake"] {
            let over = until(space, name, "has told the end", |channel| {
                channel["status"]["open"] == 0
            })
            .await;
            assert_eq!(over["status"]["groups"], Value::Null);
            let versions = space.watch.versions("NotificationChannel", name);
            assert!(versions.iter().all(|version| !version.object.to_string().contains(KEY)));
        }
        assert!(!Operator::shared().log().contains(KEY));
    })
    .await;
}

async fn one_that_does_not_deliver_repeats_under_its_key_and_the_next_one_speaks() {
    with_namespace(async |space| {
        let (events, hooks) = (Receiver::pagerduty(space), Receiver::webhook(space));
        secrets(space, &events, &hooks).await;
        channel(space, "on-call", pagerduty(&events)).await;
        let mut lead = webhook();
        lead["after"] = json!("24h");
        channel(space, "lead", lead).await;
        rule(space, "cards").await;
        for fault in [
            json!({ "answer": { "status": 429, "retryAfter": "1" } }),
            json!({ "answer": { "status": 500 } }),
            json!({ "dropAnswer": {} }),
        ] {
            events.fault(fault).await;
        }
        // For as long as the next one needs to notice.
        for _ in 0..100 {
            events.fault(json!({ "answer": { "status": 503 } })).await;
        }
        fires(space, "cards", &[("a", "critical")]).await;
        let hook = received(space, &hooks, 1).await.remove(0);
        assert_eq!(hook["body"]["data"]["group"]["severity"], "critical");
        let waits = until(space, "on-call", "is retrying", |channel| {
            reason_of(channel, "Reconciling") == "Retrying"
        })
        .await;
        assert!(!is_true(&waits, "Ready"));
        events.clear().await;
        until(space, "on-call", "has told it", |channel| {
            channel["status"]["open"] == 1
        })
        .await;
        let all = events.deliveries().await;
        let keys = bodies(&all, "dedup_key");
        assert!(all.len() > 4 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        assert_eq!(all.last().unwrap()["status"], 202);
    })
    .await;
}

async fn what_is_refused_is_not_sent_again_unchanged() {
    with_namespace(async |space| {
        let (events, hooks) = (Receiver::pagerduty(space), Receiver::webhook(space));
        secrets(space, &events, &hooks).await;
        channel(space, "on-call", pagerduty(&events)).await;
        rule(space, "cards").await;
        events.fault(json!({ "answer": { "status": 400, "words": "{\"status\": \"invalid event\", \"message\": \"no such integration\"}" } })).await;
        fires(space, "cards", &[("a", "warning")]).await;
        let stalled = until(space, "on-call", "is Stalled/Refused", |channel| reason_of(channel, "Stalled") == "Refused").await;
        let says = "the last message was refused (attempt 1): answers 400 no such integration; check the routing key in the Secret. \
                    To send a test message, change the annotation `ops.mobulace.com/test-at`";
        assert_eq!(message_of(&stalled, "Ready"), says);
        space.kubectl(&["annotate", "channel", "on-call", "ops.mobulace.com/reconcile-at=now"]).await.expect("a channel can be annotated");
        until(space, "on-call", "was reconciled", |channel| channel["status"]["lastHandledReconcileAt"] == "now").await;
        assert_eq!(events.deliveries().await.len(), 1);
        // A test message arrives, and with it what was refused.
        space.kubectl(&["annotate", "channel", "on-call", "ops.mobulace.com/test-at=1"]).await.expect("a channel can be annotated");
        let all = received(space, &events, 3).await;
        let severity = |one: &Value| one["body"]["payload"]["severity"].clone();
        assert_eq!(all.iter().map(severity).collect::<Vec<_>>(), ["warning", "info", "warning"]);
    })
    .await;
}

async fn a_storm_is_one_message_for_each_of_twenty_groups_and_one_for_all_others() {
    with_namespace(async |space| {
        let (events, hooks) = (Receiver::pagerduty(space), Receiver::webhook(space));
        secrets(space, &events, &hooks).await;
        let mut paused = pagerduty(&events);
        paused["suspend"] = json!(true);
        channel(space, "on-call", paused).await;
        let brands: Vec<String> = (0..25).map(|number| format!("brand-{number:02}")).collect();
        let alerts: Vec<(&str, &str)> = brands.iter().map(|brand| (brand.as_str(), "critical")).collect();
        for number in 0..40 {
            let name = format!("rule-{number:02}");
            rule(space, &name).await;
            fires(space, &name, &alerts).await;
        }
        channel(space, "on-call", pagerduty(&events)).await;
        let told = until(space, "on-call", "has told all", |channel| {
            channel["status"]["open"] == 21
        })
        .await;
        let all = received(space, &events, 21).await;
        let keys: std::collections::BTreeSet<String> = bodies(&all, "dedup_key").into_iter().collect();
        assert_eq!(keys.len(), 21);
        assert_eq!(all[20]["body"]["payload"]["custom_details"]["firing"], 500);
        let groups = told["status"]["groups"].as_array().unwrap();
        let firing: i64 = groups.iter().filter_map(|group| group["firing"].as_i64()).sum();
        assert_eq!((groups.len(), firing), (21, 1_000));
        assert!(told["status"].to_string().len() <= 12 * 1024);
    })
    .await;
}

async fn what_is_silenced_is_told_when_the_silence_is_over() {
    with_namespace(async |space| {
        let (events, hooks) = (Receiver::pagerduty(space), Receiver::webhook(space));
        secrets(space, &events, &hooks).await;
        channel(space, "on-call", pagerduty(&events)).await;
        rule(space, "cards").await;
        rule(space, "sms").await;
        let until_later = jiff::Timestamp::now() + std::time::Duration::from_hours(1);
        let silence = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1",
            "kind": "Silence",
            "metadata": { "name": "maintenance" },
            "spec": { "match": { "rules": ["cards"], "ruleLabels": { "team": "rewards" } }, "until": until_later.to_string(), "reason": "OPS-12" },
        });
        space.apply(&silence.to_string()).await;
        let active = |silence: &Value| is_true(silence, "Ready") && silence["status"]["rules"] == 1;
        let active = space.wait::<Silence>("maintenance", "covers a rule", active).await;
        assert_eq!((reason_of(&active, "Ready"), &active["status"]["state"]), ("Active", &json!("Active")));
        fires(space, "cards", &[("a", "critical")]).await;
        fires(space, "sms", &[("a", "critical")]).await;
        let all = received(space, &events, 1).await;
        assert_eq!(all[0]["body"]["payload"]["component"], "sms");
        space.kubectl(&["delete", "silence", "maintenance"]).await.expect("a Silence can be deleted");
        let all = received(space, &events, 2).await;
        assert_eq!(all[1]["body"]["payload"]["component"], "cards");
        let rule = space.wait::<AlertRule>("cards", "is there", |_| true).await;
        assert_eq!(rule["status"]["alerts"][0]["state"], "Firing");
    })
    .await;
}
