use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::risk::RiskClass;

/// The name of a table, a view or a routine as written, unquoted; an unqualified one has no schema.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Name {
    pub(super) schema: Option<String>,
    pub(super) name: String,
}

/// All that are called alike are neighbours.
impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.name, &self.schema).cmp(&(&other.name, &other.schema))
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What a statement does, as far as its risks go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Effect {
    /// A risk whatever else the plan or the database holds.
    Risk(RiskClass, String),
    /// A table is there afterwards, without row security.
    Creates {
        table: Name,
        if_not_exists: bool,
        from: Origin,
    },
    /// Something else is there afterwards.
    Makes {
        kind: Kind,
        name: Name,
        if_not_exists: bool,
    },
    /// What a branch of a block does, if it is taken.
    Perhaps(Box<Effect>, Arc<Branch>),
    /// Row security is on afterwards.
    Secures(Name),
    /// What it holds is lost.
    Loses { kind: Kind, of: Name, says: String },
    /// The table or view is dropped.
    Drops(Name),
    /// The extension is dropped with its tables.
    DropsExtension(String),
    /// An extension is there afterwards, with its tables in a schema.
    Extends { extension: String, schema: String },
    /// An extension owns the table, which is dropped with it.
    OwnsTables(String),
    /// What depends on it is dropped with it.
    Cascades { from: Name, says: String },
    /// The table or view is called something else.
    Renames(Name, Name),
    /// A type or sequence is called something else.
    RenamesOther(Kind, Name, Name),
    /// A schema is called something else.
    MovesNames,
    /// The same until the end of the file, before each of which settings are reset. `usual`: only the schemas that are in the path
    /// on Supabase, or fewer.
    SetsPath { usual: bool },
    /// Rows are written; `adds`: only new ones.
    Writes {
        table: Name,
        from: Origin,
        adds: bool,
        says: String,
    },
    /// Rows that are written, of whatever table, may be the routine's.
    Copies(Name),
    /// What is done to the first may be done to the rows of the second.
    Reaches { table: Name, others: Name },
    /// What is written to the first is written to the second: as a part of it, or by a foreign key's action, which new
    /// rows have none of.
    Relates { from: Name, to: Name, part: bool },
    /// Rows of the table are gone: triggers and rules on writing run.
    Fires(Name),
    /// A strong lock is held while the table is read or rewritten.
    Locks {
        table: Name,
        lock: &'static str,
        says: String,
    },
    /// A routine is there afterwards, or a rule or trigger.
    Defines {
        routine: Name,
        runs: Runs,
        /// It runs with its owner's rights.
        definer: bool,
        /// The table of a rule or trigger.
        on: Option<Name>,
        body: Vec<Effect>,
        /// What its variables and results may come from.
        reads: Origin,
    },
    /// The routine is called something else; `body`: what a call by that name is.
    MovesRoutine {
        from: Name,
        to: Name,
        runs: Runs,
        body: Vec<Effect>,
        reads: Origin,
    },
    /// The routine runs with its owner's rights from here on.
    SetsDefiner(Name),
    Calls {
        routine: Name,
        procedure: bool,
        /// What its parameters may come from.
        given: Vec<Arc<Origin>>,
    },
    /// A routine is stored in a view, a default or an operator, and runs from there.
    Stores(Name),
    /// A transaction ends within a procedure or `DO`.
    Commits,
    /// A view is there afterwards.
    Views {
        view: Name,
        /// It reads with the rights of whoever reads it.
        invoker: bool,
        reads: Origin,
        /// Its rows are those of when it was made.
        stored: bool,
    },
    /// From here on a view reads with the rights of whoever reads it, or with its owner's.
    SetsInvoker { view: Name, invoker: bool },
    /// A privilege is given to every caller of the API.
    Grants { on: Granted, to: String },
    /// A privilege is taken from every caller of the API.
    Revokes { on: Granted, from: String },
    /// The table's rows can be read through one of another schema.
    Attaches { table: Name, to: Name },
    /// A policy is changed or gone afterwards.
    Loosens { table: Name, policy: String, says: String },
    /// A policy is called something else.
    RenamesPolicy { table: Name, from: String, to: String },
    /// An event trigger is off or gone afterwards.
    StopsEventTrigger(String),
}

/// A part of a block of which all or nothing is done. Each is one: they are told apart by where they are.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Branch;

/// When a routine runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Runs {
    /// A function: in a query, and so by a request to the API.
    InQueries,
    ByCall,
    /// A rule or trigger, or a function of triggers: when rows are written.
    OnWrites,
    /// A function of event triggers.
    OnEvents,
}

/// Where rows come from, beside the statement itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Origin {
    pub(super) tables: Vec<Name>,
    pub(super) routines: Vec<Name>,
}

impl Origin {
    /// Anything.
    pub(super) fn unknown() -> Self {
        Self {
            tables: vec![Name::default()],
            ..Self::default()
        }
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.tables.extend_from_slice(&other.tables);
        self.routines.extend_from_slice(&other.routines);
    }
}

/// What can be made and dropped again.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    /// Or a materialized view.
    Table,
    Sequence,
    Schema,
    Type,
}

/// What a privilege is on.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Granted {
    Relation(Name),
    Routine(Name),
    /// A schema, or everything of one kind in it.
    Schema(String, &'static str),
}

impl Effect {
    /// What is done, without the branches that it is in.
    pub(super) fn within(&self) -> &Self {
        let mut effect = self;
        while let Self::Perhaps(within, _) = effect {
            effect = within;
        }
        effect
    }

    /// Whether it makes a difference to something else that it may be skipped.
    pub(super) fn is_relied_on(&self) -> bool {
        matches!(
            self,
            Self::Creates { .. }
                | Self::Makes { .. }
                | Self::Views { .. }
                | Self::Drops(_)
                | Self::Renames(..)
                | Self::RenamesOther(..)
                | Self::RenamesPolicy { .. }
                | Self::Secures(_)
                | Self::SetsInvoker { .. }
                | Self::Revokes { .. }
                | Self::Perhaps(..)
        )
    }
}

impl Name {
    pub(super) fn is_in(&self, schema: &str) -> bool {
        self.schema.as_deref().unwrap_or(PUBLIC) == schema
    }
}

/// Where an unqualified name most likely leads on Supabase, whose search path begins with it.
pub(super) const PUBLIC: &str = "public";

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.name)
    }
}
