//! When processes start, give way, and go.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use ace_sandbox::runtime::{Limits, Runtime, RuntimeConfig};
use axum::body::Body;
use axum::extract::Request;
use futures::StreamExt;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::support::{INDEX, bed, bed_with, deno, deployment, failure, gone, ok, read};

const PID: &str = "Deno.serve(() => new Response(String(Deno.pid)));";

#[tokio::test]
async fn calls_share_one_process_and_a_start_of_many_at_once_is_one() {
    let bed = bed();
    let function = bed.function("pid", PID);
    let mut seen = futures::future::join_all((0..20).map(|_| bed.get(&function))).await;
    seen.dedup();
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn after_a_new_version_only_that_one_answers_while_the_old_one_finishes_its_streams() {
    let bed = bed();
    let old = bed.function(
        "swap",
        "Deno.serve((request) => {
            let release;
            const body = new ReadableStream({
                start(controller) {
                    controller.enqueue(new TextEncoder().encode('old'));
                    release = setInterval(() => {
                        if (globalThis.finish) { clearInterval(release); controller.close(); }
                    }, 5);
                },
            });
            if (request.url.endsWith('/finish')) { setTimeout(() => globalThis.finish = true, 200); return new Response('soon'); }
            return new Response(body);
        });",
    );
    let request = |path: &str| {
        Request::builder()
            .uri(path.to_owned())
            .body(Body::empty())
            .expect("a request")
    };
    let mut stream = bed
        .runtime
        .call(&old, request("/swap"))
        .await
        .into_body()
        .into_data_stream();
    let first = stream.next().await.expect("a part").expect("bytes");
    let soon = read(bed.runtime.call(&old, request("/swap/finish")).await).await;
    let new = bed.version("swap", 2, &[(INDEX, "Deno.serve(() => new Response('new'));")]);
    let mut answers = vec![soon, bed.get(&new).await];
    // A call that was read before the deploy and arrives late.
    answers.push(bed.get(&old).await);
    let end = stream.next().await.is_none();
    assert_eq!(
        (&first[..], answers, end),
        (&b"old"[..], vec![ok("soon"), ok("new"), ok("new")], true)
    );
}

#[tokio::test]
async fn a_changed_secret_is_a_swap_and_the_old_process_goes() {
    let bed = bed();
    let mut function = bed.function(
        "secret",
        "Deno.serve(() => Response.json([Deno.env.get('KEY') ?? null, Deno.pid]));",
    );
    let parse = |(_, body): (_, String)| serde_json::from_str::<(Option<String>, u32)>(&body).expect("JSON");
    let (before, old) = parse(bed.get(&function).await);
    function.environment.insert("KEY".into(), "new".into());
    let (after, new) = parse(bed.get(&function).await);
    gone(&old.to_string()).await;
    assert_eq!((before, after, old == new), (None, Some("new".to_owned()), false));
}

#[tokio::test]
async fn a_version_that_does_not_start_ends_the_old_one_too() {
    let bed = bed();
    let (_, pid) = bed.get(&bed.function("broken", PID)).await;
    let new = bed.version("broken", 2, &[(INDEX, "throw new Error('no');")]);
    let seen = bed.get(&new).await;
    gone(&pid).await;
    assert_eq!(
        seen,
        failure(503, "BOOT_ERROR", "Function failed to start (please check logs)")
    );
}

#[tokio::test]
async fn an_idle_process_goes_after_its_background_tasks_and_comes_back_when_called() {
    let bed = bed_with(Duration::from_millis(100), Limits::default());
    let function = bed.function(
        "idle",
        "Deno.serve(() => {
            EdgeRuntime.waitUntil(new Promise((done) => setTimeout(done, 1000)).then(() => console.log('background done')));
            return new Response(String(Deno.pid));
        });",
    );
    let (_, first) = bed.get(&function).await;
    gone(&first).await;
    bed.logged(&function, "background done").await;
    let (_, second) = bed.get(&function).await;
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_deleted_function_is_stopped_and_its_logs_are_gone() {
    let bed = bed();
    let function = bed.function(
        "deleted",
        "console.log('here'); Deno.serve(() => new Response(String(Deno.pid)));",
    );
    let (_, pid) = bed.get(&function).await;
    bed.logged(&function, "here").await;
    bed.runtime.forget(&function.project, &function.slug);
    gone(&pid).await;
    assert_eq!(
        bed.runtime.logs(&function.project, &function.slug),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn after_shutdown_no_process_is_left() {
    let bed = bed();
    let (_, pid) = bed.get(&bed.function("pid", PID)).await;
    bed.runtime.shutdown().await;
    assert!(!PathBuf::from(format!("/proc/{pid}")).exists());
}

/// Says the process ids of a quiet and of a looping function, then stays until it is killed.
const PARENT: &str = "lives::the_parent_of_two_functions";

#[tokio::test]
#[ignore = "the parent that another test kills"]
async fn the_parent_of_two_functions() {
    let Some(folder) = std::env::var_os("ACE_TEST_PARENT").map(PathBuf::from) else {
        return;
    };
    let limits = Limits {
        cpu: Duration::from_hours(1),
        ..Limits::default()
    };
    let config = RuntimeConfig {
        deno: deno(),
        dir: folder.join("runtime"),
        idle: Duration::from_hours(1),
        limits,
    };
    let runtime = Runtime::new(config).expect("a runtime");
    let looping = "Deno.serve(() => { setTimeout(() => { for (;;); }, 50); return new Response(String(Deno.pid)); });";
    for (slug, source) in [("quiet", PID), ("loops", looping)] {
        let function = deployment(&folder, slug, 1, &[(INDEX, source)]);
        let request = Request::builder()
            .uri(format!("/{slug}"))
            .body(Body::empty())
            .expect("a request");
        let (_, pid) = read(runtime.call(&function, request).await).await;
        println!("pid {pid}");
    }
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn functions_end_with_a_parent_that_was_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parent = Command::new(std::env::current_exe().expect("this test"))
        .args([PARENT, "--exact", "--ignored", "--nocapture"])
        .env("ACE_TEST_PARENT", folder.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("a parent");
    let mut lines = BufReader::new(parent.stdout.take().expect("its output")).lines();
    let mut pids = Vec::new();
    while pids.len() < 2 {
        let line = lines.next_line().await.expect("text").expect("two process ids");
        pids.extend(line.rsplit_once("pid ").map(|(_, pid)| pid.to_owned()));
    }
    parent.kill().await.expect("killed");
    for pid in pids {
        gone(&pid).await;
    }
}
