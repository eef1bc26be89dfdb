//! A bed with a node, as `ace-dev up --node` brings it up, and a test that runs in its network.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::PoisonError,
    thread,
    time::{Duration, Instant},
};

use ace_sandbox::bed::{self, BedFile, NodeFile, Progress, node, testing};
use ace_tests::{AuditLog, Helm, Kubectl, built, cargo, last_lines, repository};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::ONE;

/// Runs these tests.
const WANTED: &str = "ACE_NODE";
/// An image's archive.
const IMAGE: &str = "IMAGE";
/// Directory of the bed, for the process that runs in its network.
const BED: &str = "ACE_NODE_BED";

/// Only what has failed takes so long, on a machine that compiles meanwhile.
pub const PATIENCE: Duration = Duration::from_mins(5);
const LOOK: Duration = Duration::from_millis(100);

/// The image's name, and the one that it has for an upgrade.
const NAME: &str = "docker.io/library/ace-operator";
pub const NEXT: &str = "next";

/// What a scenario works with.
pub struct World {
    pub file: BedFile,
    pub kubectl: Kubectl,
}

/// Brings a bed with a node up, runs the scenario in its network, takes the bed down, and looks for what it left.
///
/// `name`: the test's, which runs itself as the process in there.
pub fn on_a_node(name: &str, scenario: impl AsyncFnOnce(&World)) {
    if let Some(directory) = env::var_os(BED) {
        let world = World::of(Path::new(&directory));
        Runtime::new().unwrap().block_on(scenario(&world));
        return;
    }
    if env::var_os(WANTED).is_none() {
        eprintln!(
            "skipped: {WANTED}=1 runs this on a node, which takes root, Linux and a quarter of an hour for building"
        );
        return;
    }
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    for ensured in [
        node::ensure(Progress::Lines).map(drop),
        bed::helm(Progress::Lines).map(drop),
    ] {
        ensured.unwrap_or_else(|error| panic!("{}", testing::explain(&error)));
    }
    let image = image();
    let directory = testing::fresh_directory();
    let mut up = Up::start(&directory);
    let file = up.ready(&directory);
    let node = file.node.as_ref().unwrap();
    bring(node, &image);
    let id = id(&directory);
    assert!(!groups(&id).is_empty(), "a node has cgroups");

    let scenario = Command::new("nsenter")
        .arg(format!("--net={}", node.network.display()))
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(BED, &directory)
        .status()
        .unwrap();
    if !scenario.success() {
        told(&directory);
    }
    up.end();
    assert!(scenario.success(), "what failed is above");
    assert_eq!(left(&directory, &id), Vec::<String>::new());
    fs::remove_dir_all(&directory).unwrap();
}

/// The archive of the image: the one that is named, else one that is built.
fn image() -> PathBuf {
    if let Some(path) = env::var_os(IMAGE) {
        return fs::canonicalize(path).unwrap();
    }
    let folder = repository().join("dist/image");
    let made = cargo()
        .args(["xtask", "image"])
        .arg(&folder)
        .current_dir(repository())
        .status();
    assert!(made.unwrap().success(), "the image is built");
    folder.with_extension("tar")
}

