//! A bulk update of functions keeps nobody waiting but who changes the same project.
#![allow(clippy::unwrap_used, reason = "a helper of a test that cannot go on fails it")]

mod api_support;

use std::fs;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use api_support::{Bench, REFERENCE, SOURCE, bench, read};

const OTHER: &str = "zyxwvutsrqponmlkjihg";
/// Only a failure takes as long.
const DEADLINE: Duration = Duration::from_secs(20);

/// A disk that writes the record of the project when it is told to, or when nothing goes on for [`DEADLINE`].
struct SlowDisk {
    release: Sender<()>,
    written: JoinHandle<Vec<u8>>,
}

impl SlowDisk {
    fn of(bench: &Bench) -> Self {
        // What is written beside the record's place, before it is renamed.
        let pipe = bench.dir.path().join("projects").join(REFERENCE).join("project.new");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let (release, released) = channel();
        let written = thread::spawn(move || {
            let _ = released.recv_timeout(DEADLINE);
            fs::read(pipe).unwrap_or_default()
        });
        Self { release, written }
    }

    async fn writes(self) {
        drop(self.release);
        let written = tokio::task::spawn_blocking(|| self.written.join().unwrap());
        assert!(!written.await.unwrap().is_empty());
    }
}

async fn until(bench: &Bench, entry: &str) {
    let begun = async {
        while !bench.requests().await.iter().any(|request| request == entry) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, begun).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_update_that_takes_long_holds_no_other_caller() {
    let bench = bench().await;
    let created = read(bench.admin(Method::POST, "/projects").json(&json!({ "ref": OTHER }))).await;
    assert_eq!(created.0, 201, "{created:?}");
    let deployed = bench.deploy("hello", SOURCE).await;
    let before = bench.get("/functions").await;
    // Its process runs: the first call starts it.
    assert_eq!(bench.call("hello").await.0, 200);
    let disk = SlowDisk::of(&bench);
    let mut wanted = deployed.clone();
    wanted["version"] = json!(7);
    let bulk = bench.api(Method::PUT, "/functions").json(&json!([wanted]));
    let bulk = tokio::spawn(read(bulk));
    until(&bench, "PUT /v1/projects/{ref}/functions -> null").await;

    for _ in 0..20 {
        let looks = async {
            assert_eq!(bench.get("/functions").await, before, "nothing has changed yet");
            assert_eq!(bench.get(&format!("/v1/projects/{OTHER}/functions")).await, json!([]));
            assert_eq!(bench.call("hello").await, (200, "hello world".to_owned()));
        };
        timeout(DEADLINE, looks).await.expect("callers are not held");
    }
    let elsewhere = bench.api(Method::POST, &format!("/v1/projects/{OTHER}/secrets"));
    let elsewhere = read(elsewhere.json(&json!([{ "name": "A", "value": "1" }])));
    assert_eq!(timeout(DEADLINE, elsewhere).await.unwrap(), (201, Value::Null));
    assert!(!bulk.is_finished());

    disk.writes().await;
    let (status, answer) = timeout(DEADLINE, bulk).await.unwrap().unwrap();
    assert_eq!((status, &answer["functions"][0]["version"]), (200, &json!(7)));
    assert_eq!(bench.get("/functions").await, answer["functions"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_project_at_the_same_time_lose_nothing() {
    let bench = bench().await;
    let deployed = bench.deploy("hello", SOURCE).await;
    let names: Vec<String> = (0..40).map(|number| format!("NAME_{number:02}")).collect();
    let changes = names.iter().map(|name| {
        let secret = bench.api(Method::POST, "/secrets");
        let bulk = bench.api(Method::PUT, "/functions").json(&json!([deployed]));
        let secret = read(secret.json(&json!([{ "name": name, "value": "1" }])));
        async move { (secret.await.0, read(bulk).await.0) }
    });
    let answers = futures::future::join_all(changes).await;
    assert!(answers.iter().all(|answer| *answer == (201, 200)), "{answers:?}");
    let listed = bench.get("/secrets").await;
    let listed: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert!(names.iter().all(|name| listed.contains(&name.as_str())), "{listed:?}");
}
