//! What users ask for besides content: rests, looks, secrets, an end.

use ace_api::EdgeFunction;
use ace_tests::{Stage, is_true, message_of, on_stage, reason_of};
use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::{OFTEN, RARELY, sources::says};

ace_tests::tests![
    deleting_an_object_leaves_its_function_live,
    with_the_policy_delete_the_function_goes_with_its_object,
    with_the_policy_delete_what_others_made_of_it_stays_live_and_is_said_to,
    suspended_nothing_is_rolled_out_and_resumed_it_is,
    a_suspended_platform_suspends_its_functions,
    reconcile_at_looks_now_and_says_that_it_did,
    a_function_waits_for_the_secrets_that_it_requires_and_misses_them_when_they_go,
    the_jwt_rule_is_changed_without_an_upload_and_changed_back,
];

async fn deleting_an_object_leaves_its_function_live() {
    on_stage(RARELY, async |stage| {
        rolled_out(stage, json!({})).await;
        let function = stage.ready("hello").await;
        assert_eq!(
            function["metadata"]["finalizers"],
            Value::Null,
            "the default never hangs"
        );
        delete(stage).await;
        assert_eq!(stage.project.answer("hello").await, "hello");
    })
    .await;
}

async fn with_the_policy_delete_the_function_goes_with_its_object() {
    on_stage(RARELY, async |stage| {
        rolled_out(stage, json!({ "deletionPolicy": "Delete" })).await;
        delete(stage).await;
        assert_eq!(stage.project.version("hello").await, None);
    })
    .await;
}

async fn with_the_policy_delete_what_others_made_of_it_stays_live_and_is_said_to() {
    on_stage(RARELY, async |stage| {
        rolled_out(stage, json!({ "deletionPolicy": "Delete" })).await;
        stage
            .project
            .deploy("hello", false, &[("hello/index.ts", &says("theirs"))])
            .await;
        let since = stage.project.now().await;
        delete(stage).await;
        assert_eq!(stage.project.answer("hello").await, "theirs");
        assert_eq!(stage.project.changes(since).await, []);
        stage
            .eventually("the event", async || {
                let events = stage.events("hello").await;
                events.iter().any(|event| event.starts_with("LeftLive: ")).then_some(())
            })
            .await;
    })
    .await;
}

async fn suspended_nothing_is_rolled_out_and_resumed_it_is() {
    on_stage(OFTEN, async |stage| {
        rolled_out(stage, json!({})).await;
        stage.function("hello", json!({ "suspend": true })).await;
        let suspended = |function: &Value| reason_of(function, "Suspended") == "SuspendedByUser";
        let function = stage.until("hello", "is Suspended", suspended).await;
        assert!(
            is_true(&function, "Ready"),
            "what is live is the desired state still: {function:#}"
        );
        let since = stage.project.now().await;
        stage.source(&[("hello/index.ts", &says("later"))]).await;
        // A neighbour that wants the same tree is the proof that it was seen.
        stage
            .function("neighbour", json!({ "entrypoint": "hello/index.ts" }))
            .await;
        let answers = async || (stage.project.answer("neighbour").await == "later").then_some(());
        stage.eventually("the neighbour has the new tree", answers).await;
        assert!(!stage.project.uploads(since).await.contains(&"hello".to_owned()));

        stage.function("hello", json!({})).await;
        stage
            .until("hello", "runs again", |function| {
                is_true(function, "Ready") && !suspended(function)
            })
            .await;
        assert_eq!(stage.project.answer("hello").await, "later");
    })
    .await;
}

async fn a_suspended_platform_suspends_its_functions() {
    on_stage(OFTEN, async |stage| {
        rolled_out(stage, json!({})).await;
        stage.platform(json!({ "interval": OFTEN, "suspend": true })).await;
        let suspended = |function: &Value| reason_of(function, "Suspended") == "SuspendedByPlatform";
        stage.until("hello", "is Suspended", suspended).await;
        let since = stage.project.now().await;
        stage.function("late", json!({ "entrypoint": "hello/index.ts" })).await;
        let late = stage.until("late", "is Suspended", suspended).await;
        assert_eq!(reason_of(&late, "Ready"), "Suspended");
        assert_eq!(stage.project.requests(since).await, []);
        stage.platform(json!({ "interval": OFTEN })).await;
        stage.ready("late").await;
        stage
            .until("hello", "runs again", |function| !suspended(function))
            .await;
    })
    .await;
}

