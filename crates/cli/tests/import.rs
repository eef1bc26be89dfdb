//! `kubectl ace import` on directories as people have them.
#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ace_api::{EdgeFunction, MigrationSet, Mode, SourceKind};
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

/// The one resource as YAML, without defaults.
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
        "2 folders in functions/ without index.ts or with a name that is not a valid slug, left out: 9to5, empty",
        "broken: broken/index.ts:2 imports \"./none.ts\", and broken/none.ts is not in the source",
        "far, left out: its import_map \"./import_map.json\" is outside functions/; move the file into it",
        "keyed: config.toml has keys without a field in the resource: schedule",
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
    assert_eq!(run(&usage, &["--mode", "Sometimes"]).status.code(), Some(1));
    assert_eq!(run(&usage, &["--help"]).status.code(), Some(0));
}

/// The first document of a run that succeeds, which is the MigrationSet, and the lines on standard error.
fn migration_set(directory: &Path, arguments: &[&str]) -> (Value, Vec<String>) {
    let output = run(directory, arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let documents: Vec<Value> = serde_yaml::from_multiple(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
    let set = documents.into_iter().next().unwrap();
    // What is printed is what the operator reads.
    serde_json::from_value::<MigrationSet>(set.clone()).unwrap();
    (set, errors.lines().map(str::to_owned).collect())
}

#[test]
fn a_folder_of_migrations_is_a_set_that_watches_the_schemas_of_its_tables() {
    let directory = directory(
        "migrations",
        &[
            (
                "supabase/migrations/20260101000000_tables.sql",
                "CREATE TABLE notes (id bigint);\nCREATE TABLE app.codes (id bigint);\nCREATE TABLE ace_ops.mine (id bigint);\n\
                 ALTER TABLE notes ENABLE ROW LEVEL SECURITY;\nALTER TABLE app.codes ENABLE ROW LEVEL SECURITY;\n\
                 ALTER TABLE ace_ops.mine ENABLE ROW LEVEL SECURITY;\n",
            ),
            (
                "supabase/migrations/20260102000000_index.sql",
                "CREATE INDEX ON notes (id);\n",
            ),
        ],
    );
    let (set, errors) = migration_set(&directory, &["--mode", "Observe", "--source-name", "app", "-n", "ace"]);
    let expected = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1",
        "kind": "MigrationSet",
        "metadata": {"name": "prod", "namespace": "ace"},
        "spec": {
            "platformRef": {"name": "prod"},
            "source": {"kind": "GitRepository", "name": "app", "path": "supabase/migrations"},
            "mode": "Observe",
            "schemas": ["public", "app"],
        },
    });
    assert_eq!(set, expected);
    assert_eq!(errors, ["MigrationSet printed for 2 migrations in public, app"]);
    // SQL is never enforced.
    let (set, _) = migration_set(&directory, &["--mode", "Enforce"]);
    assert_eq!(set["spec"]["mode"], "Apply");
}

#[test]
fn the_migrations_are_beside_the_functions_by_default() {
    let directory = directory(
        "beside",
        &[("functions/hello/index.ts", ""), ("migrations/1_a.sql", "SELECT 1;")],
    );
    let one_folder = "functions and migrations would both be read from one folder of the source: set --source-path and \
                      --migrations-path, or give the MigrationSet its own source";
    let cases: [(&[&str], Value, bool); 5] = [
        (&[], json!("supabase/migrations"), false),
        (&["--source-path", "app/functions/"], json!("app/migrations"), false),
        (&["--source-path", "functions"], json!("migrations"), false),
        (
            &["--source-kind", "ConfigMap", "--migrations-path", "sql"],
            json!("sql"),
            false,
        ),
        (&["--source-kind", "ConfigMap"], Value::Null, true),
    ];
    for (arguments, path, warned) in cases {
        let (set, errors) = migration_set(&directory, arguments);
        assert_eq!(set["spec"]["source"]["path"], path, "{arguments:?}");
        assert_eq!(errors.contains(&one_folder.to_owned()), warned, "{arguments:?}");
    }
}

#[test]
fn everything_odd_about_migrations_is_named_and_the_set_is_printed() {
    let directory = directory(
        "odd-migrations",
        &[
            (
                "migrations/1_table.sql",
                "CREATE TABLE a (id int);\nCREATE TABLE b (id int);",
            ),
            ("migrations/2_first.sql", "DROP TABLE c;\n\nDROP TABLE d;"),
            ("migrations/2_second.sql", ""),
            ("migrations/2_third.sql", ""),
            ("migrations/3_commit.sql", "SELECT 1;\nCOMMIT;"),
            ("migrations/4_odd.sql", "SELECT 1;\nSELEKT 2;"),
            ("migrations/README.md", ""),
            ("migrations/archive/1_old.sql", ""),
        ],
    );
    fs::write(directory.join("migrations/5_latin.sql"), b"-- \xe9").unwrap();
    let (set, errors) = migration_set(&directory, &[]);
    assert_eq!(set["kind"], "MigrationSet");
    let (unread, others): (Vec<_>, Vec<_>) = errors
        .into_iter()
        .partition(|line| line.contains("our parser can't read"));
    assert!(
        matches!(unread.as_slice(), [line] if line.starts_with("migrations/4_odd.sql: line 2, column 1: our parser can't read")),
        "{unread:?}"
    );
    let expected = [
        "migrations/: 2_first.sql and 2_second.sql have the same version; give one of them another version",
        "migrations/: 2_first.sql and 2_third.sql have the same version; give one of them another version",
        "migrations/: 5_latin.sql is not UTF-8 (byte 3); save it as UTF-8",
        "migrations/README.md is skipped: migrations are named <digits>_<name>.sql",
        "migrations/archive/ is skipped: a folder: migrations are read from the top level only; move its files there",
        "migrations/3_commit.sql: line 2, column 1: COMMIT, without a BEGIN as the file's first statement; leave it out: every file runs \
         in a transaction of its own",
        "2 statements need an approval when run (DataLoss): 2_first.sql line 1 drops table c, 2_first.sql line 3 drops table d",
        "2 statements need an approval when run (Exposure): 1_table.sql line 1 creates table a without row level security, 1_table.sql \
         line 2 creates table b without row level security",
        "1 statement needs an approval when run (Opaque): 4_odd.sql line 2 has a statement that the operator's parser can't read",
        "MigrationSet printed for 4 migrations in public",
    ];
    assert_eq!(others, expected);
}

#[test]
fn a_folder_without_migrations_is_no_set() {
    let empty = directory("no-migrations", &[("migrations/README.md", "")]);
    let output = run(&empty, &[]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let beside = directory(
        "functions-only",
        &[("migrations/README.md", ""), ("functions/hello/index.ts", "")],
    );
    let (functions, errors) = import(&beside, &[]);
    assert_eq!(functions.len(), 1);
    let says = "migrations/: the folder . has no migrations; their files must be named <digits>_<name>.sql and be at its top level";
    assert!(errors.contains(&says.to_owned()), "{errors:?}");
}
