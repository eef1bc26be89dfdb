//! Control plane, PostgreSQL, platform, object store and receivers of notifications, started and stopped together.
//!
//! [`Bed::start`] brings a bed up in a directory and [`Bed::stop`] takes it down; what is in it survives in the
//! directory. A bed that is dropped, and one whose process is killed, leaves no process behind. Tests take [`testing`].

mod artifacts;
mod assets;
mod certificates;
mod cluster;
mod config;
mod control_plane;
mod database;
mod error;
mod extensions;
mod file;
mod flux;
mod go;
mod helm;
mod kustomize;
mod listeners;
mod mail;
mod majors;
pub mod node;
mod object_store;
mod packages;
mod parts;
mod ports;
mod process;
mod progress;
mod publish;
mod sandbox;
mod server;
pub mod testing;
pub mod tools;
mod user;

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::platform;

pub use cluster::ClusterError;
pub use config::{BedConfig, PlatformBackups};
pub use database::BOOTSTRAP;
pub use error::BedError;
pub use file::{BED_FILE, BedFile, NodeFile};
pub use flux::{flux_crds, install_flux_crds};
pub use helm::helm;
pub use kustomize::KustomizeController;
pub use object_store::{BUCKET, ObjectStore, REGION};
pub use progress::Progress;
pub use publish::{Publication, Published, SourceKind, publish};
pub use sandbox::{Sandbox, SandboxConfig, start_sandbox};

use cluster::Cluster;
use control_plane::{ControlPlane, Purpose, blocking};
use database::Database;
use file::Memory;
use listeners::Listeners;
use mail::{MAIL_USER, MailServer};
use node::Node;
use parts::{Place, start_parts, start_scratch};

/// Life of a ServiceAccount's token that the bed gives out.
const TOKEN_SECONDS: u32 = 24 * 60 * 60;

/// How often [`Bed::ended`] looks at the processes.
const LOOK: Duration = Duration::from_millis(500);

/// A bed that is up.
pub struct Bed {
    directory: PathBuf,
    file: BedFile,
    control_plane: ControlPlane,
    database: Database,
    scratch: Option<Database>,
    node: Option<Node>,
    platform: platform::Running,
    store: ObjectStore,
    mail: MailServer,
    /// Of the artifact server and the receivers.
    stop: CancellationToken,
    /// Held while the bed is up.
    _lock: File,
}

impl Bed {
    /// Brings a bed up, and returns when everything in it answers.
    pub async fn start(config: BedConfig) -> Result<Bed, BedError> {
        let BedConfig {
            directory,
            projects,
            platform_backups,
            scratch,
            node,
            progress,
        } = config;
        check_references(&projects)?;
        let (directory, lock) = claim(&directory)?;
        let state = directory.join("state.json");
        let mut memory = Memory::read(&state)?;
        memory.choose(projects);
        // What must not be made up anew by a start after one that failed half-way.
        file::write_json(&state, &memory)?;
        let (ground, host, purpose) = if node {
            let ground = node::prepare(&directory, &memory.id).await?;
            (Some(ground), node::ADDRESS, Purpose::Pods)
        } else {
            (None, Ipv4Addr::LOCALHOST, Purpose::Objects)
        };

        let place = Place {
            directory: &directory,
            host,
            purpose,
            progress,
        };
        let (control_plane, database, platform, store) = start_parts(place, &mut memory, platform_backups).await?;
        let scratch = if scratch {
            Some(start_scratch(&directory, &mut memory, progress).await?)
        } else {
            None
        };

        let listeners = Listeners::start(&directory, host, &mut memory, &control_plane.certificates, progress).await?;
        file::write_json(&state, &memory)?;
        let node = match ground {
            Some(ground) => Some(Node::start(ground, &memory, &control_plane, progress).await?),
            None => None,
        };

        let project = memory
            .projects
            .first()
            .and_then(|reference| platform.project(reference));
        let project = project.ok_or_else(|| BedError::Reference(memory.projects.concat()))?;
        let file = BedFile {
            api_url: platform.api_url.clone(),
            functions_url: project.gateway_url,
            admin_url: platform.admin_url.clone(),
            token: platform.token().to_owned(),
            anon_key: project.anon_key,
            service_role_key: project.service_role_key,
            jwt_secret: project.jwt_secret,
            project: project.reference,
            database_url: database.url.clone(),
            scratch_url: scratch.as_ref().map(|scratch| scratch.url.clone()),
            kubeconfig: directory.join("kubeconfig"),
            kubectl: directory.join("bin/kubectl"),
            audit_log: control_plane.audit_log.clone(),
            artifacts_url: listeners.artifacts_url,
            artifacts_directory: listeners.artifacts_directory,
            supabase_profile: directory.join("supabase-profile.yaml"),
            slack_webhook_url: listeners.secrets.slack_url(&listeners.receivers_url, "B00000000"),
            webhook_url: format!("{}/webhooks/bed", listeners.receivers_url),
            webhook_secret: listeners.secrets.signing,
            mail_url: listeners.mail.url.clone(),
            mail_user: MAIL_USER.to_owned(),
            mail_password: memory.mail_password.clone(),
            mail_authority: control_plane.certificates.authority.clone(),
            receivers_url: listeners.receivers_url,
            store_url: store.url.clone(),
            store_bucket: BUCKET.to_owned(),
            store_region: REGION.to_owned(),
            store_access_key_id: store.access_key_id.clone(),
            store_secret_access_key: store.secret_access_key.clone(),
            node: node.as_ref().map(Node::file),
        };
        let bed = Bed {
            directory,
            file,
            control_plane,
            database,
            scratch,
            node,
            platform,
            store,
            mail: listeners.mail,
            stop: listeners.stop,
            _lock: lock,
        };
        if platform_backups != PlatformBackups::MadeUp {
            bed.base_backup()?;
        }
        bed.write_files()?;
        Ok(bed)
    }

