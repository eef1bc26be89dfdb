use std::sync::Arc;

use ace_api::EdgeFunction;
use ace_domain::reconcile::timing::Timing;
use ace_egress::AllowedHosts;
use kube::runtime::reflector;
use serde_json::{Value, json};

use super::{FOREIGN, FOREIGN_ARCHIVES, prune};
use crate::{
    connections::PlatformConnections,
    connections::applied_migrations::AppliedVersions,
    connections::grants::Installation,
    index::Directory,
    kinds::edge_function::EdgeFunctions,
    metrics::Metrics,
    sources::{Settings, Sources},
};
use ace_runtime::{
    reconcile::Waker,
    testing::{Answer, Server, api_server},
};

const MAPS: &str = "/api/v1/namespaces/ace/configmaps";

/// An API server that lists these ConfigMaps, by name and the minute in which they were made.
async fn listing(maps: &'static [(&str, u32)]) -> Server {
    api_server(move |asked| {
        let items: Vec<Value> = maps
            .iter()
            .map(|(name, minute)| {
                let made = format!("2026-11-23T10:{minute:02}:00Z");
                json!({ "metadata": { "name": name, "namespace": "ace", "creationTimestamp": made } })
            })
            .collect();
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", MAPS) => {
                let selector = "labelSelector=ops.mobulace.com%2Farchive%3DForeign%2Cops.mobulace.com%2Ffunction%3Dhello";
                assert!(asked.query.contains(selector), "{}", asked.query);
                let list = json!({ "resourceVersion": "1" });
                Answer::json(&json!({
                    "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": list, "items": items,
                }))
            }
            ("DELETE", _) => Answer::json(&json!({ "apiVersion": "v1", "kind": "Status", "status": "Success" })),
            other => panic!("{other:?}"),
        }
    })
    .await
}

fn functions(server: &Server) -> EdgeFunctions {
    let metrics = Metrics::new("0.0.0");
    let settings = Settings::new(AllowedHosts::parse(["localhost"]).unwrap());
    let (platforms, functions, sets) = (reflector::store().0, reflector::store().0, reflector::store().0);
    EdgeFunctions {
        client: server.client(),
        directory: Directory::new(platforms, functions, sets),
        connections: Arc::new(PlatformConnections::default()),
        sources: Sources::new(server.client(), settings, metrics.clone()).unwrap(),
        applied: Arc::new(AppliedVersions::default()),
        metrics: metrics.clone(),
        timing: Timing::default(),
        platforms: Waker::new(metrics.runtime.clone()).0,
        functions: Waker::new(metrics.runtime).0,
        installation: Installation::default(),
    }
}

fn hello() -> EdgeFunction {
    let object = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "EdgeFunction",
        "metadata": { "name": "hello", "namespace": "ace", "uid": "1" },
        "spec": { "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "code" }, "verifyJWT": true },
    });
    serde_json::from_value(object).unwrap()
}

#[tokio::test]
async fn of_a_functions_archives_the_newest_stay_and_the_one_just_made_always_does() {
    // By its time it is the oldest: clocks of two API servers differ.
    let server = listing(&[
        ("second", 2),
        ("fourth", 4),
        ("made-now", 0),
        ("third", 3),
        ("first", 1),
    ])
    .await;
    prune(&functions(&server), &hello(), FOREIGN, FOREIGN_ARCHIVES, "made-now")
        .await
        .unwrap();
    let removed: Vec<String> = server
        .requests()
        .into_iter()
        .filter(|asked| asked.starts_with("DELETE"))
        .collect();
    assert_eq!(
        removed,
        [format!("DELETE {MAPS}/second"), format!("DELETE {MAPS}/first")]
    );
}
