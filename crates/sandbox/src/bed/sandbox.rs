//! The platform alone.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde_json::json;

use crate::platform::{self, PlatformConfig, ProjectAccess, Running};

use super::control_plane::blocking;
use super::error::BedError;
use super::file::{self, Memory};
use super::{check_references, claim, tools};

/// Where the platform listens and what it keeps. Holds a database's password: not printable.
#[derive(Clone)]
pub struct SandboxConfig {
    /// The Management API.
    pub listen: SocketAddr,
    /// The admin listener: a loopback address.
    pub admin: SocketAddr,
    /// Laid out like a bed's.
    pub directory: PathBuf,
    /// `postgresql://…`; without it `database/query` answers 501.
    pub database_url: Option<String>,
    /// As in [`super::BedConfig`].
    pub projects: Vec<String>,
}

/// A platform that runs alone.
pub struct Sandbox {
    running: Running,
    projects: Vec<ProjectAccess>,
    _lock: File,
}

/// Starts the platform alone.
pub async fn start_sandbox(config: SandboxConfig) -> Result<Sandbox, BedError> {
    let SandboxConfig {
        listen,
        admin,
        directory,
        database_url,
        projects,
    } = config;
    check_references(&projects)?;
    let (directory, lock) = claim(&directory)?;
    let state = directory.join("state.json");
    let mut memory = Memory::read(&state)?;
    memory.choose(projects);
    file::write_json(&state, &memory)?;
    let deno = blocking(|| Ok(tools::deno()?)).await?;
    let config = PlatformConfig {
        listen,
        gateways: Ipv4Addr::LOCALHOST,
        admin,
        dir: directory.join("platform"),
        database_url,
        recovery: None,
        deno,
        projects: memory.projects.clone(),
    };
    let running = platform::start(config).await.map_err(BedError::Platform)?;
    let projects = memory
        .projects
        .iter()
        .filter_map(|reference| running.project(reference))
        .collect();
    Ok(Sandbox {
        running,
        projects,
        _lock: lock,
    })
}

impl Sandbox {
    /// `{apiUrl, adminUrl, token, projects: […]}`: holds secrets.
    pub fn access(&self) -> serde_json::Value {
        json!({
            "apiUrl": self.running.api_url,
            "adminUrl": self.running.admin_url,
            "token": self.running.token(),
            "projects": self.projects,
        })
    }

    /// Takes it down, and returns when it is.
    pub async fn stop(self) {
        self.running.shutdown().await;
    }
}
