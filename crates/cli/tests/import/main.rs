//! `kubectl ace import` on directories as people have them.
#![cfg(test)]

mod archive;
mod cases;
mod configuration;
mod migrations;
mod outside;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ace_api::{EdgeFunction, Mode, SourceKind};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A directory of this test alone, holding `files`.
fn directory(test: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    if root.exists() {
        fs::remove_dir_all(&root).unwrap();
    }
    fs::create_dir_all(&root).unwrap();
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    run_with(directory, arguments, &[])
}

/// A run with these variables, and no other that a configuration may name.
fn run_with(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-ace"));
    command
        .arg("import")
        .arg(directory)
        .args(["--platform", "prod"])
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

/// The documents and the lines on standard error of a run that succeeds; what to do next is not among them.
fn printed(output: &Output) -> (Vec<Value>, Vec<String>) {
    let errors = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let documents = serde_yaml::from_multiple(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
    let (report, _next) = errors.split_once("next:\n").unwrap();
    (documents, report.lines().map(str::to_owned).collect())
}

/// The documents of one kind, as the operator reads them.
fn of_kind<T: DeserializeOwned>(documents: &[Value], kind: &str) -> Vec<T> {
    let own = documents.iter().filter(|document| document["kind"] == kind).cloned();
    own.map(|document| serde_json::from_value(document).unwrap()).collect()
}

/// The functions and the lines on standard error of a run that succeeds, but for the one on functions without secrets.
fn import(directory: &Path, arguments: &[&str]) -> (Vec<EdgeFunction>, Vec<String>) {
    import_with(directory, arguments, &[])
}

fn import_with(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Vec<EdgeFunction>, Vec<String>) {
    let (documents, mut report) = printed(&run_with(directory, arguments, variables));
    report.retain(|line| !line.contains("no secret by Deno.env.get"));
    (of_kind(&documents, "EdgeFunction"), report)
}

/// The one function as YAML, without defaults.
fn document(directory: &Path, arguments: &[&str]) -> Value {
    let (documents, _) = printed(&run(directory, arguments));
    let mut functions = documents
        .into_iter()
        .filter(|document| document["kind"] == "EdgeFunction");
    functions.next().unwrap()
}

#[test]
fn what_the_config_says_is_in_the_resource_with_paths_seen_from_the_functions_folder() {
    let directory = directory(
        "config",
        &[
            (
                "config.toml",
                "project_id = \"x\"\n[api]\nport = 54321\n[functions.hello]\nverify_jwt = false\nentrypoint = \"./functions/hello/main.ts\"\n\
                 import_map = \"./functions/maps/import_map.json\"\nstatic_files = [\"./functions/hello/*.html\"]\n",
            ),
            (
                "functions/hello/main.ts",
                "import 'shared/a.ts'; Deno.env.get('OWN'); Deno.env.get('SUPABASE_URL');",
            ),
            ("functions/hello/page.html", ""),
            (
                "functions/maps/import_map.json",
                r#"{"imports": {"shared/": "../_shared/"}}"#,
            ),
            (
                "functions/_shared/a.ts",
                "Deno.env.get('OF_SHARED'); Deno.env.get('SB_REGION');",
            ),
        ],
    );
    let expected = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "EdgeFunction",
        "metadata": {"name": "hello", "namespace": "ace"},
        "spec": {
            "platformRef": {"name": "prod"},
            "source": {"kind": "GitRepository", "name": "app", "path": "supabase/functions"},
            "entrypoint": "hello/main.ts",
            "importMap": "maps/import_map.json",
            "staticFiles": ["hello/*.html"],
            "verifyJWT": false,
            "mode": "Observe",
            "requires": {"secrets": [{"anyOf": ["OF_SHARED"]}, {"anyOf": ["OWN"]}]},
        },
    });
    assert_eq!(
        document(&directory, &["--mode", "Observe", "--source-name", "app", "-n", "ace"]),
        expected
    );
}

