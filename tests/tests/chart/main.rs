//! The Helm chart: what it renders, what it refuses, and what becomes of it on a cluster.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod checked;
mod cluster;
mod monitoring;
mod names;
mod refused;
mod rendered;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use ace_tests::{bed, chart, repository};
use serde_json::Value;
use tokio::sync::Mutex;

/// Who changes what belongs to the whole cluster has it alone.
static ONE: Mutex<()> = Mutex::const_new(());

/// An object by kind, namespace and name.
type Named = (String, String, String);

fn named(object: &Value) -> Named {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    (
        text(&object["kind"]),
        text(&metadata["namespace"]),
        text(&metadata["name"]),
    )
}

/// Objects by name, without their labels and what Helm is told by annotations.
fn plain(objects: Vec<Value>) -> BTreeMap<Named, Value> {
    let mut all = BTreeMap::new();
    for mut object in objects {
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.remove("labels");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|name, _| !name.starts_with("helm.sh/"));
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
        let twice = all.insert(named(&object), object);
        assert!(twice.is_none(), "{twice:?}");
    }
    all
}

/// The values that the chart brings along for tests.
fn examples() -> Vec<PathBuf> {
    let folder = fs::read_dir(chart().join("ci")).unwrap();
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 2, "{paths:?}");
    paths
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

/// What `deploy/` has, on the bed again, after a test that took something away.
async fn deployed() {
    let deploy = repository().join("deploy");
    let arguments = ["apply", "--server-side", "--force-conflicts", "-k", path(&deploy)];
    bed().kubectl.run(&arguments).await.expect("deploy/ is applied");
    let established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"];
    bed()
        .kubectl
        .run(&established)
        .await
        .expect("the definitions are served");
}
