//! Maps errors of the database to step errors.

use ace_api::ANNOTATION_RECONCILE_AT;
use ace_database::RunError;
use ace_domain::{
    kinds::migration_set::{Blocker, Refusal, StepError},
    sql::{File, Version},
};

/// Description of the session that holds the database's lock.
pub(super) fn holder(by: Option<&Blocker>) -> String {
    let Some(by) = by else {
        return "a session that is just ending".to_owned();
    };
    let name = by.application.as_deref().unwrap_or("unnamed");
    format!("pid {} ({name})", by.pid)
}

/// Why a file was not applied. `begun`: a part of it has run, and only the same bytes can be continued.
pub(super) fn run_error(file: &File, error: RunError, begun: bool) -> StepError {
    let version = file.version.clone();
    let refused = |what: String, mend: &str, todo: &str| {
        let todo = if begun {
            format!(
                "a part of the file has run: {mend}, leave the file as it is, and change the annotation \
                 `{ANNOTATION_RECONCILE_AT}`"
            )
        } else {
            todo.to_owned()
        };
        refusal(version.clone(), false, format!("{what}; {todo}"))
    };
    let name = &file.file_name;
    let at = |line: Option<u32>| line.map_or_else(|| name.clone(), |line| format!("{name} line {line}"));
    match error {
        RunError::Sql { state, message, line } => refused(
            format!("{}: {message} (SQLSTATE {state})", at(line)),
            "fix its cause in the database",
            "correct the file",
        ),
        RunError::TimedOut { line } => refused(
            format!("{}: the statement took longer than `spec.statementTimeout`", at(line)),
            "raise it",
            "raise it or split the work",
        ),
        RunError::Smuggled => refusal(
            version,
            false,
            format!(
                "{name}: the file ends its own transaction, so it can't be guaranteed to run exactly once; remove that statement"
            ),
        ),
        RunError::WritesLedger => refusal(
            version,
            false,
            format!("{name}: the file writes its own row into the ledger; remove that INSERT"),
        ),
        RunError::IndexNotOurs { name: index } => refused(
            format!("{name}: index {index} exists, is INVALID and was not created by this file"),
            "drop it by hand",
            "drop it by hand",
        ),
        RunError::Unproved { name: index } => refused(
            format!("{name}: the catalogue does not show the expected state of index {index}"),
            "check the index by hand",
            "check the index by hand",
        ),
        RunError::Damaged(damage) => refused(
            format!("{name}: the run can't be recorded: {damage}"),
            "restore the table",
            "restore the table, or remove from the file what changes it",
        ),
        RunError::HalfApplied { done } => refusal(
            version,
            true,
            format!("{name}: {done} of its parts ran from other content; restore the file"),
        ),
        RunError::LockTimeout { blockers } => StepError::Blocked { version, blockers },
        RunError::Retry { state } => StepError::Passing(format!(
            "{version}: the database is temporarily unable to run it (SQLSTATE {state})"
        )),
        RunError::Lost => StepError::Passing(format!(
            "{version}: the session ended before the transaction was committed"
        )),
        RunError::Excess(excess) => StepError::Passing(format!(
            "{version}: {excess}, so the session was ended before the transaction was committed; let no statement return so much"
        )),
        RunError::Unknown => StepError::Passing(format!(
            "{version}: the response to COMMIT was lost; the ledger will show whether it was applied"
        )),
        RunError::LockLost => StepError::Passing(format!("{version}: the session lost the migration lock")),
        RunError::AlreadyRecorded => StepError::Passing(format!("{version} was recorded by another session meanwhile")),
        RunError::Protocol => StepError::Passing(format!("{version}: the server sent an unexpected response")),
    }
}

fn refusal(version: Version, half: bool, message: String) -> StepError {
    StepError::Refused(Refusal { version, half, message })
}

#[cfg(test)]
mod tests {
    use ace_domain::{
        kinds::migration_set::{Refusal, StepError},
        sql::File,
    };

    use super::{RunError, run_error};

    #[test]
    fn a_file_of_which_a_part_has_run_is_to_be_left_as_it_is() {
        let file = File {
            version: "1".parse().unwrap(),
            name: "once".to_owned(),
            file_name: "1_once.sql".to_owned(),
            sha256: String::new(),
            text: "".into(),
        };
        let leave = "leave the file as it is, and change the annotation `ops.mobulace.com/reconcile-at`";
        for (begun, todo) in [
            (false, "raise it or split the work".to_owned()),
            (true, format!("a part of the file has run: raise it, {leave}")),
        ] {
            let StepError::Refused(Refusal { message, half, .. }) =
                run_error(&file, RunError::TimedOut { line: Some(2) }, begun)
            else {
                panic!("it is refused");
            };
            let what = "1_once.sql line 2: the statement took longer than `spec.statementTimeout`";
            assert_eq!((message, half), (format!("{what}; {todo}"), false));
        }
    }
}
