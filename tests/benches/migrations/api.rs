//! The operator's requests about one namespace, as the API server's audit log has them.

use std::{
    collections::BTreeMap,
    fs::{File, metadata},
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
};

use ace_sandbox::bed::BedFile;
use jiff::Timestamp;
use serde_json::Value;
use xtask::rights;

/// How often each request was made, and the seconds that the API server took for all of them; by `verb resource`.
pub type Requests = BTreeMap<String, (usize, f64)>;

/// A place in the log, to count from.
pub struct Mark {
    log: PathBuf,
    at: u64,
}

impl Mark {
    /// Here and now.
    pub fn now(bed: &BedFile) -> Self {
        let log = PathBuf::from(&bed.audit_log);
        let at = metadata(&log).map_or(0, |log| log.len());
        Self { log, at }
    }

    /// Requests since then; watches, which last, left out.
    pub fn requests(&self, namespace: &str) -> Requests {
        let mut log = File::open(&self.log).expect("the API server writes an audit log");
        let mut text = String::new();
        log.seek(SeekFrom::Start(self.at))
            .and_then(|_| log.read_to_string(&mut text))
            .expect("the audit log is text");
        let user = format!("system:serviceaccount:{}:{}", rights::NAMESPACE, rights::OPERATOR);
        // The last line may be half-written.
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ours = events.filter(|event| {
            event["user"]["username"] == *user
                && event["objectRef"]["namespace"] == namespace
                && event["verb"] != "watch"
        });
        ours.fold(Requests::new(), |mut requests, event| {
            let resource = [&event["objectRef"]["resource"], &event["objectRef"]["subresource"]];
            let resource: Vec<_> = resource.into_iter().filter_map(Value::as_str).collect();
            let name = format!("{} {}", event["verb"].as_str().unwrap_or_default(), resource.join("/"));
            let (count, seconds) = requests.entry(name).or_default();
            *count += 1;
            *seconds += took(&event).unwrap_or_default();
            requests
        })
    }
}

fn took(event: &Value) -> Option<f64> {
    let time = |field: &str| event[field].as_str()?.parse::<Timestamp>().ok();
    let took = time("stageTimestamp")?.duration_since(time("requestReceivedTimestamp")?);
    Some(took.as_secs_f64())
}
