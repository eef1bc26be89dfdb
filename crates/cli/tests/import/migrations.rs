//! Projects with migrations.

use std::fs;
use std::path::Path;

use ace_api::MigrationSet;
use serde_json::{Value, json};

use super::{directory, import, of_kind, printed, run};

/// The MigrationSet of a run that succeeds, and the lines on standard error.
fn migration_set(directory: &Path, arguments: &[&str]) -> (Value, Vec<String>) {
    let (documents, report) = printed(&run(directory, arguments));
    // What is printed is what the operator reads.
    assert_eq!(of_kind::<MigrationSet>(&documents, "MigrationSet").len(), 1);
    let mut sets = documents
        .into_iter()
        .filter(|document| document["kind"] == "MigrationSet");
    (sets.next().unwrap(), report)
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
        "2 statements need an approval when run (DataLoss):",
        "  2_first.sql line 1 drops table c",
        "  2_first.sql line 3 drops table d",
        "2 statements need an approval when run (Exposure):",
        "  1_table.sql line 1 creates table a without row level security",
        "  1_table.sql line 2 creates table b without row level security",
        "1 statement needs an approval when run (Opaque):",
        "  4_odd.sql line 2 has a statement that the operator's parser can't read",
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

#[test]
fn what_needs_an_approval_is_a_screen_however_many_statements_there_are() {
    let drops: Vec<String> = (0..40).map(|number| format!("DROP TABLE t{number};")).collect();
    let drops = drops.join("\n");
    let directory = directory("many-drops", &[("migrations/1_drops.sql", drops.as_str())]);
    let (_, errors) = migration_set(&directory, &[]);
    assert_eq!(errors[0], "40 statements need an approval when run (DataLoss):");
    assert_eq!(errors[12], "  1_drops.sql line 12 drops table t11");
    assert_eq!(errors[13], "  and 28 more");
    assert_eq!(errors.len(), 15, "{errors:?}");
}
