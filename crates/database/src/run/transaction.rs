use std::sync::PoisonError;

use ace_domain::sql::Statement;
use tokio::time::timeout;
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow, types::Type};

use super::{Run, RunError};
use crate::{
    Damage, Limits, TableFault,
    connection::Parameters,
    ledger::{BOTH_LEDGERS, INTERFERENCE},
    session::held,
};

/// The id of a transaction that has begun.
pub(super) struct Transaction(String);

/// Before the first statement of a file: the search path that role and database have.
pub(super) const FILES_PATH: &str = "RESET search_path;";

/// Role, search path and encoding for our own rows, independent of what the file has set. With `SET LOCAL` the file's settings
/// return for its next segment.
const OURSELVES: &str = "SET LOCAL SESSION AUTHORIZATION DEFAULT; SET LOCAL ROLE NONE; \
    SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL client_encoding = 'UTF8'";

/// The session's settings from the file, for a run that is continued in another session. Timeouts are ours. Its operators are
/// named with their schema: this is read under the file's own search path, which is one of the settings.
const SETTINGS: &str = "SELECT (coalesce(pg_catalog.jsonb_object_agg(s.name, s.setting), '{}') \
     OPERATOR(pg_catalog.||) CASE WHEN pg_catalog.current_setting('role') OPERATOR(pg_catalog.=) 'none' THEN '{}' \
        ELSE pg_catalog.jsonb_build_object('role', pg_catalog.current_setting('role')) END)::pg_catalog.text \
    FROM pg_catalog.pg_settings s WHERE s.source OPERATOR(pg_catalog.=) 'session' \
    AND s.context OPERATOR(pg_catalog.=) ANY ('{user,superuser}') \
    AND s.name OPERATOR(pg_catalog.<>) ALL ('{lock_timeout,statement_timeout,idle_in_transaction_session_timeout,\
idle_session_timeout,client_connection_check_interval,transaction_isolation,transaction_read_only,transaction_deferrable}')";

