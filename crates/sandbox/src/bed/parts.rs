//! The parts of a bed that start at the same time.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Instant;

use crate::platform::{self, PlatformConfig, Recovery};

use super::config::PlatformBackups;
use super::control_plane::{self, ControlPlane, Purpose, blocking, listen};
use super::database::{self, Database, Role};
use super::error::BedError;
use super::file::{self, Memory, Ports};
use super::object_store::ObjectStore;
use super::progress::Progress;
use super::{ports, tools};

/// Starts the server where backups are restored.
pub(super) async fn start_scratch(
    directory: &Path,
    memory: &mut Memory,
    progress: Progress,
) -> Result<Database, BedError> {
    let place = directory.join("scratch");
    file::make_directory(&place.join("logs"))?;
    database::start(&place, memory, Role::Scratch, progress).await
}

/// Where the parts of a bed start, and for what.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) directory: &'a Path,
    /// Where they listen, if others than the bed ask them.
    pub(super) host: Ipv4Addr,
    pub(super) purpose: Purpose,
    pub(super) progress: Progress,
}

/// Starts what a bed has in any case, at the same time.
pub(super) async fn start_parts(
    place: Place<'_>,
    memory: &mut Memory,
    platform_backups: PlatformBackups,
) -> Result<(ControlPlane, Database, platform::Running, ObjectStore), BedError> {
    let Place {
        directory,
        host,
        purpose,
        progress,
    } = place;
    let mut for_database = memory.clone();
    let mut for_cluster = memory.clone();
    let store_directory = directory.join("store");
    let (control_plane, (database, platform), store) = tokio::try_join!(
        control_plane::start(directory, &mut for_cluster, purpose, progress),
        async {
            let keeps = platform_backups != PlatformBackups::MadeUp;
            let role = Role::Projects { archives: keeps, host };
            let database = database::start(directory, &mut for_database, role, progress).await?;
            let recovery = keeps.then(|| Recovery {
                directory: database.recovery(),
                pitr: platform_backups == PlatformBackups::PointInTime,
            });
            let platform = start_platform(directory, host, &mut for_database, &database, recovery, progress).await?;
            Ok((database, platform))
        },
        ObjectStore::start(&store_directory, &mut memory.ports.store, &memory.store_key, progress)
    )?;
    memory.ports = Ports {
        store: memory.ports.store,
        ..for_database.ports
    };
    (memory.ports.etcd, memory.ports.kubernetes) = (for_cluster.ports.etcd, for_cluster.ports.kubernetes);
    Ok((control_plane, database, platform, store))
}

async fn start_platform(
    directory: &Path,
    host: Ipv4Addr,
    memory: &mut Memory,
    database: &Database,
    recovery: Option<Recovery>,
    progress: Progress,
) -> Result<platform::Running, BedError> {
    let started = Instant::now();
    let deno = blocking(|| Ok(tools::deno()?)).await?;
    let api = ports::free(memory.ports.api).map_err(listen("the Management API", 0))?;
    let admin = ports::free(memory.ports.admin).map_err(listen("the admin listener", 0))?;
    (memory.ports.api, memory.ports.admin) = (Some(api), Some(admin));
    let running = platform::start(PlatformConfig {
        listen: SocketAddr::from((host, api)),
        gateways: host,
        admin: SocketAddr::from((Ipv4Addr::LOCALHOST, admin)),
        dir: directory.join("platform"),
        database_url: Some(database.url.clone()),
        recovery,
        deno,
        projects: memory.projects.clone(),
    })
    .await
    .map_err(BedError::Platform)?;
    progress.took("platform", started, &running.api_url);
    Ok(running)
}
