//! The `NetworkPolicy` of `deploy/components`, on the real API server. The bed has no pods: what is said is looked at, not what it does.

use ace_api::Process;
use serde_json::{Value, json};

use crate::{roles::admin, team::team};

ace_tests::tests![the_pod_is_reached_by_prometheus_and_reaches_nothing_of_the_node,];

async fn the_pod_is_reached_by_prometheus_and_reaches_nothing_of_the_node() {
    let dir = team(&["network-policy"], "");
    let folder = dir.path().join("team");
    let folder = folder.to_str().unwrap();
    let applied = admin(&["apply", "--dry-run=server", "-o", "json", "-k", folder]).await;
    let list: Value = serde_json::from_str(&applied).unwrap();
    let policies = list["items"].as_array().unwrap();
    assert_eq!(policies.len(), Process::ALL.len());
    for policy in policies {
        closes(policy).await;
    }
}

/// The policy of one process.
async fn closes(policy: &Value) {
    assert_eq!(policy["kind"], "NetworkPolicy");
    let spec = &policy["spec"];
    assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]));
    // It is the operator's pod that is selected, and the port of that name is one of its own.
    let name = policy["metadata"]["name"].as_str().unwrap();
    let deployment = admin(&["get", "deployment", name, "-n", "ace-system", "-o", "json"]).await;
    let deployment: Value = serde_json::from_str(&deployment).unwrap();
    let template = &deployment["spec"]["template"];
    let labels = spec["podSelector"]["matchLabels"].as_object().unwrap();
    assert!(!labels.is_empty());
    for (name, value) in labels {
        assert_eq!(&template["metadata"]["labels"][name], value);
    }
    let [scrape] = spec["ingress"].as_array().unwrap().as_slice() else {
        panic!("{}", spec["ingress"]);
    };
    let from = json!([{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "monitoring" } } }]);
    assert_eq!(scrape["from"], from);
    assert_eq!(
        scrape["ports"],
        json!([{ "port": template["spec"]["containers"][0]["ports"][0]["name"], "protocol": "TCP" }])
    );
    // Whatever is open to an address is closed to those of the node.
    for rule in spec["egress"].as_array().unwrap() {
        assert_ne!(rule["ports"], Value::Null, "{rule}");
        for peer in rule["to"].as_array().unwrap() {
            let Some(block) = peer.get("ipBlock") else {
                assert!(
                    peer["podSelector"].is_object() && peer["namespaceSelector"].is_object(),
                    "{peer}"
                );
                continue;
            };
            let closed = match block["cidr"].as_str() {
                Some("0.0.0.0/0") => json!(["169.254.0.0/16"]),
                Some("::/0") => json!(["fe80::/10", "fd00:ec2::254/128"]),
                other => panic!("{other:?}"),
            };
            assert_eq!(block["except"], closed);
        }
    }
}
