//! What people have reported of the CLI, of plans, of tokens and of budgets, through the operator's process.

use std::fs;

use ace_api::{EdgeFunction, Platform};
use ace_tests::{Colleague, LIST, PLATFORM, Stage, UPLOAD, Version, is_true, message_of, on_stage, reason_of};
use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::{
    OFTEN, RARELY,
    sources::{GREETER, says, who},
};

ace_tests::tests![
    what_the_official_cli_downloads_of_ours_and_deploys_again_is_no_drift_and_is_adopted,
    what_the_official_cli_sends_along_is_adopted_and_never_undone,
    wasm_texts_and_static_files_go_live_and_answer,
    an_import_that_no_map_has_is_refused_before_any_upload_with_file_and_line,
    a_plan_that_is_used_up_is_said_once_on_the_platform_and_ends_with_its_next_spec,
    a_right_that_the_token_lacks_is_said_once_on_the_platform_and_ends_when_somebody_asks,
    new_functions_that_a_rate_limit_holds_back_are_looked_for_once_and_uploaded_once,
];

/// A look at one function.
const GET: &str = "GET /v1/projects/{ref}/functions/{function_slug}";

/// `add(1, 2)` is 3: a module that exports the sum of two i32. All of its bytes are ASCII.
const ADD: &str = "\0asm\u{1}\0\0\0\
    \u{1}\u{7}\u{1}\u{60}\u{2}\u{7f}\u{7f}\u{1}\u{7f}\
    \u{3}\u{2}\u{1}\0\
    \u{7}\u{7}\u{1}\u{3}add\0\0\
    \u{a}\u{9}\u{1}\u{7}\0\u{20}\0\u{20}\u{1}\u{6a}\u{b}";

/// Runs a command of the official CLI about the project's functions.
async fn functions(stage: &Stage<'_>, colleague: &Colleague, arguments: &[&str]) {
    let reference = format!("--remote={}", stage.project.reference);
    let arguments = [&["functions"], arguments, &["--use-api", &reference, "--yes"]].concat();
    colleague.run(&arguments).await;
}

/// No version of the function, from the first to now, was drift.
fn never_drifted(stage: &Stage<'_>, name: &str) -> bool {
    let versions = stage.space.watch.versions("EdgeFunction", name);
    versions.iter().all(|version| !is_true(&version.object, "Drifted"))
}

async fn what_the_official_cli_downloads_of_ours_and_deploys_again_is_no_drift_and_is_adopted() {
    on_stage(OFTEN, async |stage| {
        let tree: [(&str, &str); 2] = [("hello/index.ts", GREETER), ("_shared/who.ts", &who("world"))];
        stage.source(&tree).await;
        stage.function("hello", json!({ "mode": "Enforce" })).await;
        stage.ready("hello").await;

        let since = stage.project.now().await;
        let colleague = Colleague::new(&stage.project);
        functions(stage, &colleague, &["download", "hello"]).await;
        let folder = colleague.checkout().join("supabase/functions");
        for (path, text) in tree {
            assert_eq!(fs::read_to_string(folder.join(path)).unwrap(), text, "{path}");
        }
        colleague.deploy("hello", false).await;
        let redeployed = |function: &Value| function["status"]["live"]["version"] == 2 && is_true(function, "Ready");
        stage.until("hello", "shows the CLI's version", redeployed).await;
        assert!(never_drifted(stage, "hello"));

        // Nor does anything differ for one that has no memory of it.
        let functions = stage.space.api::<EdgeFunction>();
        functions.delete("hello", &DeleteParams::default()).await.unwrap();
        stage.space.wait_gone::<EdgeFunction>("hello").await;
        stage.function("hello", json!({ "mode": "Enforce" })).await;
        let adopted = stage.ready("hello").await;
        assert_eq!(adopted["status"]["history"][0]["type"], "Adopted", "{adopted:#}");
        assert_eq!(stage.project.changes(since).await, []);
    })
    .await;
}