async fn reconcile_at_looks_now_and_says_that_it_did() {
    on_stage(RARELY, async |stage| {
        rolled_out(stage, json!({ "mode": "Apply" })).await;
        stage
            .project
            .deploy("hello", false, &[("hello/index.ts", &says("theirs"))])
            .await;
        // Nobody would look for a day.
        stage.ask("fn", "hello", "now").await;
        let function = stage
            .until("hello", "is Drifted", |function| is_true(function, "Drifted"))
            .await;
        assert_eq!(function["status"]["lastHandledReconcileAt"], "now");
    })
    .await;
}

async fn a_function_waits_for_the_secrets_that_it_requires_and_misses_them_when_they_go() {
    on_stage(OFTEN, async |stage| {
        stage.source(&[("mail/index.ts", &says("mail"))]).await;
        let secrets = json!([{ "anyOf": ["RESEND_API_KEY", "SENDGRID_API_KEY"] }, { "anyOf": ["SENDER"] }]);
        stage
            .function("mail", json!({ "requires": { "secrets": secrets } }))
            .await;
        let named = "set these secrets in the project: RESEND_API_KEY or SENDGRID_API_KEY, SENDER";
        let waiting = stage
            .until("mail", "names them", |function| message_of(function, "Ready") == named)
            .await;
        assert_eq!(reason_of(&waiting, "Reconciling"), "WaitingForSecrets");

        let values = json!([{ "name": "SENDGRID_API_KEY", "value": "1" }, { "name": "SENDER", "value": "2" }]);
        stage.project.call("POST", "secrets", Some(values)).await;
        stage.ready("mail").await;
        let since = stage.project.now().await;
        stage.project.call("DELETE", "secrets", Some(json!(["SENDER"]))).await;
        let function = stage
            .until("mail", "is Drifted", |function| is_true(function, "Drifted"))
            .await;
        let missing = json!([{ "path": "secrets/SENDER", "desired": "set", "observed": "absent" }]);
        assert_eq!(function["status"]["drift"]["fields"], missing);
        assert_eq!(
            stage.project.changes(since).await,
            [],
            "a secret that is gone is no reason to deploy"
        );
    })
    .await;
}

async fn the_jwt_rule_is_changed_without_an_upload_and_changed_back() {
    on_stage(OFTEN, async |stage| {
        rolled_out(stage, json!({})).await;
        let since = stage.project.now().await;
        stage.function("hello", json!({ "verifyJWT": true })).await;
        let closed = |function: &Value| function["status"]["live"]["verifyJWT"] == true && is_true(function, "Ready");
        stage.until("hello", "asks for a token", closed).await;
        stage
            .project
            .call("PATCH", "functions/hello", Some(json!({ "verify_jwt": false })))
            .await;
        let undone = |function: &Value| reason_of(function, "Drifted") == "DriftCorrected" && closed(function);
        let function = stage.until("hello", "asks for a token again", undone).await;
        assert_eq!(function["status"]["drift"]["fields"][0]["path"], "verifyJWT");
        assert_eq!(stage.project.uploads(since).await, [""; 0]);
        assert_eq!(stage.project.functions().await["hello"]["verify_jwt"], true);
    })
    .await;
}

async fn rolled_out(stage: &Stage<'_>, spec: Value) {
    stage.source(&[("hello/index.ts", &says("hello"))]).await;
    stage.function("hello", spec).await;
    stage.ready("hello").await;
}

async fn delete(stage: &Stage<'_>) {
    stage
        .space
        .api::<EdgeFunction>()
        .delete("hello", &DeleteParams::default())
        .await
        .unwrap();
    stage.space.wait_gone::<EdgeFunction>("hello").await;
}
