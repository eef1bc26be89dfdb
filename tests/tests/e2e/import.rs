//! `kubectl ace import` beside Supabase's own CLI: what the one prints is what the other has deployed.

use std::{fs, path::PathBuf, process::Command};

use ace_api::EdgeFunction;
use ace_tests::{Colleague, TREE, built, is_true, on_stage};
use serde_json::Value;

ace_tests::tests![what_the_cli_has_deployed_is_recognised_by_the_resources_that_are_printed_for_the_same_project];

/// With what the CLI coerces and overrides, and code outside `functions/`.
const CONFIG: &str = "project_id = \"checkout\"\n\
    [functions.hook]\nverify_jwt = \"env(HOOK_VERIFY_JWT)\"\nstatic_files = \"./functions/hook/*.html,./assets/*.txt\"\n\
    [functions.open]\nverify_jwt = true\nimport_map = \"./import_map.json\"\n\
    [functions.off]\nverify_jwt = true\n\
    [functions.closed]\nverify_jwt = true\n\
    [remotes.production]\nproject_id = \"PROJECT\"\n\
    [remotes.production.functions.open]\nverify_jwt = false\n\
    [remotes.production.functions.off]\nenabled = false\n\
    [remotes.other]\nproject_id = \"zzzzzzzzzzzzzzzzzzzz\"\n\
    [remotes.other.functions.closed]\nverify_jwt = false\n";

const FILES: [(&str, &str); 10] = [
    (".env", "HOOK_VERIFY_JWT=false\n"),
    ("assets/note.txt", "note"),
    ("import_map.json", "{\"imports\": {\"shared/\": \"./shared/\"}}"),
    ("shared/word.ts", "export const word = 'open';\n"),
    ("functions/.env", "SECRET=secret\n"),
    ("functions/hook/page.html", "<p>page</p>"),
    ("functions/hook/index.ts", "Deno.serve(() => new Response('hook'));\n"),
    (
        "functions/open/index.ts",
        "import { word } from 'shared/word.ts';\nDeno.serve(() => new Response(word));\n",
    ),
    ("functions/off/index.ts", "Deno.serve(() => new Response('off'));\n"),
    (
        "functions/closed/index.ts",
        "Deno.serve(() => new Response('closed'));\n",
    ),
];

/// Names and rules, as the platform lists them.
const DEPLOYED: [(&str, bool); 3] = [("closed", true), ("hook", false), ("open", false)];

async fn what_the_cli_has_deployed_is_recognised_by_the_resources_that_are_printed_for_the_same_project() {
    on_stage("30s", async |stage| {
        let project = &stage.project;
        let colleague = Colleague::new(project);
        colleague.file("config.toml", &CONFIG.replace("PROJECT", &project.reference));
        for (path, content) in FILES {
            colleague.file(path, content);
        }
        let reference = format!("--remote={}", project.reference);
        colleague
            .run(&["functions", "deploy", "--use-api", &reference, "--yes"])
            .await;
        let listed = project.functions().await;
        let rules = listed
            .iter()
            .map(|(slug, function)| (slug.as_str(), function["verify_jwt"] == true));
        assert_eq!(rules.collect::<Vec<_>>(), DEPLOYED);

        let (functions, archive) = imported(colleague.checkout(), project.reference.clone()).await;
        let since = project.now().await;
        stage.source_named(TREE, &archive).await;
        for function in functions {
            stage.apply::<EdgeFunction>(function).await;
        }
        for (slug, rule) in DEPLOYED {
            let function = stage
                .until(slug, "is the function that the CLI has deployed", |function| {
                    is_true(function, "Ready") && !function["status"]["applied"].is_null()
                })
                .await;
            assert_eq!(function["spec"]["verifyJWT"], rule, "{function:#}");
            assert!(!is_true(&function, "Drifted"), "{function:#}");
        }
        assert_eq!(project.changes(since).await, []);
    })
    .await;
}

/// The functions that are printed, and the archive that the printed line packs.
async fn imported(directory: PathBuf, reference: String) -> (Vec<Value>, Vec<u8>) {
    let import = move || {
        let mut command = Command::new(built("ace-cli", "kubectl-ace"));
        command.arg("import").arg(&directory).args(["--project", &reference]);
        command.args([
            "--platform",
            "prod",
            "--source-kind",
            "ConfigMap",
            "--source-name",
            TREE,
        ]);
        let output = command.env_clear().output().unwrap();
        let report = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{report}");
        let text = String::from_utf8(output.stdout).unwrap();
        let documents: Vec<Value> = serde_yaml::from_multiple(&text).unwrap();
        let functions = documents
            .into_iter()
            .filter(|document| document["kind"] == "EdgeFunction");
        let line = report.lines().find(|line| line.contains("tar czf")).unwrap();
        let packed = Command::new("sh")
            .args(["-ec", line])
            .current_dir(&directory)
            .status()
            .unwrap();
        assert!(packed.success(), "{line}");
        let archive = fs::read(directory.join(format!("{TREE}.tar.gz"))).unwrap();
        (functions.collect(), archive)
    };
    tokio::task::spawn_blocking(import).await.unwrap()
}
