//! What survives a restart: one folder a project, its record, and each upload's files beside it.
//!
//! Records are written beside their place and renamed into it, so a killed process leaves the old one or the new one.
//! Nothing is flushed to the medium: a power failure may cost the last changes, which a test bed can bear.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keys::Keys;
use super::state::{Bundle, Files, Project};

/// A project's record on disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Saved {
    pub(super) keys: Keys,
    /// Port of the gateway at the last start; 0 before the first.
    pub(super) gateway_port: u16,
    pub(super) project: Project,
}

#[derive(Serialize, Deserialize)]
struct Account {
    token: String,
}

/// The platform's folder, held by one process at a time.
#[derive(Debug, Clone)]
pub(super) struct Store {
    dir: PathBuf,
    /// Locked while the platform runs; the system unlocks it when the process ends, however it ends.
    lock: Arc<File>,
}

impl Store {
    pub(super) fn open(dir: &Path) -> io::Result<Store> {
        fs::create_dir_all(dir.join("projects"))?;
        let lock = File::create(dir.join("lock"))?;
        lock.try_lock()
            .map_err(|error| io::Error::other(format!("another platform uses {}: {error}", dir.display())))?;
        // Paths are handed to Deno, which runs in folders of its own.
        Ok(Store {
            dir: fs::canonicalize(dir)?,
            lock: Arc::new(lock),
        })
    }

    /// Lets another platform use the folder.
    pub(super) fn release(&self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "failed to unlock the platform's folder");
        }
    }

    pub(super) fn runtime_dir(&self) -> PathBuf {
        self.dir.join("runtime")
    }

    pub(super) fn transpile_dir(&self) -> PathBuf {
        self.dir.join("transpile")
    }

    /// The token of the platform's one user, made by `make` at the first start.
    pub(super) fn token(&self, make: impl FnOnce() -> String) -> io::Result<String> {
        let path = self.dir.join("account.json");
        if let Some(account) = read::<Account>(&path)? {
            return Ok(account.token);
        }
        let account = Account { token: make() };
        write(&path, &account)?;
        Ok(account.token)
    }

    /// All projects with their files. Uploads that no record names (a crash came between) are removed.
    pub(super) fn load(&self) -> io::Result<BTreeMap<String, Saved>> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(self.dir.join("projects"))? {
            let folder = entry?.path();
            let Some(mut saved) = read::<Saved>(&folder.join("project.json"))? else {
                continue;
            };
            let reference = saved.project.reference.clone();
            for bundle in saved.project.bundles_mut() {
                bundle.files = read_files(&self.bundle_dir(&reference, bundle.deployment))?;
            }
            self.sweep(&saved.project)?;
            all.insert(reference, saved);
        }
        Ok(all)
    }

    pub(super) fn save(&self, saved: &Saved) -> io::Result<()> {
        let folder = self.project_dir(&saved.project.reference);
        fs::create_dir_all(&folder)?;
        write(&folder.join("project.json"), saved)
    }

    /// Where an upload is unpacked: stands for the container's folder.
    pub(super) fn bundle_dir(&self, reference: &str, deployment: Uuid) -> PathBuf {
        self.project_dir(reference).join("bundles").join(deployment.to_string())
    }

    pub(super) fn unpack(&self, reference: &str, bundle: &Bundle) -> io::Result<PathBuf> {
        let root = self.bundle_dir(reference, bundle.deployment);
        fs::create_dir_all(&root)?;
        for (path, bytes) in &bundle.files {
            let path = root.join(path);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(path, bytes)?;
        }
        Ok(root)
    }

    pub(super) fn discard(&self, reference: &str, deployment: Uuid) -> io::Result<()> {
        gone(fs::remove_dir_all(self.bundle_dir(reference, deployment)))
    }

    fn sweep(&self, project: &Project) -> io::Result<()> {
        let kept: BTreeSet<Uuid> = project.bundles().map(|bundle| bundle.deployment).collect();
        let folder = match fs::read_dir(self.project_dir(&project.reference).join("bundles")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            folder => folder?,
        };
        for entry in folder {
            let path = entry?.path();
            let id = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| Uuid::parse_str(name).ok());
            if id.is_some_and(|id| !kept.contains(&id)) {
                gone(fs::remove_dir_all(path))?;
            }
        }
        Ok(())
    }

    fn project_dir(&self, reference: &str) -> PathBuf {
        self.dir.join("projects").join(reference)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let beside = path.with_extension("new");
    // Keys and secrets are in it: for this user only.
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(&serde_json::to_vec(value)?)?;
    fs::rename(beside, path)
}

fn read_files(root: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if let Some(path) = entry.path().strip_prefix(root).ok().and_then(Path::to_str) {
                files.insert(path.to_owned(), Bytes::from(fs::read(entry.path())?));
            }
        }
    }
    Ok(files)
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use bytes::Bytes;
    use uuid::Uuid;

    use super::super::keys::Keys;
    use super::super::state::{Deploy, Files, Ids, Project};
    use super::{Saved, Store};

    const REFERENCE: &str = "abcdefghijklmnopqrst";

    #[test]
    fn what_was_saved_is_loaded_with_its_files_and_what_a_crash_left_over_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let ids = |deployment| Ids {
            function: Uuid::from_u128(1),
            deployment: Uuid::from_u128(deployment),
        };
        let deploy = Deploy {
            slug: "hello".to_owned(),
            name: None,
            verify_jwt: None,
            entrypoint: "a/index.ts".to_owned(),
            import_map: None,
            files: Files::from([("a/index.ts".to_owned(), Bytes::from_static(b"\0\xff"))]),
            bundle_only: false,
        };
        let mut project = Project::new(REFERENCE, "Test", 1);
        let abandoned = project.plan(&deploy, ids(2)).unwrap();
        store.unpack(REFERENCE, &abandoned.bundle).unwrap();
        let planned = project.plan(&deploy, ids(3)).unwrap();
        store.unpack(REFERENCE, &planned.bundle).unwrap();
        project.deploy(&deploy, ids(3), 5).unwrap();
        let saved = Saved {
            keys: Keys::new(REFERENCE, 1),
            gateway_port: 7,
            project,
        };
        store.save(&saved).unwrap();

        let loaded = store.load().unwrap().remove(REFERENCE).unwrap();
        assert_eq!(
            (loaded.project, loaded.keys, loaded.gateway_port),
            (saved.project, saved.keys, 7)
        );
        assert!(!store.bundle_dir(REFERENCE, Uuid::from_u128(2)).exists());
        let mode = fs::metadata(store.project_dir(REFERENCE).join("project.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
