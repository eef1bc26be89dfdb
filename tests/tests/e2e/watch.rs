//! The watch that judges every end-to-end test sees everything, and lets nothing pass.

use std::panic::AssertUnwindSafe;

use ace_api::{EdgeFunction, EdgeFunctionSpec};
use ace_tests::{Space, with_namespace};
use futures::FutureExt;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

ace_tests::tests![
    every_version_is_seen_in_its_order,
    a_wrong_version_fails_the_test_though_it_is_mended_at_once,
    a_time_that_moves_alone_fails_the_test,
];

async fn every_version_is_seen_in_its_order() {
    let mut written = Vec::new();
    let seen = with_namespace(async |space| {
        written.push(create(space).await);
        for n in 0..30 {
            written.push(
                report(
                    space,
                    json!([condition("Ready", "True", "Live", &n.to_string()), undrifted()]),
                )
                .await,
            );
        }
        space
            .api::<EdgeFunction>()
            .delete("hello", &DeleteParams::default())
            .await
            .unwrap();
        space.wait_gone::<EdgeFunction>("hello").await;
        space.watch.caught_up().await;
        space.watch.versions("EdgeFunction", "hello")
    })
    .await;
    let numbers: Vec<&str> = seen
        .iter()
        .map(|version| version.object["metadata"]["resourceVersion"].as_str().unwrap())
        .collect();
    let (last, rest) = seen.split_last().unwrap();
    assert_eq!(numbers[..numbers.len() - 1], written);
    assert!(last.deleted && rest.iter().all(|version| !version.deleted));
}

async fn a_wrong_version_fails_the_test_though_it_is_mended_at_once() {
    let test = with_namespace(async |space| {
        create(space).await;
        let ready = condition("Ready", "True", "Live", "live");
        report(
            space,
            json!([ready, condition("Stalled", "True", "ChecksFailed", "no"), undrifted()]),
        )
        .await;
        report(space, json!([ready, undrifted()])).await;
    });
    let panic = AssertUnwindSafe(test).catch_unwind().await.unwrap_err();
    let says = panic.downcast_ref::<String>().unwrap();
    assert!(says.starts_with("EdgeFunction hello at version "), "{says}");
    assert!(
        says.contains(": Ready is True beside Reconciling or Stalled: "),
        "{says}"
    );
    assert_eq!(says.lines().count(), 1, "{says}");
}

async fn a_time_that_moves_alone_fails_the_test() {
    let test = with_namespace(async |space| {
        create(space).await;
        let mut ready = condition("Ready", "True", "Live", "live");
        report(space, json!([ready, undrifted()])).await;
        ready["lastTransitionTime"] = json!("2026-11-23T11:00:00Z");
        report(space, json!([ready, undrifted()])).await;
    });
    let panic = AssertUnwindSafe(test).catch_unwind().await.unwrap_err();
    let says = panic.downcast_ref::<String>().unwrap();
    assert!(
        says.contains("lastTransitionTime of Ready moved without its status"),
        "{says}"
    );
}

/// Returns the version that was made.
async fn create(space: &Space) -> String {
    let spec: EdgeFunctionSpec = serde_json::from_value(spec()).unwrap();
    let functions: Api<EdgeFunction> = space.api();
    let made = functions
        .create(&PostParams::default(), &EdgeFunction::new("hello", spec))
        .await
        .unwrap();
    made.metadata.resource_version.unwrap()
}

/// Writes the conditions as an operator would, and returns the version that was made.
async fn report(space: &Space, conditions: Value) -> String {
    let status = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "EdgeFunction",
        "status": { "observedGeneration": 1, "conditions": conditions },
    });
    let manager = PatchParams::apply("ace-operator/edgefunction").force();
    let functions: Api<EdgeFunction> = space.api();
    let made = functions
        .patch_status("hello", &manager, &Patch::Apply(status))
        .await
        .unwrap();
    made.metadata.resource_version.unwrap()
}

fn spec() -> Value {
    json!({ "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "code" }, "verifyJWT": true })
}

fn undrifted() -> Value {
    condition("Drifted", "False", "NoDrift", "as applied")
}

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": type_, "status": status, "reason": reason, "message": message, "observedGeneration": 1,
        "lastTransitionTime": "2026-11-23T10:00:00Z",
    })
}
