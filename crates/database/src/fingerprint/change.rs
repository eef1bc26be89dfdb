use super::{Described, Fingerprint, ObjectClass, SchemaObject, entry, object};

/// Change of one object from one fingerprint to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// The object has this definition.
    Is(SchemaObject),
    /// There is no object of this class and name.
    Gone(ObjectClass, String),
}

impl Fingerprint {
    /// The changes from this fingerprint to the other.
    pub fn changes_to(&self, other: &Self) -> Vec<Change> {
        let gone = self.0.keys().filter(|key| !other.0.contains_key(*key));
        let gone = gone.map(|(class, name)| Change::Gone(*class, name.clone()));
        let others = other.0.iter().filter(|(key, is)| self.0.get(*key) != Some(*is));
        gone.chain(others.map(|(key, is)| Change::Is(object(key, is))))
            .collect()
    }

    /// This one with these changes.
    #[must_use]
    pub fn changed(mut self, changes: &[Change]) -> Self {
        for change in changes {
            match change {
                Change::Is(object) => self.0.extend([entry(object.clone())]),
                Change::Gone(class, name) => drop(self.0.remove(&(*class, name.clone()))),
            }
        }
        self
    }

    /// The objects of these schemas from this fingerprint, and all others from `elsewhere`.
    #[must_use]
    pub fn keeping(self, schemas: &[String], elsewhere: &Self) -> Self {
        let stays = |is: &Described| is.schemas.iter().any(|schema| schemas.contains(schema));
        let others = elsewhere.0.iter().filter(|(_, is)| !stays(is));
        let others = others.map(|(key, is)| (key.clone(), is.clone()));
        Self(others.chain(self.0.into_iter().filter(|(_, is)| stays(is))).collect())
    }
}
