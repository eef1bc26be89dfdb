//! Which part of the objects one belongs to: each part is reconciled by one process at a time.

use std::{collections::BTreeSet, num::NonZeroU32};

use sha2::{Digest, Sha256};

use super::{dependency::Dependency, key::Key, tenant::project};

/// How many parts the objects are divided into. What belongs to one project is never divided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shards(NonZeroU32);

impl Shards {
    /// All objects are one part.
    pub const ONE: Self = Self(NonZeroU32::MIN);

    pub const fn new(number: NonZeroU32) -> Self {
        Self(number)
    }

    pub fn number(self) -> u32 {
        self.0.get()
    }

    /// The shard of an object, by what it refers to. `project_of`: the project of a Platform. An object without one is shard 0's.
    pub fn of<'a>(
        self,
        references: &'a BTreeSet<Dependency>,
        project_of: impl Fn(&Key) -> Option<&'a Dependency>,
    ) -> u32 {
        if self == Self::ONE {
            return 0;
        }
        let platform = || references.iter().find_map(Dependency::platform).and_then(project_of);
        let project = project(references).or_else(platform);
        project.map_or(0, |project| self.of_project(project))
    }

    /// By a digest that every version of the operator computes alike: two of them share the objects while one replaces the other.
    fn of_project(self, project: &Dependency) -> u32 {
        let Dependency::Project { api, project } = project else {
            return 0;
        };
        let digest = Sha256::new()
            .chain_update(api)
            .chain_update([0])
            .chain_update(project)
            .finalize();
        let first = digest
            .iter()
            .take(8)
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        // What remains is less than a number of 32 bits.
        u32::try_from(first % u64::from(self.number())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, num::NonZeroU32};

    use super::{Dependency, Key, Shards};

    fn shards(number: u32) -> Shards {
        Shards::new(NonZeroU32::new(number).unwrap())
    }

    fn key(name: &str) -> Key {
        Key {
            namespace: "ace".to_owned(),
            name: name.to_owned(),
        }
    }

    fn project(name: &str) -> Dependency {
        Dependency::Project {
            api: "https://api.supabase.com:443".to_owned(),
            project: name.to_owned(),
        }
    }

    fn of(shards: Shards, references: impl IntoIterator<Item = Dependency>) -> u32 {
        let known = ["prod", "same"].map(|name| (key(name), project("abc")));
        let of = |platform: &Key| {
            known
                .iter()
                .find(|(name, _)| name == platform)
                .map(|(_, project)| project)
        };
        shards.of(&references.into_iter().collect(), of)
    }

    #[test]
    fn what_belongs_to_one_project_is_one_shards_and_what_has_none_is_the_firsts() {
        let shards = shards(64);
        let own = of(shards, [project("abc")]);
        assert_ne!(own, 0, "or the rest says nothing");
        for platform in ["prod", "same"] {
            let function = [Dependency::Slug("a".to_owned()), Dependency::Platform(key(platform))];
            assert_eq!(of(shards, function), own);
        }
        assert_eq!(of(shards, [Dependency::Platform(key("unknown"))]), 0);
        assert_eq!(of(shards, [Dependency::Store("s3".to_owned())]), 0);
    }

    #[test]
    fn each_shard_has_projects_and_the_same_ones_for_ever() {
        let names = (0..64).map(|number| format!("project-{number}"));
        let found: BTreeSet<u32> = names.map(|name| of(shards(8), [project(&name)])).collect();
        assert_eq!(found, (0..8).collect());
        let found = ["abcdefghijklmnopqrst", "zyxwvutsrqponmlkjihg"].map(|name| of(shards(8), [project(name)]));
        assert_eq!(found, [7, 1], "versions would disagree on whose they are");
        assert_eq!(of(shards(1), [project("abc")]), 0);
    }
}
