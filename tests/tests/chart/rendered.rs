//! What the chart renders.

use std::collections::BTreeSet;

use ace_tests::{Helm, chart, documents, repository};
use serde_json::{Value, json};
use xtask::chart::{RELEASE, RELEASE_NAMESPACE};

use super::{examples, named, path, plain};

#[test]
fn helm_has_nothing_to_say_against_it() {
    let folder = chart();
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    all.extend(
        examples()
            .iter()
            .map(|file| vec!["--values".to_owned(), path(file).to_owned()]),
    );
    for values in all {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let said = Helm.run(&[&["lint", "--strict", path(&folder)], values.as_slice()].concat());
        let said = said.expect("the chart is sound");
        assert!(!said.contains("[WARNING]") && !said.contains("[ERROR]"), "{said}");
    }
}

fn of_folder(folder: &str) -> Vec<Value> {
    let listed: Value = serde_yaml::from_str(&read(&format!("{folder}/kustomization.yaml"))).unwrap();
    let mut objects = Vec::new();
    for resource in listed["resources"].as_array().unwrap() {
        let resource = resource.as_str().unwrap();
        if resource == "../crds" {
            objects.extend(of_folder("crds"));
        } else {
            objects.extend(documents(&read(&format!("{folder}/{resource}"))));
        }
    }
    objects
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap()
}

#[test]
fn the_defaults_are_deploy_object_by_object() {
    let mut deployed = plain(of_folder("deploy"));
    // A chart can't make the namespace that its release lies in.
    let namespace = ("Namespace".to_owned(), String::new(), RELEASE_NAMESPACE.to_owned());
    assert!(deployed.remove(&namespace).is_some());
    let rendered = Helm.rendered(RELEASE, RELEASE_NAMESPACE, &[]);
    let is_test = |object: &Value| object["metadata"]["annotations"]["helm.sh/hook"] == "test";
    let (tests, objects): (Vec<Value>, Vec<Value>) = rendered.into_iter().partition(is_test);
    assert_eq!(tests.len(), 2);
    let rendered = plain(objects);
    let names = |all: &std::collections::BTreeMap<super::Named, Value>| all.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&rendered), names(&deployed));
    for (name, object) in deployed {
        assert_eq!(rendered[&name], object, "{name:?}");
    }
}

#[test]
fn the_packed_chart_of_a_release_renders_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("ace-ops.tgz");
    std::fs::write(&archive, xtask::release::chart(&repository(), 1_764_460_800).unwrap()).unwrap();
    let rendered = Helm.run(&["template", RELEASE, path(&archive), "--namespace", RELEASE_NAMESPACE]);
    let rendered = documents(&rendered.expect("the archive is a chart"));
    assert_eq!(plain(rendered), plain(Helm.rendered(RELEASE, RELEASE_NAMESPACE, &[])));
}

#[test]
fn the_network_policies_are_those_of_the_component() {
    let component = documents(&read("deploy/components/network-policy/network-policy.yaml"));
    let rendered = Helm.rendered(RELEASE, RELEASE_NAMESPACE, &["--set", "networkPolicy.enabled=true"]);
    let policies = rendered.into_iter().filter(|object| object["kind"] == "NetworkPolicy");
    assert_eq!(plain(policies.collect()), plain(component));
}

#[test]
fn the_bindings_of_namespaces_are_those_of_the_component() {
    let component = documents(&read("deploy/components/namespace-access/role-binding.yaml"));
    let rendered = Helm.rendered(RELEASE, RELEASE_NAMESPACE, &["--set", "accessNamespaces={ace}"]);
    let bindings = rendered
        .into_iter()
        .filter(|object| object["metadata"]["namespace"] == "ace");
    let component = component.into_iter().map(|mut object| {
        object["metadata"]["namespace"] = json!("ace");
        object
    });
    assert_eq!(plain(bindings.collect()), plain(component.collect()));
}

#[test]
fn a_definition_is_kept_by_every_release_that_has_it() {
    for values in examples() {
        let rendered = Helm.rendered("blue", "ops", &["--values", path(&values)]);
        let definitions = rendered
            .iter()
            .filter(|object| object["kind"] == "CustomResourceDefinition");
        for definition in definitions {
            let annotations = &definition["metadata"]["annotations"];
            assert_eq!(
                annotations["helm.sh/resource-policy"],
                "keep",
                "{}",
                named(definition).2
            );
        }
    }
    let without = Helm.rendered("blue", "ops", &["--set", "crds.enabled=false"]);
    assert!(
        without
            .iter()
            .all(|object| object["kind"] != "CustomResourceDefinition")
    );
}

/// Whether these labels are chosen by this selector.
fn selects(selector: &Value, labels: &Value) -> bool {
    let wanted = selector.as_object().unwrap();
    assert!(!wanted.is_empty());
    wanted.iter().all(|(name, value)| labels[name] == *value)
}

