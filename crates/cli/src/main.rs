//! `kubectl-ace`: a kubectl plugin. `kubectl ace import` turns a Supabase project directory into resources, `kubectl ace plan`
//! shows what a MigrationSet would run, `kubectl ace wait` waits until a revision of a source is live, `kubectl ace alerts` shows what
//! fires, `kubectl ace evaluate` asks an AlertRule once, and `kubectl ace backup`,
//! `drill`, `silence`, `ack` and `notify-test` print the objects that make a backup, try one, hold messages back, take care of what
//! fires, and send a test message.

#![cfg_attr(not(test), deny(clippy::string_slice, clippy::indexing_slicing))]

mod alerts;
mod arguments;
mod backups;
mod cluster;
mod complete;
mod config;
mod documents;
mod environment;
mod evaluate;
mod import;
mod manifest;
mod migrations;
mod paths;
mod plan;
mod project;
mod table;
mod told;
mod wait;
mod warning;

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use jiff::Timestamp;

use crate::alerts::AlertsArguments;
use crate::arguments::{Arguments, Command, ImportArguments, Output, PlanArguments, WaitArguments};
use crate::evaluate::EvaluateArguments;
use crate::import::{Archive, Layout, Next};
use crate::migrations::ImportedSet;
use crate::project::Project;
use crate::warning::Warning;

/// Files in one folder are either functions or migrations, not both.
const ONE_FOLDER: &str = "functions and migrations would both be read from one folder of the source: set --source-path and \
     --migrations-path, or give the MigrationSet its own source";

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misused(&error),
    };
    let outcome = match arguments.command {
        Command::Import(arguments) => import(&arguments),
        Command::Plan(arguments) => plan(&arguments),
        Command::Wait(arguments) => wait(&arguments),
        Command::Alerts(arguments) => alerts(&arguments),
        Command::Evaluate(arguments) => evaluate(&arguments),
        Command::Backup(arguments) => show(backups::backup(&arguments)),
        Command::Drill(arguments) => show(backups::drill(&arguments)),
        Command::Silence(arguments) => show(told::silence(&arguments, Timestamp::now())),
        Command::Ack(arguments) => show(told::ack(&arguments, Timestamp::now())),
        Command::Complete(arguments) => propose(&arguments.words),
        Command::NotifyTest(arguments) => show(told::notify_test(&arguments, Timestamp::now())),
    };
    outcome.unwrap_or_else(|message| {
        // If standard error is closed, there is no other place for the message.
        let _ = writeln!(io::stderr(), "error: {message}");
        ExitCode::FAILURE
    })
}

/// Help is no wrong usage. Exit code 2, which clap would use, means "an approval is needed" to a pipeline.
fn misused(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.exit_code() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Resources go to standard output and warnings to standard error, so that the output can be piped into `kubectl apply`.
fn import(arguments: &ImportArguments) -> Result<ExitCode, String> {
    let yaml = |error: &dyn fmt::Display| format!("cannot write YAML: {error}");
    let project =
        Project::read(&arguments.directory, arguments.project.as_deref()).map_err(|error| error.to_string())?;
    let layout = Layout::of(&project);
    let (settings, unfit) = import::folders(&arguments.settings(), &project, &layout);
    let imported = import::import(&project, &layout, &settings);
    let set = match &project.migrations {
        Some(files) => migrations::import(files, &settings).map_err(|error| yaml(&error))?,
        None => ImportedSet::default(),
    };
    let archive = Archive::of(&settings, &project, &layout, &imported, set.set.is_some());
    let archive = archive.map_err(|error| error.to_string())?;
    let one_folder = settings.source == settings.migrations && set.set.is_some() && !imported.functions.is_empty();
    let higher = (!layout.functions.is_empty()).then(|| Warning::BeginsHigher {
        base: layout.base.clone(),
        functions: layout.functions.clone(),
    });
    let warnings = unfit.iter().chain(&higher).chain(&imported.warnings);
    let warnings = warnings.map(ToString::to_string);
    let warnings = warnings.chain(archive.warnings().map(|warning| warning.to_string()));
    let warnings = warnings.chain(set.warnings.iter().map(ToString::to_string));
    let warnings = warnings.chain(one_folder.then(|| ONE_FOLDER.to_owned()));
    let summaries = set.summary().into_iter().chain(imported.summary());
    let is_empty = imported.functions.is_empty() && set.set.is_none();
    let next = Next::of(&settings, &project, &archive, set.set.is_some());
    let next = (!is_empty).then(|| next.to_string());
    let mut errors = io::stderr().lock();
    let reported = warnings
        .chain(summaries)
        .chain(next)
        .try_for_each(|text| writeln!(errors, "{text}"));
    reported.map_err(|error| format!("cannot write: {error}"))?;
    if is_empty {
        return Err("there are no functions and no migrations to print".to_owned());
    }
    let platform = import::platform(&project, &settings, set.set.is_some()).map_err(|error| yaml(&error))?;
    let documents = manifest::documents(&platform, set.set.as_ref(), &imported.functions);
    let documents = documents.map_err(|error| yaml(&error))?;
    print(&documents)?;
    Ok(ExitCode::SUCCESS)
}

fn propose(words: &[String]) -> Result<ExitCode, String> {
    print(&runtime()?.block_on(complete::complete(words)))?;
    Ok(ExitCode::SUCCESS)
}

fn plan(arguments: &PlanArguments) -> Result<ExitCode, String> {
    let report = runtime()?
        .block_on(plan::plan(arguments))
        .map_err(|error| error.to_string())?;
    let text = match arguments.output {
        Output::Text => report.to_string(),
        Output::Json => {
            serde_json::to_string_pretty(&report).map_err(|error| format!("cannot write JSON: {error}"))? + "\n"
        }
    };
    print(&text)?;
    Ok(report.exit_code())
}

fn wait(arguments: &WaitArguments) -> Result<ExitCode, String> {
    let say = |text: &str| {
        // Progress that nobody reads is no reason to stop.
        let _ = writeln!(io::stderr(), "{text}");
    };
    let end = runtime()?.block_on(wait::wait(arguments, say));
    let end = end.map_err(|error| error.to_string())?;
    say(&end.to_string());
    Ok(end.exit_code())
}

fn alerts(arguments: &AlertsArguments) -> Result<ExitCode, String> {
    let board = runtime()?.block_on(alerts::alerts(arguments, Timestamp::now()));
    let board = board.map_err(|error| error.to_string())?;
    print(&board.to_string()).map(|()| ExitCode::SUCCESS)
}

fn evaluate(arguments: &EvaluateArguments) -> Result<ExitCode, String> {
    let report = runtime()?.block_on(evaluate::evaluate(arguments, Timestamp::now()));
    let report = report.map_err(|error| error.to_string())?;
    print(&report.to_string()).map(|()| report.exit_code())
}

fn show(document: Result<String, Box<dyn Error>>) -> Result<ExitCode, String> {
    let document = document.map_err(|error| format!("cannot write YAML: {error}"))?;
    print(&document).map(|()| ExitCode::SUCCESS)
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| format!("cannot start: {error}"))
}

fn print(text: &str) -> Result<(), String> {
    match io::stdout().write_all(text.as_bytes()) {
        // A closed pipe, as in `kubectl ace import … | head`, is no error.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot write: {error}")),
        _ => Ok(()),
    }
}