impl Run<'_> {
    /// Runs a file of one transaction, with its rows in both ledgers.
    pub(super) async fn whole(&self, statements: &[Statement]) -> Result<(), RunError> {
        // Sent together, and answered in order; the file's own statements wait for both answers.
        let begin = format!("BEGIN; {FILES_PATH}");
        let (ledger, transaction) = tokio::join!(self.look(), self.begin_as(&begin));
        let transaction = transaction?;
        let written = async {
            ledger?;
            self.say_all(statements).await?;
            self.settle(&transaction, false).await?;
            self.record().await.map_err(|error| error.behind(statements))
        };
        let written = written.await;
        self.end(transaction, written).await
    }

    /// Runs one of a file's `of` segments in a transaction with its row in the journal, or with those in both ledgers after the
    /// last one.
    pub(super) async fn part(&self, number: usize, statements: &[Statement], of: usize) -> Result<(), RunError> {
        let transaction = self.begin().await?;
        let written = async {
            self.say_all(statements).await?;
            let settings = self.settle(&transaction, true).await?;
            let noted = if number + 1 < of {
                // A ledger row that the file inserts itself would be committed here, before its other parts have run.
                self.look().await?;
                self.note(number, true, &[], &settings).await
            } else {
                self.record().await
            };
            noted.map_err(|error| error.behind(statements))
        };
        let written = written.await;
        self.end(transaction, written).await
    }

    /// Begins a transaction of the file.
    async fn begin(&self) -> Result<Transaction, RunError> {
        self.begin_as("BEGIN;").await
    }

    /// Begins a transaction that has only our own rows: it is as we need it, whatever the file has set for its own.
    pub(super) async fn begin_ours(&self) -> Result<Transaction, RunError> {
        self.begin_as("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE, NOT DEFERRABLE;")
            .await
    }

    async fn begin_as(&self, begin: &str) -> Result<Transaction, RunError> {
        let settings = &self.session.settings;
        let statements = format!(
            "{begin} SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}; \
             SELECT pg_catalog.pg_current_xact_id()",
            settings.lock_timeout.as_millis(),
            settings.statement_timeout.as_millis()
        );
        let [id] = self.session.connection.row(&statements).await?;
        Ok(Transaction(id))
    }

    /// Ends the file's part of a transaction: deferred constraints and triggers run now, under the watchdog; then it checks
    /// that this is still the transaction that began, on the session that holds the lock, and that nothing can drop the rows that
    /// follow. Returns the file's settings on request.
    pub(super) async fn settle(&self, transaction: &Transaction, settings: bool) -> Result<String, RunError> {
        let statements = format!(
            "SET CONSTRAINTS ALL IMMEDIATE; {}; {OURSELVES}; SELECT pg_catalog.pg_current_xact_id(), {}, {INTERFERENCE}",
            if settings { SETTINGS } else { "SELECT '{}'" },
            held()
        );
        let client = self.session.connection.client();
        let _keeping = self.session.connection.keep();
        let answer = self
            .guarded(client.simple_query(&statements), self.patience(), None)
            .await;
        self.hear();
        let answer = answer?;
        let rows: Vec<_> = rows(&answer).collect();
        let &[settings, proof] = rows.as_slice() else {
            return Err(RunError::Protocol { line: None });
        };
        if text(proof, 0) != Some(&transaction.0) {
            return Err(RunError::Smuggled);
        }
        if text(proof, 1) != Some("t") {
            return Err(RunError::LockLost);
        }
        if let Some(what) = text(proof, 2) {
            return Err(RunError::Damaged(Damage::interference(what)));
        }
        text(settings, 0)
            .map(str::to_owned)
            .ok_or(RunError::Protocol { line: None })
    }

    /// Writes the file's row into both ledgers, deletes its journal, and marks a snapshot as pending. An existing row of the
    /// version is an error: the file must not run twice.
    pub(super) async fn record(&self) -> Result<(), RunError> {
        if self.again {
            let version = [(&self.version() as _, Type::TEXT)];
            self.write("DELETE FROM ace_ops.migration WHERE version = $1", &version)
                .await?;
        }
        let statement = "WITH cli AS (INSERT INTO supabase_migrations.schema_migrations (version, name, statements) \
                                      VALUES ($1, $2, $3)), \
             journal AS (DELETE FROM ace_ops.step WHERE version = $1), \
             reference AS (UPDATE ace_ops.state SET behind = true WHERE NOT behind) \
             INSERT INTO ace_ops.migration (version, name, sha256, kind, duration_ms, warnings, applied_by) \
             VALUES ($1, $2, $4, 'applied', $5, $6, $7)";
        let milliseconds = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let parameters = [
            (&self.version() as _, Type::TEXT),
            (&self.file.name as _, Type::TEXT),
            (&self.script.recorded as _, Type::TEXT_ARRAY),
            (&self.file.sha256 as _, Type::TEXT),
            (&milliseconds as _, Type::INT8),
            (&self.warned() as _, Type::TEXT_ARRAY),
            (&self.session.settings.application as _, Type::TEXT),
        ];
        self.write(statement, &parameters).await
    }

    /// Writes our rows, in a transaction whose file part has ended.
    pub(super) async fn write(&self, statement: &str, parameters: Parameters<'_>) -> Result<(), RunError> {
        let client = self.session.connection.client();
        let _keeping = self.session.connection.keep();
        let written = self
            .guarded(client.query_typed(statement, parameters), self.patience(), None)
            .await;
        match written {
            Err(RunError::Sql { state, .. }) if state.as_str() == "23505" => Err(RunError::AlreadyRecorded),
            Err(RunError::Sql { state, .. }) if state.as_str() != "57014" => Err(RunError::Damaged(Damage {
                table: BOTH_LEDGERS,
                fault: TableFault::Refused(state),
            })),
            written => written.map(|_| ()),
        }
    }

    /// Commits if the rows were written, otherwise rolls back.
    pub(super) async fn end(&self, transaction: Transaction, written: Result<(), RunError>) -> Result<(), RunError> {
        let Err(error) = written else {
            return self.commit(transaction).await;
        };
        if !error.ended() && self.session.connection.execute("ROLLBACK").await.is_err() {
            self.session.connection.abandon();
        }
        Err(error)
    }

    /// Sends COMMIT. The driver does not show its command tag, and a ROLLBACK is no error: so the status of the transaction is
    /// queried.
    async fn commit(&self, transaction: Transaction) -> Result<(), RunError> {
        let connection = &self.session.connection;
        let client = connection.client();
        let limit = self.session.settings.statement_timeout + Limits::MARGIN;
        let question = format!("SELECT pg_catalog.pg_xact_status('{}'::pg_catalog.xid8)", transaction.0);
        let _keeping = connection.keep();
        // Sent together, and answered in order.
        let both = async { tokio::join!(client.batch_execute("COMMIT"), client.simple_query(&question)) };
        let Ok((committed, answer)) = timeout(limit, both).await else {
            connection.abandon();
            return Err(RunError::Unknown);
        };
        if let Err(error) = committed {
            // Only an error that leaves the session open proves that nothing was committed.
            return Err(match RunError::of(&error, None, self.text()) {
                RunError::Lost { .. } | RunError::Protocol { .. } => RunError::Unknown,
                error => error,
            });
        }
        let answer = answer.unwrap_or_default();
        match rows(&answer).next().and_then(|row| text(row, 0)) {
            Some("committed") => Ok(()),
            Some("aborted") => Err(RunError::Lost {
                line: None,
                words: None,
            }),
            _ => Err(RunError::Unknown),
        }
    }

    /// Keeps the server's warnings of a statement of the file.
    pub(super) fn hear(&self) {
        let heard = self.session.connection.notices().take();
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        let room = crate::notices::COUNT.saturating_sub(warnings.len());
        let heard = heard.iter().take(room);
        warnings.extend(heard.map(|said| self.text().redacted(said, crate::notices::CHARACTERS)));
    }

    pub(super) fn warned(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A column that is there and not null.
fn text(row: &SimpleQueryRow, index: usize) -> Option<&str> {
    row.try_get(index).ok().flatten()
}

fn rows(answer: &[SimpleQueryMessage]) -> impl Iterator<Item = &SimpleQueryRow> {
    answer.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    })
}
