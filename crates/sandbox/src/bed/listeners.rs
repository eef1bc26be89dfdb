//! What of a bed is served besides control plane, database and platform.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::certificates::Certificates;
use super::control_plane::listen;
use super::file::Memory;
use super::mail::{MailConfig, MailServer};
use super::{BedError, Progress, artifacts, file, ports};
use crate::receivers;

/// Sources, and who receives notifications.
pub(super) struct Listeners {
    pub(super) artifacts_directory: PathBuf,
    pub(super) artifacts_url: String,
    pub(super) receivers_url: String,
    pub(super) secrets: receivers::Secrets,
    pub(super) mail: MailServer,
    pub(super) stop: CancellationToken,
}

impl Listeners {
    pub(super) async fn start(
        directory: &Path,
        host: Ipv4Addr,
        memory: &mut Memory,
        certificates: &Certificates,
        progress: Progress,
    ) -> Result<Self, BedError> {
        let stop = CancellationToken::new();
        let (listener, artifacts_url) = listen_at(host, &mut memory.ports.artifacts, "artifacts").await?;
        let artifacts_directory = directory.join("artifacts");
        file::make_directory(&artifacts_directory)?;
        tokio::spawn(artifacts::serve(listener, artifacts_directory.clone(), stop.clone()));
        let (listener, receivers_url) = listen_at(host, &mut memory.ports.receivers, "receivers").await?;
        let secrets = memory.receivers();
        tokio::spawn(receivers::serve(listener, secrets.clone(), stop.clone()));
        let mail = MailConfig {
            directory: &directory.join("mail"),
            receivers_url: &receivers_url,
            certificate: certificates.server.clone(),
            key: certificates.server_key.clone(),
            password: &memory.mail_password,
        };
        let mail = MailServer::start(mail, &mut memory.ports.mail, progress).await?;
        Ok(Self {
            artifacts_directory,
            artifacts_url,
            receivers_url,
            secrets,
            mail,
            stop,
        })
    }
}

/// Listens on the remembered port if it is free; also gives the URL.
async fn listen_at(
    host: Ipv4Addr,
    remembered: &mut Option<u16>,
    name: &'static str,
) -> Result<(TcpListener, String), BedError> {
    let port = ports::free(*remembered).map_err(listen(name, 0))?;
    *remembered = Some(port);
    let listener = TcpListener::bind((host, port)).await.map_err(listen(name, port))?;
    Ok((listener, format!("http://{host}:{port}")))
}
