//! Why the demo did not show what it is there to show.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ace_sandbox::bed::BedError;

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error(transparent)]
    Bed(#[from] BedError),
    /// Neither here nor above is a checkout.
    #[error("examples/ace-engage and deploy/ are neither here nor above: run the demo in a checkout")]
    NoCheckout,
    /// The operator was not built.
    #[error("there is no operator at {}: build it with `cargo build --package ace-operator`, or name it with --operator", .0.display())]
    NoOperator(PathBuf),
    /// A file or directory.
    #[error("could not {action} {}", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// A program that can't be run.
    #[error("could not run {program}")]
    Run { program: String, source: io::Error },
    /// The address of the project's database.
    #[error("the bed's database has no one host and port")]
    DatabaseAddress,
    /// The way to the programs.
    #[error("PATH, or the directory of the bed, can't stand in a PATH")]
    ProgramPath,
    /// The client that asks the operator whether it is ready.
    #[error("could not set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// A step file is not of the form that it has to have.
    #[error("{place}: {message}")]
    StepFile {
        /// `file:line`.
        place: String,
        message: String,
    },
    /// A step did not show what it must.
    #[error("{place}: `{command}`: {}: {expected}; instead: {instead}", not_seen(*within))]
    Step {
        /// `file:line`.
        place: String,
        /// The command, or the file that was to be edited.
        command: String,
        /// What was to be seen.
        expected: String,
        /// For how long that was waited for.
        within: Option<Duration>,
        /// What was seen last.
        instead: String,
    },
    /// The operator is gone.
    #[error("the operator ended by itself ({status}); its last words:{last_words}")]
    OperatorEnded {
        status: String,
        /// The end of its log.
        last_words: String,
    },
    /// It was ended before everything was seen.
    #[error("the demo was interrupted before it was over")]
    Interrupted,
    /// The operator does not become ready.
    #[error("the operator was not ready within {} s; its last words:{last_words}", patience.as_secs())]
    OperatorNotReady {
        /// For how long that was waited for.
        patience: Duration,
        /// The end of its log.
        last_words: String,
    },
}

impl DemoError {
    /// For `map_err` at a file operation.
    pub(super) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> DemoError {
        let path = path.into();
        move |source| DemoError::File { action, path, source }
    }
}

fn not_seen(within: Option<Duration>) -> String {
    within.map_or_else(
        || "not seen".to_owned(),
        |within| format!("not seen within {} s", within.as_secs()),
    )
}
