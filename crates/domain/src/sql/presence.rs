//! What is there when a statement runs, what was there before the plan, and how sure it is that something is done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::assess::Plan;
use super::effect::{Branch, Kind, Name, PUBLIC};
use super::lookup::{is_among, key, looked_up, qualified};

/// What became of what was there before the plan.
#[derive(Default)]
pub(super) struct Presence {
    /// Names that may lead to nothing any more; of a schema, with an empty name in it.
    gone: BTreeSet<Name>,
    /// Names under which something from before may be.
    arrived: BTreeSet<Name>,
    /// The schemas of extensions that the plan makes; whether their tables hold nothing of what was there before.
    extended: BTreeMap<String, bool>,
    /// How often a name came to mean something else.
    moved: usize,
    /// An unqualified name may lead to any schema.
    any_path: bool,
    /// Schemas were renamed, and so everything in them.
    schemas_moved: bool,
}

/// What a statement is a part of, all or nothing of which is done: a branch of a block, and the routine that it is in.
pub(super) type Scope = (Option<Arc<Branch>>, Option<Name>);

impl Presence {
    pub(super) fn moves(&mut self) {
        self.moved += 1;
    }

    pub(super) fn moved(&self) -> usize {
        self.moved
    }
}

impl Plan<'_> {
    /// What is done now is done: not within a routine or a branch, which may be skipped.
    pub(super) fn is_sure(&self) -> bool {
        self.calls.is_empty() && self.branch.is_none()
    }

    /// It is done whenever what was done in that scope is.
    pub(super) fn is_as_sure_as(&self, scope: &Scope) -> bool {
        let same = match (&self.branch, &scope.0) {
            (Some(branch), Some(other)) => Arc::ptr_eq(branch, other),
            (None, None) => true,
            _ => false,
        };
        self.is_sure() || same && self.calls.last() == scope.1.as_ref()
    }

    pub(super) fn scope(&self) -> Scope {
        (self.branch.clone(), self.calls.last().cloned())
    }

    /// Something from before the plan has its name, or may have it.
    pub(super) fn was_there(&self, name: &Name) -> bool {
        self.presence.schemas_moved
            || self.is_large(name)
            || looked_up(&self.known.relations, name).next().is_some()
            || is_among(&self.known.sequences, name)
            || is_among(&self.presence.arrived, name)
            || self.presence.arrived.contains(&in_any_schema(name))
    }

    /// The schema holds something from before the plan, or may.
    pub(super) fn held_something(&self, schema: &Name) -> bool {
        self.presence.schemas_moved || self.known.schemas.contains(&schema.name)
    }

    /// There surely is one. `IF NOT EXISTS` asks only for the schema in which the table would be made.
    pub(super) fn is_there(&self, table: &Name) -> bool {
        if !self.is_known(table) || self.presence.schemas_moved {
            return false;
        }
        let table = qualified(table);
        let schema = of_schema(table.schema.as_deref().unwrap_or_default());
        let anywhere = in_any_schema(&table);
        let gone = [&table, &schema, &anywhere];
        !gone.iter().any(|name| self.presence.gone.contains(name))
            && (self.made.contains_key(&(Kind::Table, table.clone())) || self.was_there(&table))
    }

    /// What had this name has it no more, or may not.
    pub(super) fn leaves(&mut self, name: &Name) {
        let name = self.as_meant(name);
        self.presence.gone.insert(name);
    }

    pub(super) fn schema_leaves(&mut self, schema: &Name) {
        self.presence.gone.insert(of_schema(&schema.name));
    }

    /// Something from before the plan has this name, or may.
    pub(super) fn arrives(&mut self, name: &Name) {
        let name = self.as_meant(name);
        self.presence.arrived.insert(name);
    }

    /// Something surely has this name from here on.
    pub(super) fn comes(&mut self, name: &Name) {
        self.presence.gone.remove(&qualified(name));
    }

    pub(super) fn schemas_move(&mut self) {
        self.names_moved = true;
        self.presence.moves();
        self.presence.schemas_moved = true;
        self.fill_all();
    }

    /// The plan makes an extension, and so whatever of the schema was not there before.
    pub(super) fn extend(&mut self, schema: &str) {
        self.presence.extended.entry(schema.to_owned()).or_insert(true);
    }

    /// An extension that the plan makes has made it, or a function of that extension: nothing else has its name. `Some(true)`: it
    /// holds nothing of what was there before.
    pub(super) fn of_extension(&self, table: &Name) -> Option<bool> {
        let empty = self.presence.extended.get(table.schema.as_ref()?)?;
        let other = self.was_there(table) || self.made.contains_key(&key(Kind::Table, table));
        (!other).then_some(*empty)
    }

    pub(super) fn set_path(&mut self, usual: bool) {
        self.path_set = true;
        self.presence.any_path |= !usual;
    }

    /// A routine was given something from before the plan: it may be in what an extension made in that schema.
    pub(super) fn give(&mut self, routine: &Name) {
        match &routine.schema {
            Some(schema) => self.fill_extended(schema),
            None if self.presence.any_path => self.fill_all_extended(),
            None => {
                for schema in [PUBLIC, "extensions"] {
                    self.fill_extended(schema);
                }
            }
        }
    }

    /// Something from before the plan may be in what extensions made in a schema.
    pub(super) fn fill_extended(&mut self, schema: &str) {
        if let Some(empty) = self.presence.extended.get_mut(schema) {
            *empty = false;
        }
    }

    pub(super) fn fill_all_extended(&mut self) {
        self.presence.extended.values_mut().for_each(|empty| *empty = false);
    }

    /// With its schema, or without one where nobody knows which it is.
    fn as_meant(&self, name: &Name) -> Name {
        if self.is_known(name) {
            qualified(name)
        } else {
            name.clone()
        }
    }
}

fn in_any_schema(name: &Name) -> Name {
    Name {
        schema: None,
        name: name.name.clone(),
    }
}

fn of_schema(schema: &str) -> Name {
    Name {
        schema: Some(schema.to_owned()),
        name: String::new(),
    }
}
