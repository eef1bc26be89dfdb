//! A cluster with ConfigMaps and Flux sources, and a server of artifacts.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ace_api::SourceKind;
use ace_domain::bundle::{Folder, Tree, TreePath, write_archive};
use ace_domain::inputs::{ArtifactState, sha256};
use ace_domain::reconcile::{
    dependency::Dependency,
    key::{Key, SourceKey},
};
use ace_egress::AllowedHosts;
use axum::body::Body;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::stream::unfold;
use futures::{Stream, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::metrics::Metrics;
use crate::sources::{Settings, Sources};
use ace_runtime::index::{Dependents, ObjectId, Unused};
use ace_runtime::testing::{Answer, Received, Server, server};

pub(super) const FLUX: &str = "/apis/source.toolkit.fluxcd.io";
pub(super) const MAPS: &str = "/api/v1/namespaces/ace/configmaps";
pub(super) const REPOSITORIES: &str = "/apis/source.toolkit.fluxcd.io/v1/namespaces/ace/gitrepositories";
const ALL_REPOSITORIES: &str = "/apis/source.toolkit.fluxcd.io/v1/gitrepositories";

/// The objects of the API server, and its watches.
#[derive(Default)]
struct Held {
    objects: BTreeMap<String, Value>,
    /// Status codes that paths are answered with instead.
    codes: BTreeMap<String, u16>,
    watches: Vec<(String, UnboundedSender<String>)>,
    version: u64,
    /// All changes, with their version and path.
    log: Vec<(u64, String, Value)>,
    /// Changes up to this version are expired.
    compacted: u64,
}

#[derive(Clone, Default)]
pub(super) struct Cluster(Arc<Mutex<Held>>);

pub(super) struct Fixture {
    pub(super) cluster: Cluster,
    pub(super) api: Server,
    pub(super) sources: Arc<Sources>,
    pub(super) dependents: Dependents,
    /// What nobody reads any more, for who forgets it.
    pub(super) unused: Option<Unused>,
    pub(super) metrics: Metrics,
}

impl Cluster {
    /// Creates or replaces an object, and sends it to its watches.
    pub(super) fn put(&self, path: &str, object: Value) {
        let mut held = self.0.lock().unwrap();
        let word = if held.objects.contains_key(path) {
            "MODIFIED"
        } else {
            "ADDED"
        };
        let object = held.happened(path, word, object);
        held.objects.insert(path.to_owned(), object);
    }

    pub(super) fn remove(&self, path: &str) {
        let mut held = self.0.lock().unwrap();
        let object = held.objects.remove(path).unwrap();
        held.happened(path, "DELETED", object);
    }

    /// A watch from an earlier version than now has to list again.
    pub(super) fn compact(&self) {
        let mut held = self.0.lock().unwrap();
        held.compacted = held.version;
    }

    /// A cluster without any custom kind.
    pub(super) fn serve_no_flux(&self) {
        let groups = json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [] });
        self.0.lock().unwrap().objects.insert("/apis".to_owned(), groups);
    }

    /// From now on this path is answered with a status code.
    pub(super) fn fail(&self, path: &str, code: u16) {
        self.0.lock().unwrap().codes.insert(path.to_owned(), code);
    }

    pub(super) fn mend(&self, path: &str) {
        self.0.lock().unwrap().codes.remove(path);
    }

    pub(super) fn serve_flux(&self, versions: &[&str], kinds: &[(&str, &str)]) {
        let versions: Vec<Value> = versions
            .iter()
            .map(|version| {
                let resources: Vec<Value> = kinds
                    .iter()
                    .map(|(kind, plural)| json!({ "name": plural, "singularName": "", "namespaced": true, "kind": kind, "verbs": ["get", "list", "watch"] }))
                    .collect();
                let group_version = format!("source.toolkit.fluxcd.io/{version}");
                let list = json!({ "kind": "APIResourceList", "groupVersion": group_version, "resources": resources });
                self.0.lock().unwrap().objects.insert(format!("{FLUX}/{version}"), list);
                json!({ "groupVersion": group_version, "version": version })
            })
            .collect();
        let group =
            json!({ "name": "source.toolkit.fluxcd.io", "versions": versions, "preferredVersion": versions[0] });
        let groups = json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [group] });
        self.0.lock().unwrap().objects.insert("/apis".to_owned(), groups);
    }

    fn answer(&self, request: &Received) -> Answer {
        let mut held = self.0.lock().unwrap();
        if let Some(code) = held.codes.get(&request.path) {
            return Answer::status(*code);
        }
        if request.path != MAPS && request.path != ALL_REPOSITORIES {
            return held
                .objects
                .get(&request.path)
                .map_or_else(|| Answer::status(404), Answer::json);
        }
        if request.query.contains("watch=true") {
            let (sender, receiver) = unbounded_channel();
            held.open(&request.path, &request.query, sender);
            let lines = unfold(receiver, |mut receiver| async move {
                let line = receiver.recv().await?;
                Some((Ok::<_, std::convert::Infallible>(line), receiver))
            });
            return Answer::bytes(Body::from_stream(lines)).header("content-type", "application/json");
        }
        let folder = list_of(&request.path);
        let items: Vec<Value> = held
            .objects
            .iter()
            .filter(|(path, object)| {
                path.starts_with(&format!("{folder}/")) && (request.path != MAPS || labelled(object))
            })
            .map(|(_, object)| metadata(object))
            .collect();
        Answer::json(&json!({
            "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
            "metadata": { "resourceVersion": held.version.to_string() }, "items": items,
        }))
    }

    /// Whether a watch of this path is open.
    pub(super) fn watched(&self, path: &str) -> bool {
        self.0
            .lock()
            .unwrap()
            .watches
            .iter()
            .any(|(watched, sender)| list_of(watched) == path && !sender.is_closed())
    }

    /// Breaks all watches off.
    pub(super) fn break_watches(&self) {
        self.0.lock().unwrap().watches.clear();
    }
}

