//! A release of another name, and one for single namespaces: the operator runs as the chart would have it run.

use std::collections::BTreeSet;

use ace_api::{EdgeFunction, Platform};
use ace_tests::{
    Helm, Operator, OperatorOptions, PLATFORM, Project, Space, Stage, bed, chart, is_true, message_of, reason_of,
    with_namespace,
};
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding};
use kube::{Api, api::DeleteParams};
use serde_json::{Value, json};
use xtask::rights;

use super::{ONE, path};

/// Namespace of the releases.
const HOME: &str = "ops";

/// A release named `blue`, whose operator is started with the flags and names of its Deployment.
struct Release {
    values: Vec<String>,
}

impl Release {
    async fn install(values: &[String]) -> Self {
        let made = bed().kubectl.run(&["create", "namespace", HOME]).await;
        assert!(made.success || made.stderr.contains("AlreadyExists"), "{}", made.stderr);
        let folder = chart();
        let release = [
            "install",
            "blue",
            path(&folder),
            "--namespace",
            HOME,
            "--set",
            "crds.enabled=false",
        ];
        let values: Vec<String> = values
            .iter()
            .flat_map(|value| ["--set".to_owned(), value.clone()])
            .collect();
        let words: Vec<&str> = values.iter().map(String::as_str).collect();
        let arguments = [release.as_slice(), &words].concat();
        Helm.run_on(&bed().kubectl.kubeconfig, &arguments)
            .expect("the release is installed");
        Self { values }
    }

    async fn operator(&self) -> Operator {
        let values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        let rendered = Helm.rendered("blue", HOME, &values);
        let deployment = rendered
            .iter()
            .find(|object| object["kind"] == "Deployment" && object["metadata"]["name"] == "blue-operator");
        let pod = &deployment.unwrap()["spec"]["template"]["spec"];
        let account = pod["serviceAccountName"].as_str().unwrap();
        let flags = pod["containers"][0]["args"].as_array().unwrap().iter();
        let flags = flags.map(|flag| flag.as_str().unwrap().to_owned());
        let kubeconfig = bed().bed.service_account_kubeconfig(HOME, account).await.unwrap();
        let options = OperatorOptions {
            kubeconfig: Some(kubeconfig),
            // The harness names the kinds and the shards itself.
            flags: flags
                .filter(|flag| !flag.starts_with("--kinds=") && !flag.starts_with("--shards="))
                .collect(),
            environment: vec![
                ("POD_NAMESPACE", HOME.to_owned()),
                ("POD_SERVICE_ACCOUNT", account.to_owned()),
            ],
            ..OperatorOptions::default()
        };
        Operator::start(bed(), &options).await
    }
}

fn uninstall() {
    let gone = ["uninstall", "blue", "--namespace", HOME];
    Helm.run_on(&bed().kubectl.kubeconfig, &gone).expect("the release goes");
}

/// The command of an object's message.
async fn command(space: &Space) -> String {
    let stalled = |object: &Value| reason_of(object, "Stalled") == "AccessMissing";
    let platform = space
        .wait::<Platform>(PLATFORM, "is Stalled/AccessMissing", stalled)
        .await;
    let message = message_of(&platform, "Stalled").to_owned();
    message[message.find("kubectl ").unwrap()..].to_owned()
}

async fn run(command: &str) {
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    bed().kubectl.run(&words).await.expect("the command is right");
}

/// A project with its Platform and a function, of which nothing can be read yet.
async fn stage<'a>(space: &'a Space, operator: &'a Operator) -> Stage<'a> {
    let bindings = space.api::<RoleBinding>();
    bindings
        .delete(rights::OPERATOR, &DeleteParams::default())
        .await
        .unwrap();
    let stage = Stage::set_up(space, operator, "1m").await;
    stage
        .source(&[("hello/index.ts", "Deno.serve(() => new Response(\"hello\"));\n")])
        .await;
    stage.function("hello", json!({})).await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_in_a_message_mends_the_rights_of_a_release_of_any_name() {
    let _one = ONE.lock().await;
    let release = Release::install(&["serviceAccount.operator=deployer".to_owned()]).await;
    let operator = release.operator().await;
    with_namespace(async |space| {
        let stage = stage(space, &operator).await;
        let command = command(space).await;
        assert_eq!(
            command,
            format!(
                "kubectl create rolebinding blue-operator -n {} --clusterrole=blue-operator-namespace --serviceaccount=ops:deployer",
                space.name
            )
        );
        run(&command).await;
        stage.ready("hello").await;
    })
    .await;
    let lease = bed()
        .kubectl
        .run(&["get", "lease", "blue-operator", "-n", HOME, "-o", "name"])
        .await;
    lease.expect("its Lease has its name");
    drop(operator);
    uninstall();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_watches_single_namespaces_asks_for_nothing_elsewhere() {
    let _one = ONE.lock().await;
    with_namespace(async |space| {
        with_namespace(async |other| {
            let audited = bed().audited();
            let release = Release::install(&[format!("watchNamespaces={{{},{HOME}}}", space.name)]).await;
            let operator = release.operator().await;
            let stage = stage(space, &operator).await;
            let command = command(space).await;
            assert_eq!(
                command,
                format!(
                    "kubectl create rolebinding blue-operator -n {} --role=blue-operator-namespace --serviceaccount=ops:blue-operator",
                    space.name
                )
            );
            run(&command).await;
            stage.ready("hello").await;

            // Nobody looks at what lies beside.
            let project = Project::create(bed().bed.file()).await;
            let beside = Stage {
                space: other,
                project,
                operator: &operator,
            };
            beside.secret(&beside.project.token, &beside.project.anon_key).await;
            beside.platform(json!({ "interval": "1m" })).await;
            // Whatever it does after that, it has seen the Platform of its own namespace change.
            stage.function("second", json!({ "slug": "second", "entrypoint": "hello/index.ts" })).await;
            stage.ready("second").await;
            let platform = other.api::<Platform>().get(PLATFORM).await.unwrap();
            assert!(!is_true(&json!(platform), "Ready"));
            assert_eq!(other.api::<EdgeFunction>().list(&kube::api::ListParams::default()).await.unwrap().items.len(), 0);

            let asked = bed().audit_of_account(HOME, "blue-operator", audited);
            // A watch that is asked for in all namespaces has none.
            let namespaces: BTreeSet<String> = asked.iter().map(|request| request.namespace.clone()).collect();
            assert_eq!(namespaces, BTreeSet::from([space.name.clone(), HOME.to_owned()]), "{asked:#?}");
            let refused: BTreeSet<String> = asked
                .iter()
                .filter(|request| request.code == 403)
                .map(|request| request.resource.clone())
                .collect();
            // Before the command: nothing else was missing.
            let expected = ["configmaps", "secrets"].map(str::to_owned);
            assert!(refused.is_subset(&BTreeSet::from(expected)), "{refused:?}");
            drop(operator);
            uninstall();
        })
        .await;
    })
    .await;
    let everywhere: Api<ClusterRoleBinding> = Api::all(bed().client().await);
    assert!(everywhere.get_opt("blue-operator").await.unwrap().is_none());
}
