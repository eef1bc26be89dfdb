//! Others deploy beside the operator.

use ace_tests::{BODY, Colleague, Stage, UPLOAD, is_true, message_of, on_stage, reason_of};
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use serde_json::{Value, json};

use super::{
    OFTEN,
    sources::{GREETER, says, who},
};

ace_tests::tests![
    a_function_that_is_applied_answers,
    the_same_source_deployed_by_the_official_cli_is_no_drift,
    in_apply_a_changed_byte_is_named_and_nothing_is_written,
    in_enforce_a_changed_byte_costs_one_upload_and_the_foreign_body_is_archived,
    the_same_drift_again_is_one_event_that_is_counted_up,
];

async fn a_function_that_is_applied_answers() {
    on_stage(OFTEN, async |stage| {
        stage.source(&[("hello/index.ts", &says("hello"))]).await;
        stage
            .function(
                "hello",
                json!({ "checks": [{ "name": "root", "expectStatus": [200] }] }),
            )
            .await;
        let function = stage.ready("hello").await;
        assert_eq!(stage.project.answer("hello").await, "hello");
        let status = &function["status"];
        assert_eq!(status["live"]["revision"], status["source"]["revision"]);
        assert_eq!(
            (&status["live"]["version"], &status["intent"]),
            (&json!(1), &Value::Null)
        );
        assert_eq!(reason_of(&function, "Drifted"), "NoDrift");
        assert_eq!(stage.project.uploads(0).await, ["hello"]);
    })
    .await;
}

async fn the_same_source_deployed_by_the_official_cli_is_no_drift() {
    on_stage(OFTEN, async |stage| {
        let tree: [(&str, &str); 2] = [("hello/index.ts", GREETER), ("_shared/who.ts", &who("world"))];
        stage.source(&tree).await;
        stage.function("hello", json!({})).await;
        stage.ready("hello").await;

        let since = stage.project.now().await;
        let colleague = Colleague::new(&stage.project);
        colleague.files(&tree);
        colleague.deploy("hello", false).await;
        let function = stage
            .until("hello", "shows version 2", |function| {
                function["status"]["live"]["version"] == 2
            })
            .await;

        assert!(is_true(&function, "Ready"), "{function:#}");
        assert_eq!(
            function["status"]["live"]["revision"],
            function["status"]["source"]["revision"]
        );
        let never =
            |versions: Vec<ace_tests::Version>| versions.iter().all(|version| !is_true(&version.object, "Drifted"));
        assert!(never(stage.space.watch.versions("EdgeFunction", "hello")));
        let bodies = stage.project.count(since, BODY).await;
        assert_eq!((bodies, stage.project.changes(since).await), (1, vec![]));
    })
    .await;
}

async fn in_apply_a_changed_byte_is_named_and_nothing_is_written() {
    on_stage(OFTEN, async |stage| {
        let (since, function) = changed_by_another(stage, "Apply").await;
        assert_eq!(function["status"]["live"]["revision"], "foreign");
        assert!(
            is_true(&function, "Ready"),
            "in Apply drift is no reason to be not Ready: {function:#}"
        );
        assert_eq!(
            message_of(&function, "Drifted"),
            "redeployed out of band: 1 file differs: _shared/who.ts"
        );
        let fields = &function["status"]["drift"]["fields"];
        assert_eq!(fields[0]["path"], "files/_shared/who.ts", "{fields:#}");
        assert_eq!(fields.as_array().map(Vec::len), Some(1));

        // Two more looks change nothing of it.
        let looked = stage.project.now().await;
        stage
            .eventually("two more lists", async || {
                (stage.project.count(looked, ace_tests::LIST).await >= 2).then_some(())
            })
            .await;
        assert_eq!(stage.project.changes(since).await, []);
        assert_eq!(stage.project.version("hello").await, Some(2));
        assert_eq!(stage.archives("hello", "Foreign").await, []);
    })
    .await;
}

async fn in_enforce_a_changed_byte_costs_one_upload_and_the_foreign_body_is_archived() {
    on_stage(OFTEN, async |stage| {
        let (since, _) = changed_by_another(stage, "Enforce").await;
        let corrected =
            |function: &Value| reason_of(function, "Drifted") == "DriftCorrected" && is_true(function, "Ready");
        let function = stage.until("hello", "was corrected", corrected).await;
        assert_eq!(stage.project.uploads(since).await, ["hello"]);
        assert_eq!(stage.project.changes(since).await.len(), 1, "{UPLOAD} and nothing else");
        assert_eq!(function["status"]["live"]["version"], 3);
        assert_eq!(function["status"]["drift"]["fields"][0]["path"], "files/_shared/who.ts");
        assert_eq!(stage.project.answer("hello").await, "hello world");

        let archives = stage.archives("hello", "Foreign").await;
        let contents: Vec<&String> = archives.iter().flat_map(|archive| archive.values()).collect();
        assert_eq!(archives.len(), 1, "{archives:#?}");
        assert!(
            contents.contains(&&who("World")) && contents.contains(&&GREETER.to_owned()),
            "{archives:#?}"
        );
        stage
            .eventually("both events", async || {
                let events = stage.events("hello").await.join("\n");
                (events.contains("DriftDetected: ") && events.contains("DriftCorrected: ")).then_some(())
            })
            .await;
    })
    .await;
}

async fn the_same_drift_again_is_one_event_that_is_counted_up() {
    on_stage(OFTEN, async |stage| {
        stage.source(&[("hello/index.ts", &says("hello"))]).await;
        stage.function("hello", json!({})).await;
        stage.ready("hello").await;
        for version in [1, 3] {
            let theirs = [("hello/index.ts", "Deno.serve(() => new Response(\"theirs\"));\n")];
            stage.project.deploy("hello", false, &theirs).await;
            let corrected =
                |function: &Value| function["status"]["live"]["version"] == version + 2 && is_true(function, "Ready");
            stage.until("hello", "is corrected", corrected).await;
        }
        // Counts are written once in a minute, whatever the pace.
        let counted = async || {
            let events = stage.space.api::<Event>().list(&ListParams::default()).await.unwrap();
            let mut drifts = events
                .items
                .into_iter()
                .filter(|event| event.reason.as_deref() == Some("DriftDetected"));
            let drift = drifts.next()?;
            assert_eq!(drifts.next(), None, "one event tells of both");
            Some(drift.series?.count)
        };
        assert_eq!(stage.eventually("the event is counted up", counted).await, 2);
    })
    .await;
}

/// Rolls a function out, has a colleague deploy it with one byte changed, and waits until the drift is shown.
async fn changed_by_another(stage: &Stage<'_>, mode: &str) -> (u64, Value) {
    stage
        .source(&[("hello/index.ts", GREETER), ("_shared/who.ts", &who("world"))])
        .await;
    stage.function("hello", json!({ "mode": mode })).await;
    stage.ready("hello").await;
    let since = stage.project.now().await;
    let colleague = Colleague::new(&stage.project);
    colleague.files(&[("hello/index.ts", GREETER), ("_shared/who.ts", &who("World"))]);
    colleague.deploy("hello", false).await;
    let function = stage
        .until("hello", "is Drifted", |function| is_true(function, "Drifted"))
        .await;
    (since, function)
}
