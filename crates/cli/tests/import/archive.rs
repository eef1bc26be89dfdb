//! The line that packs a source, run in a shell.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ace_api::MigrationSet;
use ace_domain::bundle::{ArchiveLimits, Tree, read_archive};

use super::{directory, of_kind, printed, run};

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nsecret\n";
const CONFIG_MAP: [&str; 4] = ["--source-kind", "ConfigMap", "--source-name", "code"];

/// The lines on standard error, with what to do next.
fn lines(output: &Output) -> Vec<String> {
    let errors = String::from_utf8(output.stderr.clone()).unwrap();
    errors.lines().map(|line| line.trim().to_owned()).collect()
}

/// What the printed line packs with this `tar`, as the operator reads it.
pub(super) fn packed(tar: &str, test: &str, output: &Output) -> Tree {
    let lines = lines(output);
    let line = lines.iter().find(|line| line.contains(" tar czf ")).unwrap();
    let line = line.replacen(" tar ", &format!(" {tar} "), 1);
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-packed-{tar}"));
    fs::create_dir_all(&place).unwrap();
    let done = Command::new("sh")
        .args(["-ec", &line])
        .current_dir(&place)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    let name = line.split_whitespace().find(|word| word.ends_with(".tar.gz")).unwrap();
    read_archive(&fs::read(place.join(name)).unwrap(), &ArchiveLimits::default()).unwrap()
}

/// The paths that are packed, by each `tar` of this machine.
fn paths(test: &str, output: &Output) -> Vec<String> {
    let paths_of = |tar: &str| -> Vec<String> {
        let tree = packed(tar, test, output);
        tree.iter().map(|(path, _)| path.to_string()).collect()
    };
    let paths = paths_of("tar");
    if Command::new("bsdtar").arg("--version").output().is_ok() {
        assert_eq!(paths_of("bsdtar"), paths);
    }
    paths
}

#[test]
fn keys_are_named_and_left_out_of_every_folder_that_is_packed() {
    let directory = directory(
        "keys",
        &[
            (
                "supabase/functions/a/index.ts",
                "import '../../../shared/lib/b.ts'; import '../../../shared/c.ts';",
            ),
            ("supabase/functions/a/id_rsa", KEY),
            ("supabase/migrations/1_a.sql", "SELECT 1;"),
            ("supabase/migrations/k.pem", KEY),
            ("shared/lib/b.ts", ""),
            ("shared/c.ts", ""),
            ("shared/sign.pem", KEY),
            ("shared/.env", "KEY=secret\n"),
            ("shared/lib/.environments/live", "KEY=secret\n"),
            ("shared/.git/config", "url = https://token@example.com\n"),
            ("shared/node_modules/x/index.js", ""),
        ],
    );
    let output = run(&directory, &CONFIG_MAP);
    let expected = [
        "shared/c.ts",
        "shared/lib/b.ts",
        "supabase/functions/a/index.ts",
        "supabase/migrations/1_a.sql",
    ];
    assert_eq!(paths("keys", &output), expected);
    let report = printed(&output).1;
    let named = [
        ("1 file in functions/", "a/id_rsa"),
        ("1 file in migrations/", "k.pem"),
        ("3 files in shared/", ".env, lib/.environments/, sign.pem"),
    ];
    for (files, names) in named {
        let line = format!("{files} that may hold secrets, left out, and not to be packed either: {names}");
        assert!(report.contains(&line), "{report:?}");
    }
}