/// Imports the image under both of its names, from outside: containerd's socket is a file.
fn bring(node_file: &NodeFile, image: &Path) {
    let ctr = |arguments: &[&str]| {
        let mut command = node::ctr(Path::new("ctr"), &node_file.containerd);
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    ctr(&["images", "import", image.to_str().unwrap()]);
    let known = ctr(&["images", "list", "--quiet"]);
    let own = known.lines().find(|line| line.starts_with(NAME));
    let own = own.unwrap_or_else(|| panic!("the archive has no {NAME}: {known}"));
    ctr(&["images", "tag", "--force", own, &format!("{NAME}:{NEXT}")]);
}

/// `ace-dev up --node`, ended with this process.
struct Up(Child);

impl Up {
    fn start(directory: &Path) -> Self {
        let mut command = Command::new(built("ace-sandbox", "ace-dev"));
        command
            .args(["up", "--node", "--dir"])
            .arg(directory)
            .stdin(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// Waits for `bed.json`.
    fn ready(&mut self, directory: &Path) -> BedFile {
        let begun = Instant::now();
        loop {
            if let Ok(file) = BedFile::read(directory) {
                eprintln!("a bed with a node is up after {:.1} s", begun.elapsed().as_secs_f64());
                return file;
            }
            assert_eq!(
                self.0.try_wait().unwrap(),
                None,
                "`ace-dev up --node` ended: what it said is above"
            );
            assert!(begun.elapsed() < PATIENCE, "no bed is up");
            thread::sleep(LOOK);
        }
    }

    /// Ends it as its user does, and waits.
    fn end(&mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        let ended = self.0.wait().unwrap();
        assert!(ended.success(), "ace-dev ended with {ended}");
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// By which a bed tells what is its own outside of its directory.
fn id(directory: &Path) -> String {
    let state = fs::read(directory.join("state.json")).unwrap();
    let state: Value = serde_json::from_slice(&state).unwrap();
    state["id"].as_str().unwrap().to_owned()
}

/// Its cgroups.
fn groups(id: &str) -> Vec<String> {
    let hierarchies = fs::read_dir("/sys/fs/cgroup")
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let places = hierarchies.chain([PathBuf::from("/sys/fs/cgroup")]);
    let folders = places.flat_map(|place| fs::read_dir(place).into_iter().flatten().flatten());
    let paths = folders.map(|folder| folder.path().display().to_string());
    paths.filter(|path| path.ends_with(id)).collect()
}

/// Processes, mounts, networks and cgroups of the bed that are still there.
fn left(directory: &Path, id: &str) -> Vec<String> {
    let directory = directory.to_str().unwrap();
    let mut left = groups(id);
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let Some(number) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let read = |file: &str| fs::read(process.path().join(file)).unwrap_or_default();
        let (line, mounts) = (read("cmdline"), read("mountinfo"));
        let says = |bytes: &[u8], word: &str| String::from_utf8_lossy(bytes).contains(word);
        if number != std::process::id() && says(&line, directory) {
            left.push(format!(
                "process {number}: {}",
                String::from_utf8_lossy(&line).replace('\0', " ")
            ));
        }
        if says(&mounts, directory) {
            left.push(format!("mounts of process {number}"));
        }
    }
    left
}

/// Shows what helps to find out why a scenario failed.
fn told(directory: &Path) {
    for log in ["node/logs/kubelet.log", "node/logs/containerd.log"] {
        let text = fs::read_to_string(directory.join(log)).unwrap_or_default();
        eprintln!("{log}:\n{}", last_lines(&text));
    }
}

impl World {
    fn of(directory: &Path) -> Self {
        let file = BedFile::read(directory).unwrap();
        Self {
            kubectl: Kubectl {
                program: file.kubectl.clone(),
                kubeconfig: file.kubeconfig.clone(),
            },
            file,
        }
    }

    /// What kubectl prints; it succeeds.
    pub async fn kubectl(&self, arguments: &str) -> String {
        let words: Vec<&str> = arguments.split(' ').collect();
        self.kubectl.run(&words).await.expect(arguments)
    }

    /// An object, or a list of them.
    pub async fn get(&self, what: &str) -> Value {
        let text = self.kubectl(&format!("get {what} --output json")).await;
        serde_json::from_str(&text).unwrap()
    }

    /// The objects that are listed.
    pub async fn list(&self, what: &str) -> Vec<Value> {
        self.get(what).await["items"].as_array().unwrap().clone()
    }

    pub async fn apply(&self, object: &Value) {
        let arguments = ["apply", "--server-side", "--filename", "-"];
        let applied = self.kubectl.run_with(&arguments, &object.to_string()).await;
        applied.expect("an object is applied");
    }

    /// What Helm prints; it succeeds.
    pub fn helm(&self, arguments: &[&str]) -> String {
        let begun = Instant::now();
        let printed = Helm
            .run_on(&self.file.kubeconfig, arguments)
            .expect(&arguments.join(" "));
        let words: Vec<&str> = arguments.iter().take(2).copied().collect();
        eprintln!("helm {}: {:.1} s", words.join(" "), begun.elapsed().as_secs_f64());
        printed
    }

    pub fn audit_log(&self) -> AuditLog<'_> {
        AuditLog {
            path: &self.file.audit_log,
        }
    }
}

/// Asks until there is an answer, and says how long that took.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            eprintln!("{what}: {:.1} s", begun.elapsed().as_secs_f64());
            return answer;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "not within {} s: {what}",
            PATIENCE.as_secs()
        );
        tokio::time::sleep(LOOK).await;
    }
}
