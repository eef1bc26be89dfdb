//! The functions in a project's configuration, as Supabase's CLI 3.1.0 reads them (measured with recorded deploys).

mod document;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::environment::{Environment, Variable};

pub(crate) use document::{ConfigError, Format};
pub(crate) use value::Unread;

/// The functions in a project's configuration; everything else in it is ignored.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Config {
    pub(crate) functions: BTreeMap<String, Entry>,
    /// The `[remotes.*]` block that was applied.
    pub(crate) remote: Option<String>,
    /// `project_id` where it has the form of a project's reference: often it is only a name for the machine.
    pub(crate) project: Option<String>,
}

/// `[functions.<slug>]`; paths are relative to the folder of the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Entry {
    /// Unset: the CLI leaves the rule of a deployed function as it is, and a new one gets `true`.
    pub(crate) verify_jwt: Option<bool>,
    /// Default true.
    pub(crate) enabled: Option<bool>,
    pub(crate) entrypoint: Option<String>,
    pub(crate) import_map: Option<String>,
    pub(crate) static_files: Vec<String>,
    /// Keys that have no counterpart in a resource.
    pub(crate) other: Vec<String>,
    /// What can't be known of it: nothing is printed for the function.
    pub(crate) unread: Vec<Unread>,
}

impl Config {
    /// Reads the text of a configuration for the project with this reference.
    pub(crate) fn parse(
        text: &str,
        format: Format,
        environment: &Environment,
        project: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let mut document = document::parse(text, format)?;
        let project_id = document.get("project_id").and_then(Value::as_str);
        let own = project_id.filter(|text| is_reference(text)).map(str::to_owned);
        let project = project.map(str::to_owned).or_else(|| own.clone());
        let remotes = match document.remove("remotes") {
            Some(Value::Object(remotes)) => remotes,
            _ => Map::new(),
        };
        let functions = functions_of(&document, "functions")?;
        let mut config = Self {
            project: own,
            ..Self::default()
        };
        let merged = match &project {
            Some(project) => {
                config.remote = remote_of(&remotes, project, environment)?;
                let remote = config.remote.as_ref().and_then(|name| Some((name, remotes.get(name)?)));
                match remote {
                    Some((name, remote)) => applied(functions, name, remote)?,
                    None => functions,
                }
            }
            None => functions,
        };
        for (slug, entry) in &merged {
            if let Value::Object(table) = entry {
                config.functions.insert(slug.clone(), Entry::read(table, environment));
            }
        }
        if project.is_none() {
            config.leave_open(&merged, &remotes)?;
        }
        Ok(config)
    }

    /// No project was named, so what a block would change is not known.
    fn leave_open(&mut self, functions: &Map<String, Value>, remotes: &Map<String, Value>) -> Result<(), ConfigError> {
        let mut open: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, remote) in remotes {
            let changed = applied(functions.clone(), name, remote)?;
            for (slug, _) in changed
                .iter()
                .filter(|(slug, entry)| functions.get(*slug) != Some(entry))
            {
                open.entry(slug.clone()).or_default().insert(name.clone());
            }
        }
        for (slug, remotes) in open {
            let entry = self.functions.entry(slug).or_default();
            entry.unread.push(Unread::by_remotes(remotes));
        }
        Ok(())
    }
}

impl Entry {
    fn read(table: &Map<String, Value>, environment: &Environment) -> Self {
        let mut unread = Vec::new();
        let mut read = value::Reader {
            table,
            environment,
            unread: &mut unread,
        };
        let known = ["verify_jwt", "enabled", "entrypoint", "import_map", "static_files"];
        let other = table.keys().filter(|key| !known.contains(&key.as_str()));
        Self {
            verify_jwt: read.boolean("verify_jwt"),
            enabled: read.boolean("enabled"),
            // The CLI's template has an empty text for a missing value.
            entrypoint: read.text("entrypoint").filter(|path| !path.is_empty()),
            import_map: read.text("import_map").filter(|path| !path.is_empty()),
            static_files: read.list("static_files"),
            other: other.cloned().collect(),
            unread,
        }
    }
}

/// The tables of a document's `functions`.
fn functions_of(document: &Map<String, Value>, place: &str) -> Result<Map<String, Value>, ConfigError> {
    match document.get("functions") {
        None => Ok(Map::new()),
        Some(Value::Object(functions)) => match functions.iter().find(|(_, entry)| !entry.is_object()) {
            Some((key, _)) => Err(ConfigError::NotOfAFunction(format!("{place}.{key}"))),
            None => Ok(functions.clone()),
        },
        Some(_) => Err(ConfigError::NotOfAFunction(place.to_owned())),
    }
}

/// The block for a project: that whose `project_id` it is, or whose variable says so. An `env(NAME)` there is taken literally.
fn remote_of(
    remotes: &Map<String, Value>,
    project: &str,
    environment: &Environment,
) -> Result<Option<String>, ConfigError> {
    let is_meant = |(name, remote): &(&String, &Value)| {
        let variable = format!("SUPABASE_REMOTES_{}_PROJECT_ID", name.to_uppercase());
        match environment.get(&variable) {
            Variable::Value(reference) => reference == project,
            _ => remote.get("project_id").and_then(Value::as_str) == Some(project),
        }
    };
    let mut meant = remotes.iter().filter(is_meant).map(|(name, _)| name.clone());
    match (meant.next(), meant.next()) {
        (Some(one), Some(other)) => Err(ConfigError::TwoRemotes {
            one,
            other,
            project: project.to_owned(),
        }),
        (one, _) => Ok(one),
    }
}

/// The functions as a block changes them: tables are merged, and everything else is replaced.
fn applied(mut functions: Map<String, Value>, name: &str, remote: &Value) -> Result<Map<String, Value>, ConfigError> {
    let Value::Object(remote) = remote else {
        return Ok(functions);
    };
    merge(
        &mut functions,
        functions_of(remote, &format!("remotes.{name}.functions"))?,
    );
    Ok(functions)
}

fn merge(base: &mut Map<String, Value>, changes: Map<String, Value>) {
    for (key, change) in changes {
        match (base.get_mut(&key), change) {
            (Some(Value::Object(inner)), Value::Object(change)) => merge(inner, change),
            (_, change) => {
                base.insert(key, change);
            }
        }
    }
}

/// Whether a text has the form of a project's reference.
pub(crate) fn is_reference(text: &str) -> bool {
    text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_lowercase())
}
