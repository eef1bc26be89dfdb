//! The memory limit of the operator's pod, for a process that runs on this machine.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{self, Command},
};

/// Where cgroups are.
const CGROUPS: &str = "/sys/fs/cgroup";

/// A memory cgroup of a process's own. It goes when it is dropped, after what ran in it.
pub struct Pod {
    folder: PathBuf,
    files: &'static Files,
}

/// Names of a cgroup's files.
struct Files {
    limit: &'static str,
    most: &'static str,
    /// Has a line `oom_kill <count>`.
    kills: &'static str,
}

const FIRST_VERSION: Files = Files {
    limit: "memory.limit_in_bytes",
    most: "memory.max_usage_in_bytes",
    kills: "memory.oom_control",
};
const SECOND_VERSION: Files = Files {
    limit: "memory.max",
    most: "memory.peak",
    kills: "memory.events",
};

impl Pod {
    /// Memory of the operator's pod: the limit in deploy/deployment.yaml.
    pub const LIMIT_MIB: u32 = 512;

    /// Makes a cgroup with so many bytes of memory.
    ///
    /// # Errors
    /// If this machine does not let us: it takes root, and a memory controller.
    pub fn with_memory(bytes: u64) -> io::Result<Self> {
        let name = format!("ace-tests-{}", process::id());
        let first = Path::new(CGROUPS).join("memory");
        let (parent, files) = if first.join(FIRST_VERSION.limit).exists() {
            (first, &FIRST_VERSION)
        } else {
            (PathBuf::from(CGROUPS), &SECOND_VERSION)
        };
        let folder = parent.join(name);
        fs::create_dir(&folder)?;
        let pod = Self { folder, files };
        fs::write(pod.folder.join(files.limit), bytes.to_string())?;
        Ok(pod)
    }

    /// A command that runs a program in here from its first page on; arguments are added by the caller.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\""])
            .args([self.folder.as_path(), program]);
        command
    }

    /// Bytes that were in use at most, the page cache included.
    pub fn most(&self) -> Option<u64> {
        self.read(self.files.most)?.trim().parse().ok()
    }

    /// How often the kernel has killed a process in here for want of memory.
    pub fn kills(&self) -> Option<u64> {
        let text = self.read(self.files.kills)?;
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        line?.trim().parse().ok()
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(file)).ok()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        // Only an empty one can be removed; what is left is empty, too, once this process has ended.
        let _ = fs::remove_dir(&self.folder);
    }
}
