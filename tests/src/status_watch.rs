//! A watch that sees every version of our objects in a namespace, and judges each.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use ace_api::{KINDS, KindEntry};
use futures::StreamExt;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, ListParams},
    runtime::watcher::{self, Event, watcher},
};
use serde_json::Value;
use tokio::{sync::Notify, task::JoinHandle, time::timeout};

use crate::kstatus;

/// How long the watch may be behind the API server when a test is over.
const BEHIND: Duration = Duration::from_secs(30);

/// One version of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Whether this is the last one: the object is gone.
    pub deleted: bool,
    /// All of it, with its managed fields.
    pub object: Value,
}

impl Version {
    fn text(&self, pointer: &str) -> &str {
        self.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }
}

/// Records every version of the objects of our kinds in one namespace, from its start to [`StatusWatch::finish`].
pub struct StatusWatch {
    seen: Arc<Seen>,
    /// With their kinds.
    apis: Vec<(Api<DynamicObject>, String)>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    record: Mutex<Record>,
    changed: Notify,
}

#[derive(Default)]
struct Record {
    versions: Vec<Version>,
    /// Index of the newest version, by uid.
    newest: HashMap<String, usize>,
    violations: Vec<String>,
    /// Kinds whose objects at the start are all known.
    started: usize,
}

impl StatusWatch {
    /// Starts to watch `namespace`; what exists already is judged as well.
    ///
    /// # Panics
    /// If the watch can't begin within half a minute.
    pub async fn start(client: &Client, namespace: &str) -> Self {
        let seen = Arc::new(Seen::default());
        let mut apis = Vec::new();
        let mut tasks = Vec::new();
        for resource in KINDS.iter().map(KindEntry::resource) {
            let api = Api::namespaced_with(client.clone(), namespace, &resource);
            apis.push((api.clone(), resource.kind.clone()));
            tasks.push(tokio::spawn(follow(api, resource, seen.clone())));
        }
        let watch = Self { seen, apis, tasks };
        watch
            .until(|record| record.started == KINDS.len())
            .await
            .expect("the watch begins");
        watch
    }

    /// Every version of the object so far, oldest first; of an object that was made again, too.
    pub fn versions(&self, kind: &str, name: &str) -> Vec<Version> {
        let record = self.seen.record();
        record
            .versions
            .iter()
            .filter(|version| (version.kind(), version.name()) == (kind, name))
            .cloned()
            .collect()
    }

    /// What was wrong so far, each as a sentence with the object and its version.
    pub fn violations(&self) -> Vec<String> {
        self.seen.record().violations.clone()
    }

    /// Returns when the watch has seen all that the API server holds now.
    ///
    /// # Panics
    /// If it missed something.
    pub async fn caught_up(&self) {
        for (api, kind) in &self.apis {
            let there = api.list(&ListParams::default()).await.expect("our kinds can be listed");
            let held: HashMap<String, String> = there
                .items
                .into_iter()
                .filter_map(|object| Some((object.metadata.uid?, object.metadata.resource_version?)))
                .collect();
            let is_level = |record: &Record| record.holds(kind, &held);
            self.until(is_level)
                .await
                .unwrap_or_else(|| panic!("the watch of {kind} is behind {held:?}"));
        }
    }

    /// Ends the watch when it is level with the API server, and returns every version in the order of arrival.
    ///
    /// # Panics
    /// If any version broke a rule of [`kstatus`], or the watch missed one.
    pub async fn finish(self) -> Vec<Version> {
        self.caught_up().await;
        let record = std::mem::take(&mut *self.seen.record());
        assert!(record.violations.is_empty(), "{}", record.violations.join("\n"));
        record.versions
    }

    /// Waits until the record is as `is` wants it; `None` when that takes too long.
    async fn until(&self, is: impl Fn(&Record) -> bool) -> Option<()> {
        let wait = async {
            loop {
                let changed = self.seen.changed.notified();
                let mut changed = pin!(changed);
                changed.as_mut().enable();
                if is(&self.seen.record()) {
                    return;
                }
                changed.await;
            }
        };
        timeout(BEHIND, wait).await.ok()
    }
}

