//! Tests side by side, though each needs a bed without another operator: every lane is a process with a bed of its own, which runs
//! one test after the other.

use std::{
    collections::BTreeMap,
    env,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
};

use ace_tests::Test;
use libtest_mimic::{Failed, Trial};

/// These tests wait for most of their time.
pub const LANES: usize = 4;
/// Set for the process of a lane.
const IS_LANE: &str = "ACE_TESTS_LANE";
/// How a lane answers; whatever else it writes is the test's.
const PASSED: &str = "\u{1}passed";
const FAILED: &str = "\u{1}failed";

type Lanes = Arc<Mutex<Vec<Lane>>>;

/// A process that runs the tests that it is told.
struct Lane {
    process: Child,
    /// Closed, it ends the process.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// The tests as this process shows them: each runs in whichever lane is free.
pub fn trials(tests: Vec<Test>) -> Vec<Trial> {
    let lanes = Lanes::default();
    tests
        .into_iter()
        .map(|Test { name, .. }| {
            let lanes = lanes.clone();
            Trial::test(name, move || in_a_lane(&lanes, name))
        })
        .collect()
}

fn in_a_lane(lanes: &Lanes, name: &str) -> Result<(), Failed> {
    let free = lanes.lock().unwrap().pop();
    let mut lane = match free {
        Some(lane) => lane,
        None => Lane::start()?,
    };
    lane.run(name)?;
    // After a failure nobody knows in which state a bed is.
    lanes.lock().unwrap().push(lane);
    Ok(())
}

impl Lane {
    fn start() -> io::Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .env(IS_LANE, "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        Ok(Self {
            process,
            input,
            output: BufReader::new(output.expect("it is a pipe")),
        })
    }

    fn run(&mut self, name: &str) -> Result<(), Failed> {
        writeln!(self.input.as_mut().expect("it is a pipe"), "{name}")?;
        for line in self.output.by_ref().lines() {
            match line?.as_str() {
                PASSED => return Ok(()),
                FAILED => return Err("see its panic above".into()),
                other => println!("{other}"),
            }
        }
        Err("the process that ran it has ended".into())
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.wait();
    }
}

/// Whether this process is a lane.
pub fn is_lane() -> bool {
    env::var_os(IS_LANE).is_some()
}

/// Runs each test whose name comes in, until none can come any more.
pub fn serve(tests: Vec<Test>) {
    let mut tests: BTreeMap<&str, Test> = tests.into_iter().map(|test| (test.name, test)).collect();
    for name in io::stdin().lines() {
        let test = name.ok().and_then(|name| tests.remove(name.as_str()));
        let passed = test.is_some_and(|test| catch_unwind(AssertUnwindSafe(|| test.run())).is_ok());
        println!("{}", if passed { PASSED } else { FAILED });
    }
}
