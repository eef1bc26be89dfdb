//! The operator is killed while a receiver has a message and has not answered.

use ace_api::NotificationChannel;
use ace_tests::{Operator, OperatorOptions, Receiver, bed, is_observed, reason_of, with_namespace};
use serde_json::json;

ace_tests::tests! {
    killed_while_slack_takes_a_message_it_does_not_send_it_again,
    killed_while_pagerduty_takes_what_fires_it_is_told_again_under_its_key_and_once,
}

async fn killed_while_slack_takes_a_message_it_does_not_send_it_again() {
    with_namespace(async |space| {
        let mut operator = Operator::start(bed(), &OperatorOptions::default()).await;
        let slack = Receiver::slack(space);
        let offered = json!({ "name": "slack", "labels": { ace_api::LABEL_USE: "slack" } });
        let secret =
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": offered, "stringData": { "url": slack.url } });
        space.apply(&secret.to_string()).await;
        let channel = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1",
            "kind": "NotificationChannel",
            "metadata": { "name": "ops", "annotations": { ace_api::ANNOTATION_TEST_AT: "1" } },
            "spec": { "slack": { "webhookURLSecretRef": { "name": "slack", "key": "url" } } },
        });
        slack.fault(json!({ "hang": {} })).await;
        space.apply(&channel.to_string()).await;
        let received = async || (!slack.deliveries().await.is_empty()).then_some(());
        space.eventually("Slack has the message", received).await;
        operator.kill();

        let operator = Operator::start(bed(), &OperatorOptions::default()).await;
        let unknown =
            |channel: &serde_json::Value| is_observed(channel) && reason_of(channel, "Stalled") == "DeliveryUnknown";
        space
            .wait::<NotificationChannel>("ops", "is Stalled/DeliveryUnknown", unknown)
            .await;
        let annotate = ["annotate", "channel", "ops", "ops.mobulace.com/reconcile-at=now"];
        space.kubectl(&annotate).await.expect("a channel can be annotated");
        let reconciled = |channel: &serde_json::Value| channel["status"]["lastHandledReconcileAt"] == "now";
        space
            .wait::<NotificationChannel>("ops", "was reconciled", reconciled)
            .await;
        assert_eq!(slack.deliveries().await.len(), 1, "{}", operator.log());
    })
    .await;
}

async fn killed_while_pagerduty_takes_what_fires_it_is_told_again_under_its_key_and_once() {
    with_namespace(async |space| {
        let mut operator = Operator::start(bed(), &OperatorOptions::default()).await;
        let events = Receiver::pagerduty(space);
        let key = json!({ "name": "pagerduty", "key": "key" });
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "stringData": { "key": "0123456789abcdef0123456789abcdef" },
            "metadata": { "name": "pagerduty", "labels": { ace_api::LABEL_USE: "pagerduty" } },
        });
        let channel = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "NotificationChannel", "metadata": { "name": "on-call" },
            "spec": { "pagerDuty": { "routingKeySecretRef": key, "url": events.base() }, "default": true },
        });
        // A rule that is suspended is not asked, and what fires goes on firing.
        let rule = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "AlertRule", "metadata": { "name": "cards" },
            "spec": {
                "platformRef": { "name": "prod" }, "suspend": true,
                "source": { "sql": { "query": "select 0 as value" } },
                "condition": { "operator": "LessThan", "levels": { "warning": { "threshold": "10" } } },
            },
        });
        for object in [secret, channel, rule] {
            space.apply(&object.to_string()).await;
        }
        let fires = async |alerts: serde_json::Value| {
            let patch = json!({ "status": { "alerts": alerts } }).to_string();
            let patched = [
                "patch",
                "alertrule",
                "cards",
                "--subresource=status",
                "--type=merge",
                "-p",
                &patch,
            ];
            space.kubectl(&patched).await.expect("a status can be written");
        };
        let received = async |count: usize| {
            let there = async || Some(events.deliveries().await).filter(|all| all.len() >= count);
            space.eventually("PagerDuty has the message", there).await
        };
        let now = format!("{:.0}", jiff::Timestamp::now());
        let alert =
            json!([{ "fingerprint": "a", "state": "Firing", "severity": "warning", "since": now, "value": "0" }]);
        let told = |open: i64| move |channel: &serde_json::Value| channel["status"]["open"] == open;
        for (fired, count, open, action) in [(&alert, 2, 1, "trigger"), (&json!([]), 4, 0, "resolve")] {
            events.fault(json!({ "hang": {} })).await;
            fires(fired.clone()).await;
            received(count - 1).await;
            operator.kill();
            operator = Operator::start(bed(), &OperatorOptions::default()).await;
            let all = received(count).await;
            let (first, again) = (&all[count - 2]["body"], &all[count - 1]["body"]);
            assert_eq!((&first["event_action"], first), (&json!(action), again));
            space
                .wait::<NotificationChannel>("on-call", "has told it", told(open))
                .await;
        }
        // Another process has nothing to tell.
        operator.kill();
        let operator = Operator::start(bed(), &OperatorOptions::default()).await;
        let annotate = ["annotate", "channel", "on-call", "ops.mobulace.com/reconcile-at=now"];
        space.kubectl(&annotate).await.expect("a channel can be annotated");
        let reconciled = |channel: &serde_json::Value| channel["status"]["lastHandledReconcileAt"] == "now";
        space
            .wait::<NotificationChannel>("on-call", "was reconciled", reconciled)
            .await;
        assert_eq!(events.deliveries().await.len(), 4, "{}", operator.log());
    })
    .await;
}