async fn what_the_official_cli_sends_along_is_adopted_and_never_undone() {
    let along = ["hello/old.ts", "hello/example.ts", "_shared/cors.ts"];
    let tree = [
        (
            "hello/index.ts",
            "// import { old } from \"./old.ts\";\nconst usage = `import { x } from \"./example.ts\";`;\n\
             Deno.serve(() => new Response(`hello ${usage.length}`));\n",
        ),
        (
            "hello/deno.json",
            "{ \"imports\": { \"cors\": \"../_shared/cors.ts\" } }",
        ),
        (along[0], "export const old = 1;\n"),
        (along[1], "export const x = 1;\n"),
        (along[2], "export const cors = {};\n"),
    ];
    on_stage(OFTEN, async |stage| {
        let colleague = Colleague::new(&stage.project);
        colleague.files(&tree);
        colleague.deploy("hello", false).await;
        // It did: they are in what the platform returns.
        let reader = Colleague::new(&stage.project);
        functions(stage, &reader, &["download", "hello"]).await;
        for path in along {
            let path = reader.checkout().join("supabase/functions").join(path);
            assert!(path.exists(), "{}", path.display());
        }

        let since = stage.project.now().await;
        stage.source(&tree).await;
        stage.function("hello", json!({ "mode": "Enforce" })).await;
        let adopted = stage.ready("hello").await;
        assert_eq!(adopted["status"]["history"][0]["type"], "Adopted", "{adopted:#}");
        colleague.deploy("hello", false).await;
        let redeployed = |function: &Value| function["status"]["live"]["version"] == 2 && is_true(function, "Ready");
        stage.until("hello", "shows the CLI's version", redeployed).await;
        // What was seen at two lists would be believed.
        let seen = stage.project.now().await;
        stage
            .eventually("two more lists", async || {
                (stage.project.count(seen, LIST).await >= 2).then_some(())
            })
            .await;
        assert!(never_drifted(stage, "hello"));
        assert_eq!(stage.project.changes(since).await, []);
    })
    .await;
}

async fn wasm_texts_and_static_files_go_live_and_answer() {
    let tree = [
        (
            "sum/index.ts",
            "import { add } from \"./add.wasm\";\nimport page from \"./page.html\" with { type: \"text\" };\n\
             const read = (path: string) => Deno.readTextFileSync(new URL(path, import.meta.url));\n\
             Deno.serve(() => new Response([add(1, 2), page, read(\"./assets/deep/er/b.html\"), read(\"../_shared/fonts/x.ttf\")].join(\" \")));\n",
        ),
        ("sum/add.wasm", ADD),
        ("sum/page.html", "<p>page</p>"),
        ("sum/assets/deep/er/b.html", "<b>deep</b>"),
        ("sum/assets/deep/er/note.txt", "not matched"),
        ("_shared/fonts/x.ttf", "font"),
    ];
    on_stage(OFTEN, async |stage| {
        stage.source(&tree).await;
        let patterns = json!(["sum/assets/**/*.html", "_shared/fonts/*"]);
        let checks = json!([{ "name": "root", "expectStatus": [200] }]);
        let spec = json!({ "staticFiles": patterns, "checks": checks, "mode": "Enforce" });
        stage.function("sum", spec).await;
        let function = stage.ready("sum").await;
        assert_eq!(function["status"]["source"]["files"], 5, "{function:#}");
        assert_eq!(stage.project.answer("sum").await, "3 <p>page</p> <b>deep</b> font");

        // The same deployed by the CLI is the same.
        let since = stage.project.now().await;
        let colleague = Colleague::new(&stage.project);
        colleague.files(&tree);
        let static_files = "\"./functions/sum/assets/**/*.html\", \"./functions/_shared/fonts/*\"";
        colleague.file(
            "config.toml",
            &format!("project_id = \"checkout\"\n[functions.sum]\nstatic_files = [{static_files}]\n"),
        );
        colleague.deploy("sum", false).await;
        let redeployed = |function: &Value| function["status"]["live"]["version"] == 2 && is_true(function, "Ready");
        stage.until("sum", "shows the CLI's version", redeployed).await;
        assert!(never_drifted(stage, "sum"));
        assert_eq!(stage.project.changes(since).await, []);
    })
    .await;
}

async fn an_import_that_no_map_has_is_refused_before_any_upload_with_file_and_line() {
    on_stage(RARELY, async |stage| {
        let files = [
            (
                "hello/index.ts",
                "import \"../_shared/x.ts\";\nDeno.serve(() => new Response());\n",
            ),
            ("_shared/x.ts", "\nimport { z } from \"zod\";\n"),
            // These know the name, and are not what the platform resolves by.
            ("deno.json", "{ \"imports\": { \"zod\": \"npm:zod@4\" } }"),
            ("package.json", "{ \"dependencies\": { \"zod\": \"4\" } }"),
        ];
        stage.source(&files).await;
        stage.function("hello", json!({})).await;
        let function = stage.stalled("hello", "SourceInvalid").await;
        let message = message_of(&function, "Ready");
        assert!(message.contains("_shared/x.ts:2 imports \"zod\""), "{message}");
        assert_eq!(stage.project.changes(0).await, []);
    })
    .await;
}

/// Functions that want to be new, and the name of the first.
const NEW: [&str; 5] = ["first", "a", "b", "c", "d"];

