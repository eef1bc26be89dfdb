//! What is generated is committed, and what is in `deploy/` can be applied and grants what it says.

use std::fs;

use ace_api::{KINDS, Process, Scope};
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
    a_teams_kustomization_grants_access_and_its_sources_follow_hashed_names,
    other_content_is_another_name_and_so_another_desired_state,
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
        // Of several pods of the operator the one acts that has the Lease: a new one is warm when the old one ends.
        let strategy = if names.last() == Some(&rights::OPERATOR) {
            json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } })
        } else {
            json!({ "type": "Recreate" })
        };
        assert_eq!((&spec["replicas"], &spec["strategy"]), (&json!(1), &strategy));
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

async fn a_teams_kustomization_grants_access_and_its_sources_follow_hashed_names() {
    let dir = team_with_all(
        &["namespace-access", "name-references"],
        "namespace: team-a\nnamePrefix: a-\n\
         configMapGenerator: [{name: code, literals: [index.ts=1]}]\nsecretGenerator: [{name: supabase, literals: [token=x]}]\n",
    );
    let documents = kustomized(dir.path().join("team").to_str().unwrap()).await;
    let of_kind = |kind: &str| {
        let mut found = documents.iter().filter(move |document| document["kind"] == kind);
        (found.next().unwrap(), found.next())
    };
    let name = |document: &Value| document["metadata"]["name"].as_str().unwrap().to_owned();

    let (first, second) = of_kind("RoleBinding");
    for (binding, process) in [Some(first), second].into_iter().zip(Process::ALL) {
        let binding = binding.unwrap();
        assert_eq!(binding["metadata"]["namespace"], "team-a");
        let made = rights::role_binding(process);
        assert_eq!(
            (&binding["roleRef"], &binding["subjects"]),
            (&made["roleRef"], &made["subjects"])
        );
    }

    let (config_map, secret, platform) = (
        name(of_kind("ConfigMap").0),
        name(of_kind("Secret").0),
        of_kind("Platform").0,
    );
    assert!(
        config_map.starts_with("a-code-") && secret.starts_with("a-supabase-"),
        "{config_map} {secret}"
    );
    let (generated, from_git) = of_kind("EdgeFunction");
    assert_eq!(generated["spec"]["source"]["name"], config_map);
    assert_eq!(generated["spec"]["platformRef"]["name"], "a-prod");
    assert_eq!(from_git.unwrap()["spec"]["source"]["name"], "a-platform");
    assert_eq!(platform["spec"]["api"]["tokenSecretRef"]["name"], secret);
    let database = &platform["spec"]["database"];
    assert_eq!(
        (&database["passwordSecretRef"]["name"], &database["caSecretRef"]["name"]),
        (&json!(secret), &json!(secret))
    );
    let migrations = of_kind("MigrationSet").0;
    assert_eq!(migrations["spec"]["source"]["name"], config_map);
    assert_eq!(migrations["spec"]["platformRef"]["name"], "a-prod");
    assert_eq!(generated["spec"]["requires"]["migration"]["name"], name(migrations));
    assert_eq!(platform["metadata"]["name"], "a-prod");
    for (kind, reference) in KINDS
        .iter()
        .flat_map(|kind| kind.references.iter().map(move |to| (kind, to)))
    {
        let of_kind = documents.iter().filter(|document| document["kind"] == kind.name);
        let names: Vec<&str> = of_kind.flat_map(|document| named(document, reference.path)).collect();
        let is_followed = !names.is_empty() && names.iter().all(|name| name.starts_with("a-"));
        assert!(is_followed, "{} {}: {names:?}", kind.name, reference.path);
    }
}

async fn other_content_is_another_name_and_so_another_desired_state() {
    let mut names = Vec::new();
    for content in ["1", "2"] {
        let generator = format!("configMapGenerator: [{{name: code, literals: [index.ts={content}]}}]\n");
        let dir = team_with_all(&["name-references"], &generator);
        let documents = kustomized(dir.path().join("team").to_str().unwrap()).await;
        let function = documents
            .iter()
            .find(|document| document["kind"] == "EdgeFunction")
            .unwrap();
        names.push(function["spec"]["source"]["name"].clone());
    }
    assert_ne!(names[0], names[1]);
}

