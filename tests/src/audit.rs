//! What the API server wrote down about the operator.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ace_api::Process;
use serde_json::Value;
use xtask::rights;

use crate::TestBed;

/// Files that the API server puts aside before it removes the oldest.
const KEPT: usize = 3;

/// One request of the operator's ServiceAccount.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Audited {
    /// API group; empty for the core group.
    pub group: String,
    /// Plural, with the subresource behind a slash; empty for what is no resource.
    pub resource: String,
    /// `get`, `patch` …
    pub verb: String,
    pub namespace: String,
    /// HTTP status of the answer.
    pub code: u64,
}

impl Audited {
    /// It could have changed something. The Lease is renewed every five seconds whatever happens, and is none of it.
    pub fn is_write(&self) -> bool {
        !["get", "list", "watch"].contains(&self.verb.as_str()) && self.resource != "leases"
    }
}

/// The audit log of a bed.
#[derive(Clone, Copy, Debug)]
pub struct AuditLog<'a> {
    /// The newest of its files.
    pub path: &'a Path,
}

impl TestBed {
    /// Lines of the audit log so far.
    ///
    /// # Panics
    /// If there is no such log.
    pub fn audited(&self) -> usize {
        self.audit_log().lines()
    }

    /// The operator's requests behind the first `since` lines of the audit log.
    pub fn audit(&self, since: usize) -> Vec<Audited> {
        self.audit_of(Process::Operator, since)
    }

    /// The same of one process.
    pub fn audit_of(&self, process: Process, since: usize) -> Vec<Audited> {
        self.audit_of_account(rights::NAMESPACE, process.name(), since)
    }

    /// The same of a ServiceAccount.
    pub fn audit_of_account(&self, namespace: &str, name: &str, since: usize) -> Vec<Audited> {
        self.audit_log().of_account(namespace, name, since)
    }

    fn audit_log(&self) -> AuditLog<'static> {
        let path = &self.bed.file().audit_log;
        AuditLog { path }
    }
}

impl AuditLog<'_> {
    /// Lines so far.
    ///
    /// # Panics
    /// If there is no such log.
    pub fn lines(self) -> usize {
        self.text().lines().count()
    }

    /// Requests of a ServiceAccount behind the first `since` lines.
    ///
    /// # Panics
    /// If there is no such log.
    pub fn of_account(self, namespace: &str, name: &str, since: usize) -> Vec<Audited> {
        let user = format!("system:serviceaccount:{namespace}:{name}");
        let log = self.text();
        let entries = log
            .lines()
            .skip(since)
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries
            .filter(|entry| entry["user"]["username"] == *user && entry["objectRef"].is_object())
            .map(|entry| {
                let object = &entry["objectRef"];
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let resource = text(&object["resource"]);
                Audited {
                    group: text(&object["apiGroup"]),
                    resource: match object["subresource"].as_str() {
                        Some(subresource) => format!("{resource}/{subresource}"),
                        None => resource,
                    },
                    verb: text(&entry["verb"]),
                    namespace: text(&object["namespace"]),
                    code: entry["responseStatus"]["code"].as_u64().unwrap_or_default(),
                }
            })
            .collect()
    }

    /// All of it: the API server puts what exceeds a hundred megabytes aside, under names that have the time in them.
    fn text(self) -> String {
        let newest = self.path;
        let folder = newest.parent().expect("a file lies in a folder");
        let is_aside = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("audit-") && name.ends_with(".log")
        };
        let entries = fs::read_dir(folder).expect("the bed's directory can be read");
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(is_aside)
            .collect();
        assert!(files.len() < KEPT, "the API server has removed a part of its audit log");
        files.sort_unstable();
        files.push(newest.to_owned());
        let read = |file| fs::read(file).expect("the API server writes an audit log");
        files
            .iter()
            .map(|file| String::from_utf8_lossy(&read(file)).into_owned())
            .collect()
    }
}
