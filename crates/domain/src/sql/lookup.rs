//! What a name leads to.

use std::collections::{BTreeMap, BTreeSet};

use super::effect::{Kind, Name, PUBLIC};
use super::risk::{Catalogue, Qualified, Routine};

/// What an unqualified name most likely means on Supabase, whose search path begins with it.
pub(super) fn qualified(name: &Name) -> Name {
    Name {
        schema: Some(name.schema.clone().unwrap_or_else(|| PUBLIC.to_owned())),
        name: name.name.clone(),
    }
}

pub(super) fn key(kind: Kind, name: &Name) -> (Kind, Name) {
    (kind, qualified(name))
}

/// The temporary table that an unqualified name leads to first.
pub(super) fn temporary(name: &Name) -> Name {
    match name.schema {
        None => Name {
            schema: Some("pg_temp".to_owned()),
            name: name.name.clone(),
        },
        Some(_) => name.clone(),
    }
}

/// The facts of a catalogue, found without a schema, too.
pub(super) struct Known {
    pub(super) large: BTreeSet<Name>,
    pub(super) relations: BTreeMap<Name, bool>,
    pub(super) sequences: BTreeSet<Name>,
    /// Those that hold one of these.
    pub(super) schemas: BTreeSet<String>,
    pub(super) routines: BTreeMap<Name, Routine>,
    pub(super) dependants: BTreeMap<Name, String>,
}

impl Known {
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let tables = catalogue.relations.keys().chain(&catalogue.large);
        let holding = tables.chain(&catalogue.sequences);
        Self {
            large: catalogue.large.iter().map(named).collect(),
            relations: by_name(&catalogue.relations),
            sequences: catalogue.sequences.iter().map(named).collect(),
            schemas: holding.map(|(schema, _)| schema.clone()).collect(),
            routines: by_name(&catalogue.routines),
            dependants: by_name(&catalogue.dependants),
        }
    }
}

pub(super) fn by_name<T: Clone>(known: &BTreeMap<Qualified, T>) -> BTreeMap<Name, T> {
    known.iter().map(|(name, it)| (named(name), it.clone())).collect()
}

pub(super) fn named((schema, name): &Qualified) -> Name {
    Name {
        schema: Some(schema.clone()),
        name: name.clone(),
    }
}

/// What is known under a name; without a schema, in any of them.
pub(super) fn looked_up<'k, T>(known: &'k BTreeMap<Name, T>, name: &Name) -> impl Iterator<Item = &'k T> {
    // Names that are called alike are neighbours.
    let is_it = |it: &Name| it.name == name.name && (name.schema.is_none() || it.schema == name.schema);
    known
        .range(name..)
        .take_while(move |(it, _)| is_it(it))
        .map(|(_, found)| found)
}

/// Whether there is one of this name; without a schema, in any of them.
pub(super) fn is_among(names: &BTreeSet<Name>, name: &Name) -> bool {
    let first = names.range(name..).next();
    first.is_some_and(|it| it.name == name.name && (name.schema.is_none() || it.schema == name.schema))
}

/// What is granted in a schema, or `what` it is itself.
pub(super) fn in_schema(what: &str, schema: &str) -> String {
    match what {
        "what" => format!("schema {schema}"),
        _ => format!("{what} in schema {schema}"),
    }
}