/// A team's folder with an object for each reference of the rows.
fn team_with_all(components: &[&str], kustomization: &str) -> tempfile::TempDir {
    const RESOURCES: &str = "
apiVersion: ops.mobulace.com/v1alpha1
kind: Platform
metadata: {name: prod}
spec:
  project: abcdefghijklmnopqrst
  api: {tokenSecretRef: {name: supabase, key: token}}
  anonKeySecretRef: {name: supabase, key: anon}
  database: {host: db.example, passwordSecretRef: {name: supabase, key: password}, caSecretRef: {name: supabase, key: ca}, reader: {user: reader, passwordSecretRef: {name: supabase, key: reader}}}
  scratch: {host: scratch.example, passwordSecretRef: {name: supabase, key: scratch}, caSecretRef: {name: supabase, key: ca}}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: MigrationSet
metadata: {name: main}
spec: {platformRef: {name: prod}, source: {kind: ConfigMap, name: code}, requires: {backup: {schedule: nightly}}}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: AlertRule
metadata: {name: cards}
spec: {platformRef: {name: prod}, source: {sql: {query: select 1 as value}}}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: EdgeFunction
metadata: {name: a}
spec:
  platformRef: {name: prod}
  source: {kind: ConfigMap, name: code}
  verifyJWT: true
  requires: {migration: {name: main, version: \"1\"}}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: EdgeFunction
metadata: {name: b}
spec: {platformRef: {name: prod}, source: {kind: GitRepository, name: platform}, verifyJWT: true}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: platform}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: NotificationChannel
metadata: {name: devops}
spec: {slack: {webhookURLSecretRef: {name: supabase, key: slack}}}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: NotificationChannel
metadata: {name: on-call}
spec: {pagerDuty: {routingKeySecretRef: {name: supabase, key: pagerduty}}}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: NotificationChannel
metadata: {name: intake}
spec: {webhook: {urlSecretRef: {name: supabase, key: url}, signingSecretRef: {name: supabase, key: signing}}}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: BackupDestination
metadata: {name: primary}
spec: {s3: {endpoint: \"https://s3.example.com\", region: eu, bucket: ace-backups}, prefix: prod, credentialsSecretRef: {name: supabase}}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: BackupSchedule
metadata: {name: nightly}
spec:
  platformRef: {name: prod}
  schedule: \"@daily\"
  destinations: [{name: primary}]
  encryption: {recipients: [age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq], identitySecretRef: {name: supabase, key: identity}}
  objective: {rpo: 26h}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: Backup
metadata: {name: manual}
spec: {scheduleRef: {name: nightly}}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: Backup
metadata: {name: imported}
spec: {import: {destination: {name: primary}, manifest: a/manifest.json}}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: Restore
metadata: {name: drill}
spec: {platformRef: {name: prod}, source: {backup: manual}}
---
apiVersion: ops.mobulace.com/v1alpha1
kind: Restore
metadata: {name: latest}
spec: {platformRef: {name: prod}, source: {latest: {schedule: nightly}}}
";
    let dir = team(components, &format!("resources: [resources.yaml]\n{kustomization}"));
    fs::write(dir.path().join("team/resources.yaml"), RESOURCES).unwrap();
    dir
}

/// A copy of these components, and beside them a folder `team` whose kustomization has them and says what else it is given:
/// kustomize does not follow absolute paths.
pub(crate) fn team(components: &[&str], kustomization: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for component in components {
        let copy = dir.path().join(component);
        fs::create_dir(&copy).unwrap();
        for entry in fs::read_dir(repository().join("deploy/components").join(component)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
    let folder = dir.path().join("team");
    fs::create_dir(&folder).unwrap();
    let paths: Vec<_> = components.iter().map(|component| format!("../{component}")).collect();
    let kustomization = format!("components: [{}]\n{kustomization}", paths.join(", "));
    fs::write(folder.join("kustomization.yaml"), kustomization).unwrap();
    dir
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
async fn kustomized(folder: &str) -> Vec<Value> {
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

/// The names at a path, through lists as through objects.
fn named<'d>(document: &'d Value, path: &str) -> Vec<&'d str> {
    let mut found = vec![document];
    for part in path.split('.') {
        let within = found.into_iter().map(|value| &value[part]);
        found = within
            .flat_map(|value| {
                value
                    .as_array()
                    .map_or_else(|| vec![value], |list| list.iter().collect())
            })
            .collect();
    }
    found.into_iter().filter_map(Value::as_str).collect()
}
