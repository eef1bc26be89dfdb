use thiserror::Error;

/// Why a file is refused before any of it runs.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("line {line}, column {column}: {refusal}")]
pub struct ScriptError {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// What is refused, and what to write instead.
    pub refusal: Refusal,
}

/// What is refused, and what to write instead.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{refused}; {instead}")]
pub struct Refusal {
    /// The statement and why it can't be taken.
    pub refused: &'static str,
    /// What the author can do.
    pub instead: &'static str,
    reason: &'static str,
}

impl ScriptError {
    /// The kind of error, as a label of bounded cardinality.
    pub fn reason(&self) -> &'static str {
        self.refusal.reason
    }
}

impl Refusal {
    /// Ends or begins a transaction, or gives up what belongs to the session that runs the migration.
    pub(super) const fn control(refused: &'static str, instead: &'static str) -> Self {
        Self {
            refused,
            instead,
            reason: "TransactionControl",
        }
    }

    /// Can't run in a transaction, and its effect can't be verified afterwards.
    pub(super) const fn unprovable(refused: &'static str, instead: &'static str) -> Self {
        Self {
            refused,
            instead,
            reason: "NotProvable",
        }
    }

    /// Written for a tool that runs only a part of it.
    pub(super) const fn other_tool(refused: &'static str, instead: &'static str) -> Self {
        Self {
            refused,
            instead,
            reason: "OtherTool",
        }
    }

    /// Not SQL that a server accepts.
    pub(super) const fn no_sql(refused: &'static str, instead: &'static str) -> Self {
        Self {
            refused,
            instead,
            reason: "NotSql",
        }
    }
}
