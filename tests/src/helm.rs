//! Helm, as people run it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use ace_sandbox::bed::{self, Progress};
use serde_json::Value;

use crate::{Ran, repository};

/// Helm, with folders of its own: nothing of the machine's is read.
#[derive(Clone, Copy, Debug)]
pub struct Helm;

/// Folder of the chart.
pub fn chart() -> PathBuf {
    repository().join("charts/ace-ops")
}

impl Helm {
    /// Runs it without a cluster.
    pub fn run(self, arguments: &[&str]) -> Ran {
        self.run_on(Path::new("/nonexistent"), arguments)
    }

    /// Runs it on the cluster of a kubeconfig.
    ///
    /// # Panics
    /// If it can't be built or run at all.
    pub fn run_on(self, kubeconfig: &Path, arguments: &[&str]) -> Ran {
        static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
        let program = PROGRAM.get_or_init(|| bed::helm(Progress::Lines).expect("Helm is built"));
        let home = tempfile::tempdir().expect("a folder can be made");
        let output = Command::new(program)
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            .env("HOME", home.path())
            .env_remove("HELM_NAMESPACE")
            .stdin(Stdio::null())
            .output()
            .expect("Helm can be run");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran {
            success: output.status.success(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// The objects of a release, as the chart has them.
    ///
    /// # Panics
    /// If the chart refuses the values: with what it said.
    pub fn rendered(self, release: &str, namespace: &str, arguments: &[&str]) -> Vec<Value> {
        let chart = chart();
        let chart = chart.to_str().expect("the path of the checkout is UTF-8");
        let arguments = [&["template", release, chart, "--namespace", namespace], arguments].concat();
        documents(&self.run(&arguments).expect("the chart is rendered"))
    }
}

/// The documents of a YAML stream; empty ones are none.
///
/// # Panics
/// If it is not YAML.
pub fn documents(text: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_yaml::from_multiple(text).expect("what kubectl and Helm print is YAML");
    all.into_iter().filter(|document| !document.is_null()).collect()
}
