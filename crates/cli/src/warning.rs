use std::fmt;

use ace_domain::bundle::ClosureError;

use crate::config::Unread;

const FUNCTIONS: [&str; 2] = ["function", "functions"];
const FILES: [&str; 2] = ["file", "files"];
/// Most names in one line.
const NAMES: usize = 30;
/// Most imports that are shown of one function.
const IMPORTS: usize = 5;
/// Most characters of something that is quoted from the source.
const QUOTED: usize = 160;

/// Warnings about a project.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Warning {
    /// Two configurations: one takes the place of the other.
    ConfigIgnored {
        config: &'static str,
        ignored: &'static str,
    },
    /// The `[remotes.*]` block of the project.
    RemoteApplied(String),
    /// Code reaches out of `functions/`, so the paths begin at a folder around it.
    BeginsHigher { base: String, functions: String },
    /// `--source-path` does not end in the folder of functions.
    SourcePath { written: String, functions: String },
    /// Entries of the configuration without a function: nothing is printed for them.
    EntriesWithoutFunction(Vec<String>),
    /// Functions without `verify_jwt`: they get the default, `verifyJWT: true`.
    FunctionsWithoutRule(Vec<String>),
    /// `enabled = false`: nothing is printed for them.
    Disabled(Vec<String>),
    /// Folders without an entrypoint, or whose name is not a valid slug.
    NoFunction(Vec<String>),
    /// Files that a source can't have.
    LeftOut(Vec<String>),
    /// Files that no source should have.
    SecretFiles { folder: String, files: Vec<String> },
    /// The operator or the platform will refuse this function's source.
    Source { function: String, error: ClosureError },
    /// Imports of a function that can't be followed.
    Templates { function: String, imports: Vec<String> },
    /// A setting can't be known: nothing is printed for the function.
    Unread { function: String, unread: Unread },
    /// A path of the configuration is outside the project: nothing is printed for the function.
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
    /// Names that have a default in the code: nothing waits for them.
    OptionalSecrets(Vec<String>),
    /// Functions in which no name of a secret can be seen.
    WithoutSecrets(Vec<String>),
}

impl Warning {
    /// Whether there is nothing to warn about.
    pub(crate) fn is_empty(&self) -> bool {
        self.of_names().is_some_and(|(names, ..)| names.is_empty())
    }

    /// Names with what they are, one or more of them, and what is said of them.
    fn of_names(&self) -> Option<(&[String], [&'static str; 2], &'static str)> {
        Some(match self {
            Self::EntriesWithoutFunction(names) => (
                names,
                ["entry", "entries"],
                "in the configuration without a function, left out",
            ),
            Self::FunctionsWithoutRule(names) => (
                names,
                FUNCTIONS,
                "without verify_jwt in the configuration, so verifyJWT is true; of one that is live, compare with its rule",
            ),
            Self::Disabled(names) => (names, FUNCTIONS, "not enabled in the configuration, left out"),
            Self::NoFunction(names) => (
                names,
                ["folder", "folders"],
                "in functions/ without index.ts or with a name that is not a valid slug, left out",
            ),
            Self::LeftOut(names) => (
                names,
                FILES,
                "in functions/ that a source can't have (links, invalid names), left out",
            ),
            Self::FallbackImportMap(names) => (
                names,
                FUNCTIONS,
                "without an import map of their own, so importMap is functions/import_map.json",
            ),
            Self::OptionalSecrets(names) => (
                names,
                ["secret", "secrets"],
                "with a default in the code, so not in requires.secrets",
            ),
            Self::WithoutSecrets(names) => (
                names,
                ["function reads", "functions read"],
                "no secret by Deno.env.get(\"NAME\"); names that are read in another way can't be seen, so add them to requires.secrets",
            ),
            _ => return None,
        })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((names, [one, many], says)) = self.of_names() {
            return write!(f, "{} {says}: {}", counted(names, one, many), list(names));
        }
        match self {
            Self::ConfigIgnored { config, ignored } => write!(
                f,
                "{ignored} is not read, because {config} comes before it, as for the CLI; delete the one you don't use"
            ),
            Self::RemoteApplied(name) => write!(f, "[remotes.{name}] is for this project, and is applied"),
            Self::BeginsHigher { base, functions } => {
                let base = if base.is_empty() { "the project's root" } else { base };
                write!(
                    f,
                    "code reaches out of functions/, so paths begin at {base}, where the functions are in {functions}"
                )
            }
            Self::SourcePath { written, functions } => write!(
                f,
                "--source-path {written} does not end in {functions}, which the code needs, so the root of the source is taken; write the \
                 path of {functions} in the source"
            ),
            Self::SecretFiles { folder, files } => {
                let (number, names) = (counted(files, "file", "files"), list(files));
                write!(
                    f,
                    "{number} in {folder}/ that may hold secrets, left out, and not to be packed either: {names}"
                )
            }
            Self::Source { function, error } => write!(f, "{function}: {error}"),
            Self::Templates { function, imports } => {
                let imports_are = counted(imports, "import is", "imports are");
                write!(
                    f,
                    "{function}: {imports_are} put together at run time, which leads only to what something else imports by its whole path:"
                )?;
                lines(f, imports, IMPORTS)
            }
            Self::Unread { function, unread } => write!(f, "{function}, left out: {unread}"),
            Self::Outside { function, key, path } => write!(
                f,
                "{function}, left out: its {key} {path:?} is not in the project; move the file into it"
            ),
            Self::Keys { function, keys } => write!(
                f,
                "{function}: the configuration has keys without a field in the resource: {}",
                list(keys)
            ),
            Self::Secrets { function, left_out } => write!(
                f,
                "{function}: requires.secrets has no place for these names that it reads: {}",
                list(left_out)
            ),
            // Said above.
            Self::EntriesWithoutFunction(_)
            | Self::FunctionsWithoutRule(_)
            | Self::Disabled(_)
            | Self::NoFunction(_)
            | Self::LeftOut(_)
            | Self::FallbackImportMap(_)
            | Self::OptionalSecrets(_)
            | Self::WithoutSecrets(_) => Ok(()),
        }
    }
}

/// One line for each of the first, and how many are left.
pub(crate) fn lines(f: &mut fmt::Formatter<'_>, texts: &[String], most: usize) -> fmt::Result {
    for text in texts.iter().take(most) {
        write!(f, "\n  {}", cut(text))?;
    }
    match texts.len().saturating_sub(most) {
        0 => Ok(()),
        more => write!(f, "\n  and {more} more"),
    }
}

/// Without control characters, and not longer than a line or two.
fn cut(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    match plain.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", plain.get(..end).unwrap_or_default()),
        None => plain,
    }
}

pub(crate) fn counted(names: &[String], one: &str, many: &str) -> String {
    format!("{} {}", names.len(), if names.len() == 1 { one } else { many })
}

pub(crate) fn list(names: &[String]) -> String {
    let shown = names.iter().take(NAMES).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
