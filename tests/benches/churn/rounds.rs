//! Objects, slugs, tokens, trees and Platforms of new names that come and go.

use std::time::Duration;

use ace_api::{EdgeFunction, MigrationSet, NotificationChannel, Platform};
use ace_tests::{Database, Project, TestBed, pack};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Client;
use serde_json::json;
use tokio::{
    sync::watch::Receiver,
    time::{Instant, sleep_until},
};

use crate::{phase::Phase, place::Place};

/// Rounds for which objects are there, and so many databases: a database belongs to one MigrationSet at a time.
const LIVES: usize = 8;

/// Counts of what was made.
pub async fn come_and_go(bed: &TestBed, client: &Client, every: Duration, phases: Receiver<Phase>) -> usize {
    let place = Place::create(client, "churn").await;
    let mut databases = Vec::new();
    for _ in 0..LIVES {
        databases.push(Database::create().await);
    }
    let (mut round, mut next) = (0, Instant::now());
    while *phases.borrow() != Phase::Over {
        come(&place, bed, round, &databases[round % LIVES]).await;
        if let Some(other) = round.checked_sub(LIVES / 2) {
            rotate(&place, bed, other, round).await;
        }
        if let Some(old) = round.checked_sub(LIVES) {
            go(&place, old).await;
        }
        // What those that went need to clean up goes later.
        if let Some(old) = round.checked_sub(2 * LIVES) {
            go_after(&place, old).await;
        }
        round += 1;
        next = (next + every).max(Instant::now());
        sleep_until(next).await;
    }
    place.remove().await;
    round
}

async fn come(place: &Place, bed: &TestBed, round: usize, database: &Database) {
    let (file, project) = (bed.bed.file(), Project::create(bed.bed.file()).await);
    let secret = format!("secret-{round}");
    let data = json!({ "token": project.token, "password": database.password, "slack": file.slack_webhook_url });
    place.secret(&secret, "token.database.slack", data).await;
    let platform = format!("platform-{round}");
    let spec = json!({
        "project": project.reference,
        "url": project.gateway,
        "api": { "url": file.api_url, "tokenSecretRef": { "name": secret, "key": "token" } },
        "database": {
            "host": "127.0.0.1", "port": database.port, "name": database.name, "tls": "Disable",
            "passwordSecretRef": { "name": secret, "key": "password" },
        },
        "interval": "30s",
    });
    place.platform(&platform, spec).await;

    let tree = format!("tree-{round}");
    let (slug, text) = (
        format!("slug-{round}"),
        format!("Deno.serve(() => new Response(\"{round}\"));\n"),
    );
    let migration = format!("create table if not exists public.t{round} (id int);\n");
    let files = [
        (format!("functions/{slug}/index.ts"), text),
        (format!("migrations/{:014}_t.sql", round + 1), migration),
    ];
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    place.tree(&tree, &pack(&files), round.is_multiple_of(2)).await;
    let source = |path: &str| json!({ "kind": "ConfigMap", "name": tree, "path": path });
    let spec = json!({
        "platformRef": { "name": platform },
        "source": source("functions"),
        "slug": slug,
        "verifyJWT": false,
        // Those slugs go from the platform, too.
        "deletionPolicy": if round.is_multiple_of(2) { "Delete" } else { "Retain" },
    });
    place.function(&format!("function-{round}"), spec).await;
    let spec = json!({ "platformRef": { "name": platform }, "source": source("migrations") });
    place.migrations(&format!("set-{round}"), spec).await;
    let spec = json!({ "slack": { "webhookURLSecretRef": { "name": secret, "key": "slack" } } });
    place.channel(&format!("channel-{round}"), spec).await;
}

/// Another token, which is refused, and the right one a round later.
async fn rotate(place: &Place, bed: &TestBed, other: usize, round: usize) {
    let wrong = format!("sbp_{round:040x}");
    let right = &bed.bed.file().token;
    place
        .secret(
            &format!("secret-{other}"),
            "token.database.slack",
            json!({ "token": wrong }),
        )
        .await;
    if let Some(before) = other.checked_sub(1) {
        place
            .secret(
                &format!("secret-{before}"),
                "token.database.slack",
                json!({ "token": right }),
            )
            .await;
    }
}

async fn go(place: &Place, round: usize) {
    place.delete::<EdgeFunction>(&format!("function-{round}")).await;
    place.delete::<MigrationSet>(&format!("set-{round}")).await;
    place.delete::<NotificationChannel>(&format!("channel-{round}")).await;
}

async fn go_after(place: &Place, round: usize) {
    place.delete::<Platform>(&format!("platform-{round}")).await;
    place.delete::<ConfigMap>(&format!("tree-{round}")).await;
    place.delete::<Secret>(&format!("secret-{round}")).await;
}
