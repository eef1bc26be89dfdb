//! What a database's answers mean for a set.

use ace_database::{Blocker, QueryError, RunError};
use ace_domain::{
    migration::{Blocker as Named, Refusal, Trouble},
    script::{File, Version},
};

use crate::doorman;

/// Why there is no answer.
pub(super) fn not_said(error: &QueryError) -> Trouble {
    Trouble::Database(doorman::not_said(error))
}

/// Who has the database's lock.
pub(super) fn holder(by: Option<&Blocker>) -> String {
    let Some(by) = by else {
        return "it is ending".to_owned();
    };
    let name = by.application.as_deref().unwrap_or("unnamed");
    format!("pid {} ({name})", by.pid)
}

/// Why a file was not applied.
pub(super) fn not_run(file: &File, error: RunError) -> Trouble {
    let version = file.version.clone();
    let refused = |half, message: String| refusal(version.clone(), half, message);
    let at = |line: Option<u32>| {
        line.map_or_else(
            || file.file_name.clone(),
            |line| format!("{} line {line}", file.file_name),
        )
    };
    match error {
        RunError::Sql { state, message, line } => refused(
            false,
            format!("{}: {message} (SQLSTATE {state}); correct the file", at(line)),
        ),
        RunError::TimedOut { line } => refused(
            false,
            format!(
                "{}: the statement took longer than `spec.statementTimeout`; raise it or split the work",
                at(line)
            ),
        ),
        RunError::Smuggled => refused(
            false,
            format!(
                "{}: the file ends its own transaction, so it can't be proved to run once; take that out",
                file.file_name
            ),
        ),
        RunError::IndexNotOurs { name } => refused(
            false,
            format!(
                "{}: index {name} is there, INVALID, and not made by this file; drop it by hand",
                file.file_name
            ),
        ),
        RunError::Unproved { name } => refused(
            false,
            format!(
                "{}: the catalogue does not show what became of index {name}; look at it by hand",
                file.file_name
            ),
        ),
        RunError::HalfApplied { done } => refused(
            true,
            format!(
                "{}: {done} of its parts ran with other bytes; put the file back as it was",
                file.file_name
            ),
        ),
        RunError::LockTimeout { blockers } => Trouble::Blocked {
            version,
            blockers: named(blockers),
        },
        RunError::Retry { state } => Trouble::Passing(format!("{version}: the database can't now (SQLSTATE {state})")),
        RunError::Lost => Trouble::Passing(format!("{version}: the session ended before the transaction did")),
        RunError::Unknown => Trouble::Passing(format!(
            "{version}: the answer to COMMIT was lost; the ledger will tell"
        )),
        RunError::LockLost => Trouble::Passing(format!("{version}: the session lost the database's lock")),
        RunError::AlreadyRecorded => Trouble::Passing(format!("{version} was recorded by somebody else meanwhile")),
        RunError::Protocol => Trouble::Passing(format!("{version}: the server's answer is of no use")),
    }
}

fn refusal(version: Version, half: bool, message: String) -> Trouble {
    Trouble::Refused(Refusal { version, half, message })
}

/// Those whom others wait for.
pub(super) fn named(blockers: Vec<Blocker>) -> Vec<Named> {
    let named = blockers.into_iter().map(|blocker| Named {
        pid: blocker.pid,
        application: blocker.application.unwrap_or_default(),
        age: blocker.age,
    });
    named.collect()
}
