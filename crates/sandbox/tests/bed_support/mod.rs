//! What the tests of the bed share: a child `ace-dev`, kubectl, HTTP, and a look at the process table.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use ace_sandbox::bed::{Bed, BedFile};
use serde_json::{Value, json};

/// Far more than anything takes here, on a machine that compiles meanwhile.
const PATIENCE: Duration = Duration::from_mins(2);

const NEWS: &str = "ace-dev.news";

/// `ace-dev` as a process of its own, killed when the test ends.
pub struct AceDev(pub Child);

impl AceDev {
    pub fn up(directory: &Path) -> AceDev {
        AceDev::start(ace_dev(["up", "--dir"]).arg(directory), directory)
    }

    /// Starts `ace-dev up`, which tells its news to a file of the bed's directory.
    pub fn start(command: &mut Command, directory: &Path) -> AceDev {
        let news = File::create(directory.join(NEWS)).unwrap();
        AceDev(command.stdin(Stdio::null()).stderr(news).spawn().unwrap())
    }

    /// Waits for `bed.json`.
    pub async fn ready(&mut self, directory: &Path) -> BedFile {
        eventually("the bed is up", || {
            let ended = self.0.try_wait().unwrap();
            assert_eq!(ended, None, "{}", fs::read_to_string(directory.join(NEWS)).unwrap());
            BedFile::read(directory).ok()
        })
        .await
    }

    /// Sends SIGTERM, and waits for the end.
    pub async fn terminate(&mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        eventually("ace-dev ended", || self.0.try_wait().unwrap()).await.code()
    }
}

impl Drop for AceDev {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn ace_dev<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ace-dev"));
    command.args(arguments);
    command
}

/// What an `ace-dev` that ends by itself says on standard error.
pub fn refusal(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr)
        .unwrap()
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned()
}

/// Asks until there is an answer.
pub async fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {} s: {what}", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// kubectl under a kubeconfig.
pub fn kubectl(bed: &BedFile, kubeconfig: &Path, arguments: &str) -> Output {
    let words = arguments.split_whitespace();
    Command::new(&bed.kubectl)
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(words)
        .output()
        .unwrap()
}

/// What kubectl prints as the administrator; it succeeds.
pub fn admin(bed: &BedFile, arguments: &str) -> String {
    let output = kubectl(bed, &bed.kubeconfig, arguments);
    assert!(
        output.status.success(),
        "{arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

pub fn http() -> reqwest::Client {
    // A second test's attempt finds the first one's: the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Posts a message to Slack and an unsigned one to a webhook; answers which of what was received took effect.
pub async fn notified(bed: &BedFile) -> Vec<bool> {
    for url in [&bed.slack_webhook_url, &bed.webhook_url] {
        let message = json!({"text": "hello"});
        http().post(url).json(&message).send().await.unwrap();
    }
    let received = http().get(format!("{}/deliveries", bed.receivers_url)).send().await;
    let received: Vec<Value> = received.unwrap().json().await.unwrap();
    received.iter().map(|one| one["accepted"].as_bool().unwrap()).collect()
}

/// The Management API's answer to a GET.
pub async fn management(bed: &BedFile, path: &str) -> Value {
    let answer = http()
        .get(format!("{}{path}", bed.api_url))
        .bearer_auth(&bed.token)
        .send()
        .await
        .unwrap();
    answer.error_for_status().unwrap().json().await.unwrap()
}

/// Deploys a function that answers with `text` to anybody, and calls it once.
pub async fn deploy_and_call(bed: &BedFile, slug: &str, text: &str) -> String {
    let metadata = json!({"entrypoint_path": "index.ts", "verify_jwt": false, "name": slug});
    let source = format!("Deno.serve(() => new Response({text:?}));");
    let file = reqwest::multipart::Part::text(source).file_name("index.ts");
    let form = reqwest::multipart::Form::new()
        .text("metadata", metadata.to_string())
        .part("file", file);
    let url = format!(
        "{}/v1/projects/{}/functions/deploy?slug={slug}",
        bed.api_url, bed.project
    );
    let answer = http()
        .post(url)
        .bearer_auth(&bed.token)
        .multipart(form)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 201, "{}", answer.text().await.unwrap());
    call(bed, slug).await
}

pub async fn call(bed: &BedFile, slug: &str) -> String {
    let answer = http()
        .get(format!("{}/functions/v1/{slug}", bed.functions_url))
        .send()
        .await
        .unwrap();
    answer.error_for_status().unwrap().text().await.unwrap()
}

/// First column of the first row.
pub async fn query(bed: &BedFile, sql: &str) -> Option<String> {
    let (client, connection) = tokio_postgres::connect(&bed.database_url, tokio_postgres::NoTls)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let messages = client.simple_query(sql).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
    messages.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.try_get(0).unwrap().map(str::to_owned),
        _ => None,
    })
}

/// A process that runs (a dead one that nobody has collected yet does not).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Running {
    pub pid: u32,
    pub parent: u32,
    pub command: String,
}

/// The process table.
fn processes() -> Vec<Running> {
    let output = Command::new("ps")
        .args(["-A", "-o", "pid=,ppid=,stat=,args="])
        .output()
        .unwrap();
    let parse = |line: &str| {
        let (pid, rest) = line.trim().split_once(char::is_whitespace)?;
        let (parent, rest) = rest.trim().split_once(char::is_whitespace)?;
        let (state, command) = rest.trim().split_once(char::is_whitespace)?;
        let running = Running {
            pid: pid.parse().ok()?,
            parent: parent.parse().ok()?,
            command: command.trim().to_owned(),
        };
        (!state.starts_with('Z')).then_some(running)
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(parse)
        .collect()
}

/// All that a process has started, directly or not.
pub fn descendants(pid: u32) -> Vec<Running> {
    let table = processes();
    let mut family = BTreeSet::from([pid]);
    loop {
        let size = family.len();
        family.extend(
            table
                .iter()
                .filter(|process| family.contains(&process.parent))
                .map(|process| process.pid)
                .collect::<Vec<_>>(),
        );
        if family.len() == size {
            break;
        }
    }
    table
        .into_iter()
        .filter(|process| process.pid != pid && family.contains(&process.pid))
        .collect()
}

/// Those of these processes that have not ended. A number that another program got meanwhile does not count.
pub fn still_running(started: &[Running]) -> Vec<Running> {
    let table = processes();
    let still = |process: &&Running| {
        table
            .iter()
            .any(|now| (now.pid, &now.command) == (process.pid, &process.command))
    };
    started.iter().filter(still).cloned().collect()
}

/// A namespace of a test in the shared bed.
pub fn namespace(bed: &Bed, name: &str) {
    admin(bed.file(), &format!("create namespace {name}"));
}
