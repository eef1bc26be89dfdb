use super::{Described, Fingerprint, Key, ObjectClass, SchemaObject, entry, object};

/// Change of one object from one fingerprint to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// The object has this definition.
    Is(SchemaObject),
    /// There is no object of this class and name.
    Gone(ObjectClass, String),
}

/// Instead of a schema for objects outside of those that were asked for.
pub(crate) const OUTSIDE: &str = "";

impl Described {
    fn is_outside(&self) -> bool {
        self.schemas.iter().any(|schema| schema == OUTSIDE)
    }
}

impl Fingerprint {
    /// The objects of the schemas that were asked for, and those outside of them.
    pub(crate) fn split(self) -> (Self, Self) {
        let (outside, inside) = self.0.into_iter().partition(|(_, is)| is.is_outside());
        (Self(inside), Self(outside))
    }

    /// What a restored dump has of it whoever restores it: not who owns an object or has rights to it, and no publication, which
    /// only some roles may make.
    #[must_use]
    pub fn without_roles(self) -> Self {
        use ObjectClass::{DefaultPrivilege, EventTrigger, Grant, Membership, Publication};
        let of_roles = |class| {
            matches!(
                class,
                DefaultPrivilege | EventTrigger | Grant | Membership | Publication
            )
        };
        let objects = self.0.into_iter().filter(|((class, _), _)| !of_roles(*class));
        let objects = objects.map(|(key, mut is)| {
            // The owner's line is the one before the comment's.
            if let Some((rest, comment)) = is.definition.rsplit_once('\n')
                && let Some((rest, owner)) = rest.rsplit_once('\n')
                && owner.starts_with("owner ")
            {
                is.definition = format!("{rest}\n{comment}");
            }
            (key, is)
        });
        Self(objects.collect())
    }

    /// This one and the other.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        self.0.extend(other.0.iter().map(|(key, is)| (key.clone(), is.clone())));
        self
    }

    /// The objects that the other has too, however they are defined there.
    #[must_use]
    pub fn known_to(&self, other: &Self) -> Self {
        let known = self.0.iter().filter(|(key, _)| other.0.contains_key(*key));
        Self(known.map(|(key, is)| (key.clone(), is.clone())).collect())
    }

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
        // What was outside of the schemas is inside once its schema is added.
        let moved =
            |key: &Key, is: &Described| is.is_outside() && elsewhere.0.get(key).is_some_and(|is| !is.is_outside());
        let own = self.0.into_iter().filter(|(key, is)| stays(is) && !moved(key, is));
        Self(others.chain(own).collect())
    }
}
