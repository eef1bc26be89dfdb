//! Pods, as the cluster lists them and as the node sees their processes.

use std::{fs, path::PathBuf};

use serde_json::Value;
use xtask::rights;

use super::bed::World;

/// A process in a container.
pub struct Process {
    pub id: i32,
    place: PathBuf,
}

impl World {
    /// The operator's pods that are not on their way out.
    pub async fn operators(&self) -> Vec<Value> {
        let wanted = format!(
            "pods --namespace {} --selector app.kubernetes.io/name={}",
            rights::NAMESPACE,
            rights::OPERATOR
        );
        let mut pods = self.list(&wanted).await;
        pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        pods
    }

    /// The one pod that is there.
    pub async fn operator(&self) -> Value {
        let pods = self.operators().await;
        let [pod] = &pods[..] else {
            panic!("{}", names(&pods).join(", "))
        };
        pod.clone()
    }
}

pub fn name(pod: &Value) -> &str {
    pod["metadata"]["name"].as_str().unwrap()
}

pub fn names(pods: &[Value]) -> Vec<&str> {
    pods.iter().map(name).collect()
}

pub fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}

/// Why its container waits, if it does.
pub fn waits(pod: &Value) -> Option<&str> {
    pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].as_str()
}

/// The operator's process in a pod: the node knows it by the pod's cgroup.
pub fn process(pod: &Value) -> Process {
    let pod = format!("pod{}/", pod["metadata"]["uid"].as_str().unwrap());
    let is_it = |place: &PathBuf| {
        let read = |file: &str| fs::read_to_string(place.join(file)).unwrap_or_default();
        read("comm").trim() == rights::OPERATOR && read("cgroup").contains(&pod)
    };
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let found: Vec<PathBuf> = processes.filter(is_it).collect();
    let [place] = &found[..] else { panic!("{found:?}") };
    let id = place.file_name().unwrap().to_str().unwrap().parse().unwrap();
    Process {
        id,
        place: place.clone(),
    }
}

impl Process {
    /// A line of its status: `65532 65532 65532 65532` of `Uid`.
    pub fn says(&self, key: &str) -> String {
        let status = fs::read_to_string(self.place.join("status")).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        line.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Whether a file system can be written to by it: mount point and whether it is read-only.
    pub fn root_is_read_only(&self) -> bool {
        let mounts = fs::read_to_string(self.place.join("mountinfo")).unwrap();
        let mut mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let root = mounts.find(|mount| mount[4] == "/").unwrap();
        root[5].split(',').any(|option| option == "ro")
    }
}
