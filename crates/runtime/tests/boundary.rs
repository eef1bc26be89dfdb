//! What serves every kind names none: a kind that the runtime knew would have to be edited here for each one that comes.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use ace_api::KINDS;

#[test]
fn no_kind_is_named() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = files(&source);
    assert!(files.len() > 10, "the files of the crate are read: {files:?}");
    let named: Vec<String> = files.iter().flat_map(|file| kinds_in(file)).collect();
    assert_eq!(named, Vec::<String>::new());
}

/// Where the computer's clock is read in runtime, operator and database, and why.
const WALL: [&str; 4] = [
    // What the process's clock is set by.
    "runtime/src/clock.rs",
    // People read when a Lease was renewed; nobody here goes by it.
    "runtime/src/leases/mod.rs",
    // The API server and people compare events with those of others.
    "runtime/src/events/mod.rs",
    // Receivers compare the time in a signature with their own.
    "operator/src/kinds/notification_channel/act.rs",
];

#[test]
fn the_computers_clock_is_read_only_where_others_look_at_it() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let reads = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        let code = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default()
            .to_owned();
        code.contains("Timestamp::now()") || code.contains("SystemTime::now()")
    };
    let mut found: Vec<String> = ["runtime/src", "operator/src", "database/src"]
        .iter()
        .flat_map(|folder| files(&crates.join(folder)))
        .filter(reads)
        .map(|file| file.strip_prefix(crates).unwrap().display().to_string())
        .collect();
    found.sort();
    let mut expected = WALL.map(str::to_owned);
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn the_domain_waits_for_nothing() {
    let domain = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/src");
    let files = files(&domain);
    assert!(files.len() > 50, "the files of the crate are read: {files:?}");
    let waits = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let mut lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines
            .any(|line| line.contains(".await") || has_word(line, "tokio") || line.trim_start().starts_with("async fn"))
    };
    let found: Vec<_> = files.into_iter().filter(waits).collect();
    assert_eq!(found, Vec::<PathBuf>::new());
}

#[test]
fn a_kind_that_is_named_is_found_in_whatever_form() {
    for kind in KINDS {
        for line in [
            format!("fn of(object: &{}) {{", kind.name),
            format!("use ace_domain::kinds::{}::State;", snake(kind.name)),
            format!("    reason: {}Reason::Ready,", kind.name),
            format!("    \"{}\",", kind.plural),
        ] {
            assert!(names(&line, kind.name, kind.plural), "{line}");
        }
    }
    assert!(!names(
        "let plain = platforms_of(kind);",
        "MigrationSet",
        "migrationsets"
    ));
}

/// The files with code; tests may use a kind as their example.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let entries = entries.filter(|path| path.file_stem().is_none_or(|stem| stem != "tests"));
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

fn kinds_in(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
    lines
        .flat_map(|(number, line)| {
            let named = KINDS.iter().filter(move |kind| names(line, kind.name, kind.plural));
            named.map(move |kind| format!("{}:{}: {}", file.display(), number + 1, kind.name))
        })
        .collect()
}

/// As a type or a part of one, as a module, or as the API server does.
fn names(line: &str, kind: &str, plural: &str) -> bool {
    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| word.contains(kind) || word == plural) || line.contains(&format!("kinds::{}", snake(kind)))
}

fn snake(kind: &str) -> String {
    let mut name = String::new();
    for (at, letter) in kind.chars().enumerate() {
        if letter.is_uppercase() && at > 0 {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|found| found == word)
}
