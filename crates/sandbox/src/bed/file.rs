//! What a bed leaves in its directory for others to read.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::receivers;

use super::error::BedError;

/// Name of the file that is there exactly while the bed is ready.
pub const BED_FILE: &str = "bed.json";
const LOCK_FILE: &str = "lock";

/// `bed.json`: how to reach everything in a bed. Holds secrets: not printable.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BedFile {
    /// Management API, `http://127.0.0.1:PORT`.
    pub api_url: String,
    /// Gateway of the first project, `http://127.0.0.1:PORT`; a function is at `{functionsUrl}/functions/v1/<slug>`.
    pub functions_url: String,
    /// Admin listener of the platform: faults, knobs, journal.
    pub admin_url: String,
    /// Personal access token, `sbp_` and 40 hexadecimal digits.
    pub token: String,
    /// The first project's anon key.
    pub anon_key: String,
    /// The first project's service-role key.
    pub service_role_key: String,
    /// The first project's JWT secret (HS256).
    pub jwt_secret: String,
    /// Reference of the first project: 20 lower-case letters.
    pub project: String,
    /// `postgresql://postgres:…@127.0.0.1:PORT/postgres`; that role is no superuser.
    pub database_url: String,
    /// Another server, for backups that are restored: of a bed that was asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scratch_url: Option<String>,
    /// Kubeconfig of the cluster's administrator.
    pub kubeconfig: PathBuf,
    /// kubectl of the control plane's version.
    pub kubectl: PathBuf,
    /// The API server's audit log: one JSON event a line, level Metadata.
    pub audit_log: PathBuf,
    /// Artifact server, `http://127.0.0.1:PORT`.
    pub artifacts_url: String,
    /// What the artifact server serves.
    pub artifacts_directory: PathBuf,
    /// Profile for the official CLI (`SUPABASE_PROFILE`).
    pub supabase_profile: PathBuf,
    /// Receivers of notifications, `http://127.0.0.1:PORT`; what they received is at `{receiversUrl}/deliveries`.
    pub receivers_url: String,
    /// A mail server with STARTTLS, `smtp://127.0.0.1:PORT`. What it took is at `{receiversUrl}/deliveries?path=/mail/NAME`, where
    /// `NAME` is what the first recipient's address has before the `@`.
    pub mail_url: String,
    pub mail_user: String,
    pub mail_password: String,
    /// The CA certificate, as PEM, that signed the mail server's.
    pub mail_authority: PathBuf,
    /// A Slack incoming webhook. Every other webhook ID, `B` and at least eight upper-case letters and digits, is another channel.
    pub slack_webhook_url: String,
    /// An endpoint for Standard Webhooks. Every other last part is another one.
    pub webhook_url: String,
    /// Under which webhooks are signed: `whsec_…`.
    pub webhook_secret: String,
    /// An object store that speaks the protocol of S3, `http://127.0.0.1:PORT`; buckets are part of the path.
    pub store_url: String,
    /// A bucket in it.
    pub store_bucket: String,
    /// The region that requests have to be signed for.
    pub store_region: String,
    /// Key of the store.
    pub store_access_key_id: String,
    pub store_secret_access_key: String,
    /// The node, of a bed that was asked for one: everything of that is in a network of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeFile>,
}

/// How to reach what a bed with a node has.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeFile {
    /// Name of the Node.
    pub name: String,
    /// Where pods reach the platform, its gateways and PostgreSQL.
    pub address: Ipv4Addr,
    /// The network in which all of it is: `nsenter --net=PATH COMMAND` runs a command there.
    pub network: PathBuf,
    /// containerd's socket; its namespace is `k8s.io`. It can be reached from any network.
    pub containerd: PathBuf,
}

impl BedFile {
    /// Reads the `bed.json` of a bed that is up in `directory`. One that was killed could not remove its own: that one
    /// does not count.
    pub fn read(directory: &Path) -> Result<BedFile, BedError> {
        let path = directory.join(BED_FILE);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BedError::NotUp(directory.to_owned()));
            }
            other => other.map_err(BedError::file("read", &path))?,
        };
        if !is_held(directory) {
            return Err(BedError::NotUp(directory.to_owned()));
        }
        serde_json::from_slice(&text).map_err(|source| BedError::Unreadable { path, source })
    }
}

/// How long a directory's lock may be held by somebody who only looks ([`is_held`]).
const GLANCE: Duration = Duration::from_millis(500);

/// Makes a directory ours, until the returned file is closed or this process ends.
pub(super) fn hold(directory: &Path) -> Result<File, BedError> {
    let path = directory.join(LOCK_FILE);
    let lock = File::create(&path).map_err(BedError::file("create", &path))?;
    let deadline = Instant::now() + GLANCE;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(GLANCE / 20),
            Err(TryLockError::WouldBlock) => return Err(BedError::InUse(directory.to_owned())),
            Err(TryLockError::Error(error)) => return Err(BedError::file("lock", path)(error)),
        }
    }
}

/// Whether a process holds the directory.
pub(super) fn is_held(directory: &Path) -> bool {
    let lock = File::open(directory.join(LOCK_FILE));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// What a bed remembers between starts. Holds secrets: not printable.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Memory {
    /// 12 random letters and digits: names what lies outside the directory.
    pub(super) id: String,
    pub(super) projects: Vec<String>,
    pub(super) ports: Ports,
    pub(super) admin_token: String,
    pub(super) controllers_token: String,
    pub(super) kubelet_token: String,
    pub(super) scheduler_token: String,
    pub(super) database_password: String,
    pub(super) slack_token: String,
    pub(super) mail_password: String,
    /// 48 hexadecimal digits, whose bytes are the key under which webhooks are signed.
    pub(super) webhook_key: String,
    pub(super) store_key: String,
}

