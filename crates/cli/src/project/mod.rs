//! A Supabase project on disk.

mod files;
mod place;
mod secrets;

use std::path::{Path, PathBuf};
use std::{fs, io};

use thiserror::Error;

use crate::config::{Config, ConfigError, Format, is_reference};
use crate::environment::Environment;

pub(crate) use files::{ALL, Files, NOT_READ, read_file, read_files, secret_files};
pub(crate) use place::{Place, joined};
pub(crate) use secrets::{EXCLUDED, is_excluded};

/// Configurations, the first before the others.
const CONFIGS: [(&str, Format); 3] = [
    ("config.json", Format::Json),
    ("config.jsonc", Format::Json),
    ("config.toml", Format::Toml),
];
/// Where the CLI keeps which project it is linked to.
const LINK: &str = ".temp/project-ref";

/// A Supabase project on disk.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) place: Place,
    pub(crate) config: Config,
    /// Name of the configuration's file, and of another one that it takes the place of.
    pub(crate) config_name: &'static str,
    pub(crate) ignored: Option<&'static str>,
    /// The project's reference, and where it is from.
    pub(crate) reference: Option<(String, &'static str)>,
    /// The files of `functions/`.
    pub(crate) functions: Files,
    /// `migrations/`, if it exists.
    pub(crate) migrations: Option<Files>,
}

#[derive(Debug, Error)]
pub(crate) enum DirectoryError {
    #[error("{0} has neither functions/ nor migrations/: pass the directory that has config.toml")]
    NoProject(PathBuf),
    #[error("cannot read {path}: {error}")]
    Read { path: PathBuf, error: io::Error },
    #[error("cannot read {path}: {error}")]
    Config { path: PathBuf, error: Box<ConfigError> },
    #[error("{0} has config.json and config.jsonc: keep one")]
    TwoConfigs(PathBuf),
    #[error("{path} has more than {limit} files or files of more than {bytes} bytes in all, which no source may have")]
    TooLarge { path: PathBuf, limit: usize, bytes: usize },
}

impl Project {
    /// Reads `directory`, or its `supabase` folder when that is the project. `reference`: of the project that it is imported for.
    pub(crate) fn read(directory: &Path, reference: Option<&str>) -> Result<Self, DirectoryError> {
        let place = Place::find(directory)?;
        let folder = place.folder();
        let named = reference.map(|reference| (reference.to_owned(), "--project"));
        let known = named.or_else(|| Some((linked(&folder)?, "supabase/.temp/project-ref")));
        let project = known.as_ref().map(|(reference, _)| reference.as_str());
        let environment = Environment::read(&place.environment());
        let Found { file, config, ignored } = read_config(&folder, &environment, project)?;
        let own = config.project.clone();
        let reference = known.or_else(|| Some((own?, "project_id in the configuration")));
        let read = |name: &str| {
            let folder = folder.join(name);
            folder.is_dir().then(|| read_files(&folder, "", ALL)).transpose()
        };
        Ok(Self {
            config,
            config_name: file,
            ignored,
            reference,
            functions: read("functions")?.unwrap_or_default(),
            migrations: read("migrations")?,
            place,
        })
    }
}

struct Found {
    file: &'static str,
    config: Config,
    ignored: Option<&'static str>,
}

fn read_config(folder: &Path, environment: &Environment, project: Option<&str>) -> Result<Found, DirectoryError> {
    let exists = |(name, _): &&(&'static str, Format)| folder.join(name).is_file();
    let there: Vec<_> = CONFIGS.iter().filter(exists).collect();
    let (name, format) = match there.as_slice() {
        [(_, Format::Json), (_, Format::Json), ..] => return Err(DirectoryError::TwoConfigs(folder.to_owned())),
        // A project without one has the defaults.
        [] => ("config.toml", Format::Toml),
        [(name, format), ..] => (*name, *format),
    };
    let path = folder.join(name);
    let text = match there.as_slice() {
        [] => String::new(),
        _ => fs::read_to_string(&path).map_err(failed(&path))?,
    };
    let config = Config::parse(&text, format, environment, project);
    let config = config.map_err(|error| DirectoryError::Config {
        path,
        error: Box::new(error),
    });
    Ok(Found {
        file: name,
        config: config?,
        ignored: there.get(1).map(|(name, _)| *name),
    })
}

/// The project that the CLI is linked to here.
fn linked(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join(LINK)).ok()?;
    Some(text.trim().to_owned()).filter(|text| is_reference(text))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> DirectoryError {
    let path = path.to_owned();
    |error| DirectoryError::Read { path, error }
}

/// Whether a folder has what makes it a project.
fn is_project(folder: &Path) -> bool {
    let has_config = CONFIGS.iter().any(|(name, _)| folder.join(name).is_file());
    has_config
        || ["functions", "migrations"]
            .iter()
            .any(|name| folder.join(name).is_dir())
}
