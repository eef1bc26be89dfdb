//! Which of several objects with the same slug owns the function.

use std::cmp::Reverse;

use jiff::Timestamp;

/// An object that may own a slug. Objects in mode `Observe` do not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claimant {
    /// `namespace/name`.
    pub name: String,
    pub created: Timestamp,
    pub uid: String,
}

/// The owner among all objects that want one slug of one project: the oldest, then the one with the lower uid.
pub fn owner<'a>(claimants: impl IntoIterator<Item = &'a Claimant>) -> Option<&'a Claimant> {
    claimants
        .into_iter()
        .max_by_key(|claimant| Reverse((claimant.created, &claimant.uid)))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Claimant, owner};

    #[test]
    fn the_oldest_object_owns_the_slug_and_the_lower_uid_breaks_a_tie() {
        let claimants = [
            claimant("b/late", 20, "0"),
            claimant("a/old", 10, "2"),
            claimant("c/twin", 10, "1"),
        ];
        assert_eq!(owner(&claimants).map(|owner| owner.name.as_str()), Some("c/twin"));
        assert_eq!(owner([]), None);
    }

    fn claimant(name: &str, created: i64, uid: &str) -> Claimant {
        Claimant {
            name: name.to_owned(),
            created: Timestamp::from_second(created).unwrap(),
            uid: uid.to_owned(),
        }
    }
}
