//! The demo, as `make demo ONCE=1` plays it: at life's pace, with the operator's own process.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ace_sandbox::bed::testing;

/// What the viewer has to have seen, in this order: before the project is there, and after.
const BEFORE: [&str; 2] = [
    "ace-operator runs, with its ServiceAccount's token",
    "ace-worker runs, with its ServiceAccount's token",
];
const AFTER: [&str; 32] = [
    "12 of 12 migrations are applied",
    "13 of 13 functions are Ready",
    "{\"status\":\"ok\",\"database\":\"up\"}",
    "ACTIVE_HEALTHY   13 ",
    "$ supabase functions deploy campaign-stats ",
    "files/campaign-stats/index.ts  wanted sha256:",
    "uploads by the operator since: 1 (",
    "what was overwritten is kept in ",
    "Stalled: RolledBack",
    "check unknown-page got 500; ",
    "there is no such page any more",
    "column/public.campaigns.budget_cents  wanted absent, found integer",
    "put back: the drift is gone",
    "_mailing_imports.sql ran: ",
    " drops table public.mailing_imports; to approve it, add plan sha256:",
    "nothing ran: public.mailing_imports is still there",
    "14 of 14 migrations are applied",
    "public.mailing_imports is dropped",
    "Slack and the webhook have it, each once",
    "no cards are left: the rule fires, and is still Ready",
    "one page and one mail",
    "the platform's own page shows it to its staff",
    "Ann takes care of it: nobody else is woken",
    "it is over on the pager, in the mailbox and on the page",
    "the store was written, read and listed",
    "stored encrypted, and read to its end by pg_restore",
    "7 bytes of the archive are other ones now",
    "what is damaged is told and not copied",
    "the next one is whole, in both places",
    "the destination says what is gone",
    "the Backup stays, and its other copy serves",
    "All of it was seen, in ",
];
/// Once in a project's life.
const NEW: [&str; 4] = [
    "3 of 3 to set",
    " runs SQL that it puts together itself, and 2 more statements need it; to approve it, add plan sha256:",
    "20250616130000  purge                    Exposure",
    "MigrationSet `main` has not applied 20250616130000",
];
const KNOWN: [&str; 1] = ["0 of 3 to set"];

#[test]
fn the_demo_shows_everything_and_does_so_again_in_the_same_directory() {
    let (operator, directory) = (operator(), testing::fresh_directory());
    for (start, project) in [("first", &NEW[..]), ("second", &KNOWN)] {
        let shown = demo(&operator, &directory);
        let mut rest = shown.as_str();
        for line in [&BEFORE[..], project, &AFTER].concat() {
            let at = rest.find(line);
            let at = at.unwrap_or_else(|| panic!("the {start} start does not show {line:?} in its place:\n{shown}"));
            rest = &rest[at + line.len()..];
        }
    }
}

#[test]
fn without_an_operator_the_demo_says_how_to_get_one() {
    let directory = testing::fresh_directory();
    let output = ace_dev(&directory, Path::new("/nowhere/ace-operator"))
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), String::from_utf8_lossy(&output.stderr).trim()),
        (
            Some(1),
            "ace-dev: there is no operator at /nowhere/ace-operator: build it with `cargo build --package ace-operator`, \
             or name it with --operator"
        )
    );
}

/// What the demo prints; it succeeds.
fn demo(operator: &Path, directory: &Path) -> String {
    let output = ace_dev(directory, operator).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let log = std::fs::read_to_string(directory.join("operator.log")).unwrap_or_default();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}\n{told}\nthe operator's log:\n{log}");
    shown
}

fn ace_dev(directory: &Path, operator: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ace-dev"));
    command.args(["demo", "--once", "--dir"]).arg(directory);
    command.arg("--operator").arg(operator).stdin(Stdio::null());
    command
}

/// The operator as cargo builds it beside this test. A dependency would give its library, and the bed must not know that.
fn operator() -> PathBuf {
    let ace_dev = Path::new(env!("CARGO_BIN_EXE_ace-dev"));
    // target/<profile>/ace-dev
    let profile = ace_dev.parent().unwrap();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--package", "ace-operator", "--bin", "ace-operator"])
        .arg("--target-dir")
        .arg(profile.parent().unwrap());
    // What cargo tells a test of its package, some build scripts take for a reason to build anew.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let of_this_package = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
            "CARGO_PRIMARY_",
        ];
        if of_this_package.iter().any(|prefix| name.starts_with(prefix)) {
            cargo.env_remove(name);
        }
    }
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "ace-operator is built");
    profile.join("ace-operator")
}