    /// `bed.json` is the last: where it is, the others are.
    fn write_files(&self) -> Result<(), BedError> {
        let BedFile {
            kubeconfig,
            kubectl,
            supabase_profile,
            ..
        } = &self.file;
        let ControlPlane {
            cluster,
            kubectl: program,
            ..
        } = &self.control_plane;
        file::write(kubeconfig, cluster.kubeconfig())?;
        file::write(supabase_profile, file::supabase_profile(&self.file.api_url))?;
        file::make_directory(&self.directory.join("bin"))?;
        let supabase = self.directory.join("bin/supabase");
        for (program, link) in [(program, kubectl), (&tools::supabase_cli()?, &supabase)] {
            file::remove(link)?;
            std::os::unix::fs::symlink(program, link).map_err(BedError::file("create", link))?;
        }
        file::write_json(&self.directory.join(BED_FILE), &self.file)
    }

    /// Everything that `bed.json` says.
    pub fn file(&self) -> &BedFile {
        &self.file
    }

    /// Where the bed lives, as an absolute path.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// kubectl of the control plane's version; it needs `--kubeconfig`.
    pub fn kubectl(&self) -> PathBuf {
        self.file.kubectl.clone()
    }

    /// The platform, for its other projects.
    pub fn platform(&self) -> &platform::Running {
        &self.platform
    }

    /// A kubeconfig that acts as a ServiceAccount, which has to exist, for 24 hours.
    pub async fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf, BedError> {
        service_account_kubeconfig(&self.directory, namespace, name).await
    }

    /// Makes another database in the bed's PostgreSQL, with what a project has in it, and answers with its URL. The name is an
    /// identifier that needs no quotes. Only one can be made at a time: all share their roles.
    pub async fn make_database(&self, name: &str) -> Result<String, BedError> {
        self.database.make(name).await
    }

    /// Makes a base backup of the database, which the platform lists; of a bed that was started to keep them.
    pub fn base_backup(&self) -> Result<(), BedError> {
        self.database.base_backup()
    }

    /// Where its base backups and its archived log are, in `base` and `wal`.
    pub fn recovery(&self) -> PathBuf {
        self.database.recovery()
    }

    /// Installs the CRDs of Flux's sources, and waits until objects of them can be made.
    pub async fn install_flux_crds(&self) -> Result<(), BedError> {
        install_flux_crds(&self.file).await
    }

    /// Returns when one of the bed's processes has ended by itself.
    pub async fn ended(&mut self) -> BedError {
        loop {
            let mut children = self
                .control_plane
                .children
                .iter_mut()
                .chain([&mut self.database.child, &mut self.store.child, &mut self.mail.child])
                .chain(self.scratch.as_mut().map(|scratch| &mut scratch.child))
                .chain(self.node.iter_mut().flat_map(|node| &mut node.children));
            if let Some(error) = children.find_map(|child| child.check().err()) {
                return error;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Takes everything down, and returns when it is.
    pub async fn stop(self) -> Result<(), BedError> {
        let Bed {
            directory,
            control_plane,
            database,
            scratch,
            node,
            platform,
            stop,
            _lock: lock,
            ..
        } = self;
        let removed = file::remove(&directory.join(BED_FILE));
        stop.cancel();
        // Pods go first: what they talk to is there as long as they are.
        blocking(move || {
            if let Some(node) = node {
                node.stop();
            }
            Ok(())
        })
        .await?;
        let platform = async {
            platform.shutdown().await;
            // Functions hold sessions: the database goes after them.
            blocking(move || {
                database.stop();
                if let Some(scratch) = scratch {
                    scratch.stop();
                }
                Ok(())
            })
            .await
        };
        let control_plane = blocking(move || {
            control_plane::stop(control_plane.children);
            Ok(())
        });
        tokio::try_join!(platform, control_plane)?;
        drop(lock);
        removed
    }
}

/// A kubeconfig that acts as a ServiceAccount of the bed that is up in `directory`, for 24 hours.
pub async fn service_account_kubeconfig(directory: &Path, namespace: &str, name: &str) -> Result<PathBuf, BedError> {
    let bed = BedFile::read(directory)?;
    let cluster = Cluster::from_kubeconfig(&bed.kubeconfig)?;
    let token = cluster.service_account_token(namespace, name, TOKEN_SECONDS).await?;
    let path = directory.join("kubeconfigs").join(format!("{namespace}-{name}.yaml"));
    file::make_directory(&directory.join("kubeconfigs"))?;
    file::write(&path, cluster.kubeconfig_for(name, &token))?;
    Ok(path)
}

fn check_references(projects: &[String]) -> Result<(), BedError> {
    match projects
        .iter()
        .find(|reference| !platform::state::is_reference(reference))
    {
        Some(reference) => Err(BedError::Reference(reference.clone())),
        None => Ok(()),
    }
}

/// Makes the directory ours, until the returned file is closed.
fn claim(directory: &Path) -> Result<(PathBuf, File), BedError> {
    file::make_directory(&directory.join("logs"))?;
    let directory = fs::canonicalize(directory).map_err(BedError::file("find", directory))?;
    let lock = file::hold(&directory)?;
    file::remove(&directory.join(BED_FILE))?;
    Ok((directory, lock))
}
