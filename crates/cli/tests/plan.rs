//! `kubectl ace plan` without a cluster and a database; with those it is tested in `tests`.
#![cfg(test)]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

fn run(arguments: &[&str], kubeconfig: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-ace"));
    command.args(arguments).env_clear().env("KUBECONFIG", kubeconfig);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = [stdout, stderr].concat();
    (status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn the_plugin_is_made_of_decisions_and_clients_and_not_of_the_operator() {
    let manifest: toml::Table = include_str!("../Cargo.toml").parse().unwrap();
    let names = manifest["dependencies"].as_table().unwrap().keys();
    let own: Vec<_> = names.filter(|name| name.starts_with("ace-")).collect();
    assert_eq!(
        own,
        [
            "ace-api",
            "ace-database",
            "ace-domain",
            "ace-egress",
            "ace-signals",
            "ace-supabase"
        ]
    );
}

#[test]
fn wrong_usage_of_plan_is_no_call_for_an_approval() {
    for arguments in [
        &["plan"][..],
        &["plan", "main", "--no-such"],
        &["plan", "main", "-o", "xml"],
    ] {
        let (code, said) = run(arguments, "/nowhere");
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("--help"), "{said}");
    }
    let (code, said) = run(&["plan", "--help"], "/nowhere");
    assert_eq!(code, Some(0));
    assert!(said.contains("2: an approval is needed"), "{said}");
}

#[test]
fn a_cluster_that_does_not_answer_is_named() {
    let (code, said) = run(&["plan", "main"], "/nowhere");
    assert_eq!(code, Some(1));
    assert!(said.starts_with("error: can't connect to the cluster: "), "{said}");

    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let kubeconfig = Path::new(env!("CARGO_TARGET_TMPDIR")).join("closed.yaml");
    let content = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters:\n- {{name: a, cluster: {{server: \"http://{closed}\"}}}}\n\
         users:\n- {{name: a, user: {{}}}}\ncontexts:\n- {{name: a, context: {{cluster: a, user: a, namespace: ace}}}}\n"
    );
    fs::write(&kubeconfig, content).unwrap();
    let (code, said) = run(&["plan", "main"], kubeconfig.to_str().unwrap());
    assert_eq!(code, Some(1));
    assert!(said.starts_with("error: cannot read MigrationSet ace/main: "), "{said}");
}