/// Has the first function refused, then wants the others, and shows that nobody repeats what the Platform says: `words` are the
/// platform's, `reason` and `remedy` the Platform's.
async fn refused_once(stage: &Stage<'_>, reason: &str, words: &str, remedy: &str) {
    let files = NEW.map(|name| (format!("{name}/index.ts"), says(name)));
    let files = files.each_ref().map(|(path, text)| (path.as_str(), text.as_str()));
    stage.source(&files).await;
    let (first, others) = NEW.split_first().unwrap();
    stage.function(first, json!({})).await;
    stage.waits(first, "NotPermitted").await;
    let platform = stage
        .space
        .wait::<Platform>(PLATFORM, &format!("is Stalled/{reason}"), |platform| {
            reason_of(platform, "Stalled") == reason
        })
        .await;
    let says = message_of(&platform, "Stalled");
    assert!(says.contains(words) && says.contains(remedy), "{says}");

    for name in others {
        stage.function(name, json!({})).await;
    }
    for name in others {
        stage.waits(name, "NotPermitted").await;
    }
    assert_eq!(
        stage.project.uploads(0).await,
        [*first],
        "one has tried it, and none of the others"
    );
    for name in NEW {
        let versions = stage.space.watch.versions("EdgeFunction", name);
        let stalled = |version: &Version| is_true(&version.object, "Stalled");
        assert!(!versions.iter().any(stalled), "{name}");
        let warned = stage.events(name).await;
        assert_eq!(warned, [""; 0], "{name}");
    }
    let told = stage
        .eventually("the Platform's event", async || {
            let events = stage.events(PLATFORM).await;
            let told: Vec<_> = events.into_iter().filter(|event| event.contains(words)).collect();
            (!told.is_empty()).then_some(told)
        })
        .await;
    assert_eq!(told.len(), 1, "{told:?}");
}

/// All functions are live, each by one upload, but for the first, whose first one was refused.
async fn goes_on(stage: &Stage<'_>) {
    for name in NEW {
        stage.ready(name).await;
    }
    let mut uploads = stage.project.uploads(0).await;
    assert_eq!(uploads.remove(0), "first");
    uploads.sort();
    assert_eq!(uploads, ["a", "b", "c", "d", "first"]);
    let ready = |platform: &Value| is_true(platform, "Ready");
    stage.space.wait::<Platform>(PLATFORM, "is Ready", ready).await;
}

async fn a_plan_that_is_used_up_is_said_once_on_the_platform_and_ends_with_its_next_spec() {
    on_stage(RARELY, async |stage| {
        stage.project.limit_functions(0).await;
        refused_once(
            stage,
            "PlanLimit",
            "Maximum number of functions reached for Plan",
            "change the plan",
        )
        .await;
        stage.project.limit_functions(100).await;
        stage
            .platform(json!({ "interval": RARELY, "requestsPerMinute": 110 }))
            .await;
        goes_on(stage).await;
    })
    .await;
}

async fn a_right_that_the_token_lacks_is_said_once_on_the_platform_and_ends_when_somebody_asks() {
    on_stage(RARELY, async |stage| {
        let fault = json!({ "route": UPLOAD, "fault": { "status": 403 } });
        let fault = stage.project.fault(fault).await;
        refused_once(stage, "TokenRejected", "Forbidden", "functions read and write").await;
        fault.off().await;
        stage.ask("platform", PLATFORM, "the token has it now").await;
        goes_on(stage).await;
    })
    .await;
}

async fn new_functions_that_a_rate_limit_holds_back_are_looked_for_once_and_uploaded_once() {
    const MANY: usize = 20;
    const HELD_BACK: usize = 8;
    on_stage(RARELY, async |stage| {
        let limit = json!({ "rateLimited": { "resetSeconds": 1 } });
        let fault = json!({ "route": UPLOAD, "fault": limit, "times": HELD_BACK });
        stage.project.fault(fault).await;
        let names: Vec<String> = (0..MANY).map(|n| format!("f{n:02}")).collect();
        let files = names.iter().map(|name| (format!("{name}/index.ts"), says(name)));
        let files: Vec<(String, String)> = files.collect();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        stage.source(&files).await;
        for name in &names {
            stage.function(name, json!({})).await;
        }
        for name in &names {
            stage.ready(name).await;
        }
        let live = stage.project.functions().await.into_iter();
        let live: Vec<_> = live
            .map(|(slug, function)| (slug, function["version"].as_i64()))
            .collect();
        let first: Vec<_> = names.iter().map(|name| (name.clone(), Some(1))).collect();
        assert_eq!(live, first);
        assert_eq!(stage.project.count(0, UPLOAD).await, MANY + HELD_BACK);
        let looks = stage.project.count(0, GET).await;
        assert!(looks <= MANY, "{looks} looks for {MANY} functions");

        let says_so = |name: &String| {
            let versions = stage.space.watch.versions("EdgeFunction", name);
            let says = |version: &Version| {
                let message = message_of(&version.object, "Ready");
                message.starts_with("rate limited by the Management API until ")
            };
            versions.iter().any(says)
        };
        assert!(names.iter().any(says_so), "nobody says what holds it back");
    })
    .await;
}
