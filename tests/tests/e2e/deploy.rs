//! What is generated is committed, and what is in `deploy/` can be applied and grants what it says.

use ace_api::{Process, Scope};
use ace_tests::{bed, repository};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::{Api, api::PostParams};
use serde_json::{Value, json};
use xtask::rights;

use crate::roles::is_allowed;

ace_tests::tests![
    kubectl_reads_the_definitions_as_they_were_made,
    server_side_apply_again_changes_nothing,
    plain_apply_takes_every_document_too,
    everything_of_the_operator_is_in_its_namespace_or_in_none,
    the_operators_pod_is_admitted_where_only_restricted_pods_are,
    one_operator_at_a_time_writes,
    the_service_account_may_do_what_the_table_says_and_nothing_near_it,
    ;
    what_is_generated_is_committed,
];

fn what_is_generated_is_committed() {
    let differences = xtask::tree::check(&repository()).unwrap();
    assert!(differences.is_empty(), "run `cargo xtask generate`: {differences:#?}");
}

async fn kubectl_reads_the_definitions_as_they_were_made() {
    let mut made = xtask::definitions::definitions();
    made.sort_by_key(|definition| definition["metadata"]["name"].as_str().map(str::to_owned));
    assert_eq!(kustomized("crds").await, made);
}

async fn server_side_apply_again_changes_nothing() {
    // The bed applied it once already.
    let deploy = path("deploy");
    let before = versions().await;
    bed()
        .kubectl
        .run(&["apply", "--server-side", "-k", &deploy])
        .await
        .expect("deploy/ is applied again");
    assert_eq!(versions().await, before);
}

async fn plain_apply_takes_every_document_too() {
    let bed = bed();
    let deploy = path("deploy");
    let said = bed
        .kubectl
        .run(&["apply", "--dry-run=server", "-k", &deploy])
        .await
        .expect("deploy/ is applied");
    assert_eq!(said.lines().count(), kustomized("deploy").await.len(), "{said}");
}

async fn everything_of_the_operator_is_in_its_namespace_or_in_none() {
    for document in kustomized("deploy").await {
        let namespace = document["metadata"]["namespace"].as_str();
        let expected = match document["kind"].as_str() {
            Some("Deployment" | "Role" | "RoleBinding" | "ServiceAccount") => Some(rights::NAMESPACE),
            _ => None,
        };
        assert_eq!(namespace, expected, "{document}");
    }
}

async fn the_operators_pod_is_admitted_where_only_restricted_pods_are() {
    for process in Process::ALL {
        is_admitted(process).await;
    }
}

async fn is_admitted(process: Process) {
    let client = bed().client().await;
    let deployment: Deployment = Api::namespaced(client.clone(), rights::NAMESPACE)
        .get(process.name())
        .await
        .unwrap();
    let template = deployment.spec.template;
    let pods: Api<Pod> = Api::namespaced(client, rights::NAMESPACE);
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let mut pod = Pod {
        spec: template.spec,
        ..Pod::default()
    };
    pod.metadata.name = Some("operator".to_owned());
    pods.create(&dry_run, &pod).await.unwrap();

    // The rule is at work: one privilege more, and the pod is refused.
    let spec = pod.spec.as_mut().unwrap();
    spec.containers[0]
        .security_context
        .as_mut()
        .unwrap()
        .allow_privilege_escalation = Some(true);
    let refusal = pods.create(&dry_run, &pod).await.unwrap_err().to_string();
    assert!(
        refusal.contains("violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation"),
        "{refusal}"
    );
}

