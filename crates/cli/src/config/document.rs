use ace_domain::bundle::JSONC;
use serde_json::{Map, Value};
use thiserror::Error;

/// How a configuration is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    Toml,
    /// `config.json` and `config.jsonc`, both with comments.
    Json,
}

/// Why a configuration can't be read at all.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(crate) enum ConfigError {
    #[error("{0}")]
    Syntax(String),
    #[error("it is not an object")]
    NotAnObject,
    #[error(
        "{0} is not a function's: settings of a function belong below [functions.NAME], and none holds for all of them; move it there"
    )]
    NotOfAFunction(String),
    #[error("[remotes.{one}] and [remotes.{other}] are both for project {project}; keep one")]
    TwoRemotes {
        one: String,
        other: String,
        project: String,
    },
}

/// The document as one kind of value, whichever format it has.
pub(super) fn parse(text: &str, format: Format) -> Result<Map<String, Value>, ConfigError> {
    let value = match format {
        Format::Toml => {
            let table: toml::Table = toml::from_str(text).map_err(|error| syntax(&error))?;
            serde_json::to_value(table).map_err(|error| syntax(&error))?
        }
        Format::Json => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            jsonc_parser::parse_to_serde_value(text, &JSONC).map_err(|error| syntax(&error))?
        }
    };
    match value {
        Value::Object(document) => Ok(document),
        _ => Err(ConfigError::NotAnObject),
    }
}

fn syntax(error: &impl ToString) -> ConfigError {
    ConfigError::Syntax(error.to_string())
}
