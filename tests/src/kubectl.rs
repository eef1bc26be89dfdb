//! kubectl, as people run it.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

/// A kubectl and the cluster that it talks to.
#[derive(Clone, Debug)]
pub struct Kubectl {
    pub program: PathBuf,
    /// Its configuration; its caches lie beside it.
    pub kubeconfig: PathBuf,
}

/// How a run of kubectl ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ran {
    /// Whether it exited with 0.
    pub success: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ran {
    /// The standard output of a run that succeeded.
    ///
    /// # Panics
    /// If it did not: with what it said.
    #[track_caller]
    pub fn expect(self, what: &str) -> String {
        assert!(self.success, "{what}: {}", self.stderr);
        self.stdout
    }
}

impl Kubectl {
    /// Runs it with `arguments` and nothing on standard input.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "").await
    }

    /// Runs it with `arguments` and `input` on standard input.
    ///
    /// # Panics
    /// If it can't be run at all.
    pub async fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", self.kubeconfig.with_file_name("kubectl-cache"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let input = input.to_owned();
        let run = move || {
            let mut child = command.spawn()?;
            let mut stdin = child.stdin.take().expect("standard input is piped");
            // A kubectl that refuses its arguments does not read: that is its answer, and no failure to run it.
            let _ = stdin.write_all(input.as_bytes());
            drop(stdin);
            child.wait_with_output()
        };
        let output = tokio::task::spawn_blocking(run)
            .await
            .expect("running a program does not panic")
            .expect("kubectl can be run");
        Ran {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
