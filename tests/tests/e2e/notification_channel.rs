//! NotificationChannels, end to end: the operator's process and receivers that hold messages to what Slack and Standard Webhooks
//! ask for.

use ace_api::NotificationChannel;
use ace_tests::{Operator, Receiver, Space, is_current, is_true, message_of, reason_of, with_namespace};
use serde_json::{Value, json};

ace_tests::tests![
    a_test_message_arrives_once_for_each_value_of_the_annotation,
    a_message_that_is_refused_says_what_to_do,
    a_message_that_may_have_arrived_is_sent_again_only_where_the_receiver_drops_it,
    what_the_secrets_lack_is_said_and_what_was_asked_for_is_sent_afterwards,
];

/// Both channels, with the Secret that they name.
async fn apply(space: &Space, slack: &str, webhook: &str, signing: &str) {
    Operator::shared();
    let secret = |url: &str| json!({ "url": url, "secret": signing }).to_string();
    let yaml = format!(
        "
apiVersion: v1
kind: Secret
metadata: {{name: slack, labels: {{ops.mobulace.com/use: slack}}}}
stringData: {}
---
apiVersion: v1
kind: Secret
metadata: {{name: hook, labels: {{ops.mobulace.com/use: webhook}}}}
stringData: {}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: NotificationChannel
metadata: {{name: slack}}
spec:
  slack: {{webhookURLSecretRef: {{name: slack, key: url}}}}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: NotificationChannel
metadata: {{name: hook}}
spec:
  webhook: {{urlSecretRef: {{name: hook, key: url}}, signingSecretRef: {{name: hook, key: secret}}}}
",
        secret(slack),
        secret(webhook)
    );
    space.apply(&yaml).await;
}

async fn annotate(space: &Space, name: &str, annotation: &str) {
    let annotation = format!("ops.mobulace.com/{annotation}");
    let annotated = space
        .kubectl(&["annotate", "--overwrite", "channel", name, &annotation])
        .await;
    annotated.expect("a channel can be annotated");
}

async fn until(space: &Space, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    space.wait::<NotificationChannel>(name, what, is).await
}

async fn tested(space: &Space, name: &str, value: &str) -> Value {
    annotate(space, name, &format!("test-at={value}")).await;
    until(space, name, &format!("has handled {value}"), |channel| {
        let test = &channel["status"]["test"];
        test["handled"] == value && !["Sending", "Retrying"].contains(&test["result"].as_str().unwrap_or_default())
    })
    .await
}

async fn stalled(space: &Space, name: &str, reason: &str) -> String {
    let channel = until(space, name, &format!("is Stalled/{reason}"), |channel| {
        reason_of(channel, "Stalled") == reason
    })
    .await;
    message_of(&channel, "Ready").to_owned()
}

async fn a_test_message_arrives_once_for_each_value_of_the_annotation() {
    with_namespace(async |space| {
        let (slack, webhook) = (Receiver::slack(space), Receiver::webhook(space));
        let signing = &space.bed.bed.file().webhook_secret;
        apply(space, &slack.url, &webhook.url, signing).await;
        for (name, receiver, code) in [("slack", &slack, 200), ("hook", &webhook, 204)] {
            let new = until(space, name, "is Ready", |channel| {
                is_true(channel, "Ready") && is_current(channel)
            })
            .await;
            assert_eq!(
                (reason_of(&new, "Ready"), receiver.deliveries().await),
                ("Untested", vec![])
            );
            let channel = tested(space, name, "1").await;
            let (test, delivery) = (&channel["status"]["test"], &channel["status"]["deliveries"][0]);
            assert_eq!(
                (&test["result"], reason_of(&channel, "Ready")),
                (&json!("Accepted"), "Accepted")
            );
            assert_eq!((&delivery["code"], &delivery["attempts"]), (&json!(code), &json!(1)));
            // A reconcile, even one that is asked for, is no reason to send it again.
            annotate(space, name, "reconcile-at=now").await;
            until(space, name, "was reconciled", |channel| {
                channel["status"]["lastHandledReconcileAt"] == "now"
            })
            .await;
            tested(space, name, "2").await;
            let received = receiver.deliveries().await;
            assert_eq!(received.len(), 2, "{received:#?}");
            for (delivery, value) in received.iter().zip(["1", "2"]) {
                // The receiver has verified signature and form.
                assert_eq!(
                    (&delivery["accepted"], &delivery["repeated"]),
                    (&json!(true), &json!(false))
                );
                let says = format!("The annotation ops.mobulace.com/test-at was set to \\\"{value}\\\".");
                assert!(delivery["body"].to_string().contains(&says), "{delivery:#}");
            }
        }
        let listed = space
            .kubectl(&["get", "channel", "-o", "wide"])
            .await
            .expect("channels can be listed");
        let cells: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(cells[0][..5], ["NAME", "TYPE", "OPEN", "READY", "MESSAGE"], "{listed}");
        assert_eq!(
            (cells[1][..4].to_vec(), cells[2][..4].to_vec()),
            (
                vec!["hook", "Webhook", "0", "True"],
                vec!["slack", "Slack", "0", "True"]
            )
        );

        let log = Operator::shared().log();
        let versions = [
            space.watch.versions("NotificationChannel", "slack"),
            space.watch.versions("NotificationChannel", "hook"),
        ];
        let shown = versions.iter().flatten().map(|version| version.object.to_string());
        for text in shown.chain([log]) {
            let secrets = [
                slack.url.rsplit('/').next().unwrap(),
                webhook.url.as_str(),
                signing.as_str(),
            ];
            assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
        }
    })
    .await;
}

