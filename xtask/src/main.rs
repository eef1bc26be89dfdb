//! `cargo xtask generate` writes what is made from the types and from the list of kinds; `cargo xtask check` compares.
//! `cargo xtask messages NAME=FILE…` reads PostgreSQL's messages from its catalogues and programs, for a new version of them.

use std::{env, fs, path::Path, process::ExitCode};

use xtask::{messages, tree};

fn main() -> ExitCode {
    let command = env::args().nth(1).unwrap_or_default();
    if command == "messages" {
        return read_messages();
    }
    let result = match command.as_str() {
        "generate" => tree::generate(&tree::root()),
        "check" => tree::check(&tree::root()),
        _ => {
            eprintln!("cargo xtask generate | check | messages NAME=FILE…");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(differences) => report(&command, &differences),
        Err(error) => {
            eprintln!("{error}: {}", error.io);
            ExitCode::FAILURE
        }
    }
}

fn report(command: &str, differences: &[tree::Difference]) -> ExitCode {
    for difference in differences {
        println!("{difference}");
    }
    if command == "check" && !differences.is_empty() {
        println!("`cargo xtask generate` brings them up to date");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Each argument is a name for the head of the file, as `PostgreSQL 15.18`, and a path.
fn read_messages() -> ExitCode {
    let mut sources = Vec::new();
    for argument in env::args().skip(2) {
        let Some((name, path)) = argument.split_once('=') else {
            eprintln!("{argument}: write NAME=FILE");
            return ExitCode::from(2);
        };
        match fs::read(Path::new(path)) {
            Ok(content) => sources.push((name.to_owned(), content)),
            Err(error) => {
                eprintln!("{path}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    let files = [
        (messages::PATH, messages::file(&sources)),
        (messages::REASONS_PATH, messages::reasons()),
    ];
    for (path, content) in files {
        if let Err(error) = fs::write(tree::root().join(path), content) {
            eprintln!("{path}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
