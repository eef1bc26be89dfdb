//! `kubectl-ace`: a kubectl plugin. `kubectl ace import` turns a Supabase project directory into resources.

mod arguments;
mod config;
mod directory;
mod import;
mod manifest;
mod oddity;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command, ImportArguments};
use crate::directory::Project;

fn main() -> ExitCode {
    let Command::Import(arguments) = Arguments::parse().command;
    match import(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nothing is left to be said if standard error is gone.
            let _ = writeln!(io::stderr(), "error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Resources go to standard output, what is odd to standard error: the output can be piped into `kubectl apply`.
fn import(arguments: &ImportArguments) -> Result<(), String> {
    let project = Project::read(&arguments.directory).map_err(|error| error.to_string())?;
    let imported = import::import(&project, &arguments.wish());
    let documents = manifest::documents(&imported.functions).map_err(|error| format!("cannot write YAML: {error}"))?;
    let mut errors = io::stderr().lock();
    let told = imported
        .oddities
        .iter()
        .try_for_each(|oddity| writeln!(errors, "{oddity}"));
    told.and_then(|()| writeln!(errors, "{}", imported.summary()))
        .map_err(|error| format!("cannot write: {error}"))?;
    if imported.functions.is_empty() {
        return Err("there is no function to print".to_owned());
    }
    match io::stdout().write_all(documents.as_bytes()) {
        // `kubectl ace import … | head` is no fault.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot write: {error}")),
        _ => Ok(()),
    }
}
