use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use crate::environment::{Environment, Unreadable, Variable};

/// A setting that can't be known. No value of a variable is in it, which may be a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Unread {
    pub(crate) key: &'static str,
    pub(crate) cause: Cause,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    /// It is no value of this kind.
    Kind(&'static str),
    /// `env(NAME)` of a name that is set nowhere.
    Unset(String),
    /// `env(NAME)` of a name whose value is of another kind.
    Variable { name: String, kind: &'static str },
    /// `env(NAME)`, and a file that may set it can't be read.
    File {
        name: String,
        file: String,
        what: Unreadable,
    },
    /// Blocks for certain projects change it, and no project was named.
    Remotes(BTreeSet<String>),
}

impl Unread {
    pub(super) fn by_remotes(remotes: BTreeSet<String>) -> Self {
        Self {
            key: "",
            cause: Cause::Remotes(remotes),
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key;
        match &self.cause {
            Cause::Kind(kind) => write!(f, "its {key} in the configuration must be {kind}"),
            Cause::Unset(name) => write!(
                f,
                "its {key} is env({name}), and {name} is set neither in the environment nor in a .env file; set it for this command"
            ),
            Cause::Variable { name, kind } => {
                write!(
                    f,
                    "its {key} is env({name}), and the value of {name} is not {kind}; change the value"
                )
            }
            Cause::File { name, file, what } => {
                let (place, advice) = match what {
                    Unreadable::Line(line) => (format!("line {line} of {file}"), "; correct the line".to_owned()),
                    Unreadable::File(cause) => (file.clone(), format!(": {cause}; make it a file that you may read")),
                };
                write!(
                    f,
                    "its {key} is env({name}), and {place}, which may set it, can't be read{advice}"
                )
            }
            Cause::Remotes(remotes) => {
                let blocks: Vec<_> = remotes.iter().map(|name| format!("[remotes.{name}]")).collect();
                let blocks = blocks.join(" and ");
                write!(
                    f,
                    "{blocks} would change it for a project of its own; name yours with --project"
                )
            }
        }
    }
}

const BOOLEAN: &str = "true or false";
const TEXT: &str = "a text";
const LIST: &str = "a list of texts";

/// Reads the settings of one function, and notes what can't be known.
pub(super) struct Reader<'r> {
    pub(super) table: &'r Map<String, Value>,
    pub(super) environment: &'r Environment,
    pub(super) unread: &'r mut Vec<Unread>,
}

impl Reader<'_> {
    /// A text is a boolean only as the value of a variable.
    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let read = match self.table.get(key)? {
            Value::Bool(value) => Ok(*value),
            Value::String(text) => match variable(text) {
                None => Err(Cause::Kind(BOOLEAN)),
                Some(name) => self.value(name).and_then(|value| match value {
                    "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
                    "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
                    _ => Err(Cause::Variable {
                        name: name.to_owned(),
                        kind: BOOLEAN,
                    }),
                }),
            },
            _ => Err(Cause::Kind(BOOLEAN)),
        };
        self.noted(key, read)
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        let read = match self.table.get(key)? {
            Value::String(text) => self.substituted(text),
            _ => Err(Cause::Kind(TEXT)),
        };
        self.noted(key, read)
    }

    /// One text is a list with commas.
    pub(super) fn list(&mut self, key: &'static str) -> Vec<String> {
        let Some(value) = self.table.get(key) else {
            return Vec::new();
        };
        let read = match value {
            Value::String(text) => self.substituted(text).map(|text| match text.as_str() {
                "" => Vec::new(),
                text => text.split(',').map(str::to_owned).collect(),
            }),
            Value::Array(items) => items
                .iter()
                .map(|item| match item {
                    Value::String(text) => self.substituted(text),
                    _ => Err(Cause::Kind(LIST)),
                })
                .collect(),
            _ => Err(Cause::Kind(LIST)),
        };
        self.noted(key, read).unwrap_or_default()
    }

    fn substituted(&self, text: &str) -> Result<String, Cause> {
        match variable(text) {
            Some(name) => self.value(name).map(str::to_owned),
            None => Ok(text.to_owned()),
        }
    }

    fn value(&self, name: &str) -> Result<&str, Cause> {
        match self.environment.get(name) {
            Variable::Value(value) => Ok(value),
            Variable::Unset => Err(Cause::Unset(name.to_owned())),
            Variable::Unread { file, what } => Err(Cause::File {
                name: name.to_owned(),
                file: file.to_owned(),
                what,
            }),
        }
    }

    fn noted<T>(&mut self, key: &'static str, read: Result<T, Cause>) -> Option<T> {
        read.map_err(|cause| self.unread.push(Unread { key, cause })).ok()
    }
}

/// The name in `env(NAME)`.
fn variable(text: &str) -> Option<&str> {
    text.strip_prefix("env(")?.strip_suffix(')')
}
