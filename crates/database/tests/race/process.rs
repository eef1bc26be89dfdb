//! A process of [`crate::operator`], and signals for it.

use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::operator::{NAME, ORDERS};

/// It is killed when it is dropped, and ends by itself when everything is applied.
pub struct Process(Child);

impl Process {
    pub fn start(port: u16, database: &str, number: u32, idle: u64, pause: u64) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([NAME, "--exact", "--ignored", "--quiet"])
            .env(ORDERS, format!("{port} {database} {number} {idle} {pause}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        Self(child.unwrap())
    }

    pub fn id(&self) -> u32 {
        self.0.id().unwrap()
    }

    /// Whether it ended by itself, with everything applied; if not, it was killed.
    pub async fn end(&mut self) -> bool {
        let status = self.0.wait().await.unwrap();
        if !status.success() {
            self.must_have_been_killed(status).await;
        }
        status.success()
    }

    async fn must_have_been_killed(&mut self, status: ExitStatus) {
        use std::os::unix::process::ExitStatusExt;
        use tokio::io::AsyncReadExt;
        let mut said = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut said).await.unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{said}");
    }
}

/// For a process that was not waited for yet: its number is nobody else's.
pub fn signal(process: u32, signal: Signal) {
    let process = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    kill_process(process, signal).unwrap();
}
