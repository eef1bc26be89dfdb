use std::fmt;

use super::risk::RiskClass;

/// A table's name as written, unquoted; an unqualified one has no schema.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Name {
    pub(super) schema: Option<String>,
    pub(super) name: String,
}

/// What a statement does, as far as its risks go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Effect {
    /// A risk whatever else the plan or the database holds.
    Risk(RiskClass, String),
    /// A table is there afterwards, without row security.
    Creates { table: Name, if_not_exists: bool },
    /// Row security is on afterwards.
    Secures(Name),
    /// The table is dropped.
    Drops(Name),
    /// The table is called something else.
    Renames(Name, Name),
    /// A strong lock is held while the table is read or rewritten.
    Locks {
        table: Name,
        lock: &'static str,
        says: String,
    },
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.name)
    }
}
