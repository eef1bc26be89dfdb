//! What a name leads to.

use std::collections::BTreeMap;

use super::effect::{Kind, Name, PUBLIC};
use super::risk::Qualified;

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

/// What the database has under a name; without a schema, in any of them.
pub(super) fn looked_up<'c, T>(known: &'c BTreeMap<Qualified, T>, name: &Name) -> impl Iterator<Item = &'c T> {
    let found: Vec<_> = if let Some(schema) = &name.schema {
        known.get(&(schema.clone(), name.name.clone())).into_iter().collect()
    } else {
        let called = known.iter().filter(|((_, called), _)| *called == name.name);
        called.map(|(_, found)| found).collect()
    };
    found.into_iter()
}

/// What is granted in a schema, or `what` it is itself.
pub(super) fn in_schema(what: &str, schema: &str) -> String {
    match what {
        "what" => format!("schema {schema}"),
        _ => format!("{what} in schema {schema}"),
    }
}