impl Drop for StatusWatch {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Seen {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().expect("nobody panics while holding the record")
    }
}

impl Record {
    fn add(&mut self, version: Version) {
        let (uid, name) = (version.text("/metadata/uid").to_owned(), version.name().to_owned());
        let mut broken = kstatus::violations(&version.object);
        let before = self.newest.get(&uid).map(|before| &self.versions[*before]);
        if let Some(before) = before {
            broken.extend(kstatus::turns(&before.object, &version.object));
        }
        let before = before.map_or_else(String::new, |before| {
            let number = before.text("/metadata/resourceVersion");
            format!("; after version {number}: {}", before.object["status"])
        });
        let number = version.text("/metadata/resourceVersion");
        let place = format!("{} {name} at version {number}", version.kind());
        let says = |broken: &str| format!("{place}: {broken}: {}{before}", version.object["status"]);
        self.violations.extend(broken.iter().map(|broken| says(broken)));
        self.newest.insert(uid, self.versions.len());
        self.versions.push(version);
    }

    /// Adds a list of all objects of `kind` that came in the middle of a watch. No version was missed if it holds what
    /// was known.
    fn add_list(&mut self, kind: &str, listed: Vec<Version>) {
        let identity = |version: &Version| {
            let text = |pointer| version.text(pointer).to_owned();
            (text("/metadata/uid"), text("/metadata/resourceVersion"))
        };
        let there: HashMap<String, String> = listed.iter().map(identity).collect();
        let known: HashMap<String, String> = self
            .newest
            .values()
            .map(|newest| &self.versions[*newest])
            .filter(|version| version.kind() == kind && !version.deleted)
            .map(identity)
            .collect();
        if there != known {
            self.violations.push(format!("the watch of {kind} missed versions"));
            for version in listed {
                self.add(version);
            }
        }
    }

    /// Whether the newest versions of `kind` are those `held` by the API server, and all others are known to be gone.
    fn holds(&self, kind: &str, held: &HashMap<String, String>) -> bool {
        let newest = |uid: &String| self.newest.get(uid).map(|n| &self.versions[*n]);
        let seen = |(uid, number): (&String, &String)| {
            newest(uid).is_some_and(|version| is_reached(version.text("/metadata/resourceVersion"), number))
        };
        let gone = |uid: &String| newest(uid).is_some_and(|version| version.deleted || version.kind() != kind);
        held.iter().all(seen) && self.newest.keys().filter(|uid| !held.contains_key(*uid)).all(gone)
    }
}

/// Resource versions are to be compared as numbers since Kubernetes 1.35; one that is none is compared as text.
fn is_reached(seen: &str, held: &str) -> bool {
    match (seen.parse::<u64>(), held.parse::<u64>()) {
        (Ok(seen), Ok(held)) => seen >= held,
        _ => seen == held,
    }
}

async fn follow(api: Api<DynamicObject>, resource: ApiResource, seen: Arc<Seen>) {
    let mut events = pin!(watcher(api, watcher::Config::default()));
    let mut listed = Vec::new();
    let mut begun = false;
    while let Some(event) = events.next().await {
        let mut record = seen.record();
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(object)) => listed.push(version(object, &resource, false)),
            // The watcher lists again when the API server can't go on from where it was, as after a definition changed.
            Ok(Event::InitDone) if begun => record.add_list(&resource.kind, std::mem::take(&mut listed)),
            Ok(Event::InitDone) => {
                begun = true;
                record.started += 1;
                listed.drain(..).for_each(|version| record.add(version));
            }
            Ok(Event::Apply(object)) => record.add(version(object, &resource, false)),
            Ok(Event::Delete(object)) => record.add(version(object, &resource, true)),
            // It goes on by itself, from the last version.
            Err(_) => {}
        }
        drop(record);
        seen.changed.notify_waiters();
    }
}

fn version(object: DynamicObject, resource: &ApiResource, deleted: bool) -> Version {
    let mut object = serde_json::to_value(object).expect("an object from the API server is JSON");
    // Items of a list come without it.
    object["kind"] = resource.kind.clone().into();
    Version { deleted, object }
}

#[cfg(test)]
#[path = "status_watch_tests.rs"]
mod tests;
