//! `cargo xtask generate` writes what is made from the types and from the list of kinds; `cargo xtask check` compares.

use std::{env, process::ExitCode};

use xtask::tree;

fn main() -> ExitCode {
    let command = env::args().nth(1).unwrap_or_default();
    let result = match command.as_str() {
        "generate" => tree::generate(&tree::root()),
        "check" => tree::check(&tree::root()),
        _ => {
            eprintln!("cargo xtask generate | check");
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
