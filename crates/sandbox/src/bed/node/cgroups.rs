//! The cgroups below which a kubelet puts pods: a folder in each hierarchy.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::error::BedError;

const MOUNTS: &str = "/proc/self/mountinfo";

/// How long a process that was killed may take to leave its cgroup.
const PARTING: Duration = Duration::from_secs(10);

/// Controllers of the second version that pods need.
const CONTROLLERS: [&str; 5] = ["cpuset", "cpu", "io", "memory", "pids"];

pub(super) struct Cgroups {
    /// As a kubelet takes it: `/NAME`.
    pub(super) root: String,
    folders: Vec<PathBuf>,
}

impl Cgroups {
    /// Makes them. What a node of this name left when it was killed goes first.
    pub(super) fn make(name: &str) -> Result<Self, BedError> {
        let mounts = fs::read_to_string(MOUNTS).map_err(BedError::file("read", MOUNTS))?;
        let below = |hierarchies: Vec<PathBuf>| hierarchies.into_iter().map(|hierarchy| hierarchy.join(name)).collect();
        let (first, second): (Vec<_>, Vec<_>) = (below(mounted(&mounts, "cgroup")), below(mounted(&mounts, "cgroup2")));
        let used = if first.is_empty() {
            second.clone()
        } else {
            first.clone()
        };
        let cgroups = Self {
            root: format!("/{name}"),
            // Beside hierarchies of the first version, a runtime makes folders in the second one, too.
            folders: [first, second].concat(),
        };
        cgroups.remove();
        for folder in &used {
            fs::create_dir(folder).map_err(BedError::file("create", folder))?;
            prepare(folder)?;
        }
        Ok(cgroups)
    }

    /// Removes them with all below them, as soon as nothing runs there any more.
    pub(super) fn remove(&self) {
        let deadline = Instant::now() + PARTING;
        for folder in &self.folders {
            while folder.exists() && remove(folder).is_err() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// Where hierarchies are mounted: `cgroup` for those of the first version, `cgroup2` for the one of the second.
fn mounted(mounts: &str, version: &str) -> Vec<PathBuf> {
    let places = mounts.lines().filter_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        (kind.split(' ').next() == Some(version)).then(|| place.split(' ').nth(4))?
    });
    places.map(PathBuf::from).collect()
}

fn prepare(folder: &Path) -> Result<(), BedError> {
    let hierarchy = folder.parent().unwrap_or(folder);
    // Of the first version: without these no process can enter.
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let (given, own) = (hierarchy.join(name), folder.join(name));
        if given.exists() && own.exists() && !hierarchy.join("cgroup.controllers").exists() {
            fs::copy(&given, &own).map_err(BedError::file("write", own))?;
        }
    }
    let offered = fs::read_to_string(hierarchy.join("cgroup.controllers")).unwrap_or_default();
    for controller in CONTROLLERS
        .iter()
        .filter(|name| offered.split_whitespace().any(|other| other == **name))
    {
        let enabled = hierarchy.join("cgroup.subtree_control");
        fs::write(&enabled, format!("+{controller}")).map_err(BedError::file("write", enabled))?;
    }
    Ok(())
}

/// A cgroup is removed after those below it; its files are not removed at all.
fn remove(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_of_both_versions_are_told_apart() {
        let hybrid = "14 10 0:20 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      13 10 0:21 / /sys/fs/cgroup/cpuset rw shared:4 - cgroup cgroup rw,cpuset\n\
                      20 10 0:22 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                      10 1 0:9 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n";
        assert_eq!(
            mounted(hybrid, "cgroup"),
            [Path::new("/sys/fs/cgroup/memory"), Path::new("/sys/fs/cgroup/cpuset")]
        );
        assert_eq!(mounted(hybrid, "cgroup2"), [Path::new("/sys/fs/cgroup/unified")]);
    }
}
