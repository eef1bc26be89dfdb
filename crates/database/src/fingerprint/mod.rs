//! Fingerprints of schemas, which can be compared with an earlier one, or with that of a copy or a restored dump.
//!
//! Covered are the objects of the named schemas by [`ObjectClass`], with owner, comment and every grant. Left out are members
//! of extensions; what belongs to the database or the cluster and not to a schema (roles and their settings, foreign servers,
//! extensions); the order of a table's columns; and collations, conversions, operator classes, text search and base types, of which
//! some only a superuser can make.
//!
//! Of what is outside of the schemas, triggers and policies, event triggers, publications, memberships of the API's roles and
//! default privileges for all schemas are read apart: only those that a set has made are its own.

mod change;
mod class;
mod definition;
mod difference;
mod expression;
mod ignore;
mod reading;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

pub use change::Change;
pub(crate) use change::OUTSIDE;
pub use class::{ObjectClass, UnknownClass};
pub use difference::differences;
pub use reading::{FORM, Reading};

/// One object of a schema.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SchemaObject {
    /// Class of the object.
    pub class: ObjectClass,
    /// Its name within the class, quoted as in SQL and on one line: `public.campaigns.x`, `public.f(integer, text)`,
    /// `table public.campaigns to anon`.
    pub name: String,
    /// Names of the schemas that it belongs to, without quotes, whether they were asked for or not. One, but for a cast: those of
    /// its types and of its function.
    pub schemas: Vec<String>,
    /// Its attributes, one a line, long ones by SHA-256. To be stored and compared; [`differences`] has it for readers.
    pub definition: String,
}

/// The objects of some schemas at one time.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fingerprint(BTreeMap<Key, Described>);

type Key = (ObjectClass, String);

/// An object without its class and name.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Described {
    schemas: Vec<String>,
    definition: String,
}

impl Fingerprint {
    /// `sha256:…` over the objects in order, each of their texts with its length before it.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for ((class, name), described) in &self.0 {
            for text in [class.as_str(), name, &described.definition] {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
        }
        format!("sha256:{}", hex::encode(hash.finalize()))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// There is no object, not even a schema.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The objects, ordered by class and name.
    pub fn objects(&self) -> impl Iterator<Item = SchemaObject> {
        self.0.iter().map(|(key, described)| object(key, described))
    }
}

/// From stored objects, in any order; of two with the same class and name the last counts.
impl FromIterator<SchemaObject> for Fingerprint {
    fn from_iter<T: IntoIterator<Item = SchemaObject>>(objects: T) -> Self {
        Self(objects.into_iter().map(entry).collect())
    }
}

fn object((class, name): &Key, described: &Described) -> SchemaObject {
    SchemaObject {
        class: *class,
        name: name.clone(),
        schemas: described.schemas.clone(),
        definition: described.definition.clone(),
    }
}

fn entry(object: SchemaObject) -> (Key, Described) {
    let described = Described {
        schemas: object.schemas,
        definition: object.definition,
    };
    ((object.class, object.name), described)
}
