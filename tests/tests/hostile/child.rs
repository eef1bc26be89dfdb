//! The child that reads one input, and its limits.

use std::env;
use std::io::{Read, Write, stdin};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use ace_tests::Pod;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::{polls, readers};

/// First argument of the child.
pub(crate) const COMMAND: &str = "read";
/// Address space of the child, in bytes: as much as the pod has memory.
const MEMORY: u64 = (Pod::LIMIT_MIB as u64) << 20;
/// Processor time of the child, in seconds.
const PROCESSOR: u64 = 10;
/// What the child writes before its answer.
const ANSWER: &str = "answer: ";
/// What it writes before the microseconds of its longest poll, behind the answer.
const POLL: &str = "\nlongest poll: ";

/// What a child has to say.
pub(crate) struct Answered {
    /// Its longest poll of the runtime, in the processor's time; zero where nothing is read on it.
    pub(crate) poll: Duration,
}

/// What a child answers to an input, or how it ended without an answer.
pub(crate) fn answer(reader: &str, input: &[u8]) -> Result<Answered, String> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([COMMAND, reader])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A child that ends before it has read everything says so by its status.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let answer = text.strip_prefix(ANSWER).and_then(|text| text.rsplit_once(POLL));
    match answer.and_then(|(_, poll)| poll.trim().parse().ok()) {
        Some(poll) if output.status.success() => Ok(Answered {
            poll: Duration::from_micros(poll),
        }),
        _ => {
            let error: String = String::from_utf8_lossy(&output.stderr).chars().take(500).collect();
            Err(format!("{}: {text}{error}", output.status))
        }
    }
}

/// Reads standard input in this process, which is the child.
pub(crate) fn read(reader: &str) -> ExitCode {
    let mut input = Vec::new();
    stdin().read_to_end(&mut input).unwrap();
    for (resource, limit) in [(Resource::As, MEMORY), (Resource::Cpu, PROCESSOR), (Resource::Core, 0)] {
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        setrlimit(resource, limit).unwrap();
    }
    let answer: String = readers::read(reader, input).chars().take(400).collect();
    println!("{ANSWER}{answer}{POLL}{}", polls::longest().as_micros());
    ExitCode::SUCCESS
}
