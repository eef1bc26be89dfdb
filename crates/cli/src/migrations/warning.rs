use std::fmt;

use ace_api::RiskClass;
use ace_domain::sql::{FolderError, ScriptError};

use crate::warning::{counted, lines, list};

/// Most statements that are shown of one class.
const STATEMENTS: usize = 12;

/// Warnings about a folder of migrations.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Warning {
    /// The folder can't be read, or has no migration.
    Folder(FolderError),
    /// Files that a source can't have.
    LeftOut(Vec<String>),
    /// A file that is not a migration.
    Skipped { file: String, cause: &'static str },
    /// The operator will refuse this migration.
    Refused { file: String, error: ScriptError },
    /// A statement that only the server can parse.
    Unread {
        file: String,
        line: u32,
        column: u32,
        message: String,
    },
    /// Statements that need an approval by the default policy, each with its place.
    Guarded { class: RiskClass, statements: Vec<String> },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(error) => write!(f, "migrations/: {error}"),
            Self::LeftOut(names) => {
                let files = counted(names, "file", "files");
                let names = list(names);
                write!(
                    f,
                    "{files} in migrations/ that a source can't have (links, invalid names), left out: {names}"
                )
            }
            Self::Skipped { file, cause } => write!(f, "migrations/{file} is skipped: {cause}"),
            Self::Refused { file, error } => write!(f, "migrations/{file}: {error}"),
            Self::Unread {
                file,
                line,
                column,
                message,
            } => {
                write!(
                    f,
                    "migrations/{file}: line {line}, column {column}: our parser can't read this statement, so the server checks its \
                     syntax before it runs: {message}"
                )
            }
            Self::Guarded { class, statements } => {
                let (need, class) = (
                    counted(statements, "statement needs", "statements need"),
                    class.as_str(),
                );
                write!(f, "{need} an approval when run ({class}):")?;
                lines(f, statements, STATEMENTS)
            }
        }
    }
}
