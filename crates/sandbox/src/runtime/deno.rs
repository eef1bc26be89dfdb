//! How Deno is called: for a look at the modules with the machine's own settings, for a function with next to nothing.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::deployment::Deployment;
use super::imports::{self, ImportsError};

/// Settings of the machine that say where packages come from and whom to trust. Deno reads them when it starts; the
/// boot file removes them before the function runs.
const FOR_DENO: [&str; 12] = [
    "HOME",
    "NPM_CONFIG_REGISTRY",
    "npm_config_registry",
    "DENO_CERT",
    "DENO_TLS_CA_STORE",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// The binary and the files that all functions share.
#[derive(Debug)]
pub(super) struct Deno {
    binary: PathBuf,
    cache: PathBuf,
    configurations: PathBuf,
    boot: PathBuf,
    /// The module in place of std's server.
    pub(super) stand_in: PathBuf,
    /// `setpriv`, which lets the kernel end a function when the thread that started it is gone, even in a loop that
    /// never looks at its orders again. Without it, functions end by themselves when their stdin does.
    setpriv: Option<PathBuf>,
}

impl Deno {
    /// Writes the boot file and the stand-in below `dir`.
    pub(super) fn new(binary: PathBuf, dir: &Path) -> io::Result<Deno> {
        fs::create_dir_all(dir)?;
        let dir = dir.canonicalize()?;
        let deno = Deno {
            binary,
            cache: dir.join("cache"),
            configurations: dir.join("configurations"),
            boot: dir.join("boot.js"),
            stand_in: dir.join("std_serve.js"),
            setpriv: on_path("setpriv"),
        };
        fs::create_dir_all(&deno.cache)?;
        fs::create_dir_all(&deno.configurations)?;
        fs::write(&deno.boot, include_str!("boot.js"))?;
        fs::write(&deno.stand_in, include_str!("std_serve.js"))?;
        Ok(deno)
    }

    /// The generated configuration of a deployment.
    pub(super) fn configuration(&self, deployment: &Deployment) -> Result<PathBuf, ImportsError> {
        imports::write(deployment, &self.configurations, &self.stand_in)
    }

    /// `deno info --json`: resolves, downloads and parses; runs nothing.
    pub(super) fn info(&self, configuration: &Path, entrypoint: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        command.args([
            "info",
            "--json",
            "--no-lock",
            "--node-modules-dir=none",
            "--allow-import",
            "--config",
        ]);
        command.arg(configuration).arg(entrypoint);
        command.envs(self.own_environment());
        command
    }

    /// A function's process, waiting for its orders on stdin. `memory` bounds V8's heap, in bytes.
    pub(super) fn run(&self, configuration: &Path, deployment: &Deployment, memory: u64) -> Command {
        // A shell, because only the process itself can renounce core dumps (of secrets) without unsafe code here.
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "ulimit -c 0; exec \"$@\"", "sh"]);
        if let Some(setpriv) = &self.setpriv {
            command.arg(setpriv).args(["--pdeathsig", "KILL", "--"]);
        }
        let heap = memory / (1024 * 1024);
        command.arg(&self.binary);
        command.args([
            "run",
            "--no-prompt",
            "--no-lock",
            "--cached-only",
            "--node-modules-dir=none",
            "--allow-import",
        ]);
        command.args(["--allow-net", "--allow-env"]);
        command.arg(with_value("--allow-read=", &deployment.root));
        command.arg(format!("--v8-flags=--max-old-space-size={heap}"));
        command
            .arg("--preload")
            .arg(&self.boot)
            .arg("--config")
            .arg(configuration);
        command.arg(deployment.entrypoint_path());
        command.env_clear();
        command.envs(
            FOR_DENO
                .iter()
                .filter_map(|name| Some((*name, std::env::var_os(name)?))),
        );
        command.envs(self.own_environment());
        // A group of its own: Ctrl-C in a terminal goes to the parent, which ends functions in its own order.
        command.process_group(0).current_dir(&deployment.root);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    fn own_environment(&self) -> [(&'static str, OsString); 4] {
        [
            ("DENO_DIR", self.cache.clone().into_os_string()),
            ("DENO_NO_UPDATE_CHECK", "1".into()),
            ("DENO_NO_PACKAGE_JSON", "1".into()),
            ("NO_COLOR", "1".into()),
        ]
    }
}

/// Deno splits lists at commas and takes a doubled one for itself.
fn with_value(flag: &str, path: &Path) -> String {
    format!("{flag}{}", path.to_string_lossy().replace(',', ",,"))
}

fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}
