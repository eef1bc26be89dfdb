//! `kubectl ace wait` beside the operator, with the right to list what it waits for, and no other.

use ace_domain::inputs::sha256;
use ace_tests::{Person, Stage, TREE, on_stage, pack};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::functions::sources::{broken, says};

ace_tests::tests![
    a_revision_is_live_in_every_function_of_the_source_when_the_waiting_ends,
    a_revision_that_fails_its_checks_ends_the_waiting_with_the_message,
];

/// Where nothing depends on a look.
const RARELY: &str = "24h";

/// Begins to wait, with what a pipeline may do; answers with the exit code and what was said.
pub(crate) async fn wait(stage: &Stage<'_>, arguments: &[&str]) -> JoinHandle<(Option<i32>, String)> {
    let rules = json!([
        { "apiGroups": ["ops.mobulace.com"], "resources": ["edgefunctions", "migrationsets"], "verbs": ["list"] },
    ]);
    let pipeline = Person::new(stage.space, "pipeline", rules).await;
    let waits = pipeline.ace(&[&["wait"], arguments].concat(), &[]);
    tokio::spawn(async {
        let output = waits.await.unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    })
}

async fn a_revision_is_live_in_every_function_of_the_source_when_the_waiting_ends() {
    on_stage(RARELY, async |stage| {
        let files = |word| [("a/index.ts", says(word)), ("b/index.ts", says(word))];
        let packed = |word| pack(&files(word).each_ref().map(|(path, text)| (*path, text.as_str())));
        stage.source_named(TREE, &packed("old")).await;
        for name in ["a", "b"] {
            stage.function(name, json!({})).await;
            stage.ready(name).await;
        }
        // What was there is waited for in no time, and what nobody has, in vain.
        let old = sha256(&packed("old"));
        let (code, said) = wait(stage, &["--revision", &old]).await.await.unwrap();
        assert_eq!(code, Some(0), "{said}");
        let new = sha256(&packed("new"));
        let (code, said) = wait(stage, &["--revision", &new, "--timeout", "1s", "fn/a"])
            .await
            .await
            .unwrap();
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains(&format!("the time is up:\n  fn/a: is at {old}: ")),
            "{said}"
        );

        let waiting = wait(stage, &["--revision", &new, "--source", "ConfigMap/tree"]).await;
        stage.source_named(TREE, &packed("new")).await;
        let (code, said) = waiting.await.unwrap();
        assert_eq!(code, Some(0), "{said}");
        for name in ["a", "b"] {
            assert_eq!(stage.project.answer(name).await, "new");
        }
        assert!(said.ends_with("all 2 have taken it and are Ready\n"), "{said}");
    })
    .await;
}

async fn a_revision_that_fails_its_checks_ends_the_waiting_with_the_message() {
    on_stage(RARELY, async |stage| {
        stage.source(&[("a/index.ts", &says("old"))]).await;
        let checks = json!([{ "name": "root", "expectStatus": [200] }]);
        stage.function("a", json!({ "checks": checks })).await;
        stage.ready("a").await;
        let archive = pack(&[("a/index.ts", broken())]);
        let waiting = wait(stage, &["--revision", &sha256(&archive), "fn"]).await;
        stage.source_named(TREE, &archive).await;
        let (code, said) = waiting.await.unwrap();
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.contains("stalled, which needs a person:\n  fn/a: ") && said.contains("root"),
            "{said}"
        );
    })
    .await;
}
