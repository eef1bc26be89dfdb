use std::path::Path;
use std::sync::Arc;

use ace_api::{Backup, BackupSchedule, MigrationMode, MigrationSet, Platform, SourceKind};
use ace_domain::inputs::{ArtifactState, SourceTree, folder_read};
use ace_domain::kinds::migration_set::{Backups, Candidate, Schedule};
use ace_domain::reconcile::key::SourceKey;
use kube::ResourceExt;

use super::PlanError;
use crate::arguments::PlanArguments;
use crate::cluster::Cluster;
use crate::documents::Documents;
use crate::project::{ALL, read_files};

/// The MigrationSet, and the Platform that it names.
pub(super) struct Subject {
    /// With `suspend` and mode `Observe` removed, to show what would run.
    pub(super) set: MigrationSet,
    /// As it is written.
    pub(super) written: MigrationSet,
    pub(super) namespace: String,
    pub(super) platform: Option<Platform>,
    /// The Platform is suspended.
    pub(super) platform_suspended: bool,
}

/// The files and their origin.
pub(super) struct Carried {
    /// A source object, or `--dir`.
    pub(super) by: String,
    /// Entries of the directory that a source can't have: links, names that are not paths.
    pub(super) left_out: Vec<String>,
    pub(super) artifact_state: ArtifactState,
}

impl Subject {
    pub(super) async fn read(arguments: &PlanArguments, cluster: &Cluster) -> Result<Self, PlanError> {
        let manifest = arguments.manifest.as_deref().map(Documents::read).transpose()?;
        let (mut written, platforms) = match (manifest, &arguments.name, &arguments.manifest) {
            (Some(manifest), name, Some(path)) => manifest.choose(path, name.as_deref())?,
            (_, name, _) => {
                let namespace = arguments.namespace.as_ref().unwrap_or(&cluster.namespace);
                let name = name.as_deref().unwrap_or_default();
                let set = cluster.find::<MigrationSet>(namespace, name).await?;
                let absent = || PlanError::Absent(format!("MigrationSet {namespace}/{name}"));
                (set.ok_or_else(absent)?, Vec::new())
            }
        };
        let namespace = arguments.namespace.clone().or_else(|| written.namespace());
        let namespace = namespace.unwrap_or_else(|| cluster.namespace.clone());
        written.metadata.namespace = Some(namespace.clone());
        if arguments.manifest.is_some()
            && let Some(live) = cluster.find::<MigrationSet>(&namespace, &written.name_any()).await?
        {
            applied_over(live, &mut written);
        }
        let name = &written.spec.platform_ref.name;
        let named = platforms.into_iter().find(|platform| platform.name_any() == *name);
        let mut platform = match named {
            Some(platform) => Some(platform),
            None => cluster.find::<Platform>(&namespace, name).await?,
        };
        let platform_suspended = platform.as_ref().is_some_and(|platform| platform.spec.suspend);
        if let Some(platform) = &mut platform {
            platform.spec.suspend = false;
        }
        let mut set = written.clone();
        set.spec.mode = MigrationMode::Apply;
        set.spec.suspend = false;
        set.metadata.deletion_timestamp = None;
        Ok(Self {
            set,
            written,
            namespace,
            platform,
            platform_suspended,
        })
    }

    /// What a plan may have to wait for.
    pub(super) async fn backups(&self, cluster: &Cluster) -> Result<Backups, PlanError> {
        let Some(required) = &self.set.spec.requires.backup else {
            return Ok(Backups::default());
        };
        let schedule = cluster.find::<BackupSchedule>(&self.namespace, &required.schedule);
        let all = cluster.list::<Backup>(&self.namespace).await?;
        Ok(Backups {
            schedule: schedule.await?.as_ref().map(Schedule::of),
            all: all.iter().map(Candidate::of).collect(),
            ..Backups::default()
        })
    }

    /// The files: from a directory, else from the source object.
    pub(super) async fn files(&self, directory: Option<&Path>, cluster: &Cluster) -> Result<Carried, PlanError> {
        let source = &self.set.spec.source;
        let key = SourceKey::of(&self.set, source);
        match (directory, source.kind) {
            (Some(directory), _) => {
                let path = source.path.as_deref().unwrap_or_default();
                let below = directory.join(path);
                let folder = if below.is_dir() { below } else { directory.to_owned() };
                let prefix = if path.is_empty() {
                    String::new()
                } else {
                    format!("{path}/")
                };
                let files = read_files(&folder, &prefix, ALL)?;
                // `spec.source.digest` pins the artifact of the source object, not a directory.
                let digest = source.digest.clone().unwrap_or_default();
                let tree = Arc::new(SourceTree::new(files.tree));
                Ok(Carried {
                    by: "--dir".to_owned(),
                    left_out: files.left_out,
                    artifact_state: ArtifactState::ready(folder.display().to_string(), digest, tree),
                })
            }
            (None, SourceKind::ConfigMap) => Ok(Carried {
                by: key.to_string(),
                left_out: Vec::new(),
                artifact_state: cluster.config_map(&key, folder_read(source)).await?,
            }),
            (None, _) => Err(PlanError::InsideTheCluster(key.to_string())),
        }
    }
}

/// The object that the API server would store for a manifest. The status of the existing object is kept, because it remembers a
/// failed run and the highest version of the ledger; a failed run is retried only if the generation or the annotation changes.
fn applied_over(live: MigrationSet, written: &mut MigrationSet) {
    written.metadata.generation = live.metadata.generation.filter(|_| live.spec == written.spec);
    let annotations = live.metadata.annotations.unwrap_or_default().into_iter();
    let annotations = annotations.chain(written.metadata.annotations.take().unwrap_or_default());
    written.metadata.annotations = Some(annotations.collect());
    written.status = live.status;
}
