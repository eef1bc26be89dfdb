//! kubectl, as the viewer has it.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use ace_sandbox::bed::BedFile;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::error::DemoError;

/// kubectl in the team's namespace, with the rights of the cluster's administrator.
#[derive(Debug, Clone)]
pub(super) struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    pub(super) fn new(bed: &BedFile) -> Kubectl {
        Kubectl {
            program: bed.kubectl.clone(),
            kubeconfig: bed.kubeconfig.clone(),
        }
    }

    /// What it prints for these words, which contain no quotes.
    pub(super) async fn run(&self, line: &str) -> Result<String, DemoError> {
        self.run_words(line.split_whitespace(), "").await
    }

    /// An object or a list.
    pub(super) async fn json(&self, line: &str) -> Result<Value, DemoError> {
        let text = self.run(&format!("{line} -o json")).await?;
        serde_json::from_str(&text).map_err(|error| DemoError::Failed {
            command: format!("kubectl {line}"),
            message: format!("its answer is no JSON: {error}"),
        })
    }

    /// Server-side apply of objects that are given as JSON.
    pub(super) async fn apply(&self, object: &Value) -> Result<String, DemoError> {
        let words = "apply --server-side --force-conflicts -f -".split_whitespace();
        self.run_words(words, &object.to_string()).await
    }

    /// Server-side apply of a kustomization. What others have set since (`kubectl annotate`) is taken back.
    pub(super) async fn apply_folder(&self, folder: &std::path::Path) -> Result<String, DemoError> {
        let words = "apply --server-side --force-conflicts -k".split_whitespace();
        self.run_words(words.map(OsStr::new).chain([folder.as_os_str()]), "")
            .await
    }

    async fn run_words(
        &self,
        words: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: &str,
    ) -> Result<String, DemoError> {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", self.kubeconfig.with_file_name("kubectl-cache"))
            .stdin(Stdio::piped());
        let line = line_of(&command);
        output(&mut command, "kubectl", &line, input).await
    }
}

fn line_of(command: &Command) -> String {
    let words = command.as_std().get_args().map(OsStr::to_string_lossy);
    std::iter::once("kubectl".into())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

/// What a program prints that succeeds. It ends when nobody waits for it any more.
pub(super) async fn output(command: &mut Command, program: &str, line: &str, input: &str) -> Result<String, DemoError> {
    let failed = |source| DemoError::Run {
        program: program.to_owned(),
        source,
    };
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that refuses its arguments does not read: that is its answer.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let Output { status, stdout, stderr } = child.wait_with_output().await.map_err(failed)?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    Err(DemoError::Failed {
        command: line.to_owned(),
        message: String::from_utf8_lossy(if stderr.is_empty() { &stdout } else { &stderr })
            .trim()
            .to_owned(),
    })
}
