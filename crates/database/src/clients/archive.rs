use std::{fmt, io};

use tokio::io::AsyncRead;

use super::{ClientError, Clients, Contents, ContentsError, Environment, Head, Input, feed::HeadError, process};
use crate::{Proof, TableName, redact::Text};

const PROGRAM: &str = "pg_restore";

/// Why a stream is no whole archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The stream failed: its own error says why.
    #[error("the archive's stream failed")]
    Source(#[source] io::Error),
    /// It has no table of contents.
    #[error("{0}")]
    Contents(#[from] ContentsError),
    /// `pg_restore` does not take it.
    #[error("{0}")]
    Client(#[from] ClientError),
}

/// A table that an archive and the proof of its source don't have in common.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Omission {
    /// It was counted, and the archive has no rows of it.
    Missing(TableName),
    /// The archive has rows of it, and it was not counted.
    Unexpected(TableName),
}

impl From<HeadError> for ArchiveError {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Source(error) => Self::Source(error),
            HeadError::Contents(error) => Self::Contents(error),
        }
    }
}

impl fmt::Display for Omission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(table) => write!(formatter, "{table} is not in the archive"),
            Self::Unexpected(table) => write!(formatter, "{table} is in the archive, and was not counted"),
        }
    }
}

/// Reads a whole archive as it would be restored, by a client of the major that wrote it, and returns its table of contents.
pub async fn check_archive(clients: &Clients, mut archive: impl AsyncRead + Unpin) -> Result<Contents, ArchiveError> {
    let head = Head::read(&mut archive).await?;
    let contents = head.contents.clone();
    let major = process::major(&contents.client_version).ok_or(ContentsError::Damaged)?;
    let program = clients.program(PROGRAM, major).await?;
    let arguments = ["--exit-on-error", "--file=/dev/null"].map(String::from);
    let (running, pipes) = program.start(&arguments, Environment::of_none(), Input::Piped)?;
    head.feed(&mut archive, pipes.stdin)
        .await
        .map_err(ArchiveError::Source)?;
    let tables = contents.tables();
    let names = tables
        .iter()
        .flat_map(|table| [table.schema.as_str(), table.name.as_str()]);
    running.end(&Text::of(names)).await?;
    Ok(contents)
}

impl Contents {
    /// The tables that differ from those of a proof, by their exact names.
    pub fn omissions(&self, proof: &Proof) -> Vec<Omission> {
        let tables = self.tables();
        let missing = proof.counted().filter(|table| !tables.contains(*table));
        let mut omissions: Vec<_> = missing.cloned().map(Omission::Missing).collect();
        let known = |table: &TableName| proof.tables.contains_key(table) || proof.besides.contains(table);
        let unexpected = tables.iter().filter(|table| !known(table));
        omissions.extend(unexpected.cloned().map(Omission::Unexpected));
        omissions
    }
}