impl Held {
    fn happened(&mut self, path: &str, word: &str, mut object: Value) -> Value {
        self.version += 1;
        let (namespace, name) = place(path);
        object["metadata"]["namespace"] = json!(namespace);
        object["metadata"]["name"] = json!(name);
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let event = json!({ "type": word, "object": metadata(&object) });
        for (watched, sender) in &self.watches {
            if covers(watched, path, &event["object"]) {
                let _ = sender.send(format!("{event}\n"));
            }
        }
        self.log.push((self.version, path.to_owned(), event));
        object
    }

    /// Opens a watch, which begins with the changes since its version.
    fn open(&mut self, watched: &str, query: &str, sender: UnboundedSender<String>) {
        let since = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("resourceVersion="))
            .unwrap_or("0");
        let since: u64 = since.parse().unwrap();
        if since < self.compacted {
            let gone =
                json!({ "kind": "Status", "apiVersion": "v1", "code": 410, "reason": "Expired", "message": "too old" });
            let _ = sender.send(format!("{}\n", json!({ "type": "ERROR", "object": gone })));
            return;
        }
        for (version, path, event) in &self.log {
            if *version > since && covers(watched, path, &event["object"]) {
                let _ = sender.send(format!("{event}\n"));
            }
        }
        self.watches.push((watched.to_owned(), sender));
    }
}

/// Whether a watch covers an object.
fn covers(watched: &str, path: &str, object: &Value) -> bool {
    path.starts_with(&format!("{}/", list_of(watched))) && (watched != MAPS || labelled(object))
}

/// The folder of objects that a list's path covers.
fn list_of(path: &str) -> &str {
    if path == ALL_REPOSITORIES { REPOSITORIES } else { path }
}

fn labelled(object: &Value) -> bool {
    object["metadata"]["labels"]["ops.mobulace.com/watch"] == "true"
}

fn metadata(object: &Value) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] })
}

fn place(path: &str) -> (&str, &str) {
    let segments: Vec<&str> = path.rsplitn(4, '/').collect();
    (segments[2], segments[0])
}

impl Fixture {
    pub(super) async fn new() -> Self {
        Self::with(|settings| settings).await
    }

    pub(super) async fn with(change: impl FnOnce(Settings) -> Settings) -> Self {
        let cluster = Cluster::default();
        let api = server({
            let cluster = cluster.clone();
            move |request| cluster.answer(&request)
        })
        .await;
        let metrics = Metrics::new("1.2.3");
        let settings = Settings::new(AllowedHosts::parse(["127.0.0.1"]).unwrap()).scaled(1_000);
        let (dependents, unused) = Dependents::new();
        let sources = Sources::new(api.client(), change(settings), dependents.clone(), metrics.clone()).unwrap();
        Self {
            cluster,
            api,
            sources,
            dependents,
            unused: Some(unused),
            metrics,
        }
    }

    pub(super) async fn artifact_state(&self, key: &SourceKey) -> ArtifactState {
        self.artifact_for("the reader of all", key, None).await
    }