/// Ports on loopback, kept over restarts while they are free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Ports {
    pub(super) etcd: Option<u16>,
    pub(super) kubernetes: Option<u16>,
    pub(super) postgres: Option<u16>,
    pub(super) scratch: Option<u16>,
    pub(super) api: Option<u16>,
    pub(super) admin: Option<u16>,
    pub(super) artifacts: Option<u16>,
    pub(super) receivers: Option<u16>,
    pub(super) mail: Option<u16>,
    pub(super) store: Option<u16>,
}

impl Memory {
    /// Reads what was remembered, or begins: what is missing is made up.
    pub(super) fn read(path: &Path) -> Result<Memory, BedError> {
        let mut memory: Memory = match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|source| BedError::Unreadable {
                path: path.to_owned(),
                source,
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Memory::default(),
            Err(error) => return Err(BedError::file("read", path)(error)),
        };
        for (secret, bytes) in [
            (&mut memory.id, 6),
            (&mut memory.admin_token, 24),
            (&mut memory.controllers_token, 24),
            (&mut memory.kubelet_token, 24),
            (&mut memory.scheduler_token, 24),
            (&mut memory.database_password, 24),
            (&mut memory.slack_token, 12),
            (&mut memory.mail_password, 12),
            (&mut memory.webhook_key, 24),
            (&mut memory.store_key, 20),
        ] {
            if secret.is_empty() {
                *secret = hex::encode(&rand::random::<[u8; 24]>()[..bytes]);
            }
        }
        if memory.projects.is_empty() {
            let letters = std::iter::repeat_with(|| char::from(rand::random_range(b'a'..=b'z')));
            memory.projects.push(letters.take(20).collect());
        }
        Ok(memory)
    }

    /// What the receivers of notifications ask for.
    pub(super) fn receivers(&self) -> receivers::Secrets {
        receivers::Secrets {
            slack_token: self.slack_token.clone(),
            signing: format!("whsec_{}", STANDARD.encode(&self.webhook_key)),
        }
    }

    /// Other projects than the last time, when any are named.
    pub(super) fn choose(&mut self, projects: Vec<String>) {
        if !projects.is_empty() {
            self.projects = projects;
        }
    }
}

/// Writes a file as a whole or not at all, readable by its owner only.
pub(super) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), BedError> {
    write_as(path, content, 0o600)
}

/// [`write`] with other rights.
pub(super) fn write_as(path: &Path, content: impl AsRef<[u8]>, mode: u32) -> Result<(), BedError> {
    let unfinished = path.with_extension("unfinished");
    let save = || {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&unfinished)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(content.as_ref())?;
        fs::rename(&unfinished, path)
    };
    save().map_err(BedError::file("write", path))
}

/// [`write`] as JSON for people, too.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), BedError> {
    let text = serde_json::to_vec_pretty(value).map_err(|source| BedError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    write(path, text)
}

/// Creates a directory and what is above it.
pub(super) fn make_directory(path: &Path) -> Result<(), BedError> {
    fs::create_dir_all(path).map_err(BedError::file("create", path))
}

/// Removes a file that may be missing.
pub(super) fn remove(path: &Path) -> Result<(), BedError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BedError::file("remove", path)(error)),
        _ => Ok(()),
    }
}

/// A kubeconfig with one cluster, one user and one context, all of that name. `authority` is PEM.
pub(super) fn kubeconfig(name: &str, server: &str, authority: &str, token: &str) -> String {
    let authority = STANDARD.encode(authority);
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: {name}
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: {name}
  user:
    token: {token}
contexts:
- name: {name}
  context:
    cluster: {name}
    user: {name}
current-context: {name}
"
    )
}

/// The official CLI's profile for the sandbox. Its hosts end in `.invalid`, which no resolver answers: a command that
/// would reach for something that the sandbox has not can't end up at the real platform.
pub(super) fn supabase_profile(api_url: &str) -> String {
    format!(
        "name: ace-bed
api_url: {api_url}
dashboard_url: {api_url}/dashboard
project_host: supabase.invalid
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_made_up_once_and_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        let memory = Memory::read(&path).unwrap();
        assert!(memory.projects[0].len() == 20 && memory.projects[0].bytes().all(|letter| letter.is_ascii_lowercase()));
        write_json(&path, &memory).unwrap();
        assert!(Memory::read(&path).unwrap() == memory);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_directory_without_a_ready_bed_is_said_to_have_none() {
        let directory = tempfile::tempdir().unwrap();
        let lock = hold(directory.path()).unwrap();
        let error = BedFile::read(directory.path()).err().unwrap();
        assert_eq!(error.reason(), "NotUp", "held, and not ready");

        fs::write(directory.path().join(BED_FILE), "{}").unwrap();
        assert_eq!(BedFile::read(directory.path()).err().unwrap().reason(), "Unreadable");
        assert_eq!(hold(directory.path()).err().unwrap().reason(), "InUse");
        drop(lock);
        let error = BedFile::read(directory.path()).err().unwrap();
        assert_eq!(error.reason(), "NotUp");
        assert!(error.to_string().contains("ace-dev up"), "{error}");
    }
}
