//! The chart on a cluster: its pods are admitted, and it takes over what is there, upgrades and goes without taking anything with it.

use ace_api::KINDS;
use ace_tests::{Helm, bed, chart};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use xtask::chart::{RELEASE, RELEASE_NAMESPACE};

use super::{ONE, deployed, examples, named, path};

/// Kinds of others, which the bed does not serve.
const OF_PROMETHEUS: [&str; 2] = ["PodMonitor", "PrometheusRule"];

#[tokio::test(flavor = "multi_thread")]
async fn every_pod_is_admitted_where_only_restricted_pods_are() {
    let _one = ONE.lock().await;
    let client = bed().client().await;
    let labels = json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "restricted" } } });
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let restricted = json!({ "metadata": { "name": "restricted" } });
    let restricted = serde_json::from_value(restricted).unwrap();
    namespaces.create(&PostParams::default(), &restricted).await.unwrap();
    let labelled = Patch::Merge(labels);
    namespaces
        .patch("restricted", &PatchParams::default(), &labelled)
        .await
        .unwrap();
    let account = ["create", "serviceaccount", "any", "-n", "restricted"];
    bed().kubectl.run(&account).await.expect("an account is made");

    let pods: Api<Pod> = Api::namespaced(client, "restricted");
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    for values in examples() {
        let rendered = Helm.rendered("blue", "restricted", &["--values", path(&values)]);
        let mut count = 0;
        for object in &rendered {
            let spec = match object["kind"].as_str() {
                Some("Deployment") => &object["spec"]["template"]["spec"],
                Some("Pod") => &object["spec"],
                _ => continue,
            };
            let mut spec = spec.clone();
            spec["serviceAccountName"] = json!("any");
            let mut pod: Pod = serde_json::from_value(json!({ "metadata": { "name": "pod" }, "spec": spec })).unwrap();
            let admitted = pods.create(&dry_run, &pod).await;
            assert!(
                admitted.is_ok(),
                "{}: {:?}: {admitted:?}",
                values.display(),
                named(object)
            );
            // The rule is at work.
            pod.spec.as_mut().unwrap().host_network = Some(true);
            let refused = pods.create(&dry_run, &pod).await.unwrap_err().to_string();
            assert!(refused.contains("violates PodSecurity"), "{refused}");
            count += 1;
        }
        assert!(count >= 2, "{}", values.display());
        let served = rendered
            .into_iter()
            .filter(|object| !OF_PROMETHEUS.contains(&named(object).0.as_str()));
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": served.collect::<Vec<Value>>() });
        let arguments = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "-f",
            "-",
        ];
        let taken = bed().kubectl.run_with(&arguments, &list.to_string()).await;
        taken.expect("the API server takes every object");
    }
    let gone = ["delete", "namespace", "restricted", "--wait=false"];
    bed().kubectl.run(&gone).await.expect("the namespace goes");
}

/// What the release has on the cluster, with uid and version.
async fn there() -> Vec<String> {
    let columns = "custom-columns=KIND:.kind,NAME:.metadata.name,UID:.metadata.uid,VERSION:.metadata.resourceVersion";
    let kinds = "deployment,serviceaccount,role,rolebinding";
    let of_namespace = ["get", kinds, "-n", RELEASE_NAMESPACE, "--no-headers", "-o", columns];
    let of_cluster = [
        "get",
        "crd,clusterrole,clusterrolebinding",
        "--no-headers",
        "-o",
        columns,
    ];
    let mut lines = Vec::new();
    for arguments in [of_namespace.as_slice(), of_cluster.as_slice()] {
        let said = bed().kubectl.run(arguments).await.expect("they can be listed");
        let ours = said
            .lines()
            .filter(|line| line.contains(" ace-") || line.contains(".ops.mobulace.com"));
        lines.extend(ours.map(str::to_owned));
    }
    lines
}

/// The same without the versions.
fn uids(lines: &[String]) -> Vec<String> {
    let without = |line: &String| line.rsplit_once(' ').unwrap().0.trim().to_owned();
    let mut uids: Vec<String> = lines.iter().map(without).collect();
    uids.sort();
    uids
}

fn helm(arguments: &[&str]) -> String {
    Helm.run_on(&bed().kubectl.kubeconfig, arguments).expect("Helm does it")
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_over_what_kubectl_applied_and_keeps_the_definitions_when_it_goes() {
    let _one = ONE.lock().await;
    let before = there().await;
    let folder = chart();
    let release = [RELEASE, path(&folder), "--namespace", RELEASE_NAMESPACE];
    helm(
        &[
            &["install"],
            release.as_slice(),
            &["--take-ownership", "--force-conflicts"],
        ]
        .concat(),
    );
    let installed = there().await;
    // Nothing was made anew: the selectors are the same, and everything has the names of `deploy/`.
    assert_eq!(uids(&installed), uids(&before));

    helm(&[&["upgrade"], release.as_slice()].concat());
    assert_eq!(there().await, installed);

    let object = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "Silence",
        "metadata": { "name": "kept", "namespace": RELEASE_NAMESPACE },
        "spec": { "match": { "rules": ["none"] }, "until": "2027-01-01T00:00:00Z", "reason": "It is kept." },
    });
    let applied = bed()
        .kubectl
        .run_with(&["apply", "--server-side", "-f", "-"], &object.to_string())
        .await;
    applied.expect("an object is made");

    helm(&["uninstall", RELEASE, "--namespace", RELEASE_NAMESPACE]);
    let left = there().await;
    assert_eq!(left.len(), KINDS.len(), "{left:#?}");
    assert!(
        left.iter().all(|line| line.starts_with("CustomResourceDefinition")),
        "{left:#?}"
    );
    let kept = ["get", "silence", "kept", "-n", RELEASE_NAMESPACE, "-o", "name"];
    bed().kubectl.run(&kept).await.expect("the object is kept");

    helm(&[&["install"], release.as_slice()].concat());
    assert_eq!(there().await.len(), before.len());
    helm(&["uninstall", RELEASE, "--namespace", RELEASE_NAMESPACE]);
    let deleted = ["delete", "silence", "kept", "-n", RELEASE_NAMESPACE];
    bed().kubectl.run(&deleted).await.expect("the object goes");
    deployed().await;
}
