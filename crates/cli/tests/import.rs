//! `kubectl ace import` on directories as people have them.
#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ace_api::{EdgeFunction, Mode, SourceKind};
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
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-ace"));
    command
        .arg("import")
        .arg(directory)
        .args(["--platform", "prod"])
        .args(arguments)
        .output()
        .unwrap()
}

/// The resources and the lines on standard error of a run that succeeds.
fn import(directory: &Path, arguments: &[&str]) -> (Vec<EdgeFunction>, Vec<String>) {
    let output = run(directory, arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let functions = serde_yaml::from_multiple(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
    (functions, errors.lines().map(str::to_owned).collect())
}

/// The one resource as YAML says it, defaults left out.
fn document(directory: &Path, arguments: &[&str]) -> Value {
    let output = run(directory, arguments);
    serde_yaml::from_str(std::str::from_utf8(&output.stdout).unwrap().trim_start_matches("---\n")).unwrap()
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
        "1 function without an entry in config.toml, so verifyJWT is true: hello",
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
                 [functions.far]\nimport_map = \"./import_map.json\"\n",
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
            ("import_map.json", "{}"),
        ],
    );
    let (functions, errors) = import(&directory, &[]);
    let names: Vec<_> = functions.iter().map(EdgeFunction::slug).collect();
    assert_eq!(names, ["broken", "keyed", "plain"]);
    let expected = [
        "1 entry in config.toml without a function, left out: gone",
        "1 function without an entry in config.toml, so verifyJWT is true: plain",
        "1 function not enabled in config.toml, left out: off",
        "2 folders in functions/ without index.ts or with a name that is no slug, left out: 9to5, empty",
        "broken: broken/index.ts:2 imports \"./none.ts\", and broken/none.ts is not in the source",
        "far: import_map \"./import_map.json\" is outside functions/, left out; move the file into it",
        "keyed: config.toml says more than a resource can: schedule",
        "3 functions printed; 9 files, 7 of which no function needs",
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
        "1 file in functions/ that a source can't carry (links, odd names): hello/linked.ts"
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
            ("config.toml", "[functions.hello]\nverify_jwt = 1\n"),
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
    assert_eq!(run(&usage, &["--mode", "Sometimes"]).status.code(), Some(2));
}