#[test]
fn a_function_without_an_entry_gets_the_default_rule_written_out() {
    let directory = directory("default", &[("supabase/functions/hello/index.ts", "")]);
    let (functions, errors) = import(&directory, &["--source-kind", "ConfigMap"]);
    assert_eq!(functions.len(), 1);
    let spec = &functions[0].spec;
    assert!(spec.verify_jwt);
    assert_eq!(
        (spec.source.kind, spec.source.path.as_deref(), spec.mode),
        (SourceKind::ConfigMap, None, Mode::Enforce)
    );
    let expected = [
        "1 function without verify_jwt in the configuration, so verifyJWT is true; of one that is live, compare with its rule: hello",
        "1 functions printed; 1 files, 0 of which no function needs",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn everything_odd_is_named_and_the_rest_is_printed() {
    let directory = directory(
        "odd",
        &[
            (
                "config.toml",
                "[functions.gone]\nverify_jwt = true\n[functions.off]\nenabled = false\n[functions.broken]\n[functions.keyed]\nschedule = \"* * * * *\"\n\
                 [functions.far]\nimport_map = \"../import_map.json\"\n",
            ),
            ("functions/plain/index.ts", ""),
            ("functions/off/index.ts", ""),
            ("functions/broken/index.ts", "\nimport './none.ts';"),
            ("functions/keyed/index.ts", ""),
            ("functions/far/index.ts", ""),
            ("functions/9to5/index.ts", ""),
            ("functions/empty/readme.md", ""),
            ("functions/_shared/unused.ts", ""),
            ("functions/.vscode/settings.json", ""),
        ],
    );
    let (functions, errors) = import(&directory, &[]);
    let names: Vec<_> = functions.iter().map(EdgeFunction::slug).collect();
    assert_eq!(names, ["broken", "keyed", "plain"]);
    let expected = [
        "1 entry in the configuration without a function, left out: gone",
        "4 functions without verify_jwt in the configuration, so verifyJWT is true; of one that is live, compare with its rule: broken, \
         far, keyed, plain",
        "1 function not enabled in the configuration, left out: off",
        "2 folders in functions/ without index.ts or with a name that is not a valid slug, left out: 9to5, empty",
        "broken: broken/index.ts:2 imports \"./none.ts\", and broken/none.ts is not in the source",
        "far, left out: its import_map \"../import_map.json\" is not in the project; move the file into it",
        "keyed: the configuration has keys without a field in the resource: schedule",
        "3 functions printed; 9 files, 1 function can't be followed, so it is not known which of them are needed",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn the_cli_s_common_import_map_is_named_where_it_would_be_used() {
    let directory = directory(
        "fallback",
        &[
            ("functions/import_map.json", r#"{"imports": {"x": "./_shared/x.ts"}}"#),
            ("functions/_shared/x.ts", "Deno.env.get('X')"),
            ("functions/with/index.ts", "import 'npm:y'"),
            ("functions/with/deno.json", "{}"),
            ("functions/without/index.ts", "import 'x'"),
        ],
    );
    let (functions, errors) = import(&directory, &[]);
    let maps: Vec<_> = functions
        .iter()
        .map(|one| (one.slug(), one.spec.import_map.as_deref()))
        .collect();
    assert_eq!(
        maps,
        [
            ("with".to_owned(), None),
            ("without".to_owned(), Some("import_map.json"))
        ]
    );
    assert!(functions[1].spec.requires.is_some());
    let fallback = "1 function without an import map of their own, so importMap is functions/import_map.json: without";
    assert!(errors.contains(&fallback.to_owned()), "{errors:?}");
}

#[test]
fn a_slug_that_is_no_name_of_an_object_is_kept_as_the_slug() {
    let directory = directory(
        "slugs",
        &[
            ("functions/Send_Email/index.ts", ""),
            ("functions/send-email/index.ts", ""),
        ],
    );
    let (functions, _) = import(&directory, &[]);
    let names: Vec<_> = functions
        .iter()
        .map(|one| (one.metadata.name.as_deref().unwrap(), one.spec.slug.as_deref()))
        .collect();
    assert_eq!(names, [("send-email", None), ("send-email-2", Some("Send_Email"))]);
}

#[cfg(unix)]
#[test]
fn a_link_is_named_because_no_source_carries_it() {
    let directory = directory(
        "links",
        &[("functions/hello/index.ts", "import './linked.ts';"), ("real.ts", "")],
    );
    std::os::unix::fs::symlink(directory.join("real.ts"), directory.join("functions/hello/linked.ts")).unwrap();
    let (_, errors) = import(&directory, &[]);
    assert_eq!(
        errors[1],
        "1 file in functions/ that a source can't have (links, invalid names), left out: hello/linked.ts"
    );
    assert_eq!(
        errors[2],
        "hello: hello/index.ts:1 imports \"./linked.ts\", and hello/linked.ts is not in the source"
    );
}

#[test]
fn the_exit_code_says_what_failed() {
    let nothing = directory("nothing", &[("functions/_shared/x.ts", "")]);
    assert_eq!(run(&nothing, &[]).status.code(), Some(1));
    let none = directory("none", &[("config.toml", "")]);
    assert_eq!(run(&none, &[]).status.code(), Some(1));
    let broken = directory(
        "broken-config",
        &[
            ("functions/hello/index.ts", ""),
            ("config.toml", "[functions.hello]\nverify_jwt = \n"),
        ],
    );
    let output = run(&broken, &[]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(
        message.starts_with("error: cannot read ") && message.contains("line 2"),
        "{message}"
    );
    let usage = directory("usage", &[("functions/hello/index.ts", "")]);
    assert_eq!(run(&usage, &["--mode", "Sometimes"]).status.code(), Some(1));
    assert_eq!(run(&usage, &["--help"]).status.code(), Some(0));
}