    /// The state for an object that reads this folder.
    pub(super) async fn artifact_at(&self, key: &SourceKey, folder: &str) -> ArtifactState {
        let reader = format!("the reader of {folder}");
        self.artifact_for(&reader, key, Some(folder)).await
    }

    /// The state for an object, which refers to this folder and to no other from now on.
    pub(super) async fn artifact_for(&self, reader: &str, key: &SourceKey, folder: Option<&str>) -> ArtifactState {
        let folder: Folder = folder.map(|folder| folder.parse().unwrap());
        let read = Dependency::SourceFolder(key.clone(), folder.clone());
        let references = vec![Dependency::Source(key.clone()), read];
        self.dependents.apply(&object(reader, key), references, Vec::new());
        self.sources.artifact_state(key, folder.as_ref()).await
    }

    /// An object that read a source is gone.
    pub(super) fn goes(&self, reader: &str, key: &SourceKey) {
        self.dependents.forget(&object(reader, key));
    }
}

fn object(reader: &str, source: &SourceKey) -> ObjectId {
    let key = Key {
        namespace: source.namespace.clone(),
        name: format!("{reader} of {source}"),
    };
    ObjectId { kind: "Reader", key }
}

pub(super) fn config_map(name: &str) -> SourceKey {
    SourceKey {
        namespace: "ace".into(),
        kind: SourceKind::ConfigMap,
        name: name.into(),
    }
}

pub(super) fn repository(name: &str) -> SourceKey {
    SourceKey {
        namespace: "ace".into(),
        kind: SourceKind::GitRepository,
        name: name.into(),
    }
}

pub(super) fn tree(files: &[(&str, &str)]) -> Tree {
    let files = files
        .iter()
        .map(|(path, text)| (TreePath::new(*path).unwrap(), Bytes::from((*text).to_owned())));
    Tree::from_files(files).unwrap()
}

pub(super) fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    write_archive(tree(files).files())
}

/// An archive with one entry of any kind.
pub(super) fn odd_archive(kind: tar::EntryType) -> Vec<u8> {
    linked_archive(&[], kind, "a.ts")
}

/// An archive of files, and one entry of any kind at `path`.
pub(super) fn linked_archive(files: &[(&str, &str)], kind: tar::EntryType, path: &str) -> Vec<u8> {
    let header = |kind, size, path: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_path(path).unwrap();
        header
    };
    let mut builder = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = header(tar::EntryType::Regular, text.len() as u64, path);
        header.set_cksum();
        builder.append(&header, text.as_bytes()).unwrap();
    }
    let mut header = header(kind, 0, path);
    header.set_link_name("/etc/passwd").unwrap();
    header.set_cksum();
    builder.append(&header, std::io::empty()).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&builder.into_inner().unwrap()).unwrap();
    gzip.finish().unwrap()
}

pub(super) fn archive_map(bytes: &[u8]) -> Value {
    json!({ "metadata": {}, "binaryData": { "functions.tar.gz": BASE64_STANDARD.encode(bytes) } })
}

pub(super) fn keys_map(files: &[(&str, &str)]) -> Value {
    json!({ "metadata": {}, "data": files.iter().copied().collect::<BTreeMap<_, _>>() })
}

pub(super) fn watched(mut map: Value) -> Value {
    map["metadata"]["labels"] = json!({ "ops.mobulace.com/watch": "true" });
    map
}

/// A GitRepository whose artifact is `bytes`, at `url`.
pub(super) fn points_at(url: &str, bytes: &[u8]) -> Value {
    json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": { "generation": 1 }, "spec": {},
        "status": { "artifact": { "url": url, "digest": sha256(bytes), "revision": "main@sha1:4f2c" } },
    })
}

/// The revision, digest and files of a state that is ready.
pub(super) fn content(artifact_state: &ArtifactState) -> (String, String, Tree) {
    let ArtifactState::Ready(artifact) = artifact_state else {
        panic!("it should be ready: {artifact_state:?}")
    };
    (
        artifact.revision.clone(),
        artifact.digest.clone(),
        artifact.tree.tree().clone(),
    )
}

/// The next key that changed. Fails instead of hanging for ever.
pub(super) async fn next(changes: &mut (impl Stream<Item = SourceKey> + Unpin)) -> SourceKey {
    timeout(Duration::from_secs(30), changes.next())
        .await
        .expect("a change is reported")
        .expect("changes have no end")
}

/// Waits until something holds. Fails instead of hanging for ever.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    let held = timeout(Duration::from_secs(30), async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(held.await.is_ok(), "{what}");
}