async fn a_message_that_is_refused_says_what_to_do() {
    with_namespace(async |space| {
        let (slack, webhook) = (Receiver::slack(space), Receiver::webhook(space));
        apply(
            space,
            &slack.url,
            &webhook.url,
            "whsec_b3RoZXIgdGhhbiB0aGUgcmVjZWl2ZXIncyBvd24=",
        )
        .await;
        slack
            .fault(json!({ "answer": { "status": 410, "words": "channel_is_archived" } }))
            .await;
        let again = ". To send a test message, change the annotation `ops.mobulace.com/test-at`";
        for (name, receiver, says) in [
            (
                "slack",
                &slack,
                "answers 410 channel_is_archived; give the Secret the URL of another webhook",
            ),
            (
                "hook",
                &webhook,
                "answers 401 no signature matches; check that the receiver has the same signing secret",
            ),
        ] {
            tested(space, name, "1").await;
            let message = stalled(space, name, "Refused").await;
            assert_eq!(
                message,
                format!("the last message was refused (attempt 1): {says}{again}")
            );
            annotate(space, name, "reconcile-at=now").await;
            until(space, name, "was reconciled", |channel| {
                channel["status"]["lastHandledReconcileAt"] == "now"
            })
            .await;
            assert_eq!(receiver.deliveries().await.len(), 1);
        }
        let repaired = tested(space, "slack", "2").await;
        assert_eq!(reason_of(&repaired, "Ready"), "Accepted");
    })
    .await;
}

async fn a_message_that_may_have_arrived_is_sent_again_only_where_the_receiver_drops_it() {
    with_namespace(async |space| {
        let (slack, webhook) = (Receiver::slack(space), Receiver::webhook(space));
        apply(space, &slack.url, &webhook.url, &space.bed.bed.file().webhook_secret).await;
        for receiver in [&slack, &webhook] {
            receiver.fault(json!({ "answer": { "status": 503 } })).await;
            receiver.fault(json!({ "dropAnswer": {} })).await;
        }
        let channel = tested(space, "hook", "1").await;
        assert_eq!(
            (
                reason_of(&channel, "Ready"),
                &channel["status"]["deliveries"][0]["attempts"]
            ),
            ("Accepted", &json!(3))
        );
        let received = webhook.deliveries().await;
        let ids: Vec<&Value> = received
            .iter()
            .map(|delivery| &delivery["headers"]["webhook-id"])
            .collect();
        assert_eq!(
            (ids[0], ids[1], &received[2]["repeated"]),
            (ids[2], ids[2], &json!(true))
        );

        tested(space, "slack", "1").await;
        stalled(space, "slack", "DeliveryUnknown").await;
        let statuses: Vec<Value> = slack
            .deliveries()
            .await
            .iter()
            .map(|delivery| delivery["status"].clone())
            .collect();
        assert_eq!(statuses, [json!(503), Value::Null]);
    })
    .await;
}

async fn what_the_secrets_lack_is_said_and_what_was_asked_for_is_sent_afterwards() {
    with_namespace(async |space| {
        let (slack, webhook) = (Receiver::slack(space), Receiver::webhook(space));
        apply(space, "https://hooks.slack.com/services/T0/B0/canary", &webhook.url, "whsec_short").await;
        let host = "the operator is not allowed to send to the host of the URL in key `url` of Secret `slack`: add the host to its \
                    flag `--allow-notify-host`, or put another URL there";
        assert_eq!(stalled(space, "slack", "HostNotAllowed").await, host);
        stalled(space, "hook", "SecretInvalid").await;
        for name in ["slack", "hook"] {
            annotate(space, name, "test-at=1").await;
        }
        space.kubectl(&["delete", "secret", "slack"]).await.expect("a Secret can be deleted");
        annotate(space, "slack", "reconcile-at=now").await;
        let waits = until(space, "slack", "waits", |channel| reason_of(channel, "Reconciling") == "SecretMissing").await;
        assert_eq!(message_of(&waits, "Ready"), "there is no Secret `slack`");
        apply(space, &slack.url, &webhook.url, &space.bed.bed.file().webhook_secret).await;
        for (name, receiver) in [("slack", &slack), ("hook", &webhook)] {
            until(space, name, "has sent it", |channel| reason_of(channel, "Ready") == "Accepted").await;
            assert_eq!(receiver.deliveries().await.len(), 1);
        }
    })
    .await;
}
