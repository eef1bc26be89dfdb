//! Why the demo did not show what it is there to show.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ace_sandbox::bed::BedError;

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// The bed.
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
        /// A verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The example has changed, and a step of the demo no longer fits it.
    #[error("{file} has no `{text}` that the demo could change")]
    Unchangeable {
        /// Below the functions' folder.
        file: String,
        /// What was looked for.
        text: String,
    },
    /// A program that can't be run.
    #[error("could not run {program}")]
    Run {
        /// Which.
        program: String,
        /// The system's words.
        source: io::Error,
    },
    /// A program that failed.
    #[error("`{command}` failed: {message}")]
    Failed {
        /// As a person would type it.
        command: String,
        /// What it said.
        message: String,
    },
    /// The project's database.
    #[error("could not {action} the project's database")]
    Database {
        /// A verb.
        action: &'static str,
        /// The client's words.
        source: tokio_postgres::Error,
    },
    /// No answer to a request.
    #[error("could not {action}")]
    Unanswered {
        /// What was attempted.
        action: String,
        /// The client's words.
        source: reqwest::Error,
    },
    /// The operator is gone.
    #[error("the operator ended by itself ({status}); its last words:{last_words}")]
    OperatorEnded {
        /// Its exit status.
        status: String,
        /// The end of its log.
        last_words: String,
    },
    /// It was ended before everything was seen.
    #[error("the demo was interrupted before it was over")]
    Interrupted,
    /// Something did not happen in time.
    #[error("not seen within {} s: {what}; the last look: {last}", patience.as_secs())]
    NotSeen {
        /// What was waited for.
        what: String,
        /// For how long.
        patience: Duration,
        /// What was there instead.
        last: String,
    },
    /// Something is not as it has to be.
    #[error("{0}")]
    Wrong(String),
}

impl DemoError {
    /// For `map_err` at a file operation.
    pub(super) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> DemoError {
        let path = path.into();
        move |source| DemoError::File { action, path, source }
    }
}

/// Demands what the demo claims.
pub(super) fn ensure(holds: bool, wrong: impl FnOnce() -> String) -> Result<(), DemoError> {
    if holds { Ok(()) } else { Err(DemoError::Wrong(wrong())) }
}
