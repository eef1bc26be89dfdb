//! What a schema is, in lines that can be compared: with those of yesterday, of a copy, of a restored dump.
//!
//! Covered are the objects of the named schemas by [`ObjectClass`], with owner, comment and every grant. Left out are members
//! of extensions; what belongs to the database or the cluster and not to a schema (roles and their settings, event triggers,
//! foreign servers, extensions, publications of all tables, default privileges for all schemas); the order of a table's
//! columns; and collations, conversions, operator classes, text search and base types, of which some only a superuser can make.

mod class;
mod definition;
mod difference;
mod look;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

pub use class::{ObjectClass, UnknownClass};
pub use difference::{Difference, differences};
pub use look::Look;

/// One object of a schema.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SchemaObject {
    /// What kind of thing it is.
    pub class: ObjectClass,
    /// Its name within the class, quoted as in SQL and on one line: `public.campaigns.x`, `public.f(integer, text)`,
    /// `table public.campaigns to anon`.
    pub name: String,
    /// Its attributes, one a line, long ones by SHA-256. To be stored and compared; [`differences`] has it for readers.
    pub definition: String,
}

/// The objects of some schemas at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fingerprint(BTreeMap<(ObjectClass, String), String>);

impl Fingerprint {
    /// `sha256:…` over the objects in order, each of their texts with its length before it.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for ((class, name), definition) in &self.0 {
            for text in [class.as_str(), name, definition] {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
        }
        format!("sha256:{}", hex::encode(hash.finalize()))
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// There is no object, not even a schema.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The objects, ordered by class and name.
    pub fn objects(&self) -> impl Iterator<Item = SchemaObject> {
        self.0.iter().map(|((class, name), definition)| SchemaObject {
            class: *class,
            name: name.clone(),
            definition: definition.clone(),
        })
    }
}

/// From stored objects, in any order; of two with the same class and name the last counts.
impl FromIterator<SchemaObject> for Fingerprint {
    fn from_iter<T: IntoIterator<Item = SchemaObject>>(objects: T) -> Self {
        let entries = objects
            .into_iter()
            .map(|object| ((object.class, object.name), object.definition));
        Self(entries.collect())
    }
}
