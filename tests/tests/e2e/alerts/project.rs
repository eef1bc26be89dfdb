//! What the Management API says of the project, as signals.

use ace_tests::{Stage, on_stage};
use serde_json::{Value, json};

use super::{becomes, channel, fails, rule, until};

ace_tests::tests![
    a_service_that_the_platform_calls_unhealthy_fires,
    a_secret_that_is_too_old_fires_until_it_is_set_again,
    a_token_that_may_not_ask_resolves_nothing,
];

const HEALTH: &str = "GET /v1/projects/{ref}/health";

async fn asks(stage: &Stage<'_>, signal: Value, operator: &str, threshold: &str) {
    channel(stage, "on-call", json!({})).await;
    let spec = json!({
        "source": { "signal": signal },
        "condition": { "operator": operator, "levels": { "warning": { "threshold": threshold } }, "for": "0s" },
    });
    rule(stage, "project", "", &[], spec).await;
}

/// `re*`: realtime and rest.
async fn asks_of_health(stage: &Stage<'_>) {
    let signal = json!({ "name": "ProjectHealth", "match": { "service": "re*" } });
    asks(stage, signal, "LessThan", "1").await;
}

async fn a_service_that_the_platform_calls_unhealthy_fires() {
    on_stage("5m", async |stage| {
        asks_of_health(stage).await;
        let quiet = becomes(stage, "project", "Inactive").await;
        let shown = json!([quiet["status"]["series"], quiet["status"]["source"]]);
        assert_eq!(shown, json!([2, "ProjectHealth"]));
        let unhealthy = json!({ "route": HEALTH, "fault": { "unhealthy": { "service": "rest" } } });
        let fault = stage.project.fault(unhealthy).await;
        let firing = becomes(stage, "project", "Firing").await;
        let alerts = &firing["status"]["alerts"];
        assert_eq!(
            json!([alerts[0]["labels"], alerts[1]]),
            json!([{ "service": "rest" }, null])
        );
        fault.off().await;
        becomes(stage, "project", "Inactive").await;
    })
    .await;
}

async fn a_secret_that_is_too_old_fires_until_it_is_set_again() {
    on_stage("5m", async |stage| {
        let secrets = json!([{ "name": "STRIPE_KEY", "value": "stripe-canary" }, { "name": "OTHER", "value": "x" }]);
        stage.project.call("POST", "secrets", Some(secrets)).await;
        // Any age that there is.
        let signal = json!({ "name": "SecretAge", "match": { "secret": "STRIPE_*" } });
        asks(stage, signal.clone(), "GreaterThan", "0").await;
        let firing = becomes(stage, "project", "Firing").await;
        let alert = &firing["status"]["alerts"][0];
        assert_eq!(
            json!([alert["labels"], firing["status"]["series"]]),
            json!([{ "secret": "STRIPE_KEY" }, 1])
        );
        let days: f64 = alert["value"].as_str().unwrap().parse().unwrap();
        assert!(days > 0.0 && days < 1.0, "{days}");
        asks(stage, signal, "GreaterThan", "90").await;
        becomes(stage, "project", "Inactive").await;
        stage
            .project
            .call("DELETE", "secrets", Some(json!(["STRIPE_KEY"])))
            .await;
        becomes(stage, "project", "NoData").await;
    })
    .await;
}

async fn a_token_that_may_not_ask_resolves_nothing() {
    on_stage("5m", async |stage| {
        let unhealthy = json!({ "route": HEALTH, "fault": { "unhealthy": { "service": "rest" } } });
        let fault = stage.project.fault(unhealthy).await;
        asks_of_health(stage).await;
        becomes(stage, "project", "Firing").await;
        let forbidden = json!({ "route": HEALTH, "fault": { "status": 403 } });
        fault.off().await;
        let fault = stage.project.fault(forbidden).await;
        let message = fails(stage, "project", "TokenRejected").await;
        assert!(message.contains("403"), "{message}");
        until(stage, "project", "fires on", |rule| rule["status"]["state"] == "Firing").await;
        fault.off().await;
        becomes(stage, "project", "Inactive").await;
    })
    .await;
}
