//! Maps errors of the database to step errors.

use ace_database::RunError;
use ace_domain::{
    kinds::migration_set::{Advice, Failure, FailureKind, Refusal, StepError, continued},
    sql::{File, Version},
};

/// Why a file was not applied. `begun`: a part of it has run, and only the same content can be continued.
pub(super) fn run_error(file: &File, error: RunError, begun: bool) -> StepError {
    let version = file.version.clone();
    let todo = |mend: &str, todo: &str| {
        if begun { continued(mend) } else { todo.to_owned() }
    };
    let name = &file.file_name;
    if let Some(Passing {
        line,
        kind,
        what,
        advice,
    }) = passing(&error)
    {
        let mut advice = advice.says(begun);
        // The next attempt goes on with the settings of the part that has run.
        if begun && kind == FailureKind::Refused("25006".to_owned()) {
            advice = format!(
                "{advice}; where the file itself makes its session read-only, finish it by hand and record it with `supabase \
                 migration repair {version} --status applied`"
            );
        }
        return StepError::Failed(Failure {
            version,
            line,
            kind,
            message: format!("{}: {what}", at(name, line)),
            advice,
        });
    }
    if let Some((what, advice)) = of_ours(&error) {
        return refusal(version, false, format!("{name}: {what}; {}", advice.says(begun)));
    }
    let refused = |what: String, mend: &str, other: &str| {
        refusal(version.clone(), false, format!("{what}; {}", todo(mend, other)))
    };
    match error {
        RunError::Sql { state, message, line } => refusal(
            version,
            false,
            format!(
                "{}: {message} (SQLSTATE {state}); {}",
                at(name, line),
                Advice::of(state.as_str(), &message).says(begun)
            ),
        ),
        RunError::TimedOut { line } => refused(
            format!(
                "{}: the statement took longer than `spec.statementTimeout`",
                at(name, line)
            ),
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
        RunError::AlreadyRecorded => StepError::Passing(format!("{version} was recorded by another session meanwhile")),
        error => StepError::Passing(format!("{version}: {error}")),
    }
}

/// A refusal that is about the operator's own statements and tables: the file has no part in it.
fn of_ours(error: &RunError) -> Option<(String, Advice)> {
    match error {
        RunError::Ours { state } => Some((error.to_string(), Advice::outside(state.as_str()))),
        RunError::Damaged(damage) if damage.is_missing_right() => Some((
            "the run can't be recorded: the user in `spec.database` of the Platform may not write the ledgers in \
             `supabase_migrations` and `ace_ops` (SQLSTATE 42501)"
                .to_owned(),
            Advice::outside("42501"),
        )),
        _ => None,
    }
}

/// A failure after which the same file may succeed.
struct Passing {
    line: Option<u32>,
    kind: FailureKind,
    what: String,
    advice: Advice,
}

fn either(file: &'static str, elsewhere: &'static str) -> Advice {
    Advice {
        file: Some(file),
        elsewhere: Some(elsewhere),
    }
}

fn passing(error: &RunError) -> Option<Passing> {
    let lost = |line, what: String| Passing {
        line,
        kind: FailureKind::SessionLost,
        what,
        advice: either(
            "correct the file",
            "remove what ends the session (memory, a crash, a timeout)",
        ),
    };
    Some(match error {
        RunError::Retry { state, message, line } => Passing {
            line: *line,
            kind: FailureKind::Refused(state.to_string()),
            what: format!("{message} (SQLSTATE {state})"),
            advice: Advice::of(state.as_str(), message),
        },
        RunError::Lost { line, .. } => lost(*line, error.to_string()),
        RunError::Excess { excess, line } => Passing {
            advice: either("correct the file", "let it return less"),
            ..lost(
                *line,
                format!("{excess}, so the session was ended before the transaction was committed"),
            )
        },
        RunError::Unknown => lost(None, format!("{error}; the ledger will show whether it was applied")),
        RunError::LockLost => Passing {
            line: None,
            kind: FailureKind::Other,
            what: "the session lost the migration lock".to_owned(),
            advice: either(
                "remove from the file what releases it, such as `pg_advisory_unlock_all()`",
                "connect to the server itself, not to a pooler,",
            ),
        },
        RunError::Protocol { line } => Passing {
            line: *line,
            kind: FailureKind::Other,
            what: error.to_string(),
            advice: either(
                "remove the statement if it reads from the client, like `COPY … FROM stdin`",
                "connect to the server itself, not to a pooler,",
            ),
        },
        _ => return None,
    })
}

fn at(name: &str, line: Option<u32>) -> String {
    line.map_or_else(|| name.to_owned(), |line| format!("{name} line {line}"))
}

fn refusal(version: Version, half: bool, message: String) -> StepError {
    StepError::Refused(Refusal { version, half, message })
}

#[cfg(test)]
mod tests {
    use ace_database::{Damage, SqlState, TableFault};
    use ace_domain::{
        kinds::migration_set::{FailureKind, Refusal, StepError},
        sql::File,
    };

    use super::{RunError, run_error};

    fn file() -> File {
        File {
            version: "1".parse().unwrap(),
            name: "once".to_owned(),
            file_name: "1_once.sql".to_owned(),
            sha256: String::new(),
            text: "".into(),
        }
    }

    #[test]
    fn a_failure_that_may_pass_has_line_and_words_and_what_ends_the_session_is_another_kind() {
        let file = file();
        let failed = |error, begun| match run_error(&file, error, begun) {
            StepError::Failed(failure) => (failure.line, failure.kind, failure.message, failure.advice),
            other => panic!("{other:?}"),
        };
        let ask = "change the annotation `ops.mobulace.com/reconcile-at`";
        let ends = "remove what ends the session (memory, a crash, a timeout)";
        let lost = |words: Option<&str>| RunError::Lost {
            line: Some(4),
            words: words.map(str::to_owned),
        };
        let message = "1_once.sql line 4: the session ended before the transaction was committed".to_owned();
        for (begun, advice) in [
            (false, format!("correct the file, or {ends} and {ask}")),
            (
                true,
                format!("a part of the file has run: {ends}, leave the file as it is, and {ask}"),
            ),
        ] {
            assert_eq!(
                failed(lost(None), begun),
                (Some(4), FailureKind::SessionLost, message.clone(), advice)
            );
        }
        let words = "terminating connection due to administrator command (SQLSTATE 57P01)";
        let (.., said, _) = failed(lost(Some(words)), false);
        assert_eq!(said, format!("{message}: {words}"));
        let read_only = || RunError::Retry {
            state: SqlState::from("25006"),
            message: "cannot execute CREATE INDEX in a read-only transaction".to_owned(),
            line: Some(5),
        };
        let message =
            "1_once.sql line 5: cannot execute CREATE INDEX in a read-only transaction (SQLSTATE 25006)".to_owned();
        let mend = "let the server accept writes, for which its disk may be too full,";
        for (begun, advice) in [
            (false, format!("correct the file, or {mend} and {ask}")),
            (
                true,
                format!(
                    "a part of the file has run: {mend} leave the file as it is, and {ask}; where the file itself makes its session \
                     read-only, finish it by hand and record it with `supabase migration repair 1 --status applied`"
                ),
            ),
        ] {
            let kind = FailureKind::Refused("25006".to_owned());
            assert_eq!(failed(read_only(), begun), (Some(5), kind, message.clone(), advice));
        }
        let (line, kind, message, _) = failed(RunError::Unknown, false);
        let what = "1_once.sql: the response to COMMIT was lost; the ledger will show whether it was applied";
        assert_eq!((line, kind, message.as_str()), (None, FailureKind::SessionLost, what));
    }

    #[test]
    fn a_file_of_which_a_part_has_run_is_to_be_left_as_it_is() {
        let file = file();
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

    #[test]
    fn a_refusal_of_our_own_books_names_them_and_does_not_blame_the_file() {
        let file = file();
        let refused = |error| match run_error(&file, error, false) {
            StepError::Refused(refusal) => refusal.message,
            other => panic!("{other:?}"),
        };
        let right = "give the right to the user in `spec.database` of the Platform and change the annotation \
                     `ops.mobulace.com/reconcile-at`";
        let state = || SqlState::from("42501");
        let ledgers = Damage {
            table: "supabase_migrations.schema_migrations",
            fault: TableFault::Refused(state()),
        };
        assert_eq!(
            refused(RunError::Damaged(ledgers)),
            format!(
                "1_once.sql: the run can't be recorded: the user in `spec.database` of the Platform may not write the ledgers in \
                 `supabase_migrations` and `ace_ops` (SQLSTATE 42501); {right}"
            )
        );
        assert_eq!(
            refused(RunError::Ours { state: state() }),
            format!("1_once.sql: the server refuses a statement of the operator's own (SQLSTATE 42501); {right}")
        );
    }
}
