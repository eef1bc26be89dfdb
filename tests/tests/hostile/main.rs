//! Nothing that somebody else writes ends or fills the process: each input is read by a child of this program under the
//! limits of the operator's pod, and has to end in an answer.
//!
//! An input is a production of a grammar, repeated. Those in `productions` are the corpus: what a search finds is added
//! there. `HOSTILE_SECONDS` searches for as long (`make fuzz`), with productions combined at random.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod child;
mod objects;
mod polls;
mod productions;
mod readers;

use std::env;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ace_api::KINDS;
use libtest_mimic::{Arguments, Failed, Trial};
use productions::productions;
use rand::{Rng, SeedableRng, rngs::StdRng};

/// How often a production is repeated: in a search, with the steps between.
const TIMES: [usize; 2] = [100, 100_000];
const TIMES_OF_A_SEARCH: [usize; 4] = [100, 1_000, 10_000, 100_000];
/// Combinations that are tried without a search: always the same.
const COMBINATIONS: u64 = 40;

/// Of SQL there is less: an unoptimised build takes up to 0.45 ms for a statement, and so for each of as many as are wanted (measured up
/// to 30,000).
const TIMES_OF_SQL: [usize; 2] = [100, 3_000];
const TIMES_OF_A_SEARCH_OF_SQL: [usize; 4] = [100, 1_000, 3_000, 10_000];

/// Longest poll of the runtime, in the processor's time: so long its thread serves nothing else. What is not optimised takes many
/// times as long: up to 0.3 s (measured).
const POLL: Duration = if cfg!(debug_assertions) {
    Duration::from_secs(1)
} else {
    Duration::from_millis(100)
};

type Test = fn() -> Result<(), Failed>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    if let [_, command, reader] = &arguments[..]
        && command == child::COMMAND
    {
        return child::read(reader);
    }
    let tests: [(&str, Test); 9] = [
        ("every_module_ends_in_an_answer", every_module_ends_in_an_answer),
        ("every_import_map_ends_in_an_answer", every_import_map_ends_in_an_answer),
        ("every_archive_ends_in_an_answer", every_archive_ends_in_an_answer),
        ("every_migration_ends_in_an_answer", every_migration_ends_in_an_answer),
        ("every_body_ends_in_an_answer", every_body_ends_in_an_answer),
        (
            "every_list_of_functions_ends_in_an_answer",
            every_list_of_functions_ends_in_an_answer,
        ),
        (
            "every_message_of_a_database_ends_in_an_answer",
            every_message_of_a_database_ends_in_an_answer,
        ),
        ("every_status_ends_in_an_answer", every_status_ends_in_an_answer),
        (
            "every_combination_of_productions_ends_in_an_answer",
            every_combination_of_productions_ends_in_an_answer,
        ),
    ];
    let trials = tests.map(|(name, test)| Trial::test(name, test));
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

fn every_module_ends_in_an_answer() -> Result<(), Failed> {
    survive(|reader| reader.starts_with("index."))
}

fn every_import_map_ends_in_an_answer() -> Result<(), Failed> {
    survive(|reader| matches!(reader, "deno.json" | "map and module"))
}

fn every_archive_ends_in_an_answer() -> Result<(), Failed> {
    survive(|reader| reader == "tar.gz")
}

fn every_migration_ends_in_an_answer() -> Result<(), Failed> {
    survive(|reader| reader == "1_a.sql")
}

fn every_body_ends_in_an_answer() -> Result<(), Failed> {
    survive(|reader| reader == "multipart")
}

fn every_list_of_functions_ends_in_an_answer() -> Result<(), Failed> {
    survive(|reader| reader == "functions")
}

fn every_message_of_a_database_ends_in_an_answer() -> Result<(), Failed> {
    survive(|reader| reader == "postgres")
}

fn every_status_ends_in_an_answer() -> Result<(), Failed> {
    survive(|reader| KINDS.iter().any(|kind| kind.name == reader))
}

/// How long to search, if at all.
fn search() -> Option<Duration> {
    let seconds = env::var("HOSTILE_SECONDS").ok()?;
    Some(Duration::from_secs(seconds.parse().ok()?))
}

fn times(reader: &str) -> &'static [usize] {
    match (reader, search()) {
        ("1_a.sql", None) => &TIMES_OF_SQL,
        ("1_a.sql", Some(_)) => &TIMES_OF_A_SEARCH_OF_SQL,
        (_, None) => &TIMES,
        (_, Some(_)) => &TIMES_OF_A_SEARCH,
    }
}

fn survive(reader: impl Fn(&str) -> bool) -> Result<(), Failed> {
    let (mut lost, mut longest) = (Vec::new(), (Duration::ZERO, String::new()));
    for production in productions().iter().filter(|production| reader(production.reader)) {
        for times in times(production.reader) {
            let what = format!("{} × {times} of {}", production.name, production.reader);
            match child::answer(production.reader, &(production.input)(*times)) {
                Ok(answered) if answered.poll > POLL => lost.push(format!("{what}: one poll took {:?}", answered.poll)),
                Ok(answered) => longest = longest.max((answered.poll, what)),
                Err(ended) => lost.push(format!("{what}: {ended}")),
            }
        }
    }
    if longest.0 > Duration::ZERO {
        println!("longest poll: {:?}, of {}", longest.0, longest.1);
    }
    if lost.is_empty() {
        return Ok(());
    }
    Err(lost.join("\n").into())
}

/// Two productions of one reader, one inside or behind the other.
fn every_combination_of_productions_ends_in_an_answer() -> Result<(), Failed> {
    let until = search().map(|long| Instant::now() + long);
    let first = if until.is_some() { rand::rng().random() } else { 0 };
    let more = |tried: u64| until.map_or(tried < COMBINATIONS, |until| Instant::now() < until);
    for seed in (0..).take_while(|tried| more(*tried)).map(|tried: u64| first ^ tried) {
        let mut random = StdRng::seed_from_u64(seed);
        let (reader, text) = productions::combination(&mut random);
        child::answer(reader, text.as_bytes()).map_err(|ended| {
            let beginning: String = text.chars().take(300).collect();
            format!(
                "combination {seed} of {reader}, {} bytes: {ended}\n{beginning}",
                text.len()
            )
        })?;
    }
    Ok(())
}
