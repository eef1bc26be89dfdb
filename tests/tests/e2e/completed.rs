//! What kubectl proposes after `kubectl ace …`, with the plugin and its completion on the PATH.

use std::{env, fs, os::unix::fs::symlink, path::Path};

use ace_tests::{bed, built, repository, with_namespace};
use tempfile::TempDir;
use tokio::process::Command;

ace_tests::tests![
    kubectl_proposes_the_names_of_the_namespace,
    without_a_cluster_nothing_is_proposed_and_nothing_goes_wrong,
];

/// A folder with both programs, as somebody installs them.
fn installed() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    symlink(built("ace-cli", "kubectl-ace"), folder.path().join("kubectl-ace")).unwrap();
    let script = "kubectl_complete-ace";
    let completion = repository().join("crates/cli/completion").join(script);
    fs::copy(completion, folder.path().join(script)).unwrap();
    folder
}

/// The lines that the shell reads, but for what is meant for people.
async fn proposed(kubeconfig: &Path, words: &[&str]) -> Vec<String> {
    let folder = installed();
    let path = env::var("PATH").unwrap_or_default();
    let output = Command::new(&bed().kubectl.program)
        .args(["__complete", "ace"])
        .args(words)
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .env("KUBECONFIG", kubeconfig)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

async fn kubectl_proposes_the_names_of_the_namespace() {
    with_namespace(async |space| {
        for (name, secret) in [("gift-cards", "a"), ("gift-wraps", "b"), ("logins", "c")] {
            let channel = format!(
                "apiVersion: ops.mobulace.com/v1alpha1\nkind: NotificationChannel\nmetadata: {{name: {name}}}\nspec: {{suspend: true, webhook: {{urlSecretRef: {{name: {secret}, key: url}}, signingSecretRef: {{name: {secret}, key: key}}}}}}\n"
            );
            space.apply(&channel).await;
        }
        let kubeconfig = &bed().kubectl.kubeconfig;
        let names = proposed(kubeconfig, &["notify-test", "-n", &space.name, "gift"]).await;
        assert_eq!(names, ["gift-cards", "gift-wraps", ":4"]);
        let commands = proposed(kubeconfig, &["no"]).await;
        assert_eq!(commands, ["notify-test", ":4"]);
        let flags = proposed(kubeconfig, &["backup", "before", "--sch"]).await;
        assert_eq!(flags, ["--schedule", ":4"]);
    })
    .await;
}

async fn without_a_cluster_nothing_is_proposed_and_nothing_goes_wrong() {
    let nothing = Path::new("/nonexistent");
    assert_eq!(proposed(nothing, &["plan", ""]).await, [":4"]);
}
