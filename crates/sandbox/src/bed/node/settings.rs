//! The files that containerd and the kubelet read.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::error::BedError;
use super::super::file;
use super::assets::PLUGINS;
use super::ground::Ground;
use super::{ADDRESS, pause};

/// Addresses of pods. They reach the node by their default route, and nothing else.
const PODS: &str = "10.88.0.0/16";

/// Writes containerd's configuration, and that of the network of pods. Images are kept in `place`; what runs is not.
pub(super) fn containerd(place: &Path, socket: &Path) -> Result<PathBuf, BedError> {
    let networks = place.join("networks");
    file::make_directory(&networks)?;
    let network = json!({
        "cniVersion": "0.4.0",
        "name": "ace-node",
        "plugins": [{
            "type": "ptp",
            "ipMasq": false,
            "ipam": {
                "type": "host-local",
                "ranges": [[{ "subnet": PODS }]],
                "routes": [{ "dst": "0.0.0.0/0" }],
                "dataDir": "/run/cni",
            },
        }],
    });
    file::write(&networks.join("10-ace-node.conflist"), network.to_string())?;
    let (root, socket, networks) = (place.join("containerd"), socket.display(), networks.display());
    let text = format!(
        r#"version = 2
root = "{root}"
state = "/run/containerd"
oom_score = 0
# The first makes a folder outside of this one; the others are not used.
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{image}"
# Where nobody may lower a score, it is left alone.
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{PLUGINS}"
conf_dir = "{networks}"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"#,
        root = root.display(),
        image = pause::IMAGE,
    );
    let path = place.join("containerd.toml");
    file::write(&path, text)?;
    Ok(path)
}

/// Writes the kubelet's configuration. `authority`: the PEM of the authority that the API server is known by.
pub(super) fn kubelet(ground: &Ground, socket: &Path, authority: &Path) -> Result<PathBuf, BedError> {
    let place = &ground.place;
    let logs = place.join("pods");
    if logs.exists() {
        fs::remove_dir_all(&logs).map_err(BedError::file("remove", &logs))?;
    }
    let configuration = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": ADDRESS,
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": false },
            "x509": { "clientCAFile": authority },
        },
        "authorization": { "mode": "AlwaysAllow" },
        "containerRuntimeEndpoint": format!("unix://{}", socket.display()),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": ground.cgroups.root,
        "failCgroupV1": false,
        "enforceNodeAllocatable": [],
        "oomScoreAdj": 0,
        "protectKernelDefaults": true,
        "failSwapOn": false,
        "makeIPTablesUtilChains": false,
        // What is free on the machine's disk is none of its concern: nothing is evicted, and no image removed.
        "localStorageCapacityIsolation": false,
        "evictionHard": {
            "memory.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%",
            "imagefs.available": "0%", "imagefs.inodesFree": "0%",
        },
        "imageGCHighThresholdPercent": 100,
        "podLogsDir": logs,
        "volumePluginDir": place.join("plugins"),
        // There is no way out of the network, and no name to look up.
        "resolvConf": "",
        "seccompDefault": true,
        "readOnlyPort": 0,
    });
    let path = place.join("kubelet.json");
    file::write_json(&path, &configuration)?;
    Ok(path)
}
