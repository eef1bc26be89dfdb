use sha2::{Digest, Sha256};

use crate::{
    OpenError, QueryError, Scratch, Session, Settings,
    redact::{MESSAGE, ServerMessage, Text},
};

/// What a statement returned: its value is not kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asserted {
    /// It is the expected one.
    pub passed: bool,
    /// `sha256:…` of the value as text; `None` if it is null.
    pub digest: Option<String>,
}

/// Why a statement returned no value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AssertionError {
    #[error("{0}")]
    Open(#[from] OpenError),
    #[error("{0}")]
    Query(#[from] QueryError),
    /// The server refuses it.
    #[error("the statement fails: {0}")]
    Refused(String),
    /// It returns no row, several, or another number of columns than one.
    #[error("the statement returns {rows} rows of {columns} columns: write one that returns one value")]
    NotOneValue { rows: usize, columns: usize },
}

impl Scratch {
    /// Runs one read-only statement, which must return this value, as PostgreSQL writes it: `t`, `2600000`. Tables are named
    /// with their schemas.
    pub async fn assert(&self, statement: &str, expected: &str) -> Result<Asserted, AssertionError> {
        let settings = Settings::new(self.application());
        let mut access = self.access().clone();
        access.limits.statement = settings.statement_timeout;
        let session = Session::open_read_only(&access, &settings).await?;
        let value = value(&session, statement).await;
        session.close().await;
        let value = value?;
        Ok(Asserted {
            passed: value.as_deref() == Some(expected),
            digest: value.map(|value| format!("sha256:{}", hex::encode(Sha256::digest(value)))),
        })
    }
}

async fn value(session: &Session, statement: &str) -> Result<Option<String>, AssertionError> {
    let connection = session.connection();
    // Only one statement can be prepared.
    let prepared = async {
        match connection.client().prepare_typed(statement, &[]).await {
            Err(error) if error.as_db_error().is_none() => Err(error),
            answer => Ok(answer.map(|prepared| prepared.columns().len())),
        }
    };
    let columns = match connection.answer(prepared).await? {
        Ok(columns) => columns,
        Err(error) => return Err(refused(statement, &error)),
    };
    connection.execute("BEGIN READ ONLY").await?;
    let mut rows = match connection.rows(statement).await {
        Ok(rows) => rows,
        Err(QueryError::Refused(state)) => return Err(AssertionError::Refused(format!("SQLSTATE {state}"))),
        // It would write: on a server that can't be written to for now, this would pass.
        Err(QueryError::Unavailable(state)) if state.as_str() == "25006" => {
            return Err(AssertionError::Refused("it would write (SQLSTATE 25006)".to_owned()));
        }
        Err(error) => return Err(error.into()),
    };
    let count = rows.len();
    let row: Option<[Option<String>; 1]> = rows.pop().and_then(|row| row.try_into().ok());
    match row {
        Some([value]) if count == 1 => Ok(value),
        _ => Err(AssertionError::NotOneValue { rows: count, columns }),
    }
}

fn refused(statement: &str, error: &tokio_postgres::Error) -> AssertionError {
    let said = error.as_db_error().map(ServerMessage::of);
    let message = said.map(|said| Text::of([statement]).redacted(&said, MESSAGE));
    AssertionError::Refused(message.unwrap_or_default())
}
