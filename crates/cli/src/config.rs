use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Table;

/// The functions in a project's `config.toml`; everything else in it is ignored.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(crate) struct Config {
    #[serde(default)]
    pub(crate) functions: BTreeMap<String, Entry>,
}

/// `[functions.<slug>]`; paths are relative to the folder of `config.toml`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(crate) struct Entry {
    /// Default true.
    pub(crate) verify_jwt: Option<bool>,
    /// Default true.
    pub(crate) enabled: Option<bool>,
    pub(crate) entrypoint: Option<String>,
    pub(crate) import_map: Option<String>,
    #[serde(default)]
    pub(crate) static_files: Vec<String>,
    /// Keys that have no counterpart in a resource.
    #[serde(flatten)]
    pub(crate) other: Table,
}

impl Config {
    /// Reads the text of a `config.toml`.
    pub(crate) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

impl Entry {
    /// The CLI writes an empty text for a missing value.
    pub(crate) fn entrypoint(&self) -> Option<&str> {
        self.entrypoint.as_deref().filter(|path| !path.is_empty())
    }

    /// See [`Entry::entrypoint`].
    pub(crate) fn import_map(&self) -> Option<&str> {
        self.import_map.as_deref().filter(|path| !path.is_empty())
    }
}
