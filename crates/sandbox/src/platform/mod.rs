//! The Management API, the gateway and the admin listener.
//!
//! [`state`] is the platform without any I/O; the rest is what a client of the real one meets around it. [`start`] puts it
//! together and [`Running`] is the handle. What the listeners answer is described in the modules of their routes.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpListener;

use crate::runtime::{Limits, Runtime, RuntimeConfig};

mod admin;
mod answer;
mod calls;
mod database;
mod faults;
mod guard;
mod hub;
mod journal;
mod keys;
mod limiter;
mod recovery;
mod routes;
pub(crate) mod serve;
mod sites;
pub mod state;
mod store;
mod transpile;
mod type_only;

pub use database::DatabaseError;
pub use hub::{Bodies, Knobs};
pub use recovery::Recovery;

use database::Database;
use hub::Hub;
use store::Store;

/// Route of the gateway's calls in journal and faults.
const GATEWAY_ROUTE: &str = "gateway";

/// A function's process without a request for this long is stopped.
const IDLE: Duration = Duration::from_mins(1);

/// Requests that are still under way this long after the listeners are closed are left behind: no deploy takes as long.
const PARTING: Duration = Duration::from_secs(10);

/// Where the platform listens and what it keeps.
#[derive(Clone)]
pub struct PlatformConfig {
    /// The Management API.
    pub listen: SocketAddr,
    /// Where the gateways of the projects listen, each on a port of its own.
    pub gateways: Ipv4Addr,
    /// The admin listener: loopback, as it asks for no token.
    pub admin: SocketAddr,
    /// Everything that survives a restart.
    pub dir: PathBuf,
    /// `postgres://…` of the role `postgres`; without it `database/query` answers 501.
    pub database_url: Option<String>,
    /// Backups that the database's server makes; without them, lists of backups are made up.
    pub recovery: Option<Recovery>,
    /// The native binary.
    pub deno: PathBuf,
    /// References of projects to create when absent.
    pub projects: Vec<String>,
}

impl fmt::Debug for PlatformConfig {
    /// Without the database's URL: it holds a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PlatformConfig")
            .field("listen", &self.listen)
            .field("admin", &self.admin)
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

/// Why the platform does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port is taken, or an address is not this machine's.
    #[error("failed to listen")]
    Listen(#[source] io::Error),
    /// The folder can't be read or written, or holds something else.
    #[error("failed to open the platform's folder")]
    Store(#[source] io::Error),
    /// The runtime's folder can't be made.
    #[error("failed to prepare the edge runtime")]
    Runtime(#[source] io::Error),
    /// The URL is none, or nobody answers there.
    #[error("failed to reach the database")]
    Database(#[source] DatabaseError),
    /// A project's reference is not twenty lower-case letters.
    #[error("failed to create project {reference:?}: a reference is twenty lower-case letters")]
    BadReference {
        /// As it was given.
        reference: String,
    },
    /// The admin listener asks for no token, so it may only listen on loopback.
    #[error("failed to listen for admin requests on {address}: it must be a loopback address")]
    AdminNotLoopback {
        /// As it was given.
        address: SocketAddr,
    },
}

/// How to reach one project. Holds secrets: not printable.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectAccess {
    /// Twenty lower-case letters; `ref` in JSON.
    #[serde(rename = "ref")]
    pub reference: String,
    /// `http://ADDRESS:PORT`; functions are at `{gateway_url}/functions/v1/<slug>`.
    pub gateway_url: String,
    /// A JWT of role `anon`.
    pub anon_key: String,
    /// A JWT of role `service_role`.
    pub service_role_key: String,
    /// HS256 secret under which the gateway checks tokens.
    pub jwt_secret: String,
    pub database_url: Option<String>,
}

impl fmt::Debug for ProjectAccess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ProjectAccess");
        shown
            .field("reference", &self.reference)
            .field("gateway_url", &self.gateway_url)
            .finish_non_exhaustive()
    }
}

/// A platform that runs; dropped without [`Running::shutdown`], it stops in the background.
pub struct Running {
    /// `http://…` of the Management API.
    pub api_url: String,
    /// `http://…` of the admin listener.
    pub admin_url: String,
    hub: Arc<Hub>,
}

impl fmt::Debug for Running {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Running");
        shown
            .field("api_url", &self.api_url)
            .field("admin_url", &self.admin_url)
            .finish_non_exhaustive()
    }
}

/// Starts the platform: loads what the folder holds, creates missing projects, listens.
pub async fn start(config: PlatformConfig) -> Result<Running, StartError> {
    if !config.admin.ip().is_loopback() {
        return Err(StartError::AdminNotLoopback { address: config.admin });
    }
    if let Some(reference) = config.projects.iter().find(|reference| !state::is_reference(reference)) {
        return Err(StartError::BadReference {
            reference: reference.clone(),
        });
    }
    let api = TcpListener::bind(config.listen).await.map_err(StartError::Listen)?;
    let admin = TcpListener::bind(config.admin).await.map_err(StartError::Listen)?;
    let store = Store::open(&config.dir).map_err(StartError::Store)?;
    let token = store.token(keys::new_token).map_err(StartError::Store)?;
    let database = match &config.database_url {
        Some(url) => Some(Database::open(url).await.map_err(StartError::Database)?),
        None => None,
    };
    let runtime = RuntimeConfig {
        deno: config.deno.clone(),
        dir: store.runtime_dir(),
        idle: IDLE,
        limits: Limits::default(),
    };
    let runtime = Runtime::new(runtime).map_err(StartError::Runtime)?;
    let running = Running {
        api_url: url(&api)?,
        admin_url: url(&admin)?,
        hub: Arc::new(Hub::new(
            store,
            token,
            config.deno,
            config.gateways,
            database,
            config.recovery,
            runtime,
        )),
    };
    let hub = &running.hub;
    for saved in hub.store.load().map_err(StartError::Store)?.into_values() {
        sites::open(hub, saved).await?;
    }
    for reference in config.projects {
        if hub.site(&reference).is_err() {
            sites::open(hub, sites::fresh(&reference, None)).await?;
        }
    }
    hub.tasks
        .spawn(serve::serve(api, routes::management(hub.clone()), hub.stop.clone()));
    hub.tasks
        .spawn(serve::serve(admin, admin::admin(hub.clone()), hub.stop.clone()));
    Ok(running)
}

fn url(listener: &TcpListener) -> Result<String, StartError> {
    Ok(format!("http://{}", listener.local_addr().map_err(StartError::Listen)?))
}

impl Running {
    /// How to reach a project.
    pub fn project(&self, reference: &str) -> Option<ProjectAccess> {
        sites::access(&self.hub, reference).ok()
    }

    /// The token of the platform's one user: `sbp_` and 40 hexadecimal digits.
    pub fn token(&self) -> &str {
        &self.hub.token
    }

    /// Stops listening, lets requests under way finish for two seconds, and stops every function.
    pub async fn shutdown(self) {
        self.hub.stop.cancel();
        self.hub.tasks.close();
        self.hub.tasks.wait().await;
        // Ends the calls of functions that are still waited for.
        self.hub.runtime.shutdown().await;
        self.hub.work.close();
        if tokio::time::timeout(PARTING, self.hub.work.wait()).await.is_err() {
            tracing::warn!("requests were still under way when the platform stopped");
        }
        self.hub.store.release();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.hub.stop.cancel();
    }
}
