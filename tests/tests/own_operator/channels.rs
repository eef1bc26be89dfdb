//! The operator is killed while Slack has a message and has not answered.

use ace_api::NotificationChannel;
use ace_tests::{Operator, OperatorOptions, Receiver, bed, is_observed, reason_of, with_namespace};
use serde_json::json;

use super::ONE;

#[tokio::test]
async fn killed_while_slack_takes_a_message_it_does_not_send_it_again() {
    let _one = ONE.lock().await;
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
