//! The session that asks the queries of alert rules: it reads, and after each question database and session are as before.
//!
//! A query is anybody's who may write a rule, so nothing relies on what it says:
//! - It is one statement by PostgreSQL's own parser, alone, before it is put into brackets of ours: no query leaves them.
//! - Brackets take what reads: no `DO`, `COPY`, `SHOW`, no CTE that writes. Cells and rows are cut at the server.
//! - The transaction is read-only and always rolled back: `lo_create` writes in a read-only one (PostgreSQL 15, tried).
//! - Advisory locks outlive a transaction, and a query may take that of migrations: they are released.
//! - A statement that does not end is ended from another session.

mod error;
mod question;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures::join;
use tokio::time::timeout;
use tokio_postgres::types::Type;

use crate::{
    Access, Connection, OpenError, QueryError,
    connection::{Parameters, StartUp},
};

pub use error::{AskError, ReaderError};
pub use question::{Question, Shape};

use question::rows;

/// `application_name` of the sessions.
const APPLICATION: &str = "ace-operator/alerts";

/// How much longer than the server we wait, so that its own refusal arrives.
const MARGIN: Duration = Duration::from_secs(1);

/// Until the server ends a session that nobody asks anything.
const IDLE: Duration = Duration::from_mins(10);

/// After a query, whatever it did: what is a transaction's is undone, and so is what outlives one.
const AFTERWARDS: &str = "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all(); RESET ALL";

/// A session that asks the queries of alert rules.
pub struct Reader {
    connection: Connection,
    access: Access,
    /// An answer has shown that the session is gone, or may not be as before.
    is_lost: AtomicBool,
}

impl Reader {
    /// Opens a session, and checks that its role can't do more than read. `owner`: the role of migrations.
    pub async fn open(access: &Access, owner: &str) -> Result<Self, ReaderError> {
        let milliseconds = |duration: Duration| duration.as_millis().to_string();
        let start_up = StartUp {
            application: APPLICATION,
            runs_files: false,
            settings: vec![
                ("default_transaction_read_only", "on".to_owned()),
                // Rows that a policy hides are an error, and not none.
                ("row_security", "off".to_owned()),
                ("lock_timeout", "1000".to_owned()),
                ("idle_session_timeout", milliseconds(IDLE)),
                ("client_connection_check_interval", "2000".to_owned()),
                ("standard_conforming_strings", "on".to_owned()),
                ("extra_float_digits", "1".to_owned()),
            ],
        };
        let reader = Self {
            connection: Connection::open_as(access, &start_up).await?,
            access: access.clone(),
            is_lost: AtomicBool::new(false),
        };
        reader.check(owner).await?;
        Ok(reader)
    }

    /// The role can neither write as that of migrations, nor end others' sessions.
    async fn check(&self, owner: &str) -> Result<(), ReaderError> {
        const POWERS: &str = "SELECT r.rolname::text, r.rolsuper, pg_catalog.pg_has_role(r.oid, 'pg_signal_backend', 'MEMBER'), \
            EXISTS (SELECT FROM pg_catalog.pg_roles o WHERE o.rolname = $1 AND pg_catalog.pg_has_role(r.oid, o.oid, 'MEMBER')) \
            FROM pg_catalog.pg_roles r WHERE r.rolname = session_user";
        let parameters: Parameters<'_> = &[(&owner, Type::TEXT)];
        let found = self.connection.query(POWERS, parameters).await?;
        let row = found.first().ok_or(QueryError::Protocol)?;
        let read = |index| row.try_get::<_, bool>(index).map_err(|_| QueryError::Protocol);
        let role = row.try_get::<_, String>(0).map_err(|_| QueryError::Protocol)?;
        let (is_superuser, ends_sessions, is_owner) = (read(1)?, read(2)?, read(3)?);
        let too_powerful = |why: String| Err(ReaderError::TooPowerful(why));
        if is_superuser {
            return too_powerful(format!("role `{role}` is a superuser: make another one"));
        }
        if role == owner {
            return too_powerful(format!("role `{role}` is that of migrations: make another one"));
        }
        if is_owner {
            return too_powerful(format!(
                "role `{role}` is a member of `{owner}` and can write as that: REVOKE \"{owner}\" FROM \"{role}\""
            ));
        }
        if ends_sessions {
            return too_powerful(format!(
                "role `{role}` can end others' sessions: REVOKE pg_signal_backend FROM \"{role}\""
            ));
        }
        Ok(())
    }

