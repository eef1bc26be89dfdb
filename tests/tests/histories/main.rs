//! The migrations of whole projects, beside psql and the official CLI: `HISTORIES=<directory>` names a project, or a folder of
//! projects, each with `supabase/migrations`.
//!
//! A file that psql can't run as `postgres` in one transaction is left out from there on, by all three. The operator has to
//! stop at the same files and statements, and at no other; what it makes of the rest is dumped to the same schema; and what
//! the CLI pushed is adopted as it is. Prints what stops, what needs an approval, and how schemas differ; the project's code stays
//! where it is.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and this one reports"
)]

mod operator;
mod psql;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use ace_domain::{
    bundle::{Tree, TreePath},
    sql::{File, FolderError, read, read_readable},
};
use ace_tests::{Database, on_database};
use bytes::Bytes;

/// How often the Platform looks, before scaling.
const INTERVAL: &str = "60s";

/// Where a file stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stop {
    file: String,
    line: u32,
    code: String,
    words: String,
}

/// A project's files, in their order, without those that would be refused: of two with one version, the first.
struct History {
    name: String,
    files: Vec<File>,
    /// Why others are left out.
    refused: Vec<FolderError>,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs HISTORIES, a directory with projects"]
async fn the_history_of_a_project_runs_as_psql_runs_it_and_is_adopted_from_the_cli() {
    let directory = PathBuf::from(env::var_os("HISTORIES").expect("HISTORIES names a directory with projects"));
    let mut faults = Vec::new();
    for history in histories(&directory) {
        println!("\n== {}: {} files", history.name, history.files.len());
        for refused in &history.refused {
            println!("   left out: {refused}");
        }
        faults.extend(
            compare(&history)
                .await
                .into_iter()
                .map(|fault| format!("{}: {fault}", history.name)),
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

async fn compare(history: &History) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, fault: String| {
        if !holds {
            println!("   FAULT: {fault}");
            faults.push(fault);
        }
    };
    let by_psql = Database::create().await;
    let theirs = psql::run_all(&by_psql, &history.files).await;
    println!("   psql stops {} times", theirs.len());
    for stop in &theirs {
        println!("     {} line {}: {} {}", stop.file, stop.line, stop.code, stop.words);
    }
    let (ours, dump) = on_database(INTERVAL, async |stage, database| {
        let ours = operator::apply_all(stage, database, &history.files).await;
        (ours, psql::dump(database).await)
    })
    .await;
    println!("   the operator stops {} times", ours.stops.len());
    for stop in &ours.stops {
        println!("     {} line {}: {} {}", stop.file, stop.line, stop.code, stop.words);
    }
    println!("   {} statements need an approval", ours.risks.len());
    for risk in &ours.risks {
        println!("     {risk}");
    }
    for (theirs, ours) in pairs(&theirs, &ours.stops) {
        let same = match (theirs, ours) {
            (Some(theirs), Some(ours)) => theirs.code == ours.code && is_same_statement(&history.files, theirs, ours),
            _ => false,
        };
        must(same, format!("psql stops at {theirs:?}, the operator at {ours:?}"));
    }
    let reference = psql::dump(&by_psql).await;
    println!("   {} lines of schema", reference.lines().count());
    must(
        dump == reference,
        format!("schemas differ:\n{}", difference(&reference, &dump)),
    );

    let runnable: Vec<&File> = history
        .files
        .iter()
        .filter(|file| ours.stops.iter().chain(&theirs).all(|stop| stop.file != file.file_name))
        .collect();
    let (pushed, adopted, dump) = on_database(INTERVAL, async |stage, database| {
        let pushed = operator::push(stage, database, &runnable).await;
        let before = psql::dump(database).await;
        let adopted = operator::adopt(stage, &runnable).await;
        must(
            psql::dump(database).await == before,
            "taking the CLI's database over changes its schema".to_owned(),
        );
        (pushed, adopted, before)
    })
    .await;
    must(pushed.is_ok(), format!("the CLI pushes all of them: {pushed:?}"));
    must(
        adopted == Ok(runnable.len()),
        format!("what the CLI pushed is adopted: {adopted:?} of {}", runnable.len()),
    );
    must(
        dump == reference,
        format!(
            "the CLI's schema differs from psql's:\n{}",
            difference(&reference, &dump)
        ),
    );
    faults
}

/// Stops of the same file beside each other, in the order of the files.
fn pairs<'a>(theirs: &'a [Stop], ours: &'a [Stop]) -> impl Iterator<Item = (Option<&'a Stop>, Option<&'a Stop>)> {
    let mut files: BTreeMap<&str, (Option<&Stop>, Option<&Stop>)> = BTreeMap::new();
    for stop in theirs {
        files.entry(&stop.file).or_default().0 = Some(stop);
    }
    for stop in ours {
        files.entry(&stop.file).or_default().1 = Some(stop);
    }
    files.into_values()
}

/// psql names a statement's last line, the operator its first.
fn is_same_statement(files: &[File], theirs: &Stop, ours: &Stop) -> bool {
    let file = files.iter().find(|file| file.file_name == ours.file).unwrap();
    let Ok(script) = read(file) else { return false };
    let ends = |text: &str| u32::try_from(text.matches('\n').count()).unwrap();
    script.executable_statements().any(|statement| {
        statement.line == ours.line && (ours.line..=ours.line + ends(&statement.text)).contains(&theirs.line)
    })
}

/// The first lines that only one of two texts has.
fn difference(one: &str, other: &str) -> String {
    let only = |sign: &str, lines: &str, others: &str| -> Vec<String> {
        let others: std::collections::BTreeSet<&str> = others.lines().collect();
        let only = lines.lines().filter(|line| !others.contains(line));
        only.take(10).map(|line| format!("{sign} {line}")).collect()
    };
    [only("-", one, other), only("+", other, one)].concat().join("\n")
}

fn histories(directory: &Path) -> Vec<History> {
    let migrations = |project: &Path| project.join("supabase/migrations");
    let mut projects: Vec<PathBuf> = if migrations(directory).is_dir() {
        vec![directory.to_owned()]
    } else {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| migrations(path).is_dir()).collect()
    };
    projects.sort();
    assert!(!projects.is_empty(), "no project in {}", directory.display());
    projects
        .iter()
        .map(|project| history(project, &migrations(project)))
        .collect()
}

fn history(project: &Path, migrations: &Path) -> History {
    let name = project.file_name().unwrap().to_string_lossy().into_owned();
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(migrations).unwrap() {
        let entry = entry.unwrap();
        // The CLI leaves folders out, too.
        if entry.path().is_file() {
            let path: TreePath = entry.file_name().into_string().unwrap().parse().unwrap();
            texts.insert(path, Bytes::from(fs::read(entry.path()).unwrap()));
        }
    }
    let (folder, refused) = read_readable(&Tree::from_files(texts).unwrap(), None);
    let Some(folder) = folder else {
        panic!("{name}: {refused:?}")
    };
    History {
        name,
        files: folder.files,
        refused,
    }
}
