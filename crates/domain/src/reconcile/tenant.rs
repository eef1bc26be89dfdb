//! Whose passes are whose: tenants take turns, and what one of them waits for holds up no other.

use std::collections::BTreeSet;

use super::{dependency::Dependency, key::Key};

/// Whose pass it is.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Tenant {
    /// Objects on a project, whichever Platform of it they name.
    Project {
        /// The address of its Management API, in the spelling of [`Dependency::Project`].
        api: String,
        project: String,
    },
    /// A Platform itself, which has to be seen also while its objects wait for the project; and objects whose Platform does not
    /// exist.
    Platform(Key),
    /// What names no Platform.
    Namespace(String),
}

impl Tenant {
    /// That of the object `own`, by what it refers to. `project_of`: the project of a Platform.
    pub fn of<'a>(
        own: &Key,
        references: &BTreeSet<Dependency>,
        project_of: impl Fn(&Key) -> Option<&'a Dependency>,
    ) -> Self {
        if project(references).is_some() {
            return Self::Platform(own.clone());
        }
        let platform = references.iter().find_map(Dependency::platform);
        match (platform, platform.and_then(project_of)) {
            (_, Some(Dependency::Project { api, project })) => Self::Project {
                api: api.clone(),
                project: project.clone(),
            },
            (Some(platform), _) => Self::Platform(platform.clone()),
            (None, _) => Self::Namespace(own.namespace.clone()),
        }
    }
}

/// The project that an object says how to reach, by what it refers to.
pub fn project(references: &BTreeSet<Dependency>) -> Option<&Dependency> {
    let is_project = |reference: &&Dependency| matches!(reference, Dependency::Project { .. });
    references.iter().find(is_project)
}

/// What an object refers to whose project this one says how to reach.
pub fn reached_by(own: &Key) -> Dependency {
    Dependency::Platform(own.clone())
}

#[cfg(test)]
mod tests {
    use super::{Dependency, Key, Tenant};

    fn key(name: &str) -> Key {
        Key {
            namespace: "ace".to_owned(),
            name: name.to_owned(),
        }
    }

    fn project() -> Dependency {
        Dependency::Project {
            api: "https://api.supabase.com:443".to_owned(),
            project: "abc".to_owned(),
        }
    }

    fn tenant(references: impl IntoIterator<Item = Dependency>) -> Tenant {
        let known = project();
        let of = |platform: &Key| (platform.name != "unknown").then_some(&known);
        Tenant::of(&key("own"), &references.into_iter().collect(), of)
    }

    #[test]
    fn two_platforms_of_one_project_are_one_tenant_and_their_own_passes_are_not_theirs() {
        let function = |platform: &str| tenant([Dependency::Slug("a".to_owned()), Dependency::Platform(key(platform))]);
        let of_project = Tenant::Project {
            api: "https://api.supabase.com:443".to_owned(),
            project: "abc".to_owned(),
        };
        assert_eq!(function("prod"), of_project);
        assert_eq!(function("same"), of_project);
        assert_eq!(function("unknown"), Tenant::Platform(key("unknown")));
        assert_eq!(tenant([project()]), Tenant::Platform(key("own")));
        let store = Dependency::Store("s3".to_owned());
        assert_eq!(tenant([store]), Tenant::Namespace("ace".to_owned()));
    }
}
