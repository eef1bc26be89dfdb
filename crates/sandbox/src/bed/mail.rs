//! A mail server: smtp-server of the npm registry, whose mails are recorded by the receivers.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::process::Signal;
use serde_json::json;

use super::control_plane::{accepts, blocking, listen};
use super::error::BedError;
use super::file;
use super::ports;
use super::process::{Child, Program};
use super::progress::Progress;
use super::tools;

const SCRIPT: &str = include_str!("../receivers/mail.mjs");

/// Who may log in.
pub(super) const MAIL_USER: &str = "bed";

/// A mail server that is up. Dropping it ends it.
#[derive(Debug)]
pub(super) struct MailServer {
    /// `smtp://127.0.0.1:PORT`. It offers STARTTLS.
    pub(super) url: String,
    pub(super) child: Child,
}

/// What a mail server needs.
pub(super) struct MailConfig<'a> {
    /// For its script and its log.
    pub(super) directory: &'a Path,
    /// The receivers: `http://127.0.0.1:PORT`.
    pub(super) receivers_url: &'a str,
    /// Its certificate, as PEM, for `127.0.0.1` and `localhost`.
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    /// That of [`MAIL_USER`].
    pub(super) password: &'a str,
}

impl MailServer {
    /// Starts it. `port`: the one to take where it is free.
    pub(super) async fn start(
        config: MailConfig<'_>,
        port: &mut Option<u16>,
        progress: Progress,
    ) -> Result<MailServer, BedError> {
        let started = Instant::now();
        let (node, packages) = blocking(|| Ok((tools::node()?, tools::npm_packages()?))).await?;
        let directory = config.directory;
        file::make_directory(directory)?;
        let script = directory.join("mail.mjs");
        file::write(&script, SCRIPT)?;
        let link = directory.join("node_modules");
        file::remove(&link)?;
        std::os::unix::fs::symlink(packages, &link).map_err(BedError::file("create", &link))?;
        let number = ports::free(*port).map_err(listen("the mail server", 0))?;
        *port = Some(number);
        let arguments = json!({
            "port": number,
            "receivers": config.receivers_url,
            "certificate": config.certificate,
            "key": config.key,
            "user": MAIL_USER,
            "password": config.password,
        });
        let start = Child::start(Program {
            name: "mail server",
            path: node,
            arguments: vec![script.display().to_string(), arguments.to_string()],
            user: None,
            log: directory.join("mail.log"),
            end: Signal::KILL,
        });
        let mut child = start.map_err(|source| BedError::Start {
            name: "mail server",
            source,
        })?;
        accepts(number, &mut child).await?;
        let url = format!("smtp://127.0.0.1:{number}");
        progress.took("mail server", started, &url);
        Ok(MailServer { url, child })
    }
}