#[test]
fn pods_are_chosen_by_their_own_deployment_and_no_other_of_any_release() {
    let mut deployments = Vec::new();
    for release in [RELEASE, "blue", "green"] {
        let rendered = Helm.rendered(release, "ops", &["--set", "replicas=2,networkPolicy.enabled=true"]);
        let selectors = rendered.iter().filter_map(|object| match object["kind"].as_str()? {
            "NetworkPolicy" => Some((named(object).2, object["spec"]["podSelector"]["matchLabels"].clone())),
            "PodDisruptionBudget" => Some((named(object).2, object["spec"]["selector"]["matchLabels"].clone())),
            _ => None,
        });
        let selectors: Vec<_> = selectors.collect();
        assert_eq!(selectors.len(), 3);
        let of_release = rendered.iter().filter(|object| object["kind"] == "Deployment");
        for deployment in of_release {
            let selector = &deployment["spec"]["selector"]["matchLabels"];
            for (name, other) in &selectors {
                if *name == named(deployment).2 {
                    assert_eq!(other, selector, "{name}");
                }
            }
            deployments.push(deployment.clone());
        }
    }
    assert_eq!(deployments.len(), 6);
    for (n, one) in deployments.iter().enumerate() {
        let labels = &one["spec"]["template"]["metadata"]["labels"];
        for (m, other) in deployments.iter().enumerate() {
            let selector = &other["spec"]["selector"]["matchLabels"];
            assert_eq!(
                selects(selector, labels),
                n == m,
                "{:?} and {:?}",
                named(one),
                named(other)
            );
        }
    }
}

#[test]
fn single_namespaces_need_no_right_in_the_cluster() {
    let values = chart().join("ci/namespaces.yaml");
    let rendered = Helm.rendered("blue", "ops", &["--values", path(&values)]);
    let namespaces: BTreeSet<String> = rendered.iter().map(|object| named(object).1).collect();
    let expected = ["default", "kube-public", "ops"].map(str::to_owned);
    assert_eq!(namespaces, BTreeSet::from(expected));
    assert!(
        rendered
            .iter()
            .all(|object| !named(object).0.starts_with("ClusterRole"))
    );
    // What it may do there is what it may do everywhere else.
    let everywhere = Helm.rendered("blue", "ops", &[]);
    let rules = |objects: &[Value], kind: &str, namespace: &str, name: &str| {
        let wanted = (kind.to_owned(), namespace.to_owned(), name.to_owned());
        let found = objects.iter().find(|object| named(object) == wanted);
        found.unwrap_or_else(|| panic!("{wanted:?}"))["rules"].clone()
    };
    for namespace in ["default", "kube-public"] {
        assert_eq!(
            rules(&rendered, "Role", namespace, "blue-operator-watch"),
            rules(&everywhere, "ClusterRole", "", "blue-operator")
        );
        assert_eq!(
            rules(&rendered, "Role", namespace, "blue-operator-namespace"),
            rules(&everywhere, "ClusterRole", "", "blue-operator-namespace")
        );
    }
}

#[test]
fn the_values_reach_the_pods() {
    let values = chart().join("ci/everything.yaml");
    let rendered = Helm.rendered("blue", "ops", &["--values", path(&values)]);
    let pod = |name: &str| {
        let found = rendered
            .iter()
            .find(|object| object["kind"] == "Deployment" && object["metadata"]["name"] == name);
        found.unwrap()["spec"]["template"]["spec"].clone()
    };
    let (operator, worker) = (pod("blue-operator"), pod("blue-worker"));
    let container = |pod: &Value| pod["containers"][0].clone();
    let digest = "0123456789abcdef".repeat(4);
    assert_eq!(
        container(&operator)["image"],
        format!("registry.example.com/team/ace-operator@sha256:{digest}")
    );
    assert_eq!(
        container(&worker)["image"],
        "registry.example.com/team/ace-worker:18-bookworm"
    );
    let has = |pod: &Value, flag: &str| {
        let arguments = container(pod)["args"].clone();
        assert!(
            arguments.as_array().unwrap().contains(&json!(flag)),
            "{flag}: {arguments}"
        );
    };
    for flag in [
        "--name=blue-operator",
        "--allow-api-host=https://api.supabase.example.com",
        "--allow-gateway-host=*.supabase.example.com",
        "--allow-notify-host=smtp://mail.example.com",
        "--allow-source-host=http://source-controller.flux.svc.cluster.local",
        "--log-format=human",
    ] {
        has(&operator, flag);
    }
    for flag in ["--name=blue-worker", "--runs-at-once=4", "--allow-store-pod-identity"] {
        has(&worker, flag);
    }
    for pod in [&operator, &worker] {
        for flag in [
            "--allow-database-host=db.example.com:6432",
            "--allow-scratch-host=scratch.example.com",
            "--allow-store-host=s3.example.com",
            "--log=info,ace_operator=debug",
        ] {
            has(pod, flag);
        }
        let environment = container(pod)["env"].clone();
        let bundle = json!({ "name": "SSL_CERT_FILE", "value": "/etc/ace-ops/trust/bundle.pem" });
        assert!(environment.as_array().unwrap().contains(&bundle), "{environment}");
        assert_eq!(container(pod)["volumeMounts"][0]["mountPath"], "/etc/ace-ops/trust");
        assert_eq!(pod["volumes"][0]["configMap"]["name"], "authorities");
        assert_eq!(pod["imagePullSecrets"], json!([{ "name": "registry" }]));
    }
    assert_eq!(operator["priorityClassName"], "system-cluster-critical");
    assert_eq!(
        worker["tolerations"],
        json!([{ "key": "memory", "operator": "Exists" }])
    );
    let budget = rendered.iter().find(|object| object["kind"] == "PodDisruptionBudget");
    assert_eq!(budget.unwrap()["spec"]["unhealthyPodEvictionPolicy"], "AlwaysAllow");
}
