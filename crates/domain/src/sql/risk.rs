use std::collections::{BTreeMap, BTreeSet};

pub use ace_api::RiskClass;

/// What can go wrong with a statement that succeeds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Risk {
    pub class: RiskClass,
    /// Line of the statement in its file, from 1.
    pub line: u32,
    /// What it does, such as `drops table public.old_codes`: names and keywords, no values, at most [`SAYS_CHARACTERS`].
    pub says: String,
    /// The lock that is held while a large table is read or rewritten, such as `ACCESS EXCLUSIVE`.
    pub lock: Option<&'static str>,
}

/// Longest [`Risk::says`], in characters.
pub const SAYS_CHARACTERS: usize = 120;

/// Schema and name of an object.
pub type Qualified = (String, String);

/// The facts about the database that risks depend on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Catalogue {
    /// The tables and materialised views that are not small.
    pub large: BTreeSet<Qualified>,
    /// Tables, views and materialised views, and whether row security decides who reads them: theirs, or for a view with
    /// `security_invoker` that of its tables.
    pub relations: BTreeMap<Qualified, bool>,
    /// Tables with which nothing else is written: they have no triggers or rules, no parts, and no foreign key's action follows
    /// their rows.
    pub quiet: BTreeSet<Qualified>,
    pub sequences: BTreeSet<Qualified>,
    /// Functions and procedures but those of the server, of extensions and of Supabase.
    pub routines: BTreeMap<Qualified, Routine>,
    /// Extensions that own a table.
    pub extensions: BTreeSet<String>,
    /// Views, functions, procedures, constraints and, without a schema, foreign servers and wrappers whose dependants hold data,
    /// which a CASCADE takes along: the first of them by name.
    pub dependants: BTreeMap<Qualified, String>,
    /// The restrictive policies of each table that has one.
    pub restrictive: BTreeMap<Qualified, BTreeSet<String>>,
    /// The values of each enum.
    pub enums: BTreeMap<Qualified, BTreeSet<String>>,
    /// The columns of a table that are of an enum, and of which.
    pub enum_columns: BTreeMap<Qualified, BTreeMap<String, Qualified>>,
    /// The event trigger that enables row security on each new table of `public`.
    pub securing_trigger: Option<String>,
}

/// What is known of a function or procedure, of all that have its name.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Routine {
    /// It is declared as one that may change data.
    pub volatile: bool,
    /// It runs with its owner's rights.
    pub definer: bool,
    /// It is a procedure that ends the transaction.
    pub commits: bool,
}
