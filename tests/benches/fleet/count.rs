//! Requests, counted where they arrive: the API server's audit log and the platform's journal.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
};

use ace_sandbox::bed::BedFile;
use serde_json::Value;

use crate::http;

/// How often each request was made, by `verb resource` or by route.
pub type Counts = BTreeMap<String, usize>;

/// A place in both records, to count from.
pub struct Mark {
    audit: u64,
    journal: u64,
}

impl Mark {
    /// Here and now.
    pub async fn now(bed: &BedFile) -> Self {
        let journal = http::get(&format!("{}/requests?since={}", bed.admin_url, u64::MAX)).await;
        Self {
            audit: std::fs::metadata(&bed.audit_log).map_or(0, |log| log.len()),
            journal: journal["next"].as_u64().expect("the journal is numbered"),
        }
    }

    /// Requests under the operator's account to the API server since then; watches, which last, left out.
    pub fn cluster(&self, bed: &BedFile) -> Counts {
        let mut log = File::open(&bed.audit_log).expect("the API server writes an audit log");
        log.seek(SeekFrom::Start(self.audit)).expect("the audit log is a file");
        let mut text = String::new();
        log.read_to_string(&mut text).expect("the audit log is text");
        // The last line may be half-written.
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ours = events.filter(|event| {
            let user = event["user"]["username"].as_str().unwrap_or_default();
            user.starts_with("system:serviceaccount:") && user.ends_with(":ace-operator") && event["verb"] != "watch"
        });
        counted(ours.map(|event| {
            let resource = [&event["objectRef"]["resource"], &event["objectRef"]["subresource"]];
            let resource: Vec<_> = resource.into_iter().filter_map(Value::as_str).collect();
            format!("{} {}", event["verb"].as_str().unwrap_or_default(), resource.join("/"))
        }))
    }

    /// Requests to the Management API since then, of one project or of all.
    pub async fn platform(&self, bed: &BedFile, project: Option<&str>) -> Counts {
        let journal = http::get(&format!("{}/requests?since={}", bed.admin_url, self.journal)).await;
        let requests = journal["requests"].as_array().expect("the journal is a list").iter();
        let of_project = requests.filter(|request| project.is_none_or(|project| request["project"] == project));
        counted(of_project.map(|request| request["route"].as_str().unwrap_or_default().to_owned()))
    }
}

fn counted(requests: impl Iterator<Item = String>) -> Counts {
    requests.fold(Counts::new(), |mut counts, request| {
        *counts.entry(request).or_default() += 1;
        counts
    })
}

/// Those that change something.
pub fn writes(counts: &Counts) -> usize {
    let is_read = |request: &str| ["get ", "list ", "GET "].iter().any(|verb| request.starts_with(verb));
    counts
        .iter()
        .filter(|(request, _)| !is_read(request))
        .map(|(_, count)| count)
        .sum()
}

/// All of them.
pub fn total(counts: &Counts) -> usize {
    counts.values().sum()
}

/// On one line.
pub fn shown(counts: &Counts) -> String {
    let each: Vec<_> = counts
        .iter()
        .map(|(request, count)| format!("{count} {}", request.replace("/v1/projects/{ref}", "…")))
        .collect();
    if each.is_empty() {
        "none".to_owned()
    } else {
        each.join(", ")
    }
}