#[test]
fn a_key_is_left_out_by_its_path_and_nothing_else_that_has_its_name() {
    let files = [
        ("supabase/functions/hello/index.ts", "import '../keys/a.ts';"),
        ("supabase/functions/hello/keys", KEY),
        ("supabase/functions/id", KEY),
        ("supabase/functions/keys/a.ts", "import '../lib/hello/keys/b.ts';"),
        ("supabase/functions/lib/hello/keys/b.ts", "import '../../id/[c].ts';"),
        ("supabase/functions/lib/id/[c].ts", ""),
        ("supabase/functions/lib/id/c.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("supabase/functions/lib/id/[c].pem", KEY),
    ];
    let kept = [
        "hello/index.ts",
        "keys/a.ts",
        "lib/hello/keys/b.ts",
        "lib/id/[c].ts",
        "lib/id/c.pem",
    ];
    let place = directory("key-path", &files);
    assert_eq!(paths("key-path", &run(&place, &CONFIG_MAP)), kept);
    let arguments = [&CONFIG_MAP[..], &["--source-path", "functions"]].concat();
    let below = kept.map(|path| format!("functions/{path}"));
    assert_eq!(paths("key-path-below", &run(&place, &arguments)), below);
    // The path of this key is the end of a path that the code needs.
    let outside = [
        (
            "functions/a/index.ts",
            "import '../../hello/b.ts'; import '../hello/keys/c.ts';",
        ),
        ("functions/hello/keys/c.ts", ""),
        ("hello/b.ts", ""),
        ("hello/keys", KEY),
    ];
    let place = directory("key-path-outside", &outside);
    let expected = ["functions/a/index.ts", "functions/hello/keys/c.ts", "hello/b.ts"];
    assert_eq!(paths("key-path-outside", &run(&place, &CONFIG_MAP)), expected);
}

#[test]
fn migrations_without_functions_are_packed_at_the_path_that_the_set_has() {
    let place = directory("migrations-only", &[("supabase/migrations/1_a.sql", "SELECT 1;")]);
    let cases: [(&[&str], &str); 4] = [
        (&[], "1_a.sql"),
        (&["--source-path", "functions"], "migrations/1_a.sql"),
        (
            &["--migrations-path", "supabase/migrations"],
            "supabase/migrations/1_a.sql",
        ),
        (
            &["--source-path", "app", "--migrations-path", "migrations"],
            "migrations/1_a.sql",
        ),
    ];
    for (arguments, expected) in cases {
        let output = run(&place, &[&CONFIG_MAP[..], arguments].concat());
        assert_eq!(paths("migrations-only", &output), [expected], "{arguments:?}");
        let sets: Vec<MigrationSet> = of_kind(&printed(&output).0, "MigrationSet");
        let folder = sets[0].spec.source.path.clone();
        let at = folder.map_or("1_a.sql".to_owned(), |folder| format!("{folder}/1_a.sql"));
        assert_eq!(at, expected, "{arguments:?}");
    }
    // Of a folder without a function nothing is packed either.
    let place = directory(
        "no-function",
        &[
            ("supabase/migrations/1_a.sql", "SELECT 1;"),
            ("supabase/functions/_shared/a.ts", ""),
        ],
    );
    assert_eq!(paths("no-function", &run(&place, &CONFIG_MAP)), ["1_a.sql"]);
}

#[test]
fn what_no_line_packs_where_the_resources_have_it_is_said_with_its_path() {
    let files = [
        ("supabase/functions/a/index.ts", ""),
        ("supabase/functions/a/id_rsa", KEY),
        ("supabase/migrations/1_a.sql", "SELECT 1;"),
    ];
    let place = directory("elsewhere", &files);
    let without =
        "without .env*, .npmrc, *.key, *.p8, *.p12, *.pfx, ._*, node_modules, .git, supabase/functions/a/id_rsa";
    let cases: [(&[&str], String); 3] = [
        (
            &["--source-path", "functions", "--migrations-path", "sql"],
            "supabase/functions so that the archive has it at functions, and supabase/migrations so that the archive has it at sql".to_owned(),
        ),
        (
            &["--source-path", "edge"],
            "supabase/functions so that the archive has it at edge, and supabase/migrations so that the archive has it at migrations".to_owned(),
        ),
        (
            &["--migrations-path", "migrations"],
            "supabase/functions so that the archive has its files at the root, and supabase/migrations so that the archive has it at migrations"
                .to_owned(),
        ),
    ];
    for (arguments, parts) in cases {
        let said = lines(&run(&place, &[&CONFIG_MAP[..], arguments].concat()));
        let expected = format!("make code.tar.gz: pack {parts}; {without}");
        assert!(said.contains(&expected), "{said:?}");
        assert!(!said.iter().any(|line| line.contains("tar czf")), "{said:?}");
    }
    // Both at one path can't be right.
    let output = run(&place, &CONFIG_MAP);
    assert_eq!(paths("elsewhere", &output), ["a/index.ts"]);
    let expected = "supabase/migrations is not packed: it needs a path of its own in the source";
    assert!(lines(&output).contains(&expected.to_owned()));
}

#[test]
fn code_beside_the_functions_is_packed_below_the_path_of_the_source() {
    let files = [
        ("app/supabase/functions/a/index.ts", "import '../../lib/b.ts';"),
        ("app/supabase/lib/b.ts", ""),
        ("app/supabase/migrations/1_a.sql", "SELECT 1;"),
    ];
    let place = directory("outer", &files).join("app");
    let of = |path: &str| run(&place, &[&CONFIG_MAP[..], &["--source-path", path]].concat());
    let expected = [
        "supabase/functions/a/index.ts",
        "supabase/lib/b.ts",
        "supabase/migrations/1_a.sql",
    ];
    assert_eq!(paths("outer", &of("supabase/functions")), expected);
    let said = lines(&of("code/functions"));
    let expected = "make code.tar.gz: pack supabase/functions so that the archive has it at code/functions, and supabase/lib so that the archive has \
                    it at code/lib, and supabase/migrations so that the archive has it at code/migrations; without";
    assert!(said.iter().any(|line| line.starts_with(expected)), "{said:?}");
}
