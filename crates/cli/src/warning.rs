use std::fmt;

use ace_domain::bundle::ClosureError;

/// Warnings about a project.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Warning {
    /// Entries of `config.toml` without a function: nothing is printed for them.
    EntriesWithoutFunction(Vec<String>),
    /// Functions without an entry: they get the default, `verifyJWT: true`.
    FunctionsWithoutEntry(Vec<String>),
    /// `enabled = false`: nothing is printed for them.
    Disabled(Vec<String>),
    /// Folders without an entrypoint, or whose name is not a valid slug.
    NoFunction(Vec<String>),
    /// Files that a source can't have.
    LeftOut(Vec<String>),
    /// The operator will refuse this function's source.
    Source { function: String, error: ClosureError },
    /// A path of the configuration is outside `functions/`: nothing is printed for the function.
    Outside {
        function: String,
        key: &'static str,
        path: String,
    },
    /// The CLI falls back to the folder's shared import map, which the resource sets explicitly.
    FallbackImportMap(Vec<String>),
    /// Keys without a field in the resource.
    Keys { function: String, keys: Vec<String> },
    /// More names than a resource allows.
    Secrets { function: String, left_out: Vec<String> },
}

impl Warning {
    /// Whether there is nothing to warn about.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::EntriesWithoutFunction(names)
            | Self::FunctionsWithoutEntry(names)
            | Self::Disabled(names)
            | Self::NoFunction(names)
            | Self::LeftOut(names)
            | Self::FallbackImportMap(names) => names.is_empty(),
            Self::Source { .. } | Self::Outside { .. } | Self::Keys { .. } | Self::Secrets { .. } => false,
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EntriesWithoutFunction(names) => {
                write!(
                    f,
                    "{} in config.toml without a function, left out: {}",
                    counted(names, "entry", "entries"),
                    list(names)
                )
            }
            Self::FunctionsWithoutEntry(names) => {
                let functions = counted(names, "function", "functions");
                write!(
                    f,
                    "{functions} without an entry in config.toml, so verifyJWT is true: {}",
                    list(names)
                )
            }
            Self::Disabled(names) => {
                write!(
                    f,
                    "{} not enabled in config.toml, left out: {}",
                    counted(names, "function", "functions"),
                    list(names)
                )
            }
            Self::NoFunction(names) => {
                let folders = counted(names, "folder", "folders");
                write!(
                    f,
                    "{folders} in functions/ without index.ts or with a name that is not a valid slug, left out: {}",
                    list(names)
                )
            }
            Self::LeftOut(names) => {
                let files = counted(names, "file", "files");
                write!(
                    f,
                    "{files} in functions/ that a source can't have (links, invalid names), left out: {}",
                    list(names)
                )
            }
            Self::Source { function, error } => write!(f, "{function}: {error}"),
            Self::Outside { function, key, path } => {
                write!(
                    f,
                    "{function}, left out: its {key} {path:?} is outside functions/; move the file into it"
                )
            }
            Self::FallbackImportMap(names) => {
                let functions = counted(names, "function", "functions");
                write!(
                    f,
                    "{functions} without an import map of their own, so importMap is functions/import_map.json: {}",
                    list(names)
                )
            }
            Self::Keys { function, keys } => {
                write!(
                    f,
                    "{function}: config.toml has keys without a field in the resource: {}",
                    list(keys)
                )
            }
            Self::Secrets { function, left_out } => {
                write!(
                    f,
                    "{function}: reads more names than requires.secrets allows; left out: {}",
                    list(left_out)
                )
            }
        }
    }
}

pub(crate) fn counted(names: &[String], one: &str, many: &str) -> String {
    format!("{} {}", names.len(), if names.len() == 1 { one } else { many })
}

pub(crate) fn list(names: &[String]) -> String {
    names.join(", ")
}