    /// What the query returns, by its columns. Fails where it is not one statement, or has other columns than a rule needs.
    pub async fn shape(&self, question: &Question) -> Result<Shape, AskError> {
        let limit = question.timeout + MARGIN;
        let prepared = async {
            let _keeping = self.connection.keep();
            timeout(limit, self.connection.client().prepare(&question.query)).await
        };
        let Ok(prepared) = prepared.await else {
            return Err(self.end(limit).await);
        };
        let statement = prepared.map_err(|error| self.failed(question, &error, 0))?;
        let columns: Vec<&str> = statement.columns().iter().map(tokio_postgres::Column::name).collect();
        question.shape(&columns).map_err(AskError::Invalid)
    }

    /// The rows of a query, at most one more than a rule may have. One round trip.
    pub async fn ask(
        &self,
        question: &Question,
        shape: Shape,
    ) -> Result<Vec<ace_domain::kinds::alert_rule::Row>, AskError> {
        let client = self.connection.client();
        let before = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {}",
            question.timeout.as_millis()
        );
        let statement = question.statement(shape);
        let limit = question.timeout + MARGIN;
        let asked = async {
            let _keeping = self.connection.keep();
            // Sent one behind the other, without waiting for an answer.
            timeout(limit, async {
                join!(
                    client.batch_execute(&before),
                    client.query_typed(&statement, &[]),
                    client.batch_execute(AFTERWARDS),
                )
            })
            .await
        };
        let Ok((began, answer, ended)) = asked.await else {
            return Err(self.end(limit).await);
        };
        let answer = answer.map_err(|error| self.failed(question, &error, question.offset(shape)));
        // A session that is not as before is not used again.
        if let Some(error) = began.err().or_else(|| ended.err()) {
            self.abandon();
            return Err(answer
                .err()
                .filter(AskError::is_lost)
                .unwrap_or_else(|| AskError::Lost(QueryError::of(&error).to_string())));
        }
        rows(question, shape, &answer?).ok_or_else(|| AskError::Lost(QueryError::Protocol.to_string()))
    }

    /// The session can be asked again.
    pub fn is_open(&self) -> bool {
        !self.is_lost.load(Ordering::Relaxed) && !self.connection.client().is_closed()
    }

    /// It is not used again, whenever its connection has ended.
    fn abandon(&self) {
        self.is_lost.store(true, Ordering::Relaxed);
        self.connection.abandon();
    }

    /// Closes the session in order.
    pub async fn close(self) {
        self.connection.close().await;
    }

    /// Ends a session that does not answer: from outside, too, so that its statement does not go on.
    async fn end(&self, limit: Duration) -> AskError {
        self.abandon();
        // If there is no other session, the server notices that its client is gone.
        if let Ok(other) = Connection::open(&self.access).await {
            let pid = self.connection.pid();
            let _ = other
                .rows(&format!("SELECT pg_catalog.pg_terminate_backend({pid})"))
                .await;
            other.close().await;
        }
        AskError::Lost(QueryError::NoAnswer(limit).to_string())
    }

    fn failed(&self, question: &Question, error: &tokio_postgres::Error, offset: usize) -> AskError {
        let error = match self.connection.excess() {
            Some(excess) => AskError::Lost(excess.to_string()),
            None => AskError::of(question, error, offset),
        };
        self.is_lost.fetch_or(error.is_lost(), Ordering::Relaxed);
        error
    }
}

impl From<OpenError> for ReaderError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<QueryError> for ReaderError {
    fn from(error: QueryError) -> Self {
        Self::Open(error.into())
    }
}
