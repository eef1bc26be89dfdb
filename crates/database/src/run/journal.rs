use tokio_postgres::types::Type;

use super::{Run, RunError};
use crate::{
    Damage, QueryError,
    ledger::{BOTH_LEDGERS, column},
    session::{CONNECTION_CHECK, held},
};

const STEP: &str = "ace_ops.step";

/// The journal of a file that can't run in one transaction.
pub(super) struct Ledger {
    pub(super) steps: Vec<Noted>,
    /// The session's settings from the file when its last segment was recorded, as JSON.
    settings: Option<String>,
}

/// A segment that began.
pub(super) struct Noted {
    pub(super) segment: usize,
    pub(super) done: bool,
    /// Indexes that existed before it began.
    pub(super) indexes: Vec<u32>,
}

impl Run<'_> {
    /// Checks that the lock is held and that the file is in no ledger, and reads the journal.
    pub(super) async fn look(&self) -> Result<Ledger, RunError> {
        let statement = format!(
            "SELECT {}, EXISTS (SELECT FROM supabase_migrations.schema_migrations WHERE version = $1) \
                 OR NOT $2 AND EXISTS (SELECT FROM ace_ops.migration WHERE version = $1), \
                 s.segment, s.sha256, s.done, s.indexes, s.settings \
             FROM (VALUES (1)) one LEFT JOIN ace_ops.step s ON s.version = $1 ORDER BY s.segment",
            held()
        );
        let connection = &self.session.connection;
        let rows = connection
            .query(
                &statement,
                &[(&self.version() as _, Type::TEXT), (&self.again as _, Type::BOOL)],
            )
            .await
            .map_err(Damage::of(BOTH_LEDGERS))?;
        let first = rows.first().ok_or(RunError::Protocol { line: None })?;
        let ours = |index| {
            first
                .try_get::<_, bool>(index)
                .map_err(|_| RunError::Protocol { line: None })
        };
        if !ours(0)? {
            return Err(RunError::LockLost);
        }
        if ours(1)? {
            return Err(RunError::AlreadyRecorded);
        }
        let mut noted = Vec::new();
        for row in &rows {
            if column::<Option<i32>>(STEP, row, 2)?.is_some() {
                noted.push(row);
            }
        }
        let noted_steps = noted.iter().map(|row| {
            let step = Noted {
                segment: usize::try_from(column::<i32>(STEP, row, 2)?)
                    .map_err(|_| Damage::unreadable(STEP, "segment"))?,
                done: column(STEP, row, 4)?,
                indexes: column(STEP, row, 5)?,
            };
            Ok((step, self.file.has_digest(column(STEP, row, 3)?)))
        });
        let (steps, same): (Vec<_>, Vec<_>) = noted_steps.collect::<Result<Vec<_>, QueryError>>()?.into_iter().unzip();
        if same.contains(&false) {
            let done = steps.iter().filter(|step| step.done).count();
            return Err(RunError::HalfApplied { done });
        }
        // Warnings of an earlier file do not belong to this one.
        connection.notices().take();
        let settings = noted.last().map(|row| column(STEP, row, 6)).transpose()?;
        Ok(Ledger { steps, settings })
    }

    /// Restores the settings of the session in which the file was interrupted. Its temporary tables are lost.
    pub(super) async fn restore(&self, ledger: &Ledger) -> Result<(), RunError> {
        let Some(settings) = &ledger.settings else {
            return Ok(());
        };
        let statement = "SELECT pg_catalog.set_config(s.key, s.value, false) \
             FROM pg_catalog.jsonb_each_text($1::pg_catalog.jsonb) s";
        let connection = &self.session.connection;
        let restored = connection.query(statement, &[(settings as _, Type::TEXT)]).await;
        restored.map_err(|error| match error {
            QueryError::Refused(_) => Damage::unreadable(STEP, "settings"),
            error => error,
        })?;
        Ok(())
    }

    /// Records that a segment begins, before it does. Its effects are outside of any transaction, so a snapshot is pending from
    /// now on.
    pub(super) async fn start(&self, number: usize, indexes: &[u32]) -> Result<(), RunError> {
        let transaction = self.begin_ours().await?;
        let noted = async {
            let settings = self.settle(&transaction, true).await?;
            self.note(number, false, indexes, &settings).await
        };
        let noted = noted.await;
        self.end(transaction, noted).await
    }

    /// Records that a segment which ran alone is done; after the last one of the file, that the file is applied.
    pub(super) async fn finish(&self, number: usize, of: usize) -> Result<(), RunError> {
        let transaction = self.begin_ours().await?;
        let noted = async {
            let settings = self.settle(&transaction, true).await?;
            if number + 1 == of {
                self.record().await
            } else {
                self.note(number, true, &[], &settings).await
            }
        };
        let noted = noted.await;
        self.end(transaction, noted).await
    }

    /// Deletes the row of a segment that failed and left nothing, so that the file may be changed. Without the lock nothing is
    /// written.
    pub(super) async fn forget(&self, number: usize) -> Result<(), RunError> {
        let transaction = self.begin_ours().await?;
        let forgotten = async {
            self.settle(&transaction, false).await?;
            let statement = "DELETE FROM ace_ops.step WHERE version = $1 AND segment = $2 AND NOT done";
            let parameters = [(&self.version() as _, Type::TEXT), (&segment(number) as _, Type::INT4)];
            self.write(statement, &parameters).await
        };
        let forgotten = forgotten.await;
        self.end(transaction, forgotten).await
    }

    /// Writes a segment's row, in a transaction whose file part has ended. The indexes stay those of the first time.
    pub(super) async fn note(
        &self,
        number: usize,
        done: bool,
        indexes: &[u32],
        settings: &str,
    ) -> Result<(), RunError> {
        let statement = "WITH reference AS (UPDATE ace_ops.state SET behind = true WHERE NOT behind) \
             INSERT INTO ace_ops.step (version, segment, sha256, done, indexes, settings) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (version, segment) DO UPDATE SET done = excluded.done, settings = excluded.settings";
        let parameters = [
            (&self.version() as _, Type::TEXT),
            (&segment(number) as _, Type::INT4),
            (&self.file.sha256 as _, Type::TEXT),
            (&done as _, Type::BOOL),
            (&indexes as _, Type::OID_ARRAY),
            (&settings as _, Type::TEXT),
        ];
        self.write(statement, &parameters).await
    }

    /// Prepares the session for a statement that runs alone: it may wait for locks until its timeout.
    pub(super) async fn prepare_alone(&self) -> Result<(), RunError> {
        let settings = &self.session.settings;
        let statements = format!(
            "SET lock_timeout = 0; SET statement_timeout = {}; SET idle_session_timeout = {}; \
             SET client_connection_check_interval = {}",
            settings.statement_timeout.as_millis(),
            settings.idle.as_millis(),
            CONNECTION_CHECK.as_millis()
        );
        Ok(self.session.connection.execute(&statements).await?)
    }
}

fn segment(number: usize) -> i32 {
    i32::try_from(number).expect("a file of less than 2 GB has fewer segments")
}
