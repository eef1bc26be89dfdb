//! A project that answers nothing beside one that does.

use std::collections::HashSet;

use ace_tests::{Fault, Operator, OperatorOptions, Stage, UPLOAD, bed, on_stage_of};
use serde_json::{Value, json};

ace_tests::tests! {
    deploys_that_hang_hold_up_no_other_project,
    of_deploys_that_fail_each_is_tried_before_any_is_tried_twice,
}

/// Far more than there are passes for one project at a time.
const FUNCTIONS: usize = 24;
const HELLO: &str = "Deno.serve(() => new Response(\"hello\"));\n";

/// New functions of a project with this fault, which its deploys have.
async fn failing<'a>(stage: &'a Stage<'_>, fault: Value) -> Fault<'a> {
    let fault = stage.project.fault(json!({ "route": UPLOAD, "fault": fault })).await;
    let names: Vec<String> = (0..FUNCTIONS).map(|number| format!("hello-{number}")).collect();
    let files: Vec<String> = names.iter().map(|name| format!("{name}/index.ts")).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|path| (path.as_str(), HELLO)).collect();
    stage.source(&files).await;
    for name in &names {
        stage.function(name, json!({})).await;
    }
    fault
}

/// How many of its functions were tried.
async fn tried(stage: &Stage<'_>) -> usize {
    let uploads = stage.project.uploads(0).await;
    uploads.iter().collect::<HashSet<_>>().len()
}

async fn deploys_that_hang_hold_up_no_other_project() {
    // Slow enough that trying all that hang takes minutes.
    let options = OperatorOptions {
        scale: 4,
        ..OperatorOptions::default()
    };
    let operator = Operator::start(bed(), &options).await;
    on_stage_of(&operator, "24h", async |hung| {
        let _hangs = failing(hung, json!({ "hang": {} })).await;
        hung.eventually("some are tried", async || (tried(hung).await > 1).then_some(()))
            .await;
        on_stage_of(&operator, "24h", async |healthy| {
            healthy.source(&[("hello/index.ts", HELLO)]).await;
            healthy.function("hello", json!({})).await;
            healthy.ready("hello").await;
        })
        .await;
        let meanwhile = tried(hung).await;
        assert!(
            meanwhile < FUNCTIONS,
            "the other one has waited for {meanwhile} of these"
        );
    })
    .await;
}

async fn of_deploys_that_fail_each_is_tried_before_any_is_tried_twice() {
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    on_stage_of(&operator, "24h", async |stage| {
        let _fails = failing(stage, json!({ "status": 504 })).await;
        stage
            .eventually("each is tried", async || {
                (tried(stage).await == FUNCTIONS).then_some(())
            })
            .await;
        let uploads = stage.project.uploads(0).await;
        let first: HashSet<&String> = uploads.iter().take(FUNCTIONS).collect();
        assert_eq!(first.len(), FUNCTIONS, "one is tried twice before another: {uploads:?}");
    })
    .await;
}
