//! Deploying functions that have not changed: by the official CLI, and by the operator.

use std::{
    env, fs,
    time::{Duration, Instant},
};

use ace_api::{ANNOTATION_RECONCILE_AT, EdgeFunction, Platform};
use ace_sandbox::bed::tools;
use ace_tests::TestBed;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    count::{Counts, Mark},
    fleet::{Fleet, is_ready},
    tree::Tree,
    usage,
};

/// What a deploy of unchanged functions took.
pub struct Cost {
    /// From the command to its end; of the operator, from the new source to the last status.
    pub time: Duration,
    /// CPU seconds of the CLI or the operator.
    pub cpu: f64,
    /// Requests to the Management API.
    pub platform: Counts,
    /// Requests to the API server.
    pub cluster: Counts,
}

/// A commit that changes no function arrives, and the platform is looked at.
pub async fn operator(fleet: &Fleet, id: u32) -> Cost {
    let file = fleet.bed.bed.file();
    fleet.until_all::<EdgeFunction, _>(is_ready, async || ()).await;
    let mark = Mark::now(file).await;
    let (before, started) = (usage::cpu(id), Instant::now());
    let mut tree = Tree::new(fleet.tree.slugs().len());
    tree.files
        .push(("README.md".to_owned(), "No function reads this.\n".to_owned()));
    let revision = revision(fleet).await;
    let is_done = |function: &Value| is_ready(function) && function["status"]["source"]["artifactRevision"] != revision;
    let ask = async || {
        fleet.source(&tree.packed()).await;
        fleet
            .change_platforms(&json!({ "metadata": { "annotations": { ANNOTATION_RECONCILE_AT: "bench" } } }))
            .await;
    };
    fleet.until_all::<EdgeFunction, _>(is_done, ask).await;
    let is_handled = |platform: &Value| platform["status"]["lastHandledReconcileAt"] == "bench";
    fleet.until_all::<Platform, _>(is_handled, async || ()).await;
    Cost {
        time: started.elapsed(),
        cpu: usage::cpu(id) - before,
        platform: mark.platform(file, fleet.projects.first().map(String::as_str)).await,
        cluster: mark.cluster(file),
    }
}

async fn revision(fleet: &Fleet) -> Value {
    let functions = fleet
        .api::<EdgeFunction>()
        .list(&kube::api::ListParams::default().limit(1))
        .await
        .expect("functions can be listed");
    let status = functions.items.into_iter().next().and_then(|function| function.status);
    json!(status.and_then(|status| status.source?.artifact_revision))
}

/// `supabase functions deploy --use-api`, a second time.
pub async fn official(bed: &TestBed, functions: usize) -> Cost {
    let file = bed.bed.file();
    let made = crate::http::send(
        reqwest::Method::POST,
        &format!("{}/projects", file.admin_url),
        &json!({}),
    )
    .await;
    let project = made["ref"].as_str().expect("a project has a reference");
    let home = tempfile::tempdir().expect("temporary files can be written");
    let checkout = home.path().join("checkout");
    let write = |path: &str, text: &str| {
        let path = checkout.join("supabase").join(path);
        let folder = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, text))
            .expect("temporary files can be written");
    };
    write("config.toml", "project_id = \"checkout\"\n");
    for (path, text) in Tree::new(functions).files {
        write(&format!("functions/{path}"), &text);
    }
    fs::copy(&file.supabase_profile, home.path().join("profile.yaml")).expect("the bed wrote a profile");
    let deploy = async || {
        let output = Command::new(tools::supabase_cli().expect("the CLI is installed"))
            .args(["functions", "deploy", "--use-api", "--yes", "--no-verify-jwt"])
            .arg(format!("--remote={project}"))
            .current_dir(&checkout)
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.path())
            .env("SUPABASE_HOME", home.path().join("home"))
            .env("SUPABASE_PROFILE", home.path().join("profile.yaml"))
            .env("SUPABASE_ACCESS_TOKEN", &file.token)
            .env("SUPABASE_TELEMETRY_DISABLED", "1")
            .env("DO_NOT_TRACK", "1")
            .env("SUPABASE_NO_KEYRING", "1")
            .env("SUPABASE_NO_UPDATE_NOTIFIER", "1")
            .kill_on_drop(true)
            .output()
            .await
            .expect("the CLI can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "supabase functions deploy: {said}");
    };
    deploy().await;
    let mark = Mark::now(file).await;
    let started = Instant::now();
    deploy().await;
    Cost {
        time: started.elapsed(),
        // It ends itself, and so do the checks of the platform: they can't be told apart.
        cpu: f64::NAN,
        platform: mark.platform(file, Some(project)).await,
        cluster: Counts::new(),
    }
}
