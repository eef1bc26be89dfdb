//! `ace-operator check`, and what an operator says that can't work.

use std::process::Command;

use ace_api::Process;
use ace_tests::{Operator, OperatorOptions, Ran, bed, built};
use serde_json::json;
use xtask::rights;

use super::{ONE, deployed};

/// Runs it under the account of a process, with the flags of its Deployment.
async fn check(process: Process) -> Ran {
    let kubeconfig = bed()
        .bed
        .service_account_kubeconfig(rights::NAMESPACE, process.name())
        .await
        .unwrap();
    let kinds: Vec<&str> = process.kinds().map(|kind| kind.name).collect();
    let mut command = Command::new(built("ace-operator", "ace-operator"));
    command
        .args([
            format!("--kinds={}", kinds.join(",")),
            format!("--name={}", process.name()),
        ])
        .arg("check")
        .env("KUBECONFIG", kubeconfig)
        .env("POD_NAMESPACE", rights::NAMESPACE);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    Ran {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// What it says of the one thing that is wrong.
async fn only_failure(process: Process) -> String {
    let ran = check(process).await;
    assert!(!ran.success && ran.stderr.contains("something is missing"), "{ran:?}");
    let failed = ran.stdout.split("failed  ").skip(1).collect::<Vec<_>>();
    let [one] = failed.as_slice() else {
        panic!("{ran:#?}");
    };
    one.split("\nok ").next().unwrap().trim_end().to_owned()
}

async fn kubectl(arguments: &[&str]) {
    bed().kubectl.run(arguments).await.expect("kubectl does it");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_finds_nothing_where_all_is_well_and_names_what_mends_each_thing_that_is_not() {
    let _one = ONE.lock().await;
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    let _worker = Operator::start(bed(), &OperatorOptions::worker()).await;
    for process in Process::ALL {
        let said = check(process).await.expect("all is well");
        assert!(
            said.lines().count() >= 3 && said.lines().all(|line| line.starts_with("ok ")),
            "{said}"
        );
    }

    // A binding: the command that is printed makes it.
    kubectl(&["delete", "clusterrolebinding", rights::OPERATOR]).await;
    let said = only_failure(Process::Operator).await;
    assert!(
        said.contains("it may not list/watch platforms.ops.mobulace.com"),
        "{said}"
    );
    let mend = said.split("to mend it: ").nth(1).unwrap();
    let words: Vec<&str> = mend.split(' ').collect();
    assert_eq!(words[0], "kubectl");
    kubectl(&words[1..]).await;
    check(Process::Operator).await.expect("the command was right");

    // A role of another version.
    let older = json!([{ "op": "remove", "path": "/rules/0" }]).to_string();
    kubectl(&["patch", "clusterrole", rights::OPERATOR, "--type=json", "-p", &older]).await;
    let said = only_failure(Process::Operator).await;
    assert!(said.contains("to mend it: install the roles of version"), "{said}");
    deployed().await;

    // A definition of another version, and none.
    let path = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/intent";
    let older = json!([{ "op": "remove", "path": path }]).to_string();
    kubectl(&[
        "patch",
        "crd",
        "edgefunctions.ops.mobulace.com",
        "--type=json",
        "-p",
        &older,
    ])
    .await;
    let said = until_failure("lacks `status.intent`").await;
    assert!(
        said.contains("that of EdgeFunction is older than this operator"),
        "{said}"
    );
    kubectl(&["delete", "crd", "silences.ops.mobulace.com"]).await;
    let said = until_failure("there is no definition of Silence").await;
    assert!(said.contains("to mend it: install the definitions"), "{said}");
    deployed().await;

    // Nobody acts.
    drop(operator);
    let said = until_failure("holds the Lease").await;
    assert!(
        said.contains("kubectl logs -n ace-system deployment/ace-operator"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_does_not_start_prints_why() {
    let mut command = Command::new(built("ace-operator", "ace-operator"));
    command
        .args(["--log", "info,[broken"])
        .env("KUBECONFIG", "/nonexistent");
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    let cause = said
        .trim_end()
        .strip_prefix("ace-operator: --log is not a valid filter: use a level, or target=level pairs: ");
    assert!(cause.is_some_and(|cause| !cause.is_empty()), "{said}");
}

/// The API server publishes what it serves with some delay.
async fn until_failure(words: &str) -> String {
    for _ in 0..20 {
        let ran = check(Process::Operator).await;
        if ran.stdout.contains(words) {
            assert!(!ran.success);
            return ran.stdout;
        }
    }
    panic!("check never said: {words}");
}
