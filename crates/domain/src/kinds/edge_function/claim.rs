//! Which of several objects with the same slug owns the function.

use jiff::Timestamp;

use super::state::Claim;
use crate::reconcile::key::Key;

/// An object that may own a slug. Objects in mode `Observe` do not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claimant {
    pub key: Key,
    pub created: Timestamp,
    pub uid: String,
    pub access: ProjectAccess,
}

/// Whether the token of a claimant's Platform opens the project: anybody may name a project that is not theirs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProjectAccess {
    /// It has listed the project's functions.
    Listed,
    /// Nobody has asked yet.
    Unasked,
    /// It was asked, and has never listed them.
    Refused,
}

/// Whether the object of this `key` and `uid` owns its slug, among all that claim it in one project: the oldest whose Platform has
/// listed the project does, then the one with the lower uid.
pub fn claim(key: &Key, uid: &str, claimants: &[Claimant]) -> Claim {
    let mut by_age: Vec<&Claimant> = claimants.iter().collect();
    by_age.sort_by_key(|claimant| (claimant.created, &claimant.uid));
    for claimant in by_age {
        match claimant.access {
            _ if claimant.uid == uid => return Claim::Owned,
            ProjectAccess::Listed => {
                let is_neighbour = claimant.key.namespace == key.namespace;
                return Claim::Lost(is_neighbour.then(|| claimant.key.to_string()));
            }
            ProjectAccess::Unasked => return Claim::Unsettled,
            ProjectAccess::Refused => {}
        }
    }
    Claim::Owned
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::{
        collection::vec,
        prop_assert, prop_assert_eq, prop_oneof, proptest,
        strategy::{Just, Strategy},
    };

    use super::{Claim, Claimant, ProjectAccess, claim};
    use crate::reconcile::key::Key;

    #[test]
    fn the_oldest_object_owns_the_slug_and_the_lower_uid_breaks_a_tie() {
        let claimants = [
            claimant("b/late", 20, "0"),
            claimant("a/old", 10, "2"),
            claimant("c/twin", 10, "1"),
        ];
        assert_eq!(claims(&claimants), [Claim::Lost(None), Claim::Lost(None), Claim::Owned]);
        assert_eq!(claim(&key("a/other"), "3", &[]), Claim::Owned);
    }

    #[test]
    fn the_owner_is_named_to_its_namespace_alone() {
        let claimants = [
            claimant("a/old", 10, "1"),
            claimant("a/new", 20, "2"),
            claimant("b/new", 20, "3"),
        ];
        let named = Claim::Lost(Some("a/old".to_owned()));
        assert_eq!(claims(&claimants), [Claim::Owned, named, Claim::Lost(None)]);
    }

    #[test]
    fn who_can_not_list_the_project_takes_no_slug_of_it() {
        let mut claimants = [claimant("a/squatter", 10, "1"), claimant("b/own", 20, "2")];
        claimants[0].access = ProjectAccess::Refused;
        assert_eq!(claims(&claimants)[1], Claim::Owned);
        // Before it was asked nobody knows.
        claimants[0].access = ProjectAccess::Unasked;
        assert_eq!(claims(&claimants)[1], Claim::Unsettled);
    }

    fn access() -> impl Strategy<Value = ProjectAccess> {
        prop_oneof![
            Just(ProjectAccess::Listed),
            Just(ProjectAccess::Unasked),
            Just(ProjectAccess::Refused)
        ]
    }

    proptest! {
        #[test]
        fn a_claimant_without_access_never_beats_one_with(all in vec((0..4_i64, access(), 0..2_usize), 1..6)) {
            let claimants: Vec<Claimant> = all.iter().enumerate().map(|(number, (created, access, namespace))| Claimant {
                access: *access,
                ..claimant(["a/x", "b/x"][*namespace], *created, &number.to_string())
            }).collect();
            let claims = claims(&claimants);
            let of = |access| claimants.iter().zip(&claims).filter(move |(claimant, _)| claimant.access == access).map(|(_, claim)| claim);
            prop_assert!(of(ProjectAccess::Listed).filter(|claim| **claim == Claim::Owned).count() <= 1);
            let known: Vec<Claimant> = claimants.iter().filter(|claimant| claimant.access != ProjectAccess::Refused).cloned().collect();
            for (claimant, claim) in claimants.iter().zip(&claims).filter(|(claimant, _)| claimant.access == ProjectAccess::Listed) {
                prop_assert_eq!(claim, &super::claim(&claimant.key, &claimant.uid, &known));
            }
        }
    }

    fn claims(claimants: &[Claimant]) -> Vec<Claim> {
        let of = |claimant: &Claimant| claim(&claimant.key, &claimant.uid, claimants);
        claimants.iter().map(of).collect()
    }

    fn key(text: &str) -> Key {
        let (namespace, name) = text.split_once('/').unwrap();
        Key {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    fn claimant(name: &str, created: i64, uid: &str) -> Claimant {
        Claimant {
            key: key(name),
            created: Timestamp::from_second(created).unwrap(),
            uid: uid.to_owned(),
            access: ProjectAccess::Listed,
        }
    }
}
