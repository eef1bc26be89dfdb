//! What a node stands on: namespaces, mounts, a network and cgroups.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::control_plane::blocking;
use super::super::error::BedError;
use super::super::file;
use super::super::tools::{self, ToolError};
use super::assets::run;
use super::cgroups::Cgroups;
use super::{ADDRESS, SERVICE};

/// In the environment of the process that was started in the namespaces.
const INSIDE: &str = "ACE_DEV_NAMESPACES";

/// Where the kubelet keeps volumes, and plugins find it.
pub(super) const KUBELET: &str = "/var/lib/kubelet";

/// Where kubelet, containerd and its plugins write, whatever their settings say. Here these are empty, and go with us.
const EMPTY: [&str; 2] = ["/run", "/var/log"];

/// The same, where others have what is needed: what is written goes elsewhere.
const LAID_OVER: &str = "/var/lib";

/// What a kubelet sets for the whole machine, where it is not so already: it is shown that it is.
const KERNEL: [(&str, &str); 6] = [
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// A command that runs a program in a network and with mounts of its own, where a bed can have a node.
pub fn namespaces(program: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--"]).arg(program).env(INSIDE, "1");
    command
}

/// Whether this process was started so.
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// An error that says why there can be no node on this machine.
pub(super) fn may_have_a_node() -> Result<(), ToolError> {
    let refuse = |reason: &str| Err(ToolError::NoNode(reason.to_owned()));
    if !cfg!(target_os = "linux") {
        return refuse("it takes Linux");
    }
    if !rustix::process::geteuid().is_root() {
        return refuse("it takes root, for containers, mounts and a network of its own");
    }
    let mut probe = namespaces(Path::new("true"));
    probe.stdin(Stdio::null());
    if let Err(error) = tools::run(&mut probe) {
        return refuse(&format!("namespaces can't be made ({error})"));
    }
    if !Path::new("/sys/fs/cgroup").is_dir() {
        return refuse("there are no cgroups in /sys/fs/cgroup");
    }
    Ok(())
}

/// Folders, mounts and cgroups. Dropping it removes the cgroups, which are all of it that is the machine's.
pub(in super::super) struct Ground {
    /// The node's folder in the bed's.
    pub(super) place: PathBuf,
    pub(super) cgroups: Cgroups,
}

/// Prepares the namespaces of this process. `id` tells the cgroups of one bed from those of another.
pub(in super::super) async fn prepare(directory: &Path, id: &str) -> Result<Ground, BedError> {
    if !is_inside() {
        let reason = "this process is not in namespaces of its own: start it by what `namespaces` answers";
        return Err(ToolError::NoNode(reason.to_owned()).into());
    }
    let (place, cgroups) = (directory.join("node"), format!("ace-node-{id}"));
    blocking(move || Ground::prepare(place, &cgroups)).await
}

impl Ground {
    fn prepare(place: PathBuf, cgroups: &str) -> Result<Self, BedError> {
        if let Some(folder) = EMPTY
            .iter()
            .chain([&LAID_OVER])
            .find(|folder| place.starts_with(folder))
        {
            let reason = format!("a node has a {folder} of its own: name another directory of the bed with --dir");
            return Err(ToolError::NoNode(reason).into());
        }
        file::make_directory(&place.join("logs"))?;
        Self::cover()?;
        connect()?;
        let cgroups = Cgroups::make(cgroups)?;
        Ok(Self { place, cgroups })
    }

    fn cover() -> Result<(), BedError> {
        // What a volume is mounted to by the kubelet is seen by containerd, which has mounts of its own.
        run("mount", ["--make-rshared", "/"])?;
        for folder in EMPTY {
            run("mount", ["-t", "tmpfs", "-o", "mode=755", "ace-node", folder])?;
        }
        let (upper, work) = (format!("/run/ace-node{LAID_OVER}"), "/run/ace-node/work");
        for folder in [upper.as_str(), work, "/run/lock"] {
            file::make_directory(Path::new(folder))?;
        }
        let options = format!("lowerdir={LAID_OVER},upperdir={upper},workdir={work}");
        run("mount", ["-t", "overlay", "-o", &options, "ace-node", LAID_OVER])?;
        for (name, value) in KERNEL {
            let shown = Path::new("/run/ace-node").join(name.replace('/', "."));
            file::write(&shown, format!("{value}\n"))?;
            let place = format!("/proc/sys/{name}");
            run("mount", ["--bind", &shown.to_string_lossy(), &place])?;
        }
        Ok(())
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // The mounts and the network are ours alone, and go with us.
        self.cgroups.remove();
    }
}

/// Gives the node its addresses.
fn connect() -> Result<(), ToolError> {
    run("ip", ["link", "set", "lo", "up"])?;
    // The API server is where pods look for its service, without a kube-proxy.
    run("ip", ["address", "add", &format!("{SERVICE}/32"), "dev", "lo"])?;
    // A pair, because not every kernel has the device `dummy`; and a node's address must not be loopback's.
    run("ip", ["link", "add", "node", "type", "veth", "peer", "name", "outside"])?;
    run("ip", ["address", "add", &format!("{ADDRESS}/24"), "dev", "node"])?;
    run("ip", ["link", "set", "node", "up"])?;
    run("ip", ["link", "set", "outside", "up"])?;
    // Whoever chooses an address by the way out chooses this one.
    run("ip", ["route", "add", "default", "dev", "node"])
}
