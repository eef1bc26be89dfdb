//! How an operator is started.

use std::{fs, path::PathBuf};

use ace_api::Process;

use crate::repository;

/// How an operator is started.
#[derive(Clone, Debug)]
pub struct OperatorOptions {
    /// Divides every interval and wait: 60 makes a second of a minute.
    pub scale: u32,
    /// What is logged.
    pub log: String,
    /// Kubeconfig, where it is another than the ServiceAccount's.
    pub kubeconfig: Option<PathBuf>,
    /// The ServiceAccount comes from where a pod has it, and not from a kubeconfig.
    pub in_pod: bool,
    /// Databases may be overheard: the bed's are not encrypted.
    pub insecure_database: bool,
    /// The Management API, where a test wants more than the bed's.
    pub api_host: Option<&'static str>,
    /// Another origin to which messages may be sent.
    pub notify_host: Option<String>,
    /// Variables of its environment.
    pub environment: Vec<(&'static str, String)>,
    /// Which of the two processes: what it reconciles, and under which ServiceAccount.
    pub process: Process,
    /// Where PostgreSQL's programs are, if they are not the installed ones.
    pub clients: Option<String>,
    /// Its name, where two of one kind run.
    pub instance: Option<&'static str>,
    /// It reconciles only while it has the Lease. All that have no name of their own have one identity, so that whoever is
    /// started after another waits for nothing.
    pub leader_elect: bool,
    /// How much faster than in life the Lease expires.
    pub lease_scale: u32,
    /// How many parts the projects are divided into.
    pub shards: u32,
    /// How many backups and restores it makes at once, if not the usual number.
    pub runs_at_once: Option<usize>,
    /// Further flags.
    pub flags: Vec<String>,
}

impl Default for OperatorOptions {
    fn default() -> Self {
        Self {
            scale: 60,
            log: "info,ace_operator=debug".to_owned(),
            kubeconfig: None,
            in_pod: false,
            insecure_database: true,
            api_host: None,
            notify_host: None,
            environment: Vec::new(),
            process: Process::Operator,
            clients: None,
            instance: None,
            leader_elect: true,
            lease_scale: 1,
            shards: 1,
            runs_at_once: None,
            flags: Vec::new(),
        }
    }
}

impl OperatorOptions {
    /// The process that makes backups, with its memory as in `deploy/`.
    ///
    /// # Panics
    /// If nothing is said there.
    pub fn worker() -> Self {
        const MEMORY: &str = "_RJEM_MALLOC_CONF";
        let deployment = fs::read_to_string(repository().join("deploy/worker.yaml")).expect("the worker is deployed");
        let mut variables = deployment.lines().skip_while(|line| !line.ends_with(MEMORY));
        let value = variables.nth(1).and_then(|line| line.trim().strip_prefix("value: "));
        Self {
            environment: vec![(MEMORY, value.expect("the variable has a value").to_owned())],
            process: Process::Worker,
            ..Self::default()
        }
    }
}
