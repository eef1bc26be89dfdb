//! Definitions that are older than the operator, on the real API server: it refuses what they do not have.

use ace_api::EdgeFunction;
use ace_tests::{
    Operator, OperatorOptions, Space, Stage, bed, is_observed, is_true, message_of, on_stage_of, reason_of, repository,
};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

ace_tests::tests! {
    nothing_is_deployed_under_a_definition_without_the_intent_and_the_field_is_named_until_it_is_installed,
}

const DEFINITION: &str = "edgefunctions.ops.mobulace.com";
const INTENT: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/intent";

/// Whether the API server keeps an intent, in the status of a function that is suspended.
async fn keeps_intents(space: &Space, is_kept: bool) {
    let api = space.api::<EdgeFunction>();
    space
        .eventually("the API server goes by the other definition", async || {
            let intent =
                json!({ "type": "RollOut", "sourceDigest": "sha256:probe", "startTime": "2026-11-23T10:00:00Z" });
            let patch = Patch::Merge(json!({ "status": { "intent": intent } }));
            let parameters = PatchParams {
                dry_run: true,
                ..PatchParams::default()
            };
            let shown = api
                .patch_status("asleep", &parameters, &patch)
                .await
                .map(|shown| json!(shown.status));
            (shown.is_ok_and(|status| status["intent"].is_null() != is_kept)).then_some(())
        })
        .await;
}

async fn stalled(stage: &Stage<'_>) -> Value {
    stage
        .until("hello", "names what is missing", |function| {
            reason_of(function, "Stalled") == "DefinitionOutdated" && is_observed(function)
        })
        .await
}

async fn nothing_is_deployed_under_a_definition_without_the_intent_and_the_field_is_named_until_it_is_installed() {
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    on_stage_of(&operator, "5m", async |stage| {
        stage
            .source(&[("hello/index.ts", "Deno.serve(() => new Response(\"hello\"));\n")])
            .await;
        stage.function("asleep", json!({ "suspend": true })).await;
        keeps_intents(stage.space, true).await;
        let kubectl = &stage.space.bed.kubectl;
        let older = json!([{ "op": "remove", "path": INTENT }]).to_string();
        let patched = kubectl
            .run(&["patch", "crd", DEFINITION, "--type=json", "-p", &older])
            .await;
        patched.expect("the definition is patched");
        keeps_intents(stage.space, false).await;

        stage.function("hello", json!({})).await;
        let function = stalled(stage).await;
        assert!(
            message_of(&function, "Stalled").contains("status.intent"),
            "{function:#}"
        );
        assert!(!is_true(&function, "Ready"));
        assert_eq!(stage.project.uploads(0).await, Vec::<String>::new());

        let crds = repository().join("crds");
        let crds = crds.to_str().unwrap();
        let applied = kubectl
            .run(&["apply", "--server-side", "--force-conflicts", "-k", crds])
            .await;
        applied.expect("the definitions are installed");
        stage.ready("hello").await;
        assert_eq!(stage.project.uploads(0).await.len(), 1);
    })
    .await;
}