async fn one_operator_at_a_time_writes() {
    let documents = kustomized("deploy").await;
    let deployments = documents.iter().filter(|document| document["kind"] == "Deployment");
    let mut names = Vec::new();
    for deployment in deployments {
        let spec = &deployment["spec"];
        names.push(deployment["metadata"]["name"].as_str().unwrap());
        // Of several pods the one acts that has the Lease: a new one is warm when the old one ends.
        let strategy = json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } });
        assert_eq!((&spec["replicas"], &spec["strategy"]), (&json!(1), &strategy));
        // Its Lease is its own again when its container is started again.
        let variables = spec["template"]["spec"]["containers"][0]["env"].as_array().unwrap();
        let uid = json!({ "name": "POD_UID", "valueFrom": { "fieldRef": { "fieldPath": "metadata.uid" } } });
        assert!(variables.contains(&uid), "{variables:?}");
        // What a process reconciles is what its ServiceAccount may.
        let arguments = spec["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
        let process = Process::ALL
            .into_iter()
            .find(|process| Some(&process.name()) == names.last())
            .unwrap();
        let kinds: Vec<&str> = process.kinds().map(|kind| kind.name).collect();
        assert!(
            arguments.contains(&json!(format!("--kinds={}", kinds.join(",")))),
            "{arguments:?}"
        );
    }
    assert_eq!(names, Process::ALL.map(Process::name));
}

async fn the_service_account_may_do_what_the_table_says_and_nothing_near_it() {
    let space = format!("rights-{}", std::process::id());
    let bed = bed();
    bed.kubectl
        .run(&["create", "namespace", &space])
        .await
        .expect("a namespace is made");
    for process in Process::ALL {
        let command = rights::grant_command(process, &space);
        let arguments: Vec<&str> = command.split(' ').skip(1).collect();
        bed.kubectl
            .run(&arguments)
            .await
            .expect("the command of the message works");
    }

    let verbs = [
        "get",
        "list",
        "watch",
        "create",
        "update",
        "patch",
        "delete",
        "deletecollection",
    ];
    for process in Process::ALL {
        for grant in rights::grants(process) {
            for verb in verbs {
                let granted = grant.verbs.contains(&verb);
                let namespace = if grant.scope == Scope::Own {
                    rights::NAMESPACE
                } else {
                    &space
                };
                assert_eq!(
                    may(process, verb, grant.group, &grant.resource, namespace).await,
                    granted,
                    "{} {verb} {}",
                    process.name(),
                    grant.resource
                );
                let elsewhere = granted && grant.scope == Scope::Cluster;
                assert_eq!(
                    may(process, verb, grant.group, &grant.resource, "default").await,
                    elsewhere,
                    "{} {verb} {} in another namespace",
                    process.name(),
                    grant.resource
                );
            }
        }
        for (group, resource) in [
            ("", "pods"),
            ("", "namespaces"),
            ("rbac.authorization.k8s.io", "rolebindings"),
        ] {
            for verb in verbs {
                assert!(!may(process, verb, group, resource, &space).await, "{verb} {resource}");
            }
        }
    }
    bed.kubectl
        .run(&["delete", "namespace", &space, "--wait=false"])
        .await
        .expect("the namespace goes");
}

/// What the API server itself says that the ServiceAccount of a process may do.
async fn may(process: Process, verb: &str, group: &str, resource: &str, namespace: &str) -> bool {
    let operator = format!("system:serviceaccount:{}:{}", rights::NAMESPACE, process.name());
    let groups = ["system:serviceaccounts", "system:authenticated"];
    is_allowed(&operator, &groups, verb, group, resource, namespace).await
}

/// Resource versions of all that `deploy/` makes.
async fn versions() -> String {
    let deploy = path("deploy");
    let columns = "custom-columns=KIND:.kind,NAME:.metadata.name,VERSION:.metadata.resourceVersion";
    bed()
        .kubectl
        .run(&["get", "-k", &deploy, "-o", columns])
        .await
        .expect("deploy/ was applied")
}

/// The documents that kustomize makes of a folder.
pub(crate) async fn kustomized(folder: &str) -> Vec<Value> {
    let text = bed()
        .kubectl
        .run(&["kustomize", &path(folder)])
        .await
        .expect("kustomize builds it");
    serde_yaml::from_multiple(&text).unwrap()
}

/// A path of the checkout; an absolute one stays as it is.
fn path(folder: &str) -> String {
    repository().join(folder).to_str().unwrap().to_owned()
}
