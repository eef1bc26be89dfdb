use std::{fmt, str::FromStr};

/// Declares the classes with their words, once.
macro_rules! classes {
    ($($(#[$documentation:meta])* $class:ident = $word:literal,)*) => {
        /// Class of an object of a schema, in the order of presentation.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum ObjectClass {
            $($(#[$documentation])* $class,)*
        }

        impl ObjectClass {
            pub const ALL: &[Self] = &[$(Self::$class,)*];

            /// Name in paths and in the ledger: lower case, without spaces.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$class => $word,)*
                }
            }
        }
    };
}

classes! {
    Schema = "schema",
    /// A table: ordinary, partitioned or foreign.
    Table = "table",
    /// A column of a table; of a view, if it has a default or a comment.
    Column = "column",
    /// A constraint of a table or of a domain.
    Constraint = "constraint",
    /// An index, also one that carries a constraint.
    Index = "index",
    View = "view",
    MaterializedView = "materialized-view",
    /// A function, procedure, aggregate or window function.
    Function = "function",
    Trigger = "trigger",
    Rule = "rule",
    /// A policy of row security.
    Policy = "policy",
    Enum = "enum",
    Domain = "domain",
    /// A composite or range type.
    Type = "type",
    /// A sequence, without its current value.
    Sequence = "sequence",
    Statistics = "statistics",
    Operator = "operator",
    /// A cast from or to a type of the schemas, or by a function of theirs.
    Cast = "cast",
    /// Objects of the schemas in a publication; or, without a schema, the publication.
    Publication = "publication",
    /// Grants of one role on one object.
    Grant = "grant",
    /// Default privileges of one role on objects that another one creates.
    DefaultPrivilege = "default-privilege",
    EventTrigger = "event-trigger",
    /// Membership of one role in another, one of which is a role of the API.
    Membership = "membership",
}

impl fmt::Display for ObjectClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ObjectClass {
    type Err = UnknownClass;

    fn from_str(word: &str) -> Result<Self, UnknownClass> {
        let class = Self::ALL.iter().find(|class| class.as_str() == word);
        class.copied().ok_or(UnknownClass)
    }
}

/// A name of no class.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no such class of objects")]
pub struct UnknownClass;
