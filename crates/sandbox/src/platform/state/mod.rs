//! The platform as a pure state machine: projects, their functions and secrets.
//!
//! No I/O, no clock, no randomness: every change takes the time and the ids it shall use, so that a test can drive it in
//! memory and replay it exactly. The HTTP side ([`super::start`]) wraps it with storage, limits and faults.

use std::collections::BTreeMap;

mod backups;
mod bundle;
mod functions;
mod refusal;
mod secrets;

#[cfg(test)]
mod tests;

pub use backups::{BackupPlan, Backups};
pub use bundle::{BUNDLE_LIMIT, Bundle, Files, container_path};
pub use functions::{Activate, Deploy, Function, Ids, Patch, Planned, Record, Status};
pub use refusal::Refusal;
pub use secrets::{Digest, Secret};

use serde::{Deserialize, Serialize};

/// Functions a new project may have: the platform's Pro plan (Free 100, Pro 500, Team 1000).
pub const DEFAULT_FUNCTION_LIMIT: usize = 500;

/// Every project of the platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    projects: BTreeMap<String, Project>,
}

impl State {
    /// Adds a project, or replaces the one of the same reference (as loading from disk does).
    pub fn insert(&mut self, project: Project) {
        self.projects.insert(project.reference.clone(), project);
    }

    /// All projects by reference.
    pub fn projects(&self) -> impl Iterator<Item = &Project> {
        self.projects.values()
    }

    /// One project, or [`Refusal::ProjectNotFound`].
    pub fn project(&self, reference: &str) -> Result<&Project, Refusal> {
        self.projects.get(reference).ok_or(Refusal::ProjectNotFound)
    }

    /// One project to be changed, or [`Refusal::ProjectNotFound`].
    pub fn project_mut(&mut self, reference: &str) -> Result<&mut Project, Refusal> {
        self.projects.get_mut(reference).ok_or(Refusal::ProjectNotFound)
    }

    /// The live functions of a project by slug.
    pub fn list(&self, reference: &str) -> Result<Vec<&Record>, Refusal> {
        Ok(self.project(reference)?.list())
    }

    pub fn get(&self, reference: &str, slug: &str) -> Result<&Record, Refusal> {
        self.project(reference)?.get(slug)
    }

    /// What is live under a slug, with its files.
    pub fn body(&self, reference: &str, slug: &str) -> Result<&Bundle, Refusal> {
        self.project(reference)?.body(slug)
    }

    /// Stores a bundle and, unless `deploy.bundle_only`, makes it live. See [`Project::deploy`].
    pub fn deploy(&mut self, reference: &str, deploy: &Deploy, ids: Ids, now: i64) -> Result<Record, Refusal> {
        self.project_mut(reference)?.deploy(deploy, ids, now)
    }

    /// Makes stored bundles live, all or none. See [`Project::activate`].
    pub fn activate(&mut self, reference: &str, entries: &[Activate], now: i64) -> Result<Vec<Record>, Refusal> {
        self.project_mut(reference)?.activate(entries, now)
    }

    /// Changes name or JWT rule without a new bundle.
    pub fn patch(&mut self, reference: &str, slug: &str, patch: Patch, now: i64) -> Result<Record, Refusal> {
        self.project_mut(reference)?.patch(slug, patch, now)
    }

    /// Removes a function with all its bundles.
    pub fn delete(&mut self, reference: &str, slug: &str) -> Result<(), Refusal> {
        self.project_mut(reference)?.delete(slug)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// Twenty lower-case letters.
    pub reference: String,
    /// What people call it.
    pub name: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// How many functions it may have; one more is refused with 402.
    pub function_limit: usize,
    /// What the platform keeps of its database by the clock, where somebody has said so.
    #[serde(default)]
    pub backups: Option<BackupPlan>,
    functions: BTreeMap<String, Function>,
    secrets: BTreeMap<String, Secret>,
}

impl Project {
    pub fn new(reference: &str, name: &str, now: i64) -> Project {
        Project {
            reference: reference.to_owned(),
            name: name.to_owned(),
            created: now,
            function_limit: DEFAULT_FUNCTION_LIMIT,
            backups: None,
            functions: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }
}

/// Whether `reference` is one: `^[a-z]{20}$`.
pub fn is_reference(reference: &str) -> bool {
    reference.len() == 20 && reference.bytes().all(|byte| byte.is_ascii_lowercase())
}
