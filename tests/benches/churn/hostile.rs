//! Three tenants that mean harm, each with the rights that any tenant has.

use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;

use crate::{
    foreign::{self, Manner},
    phase::{Phase, ends_within},
    place::Place,
    trees,
};

/// Functions whose deploys hang.
const HANGING: usize = 40;
/// Functions that are listed, new ones each time: an answer of 3 MB.
const LISTED: usize = 15_000;
/// Between two trees: each is read before the next comes.
const TREES: Duration = Duration::from_secs(10);

struct Servers {
    hangs: String,
    lists: String,
    refuses: String,
    rows: u16,
}

/// Comes with each phase that is theirs, under new names, and goes with its end.
pub async fn tenants(client: &Client, mut phases: Receiver<Phase>) {
    let servers = Servers {
        hangs: foreign::platform(Manner::Hangs).await,
        lists: foreign::platform(Manner::Lists(LISTED)).await,
        refuses: foreign::platform(Manner::Refuses).await,
        rows: foreign::endless_rows().await,
    };
    for time in 0.. {
        let phase = *phases
            .wait_for(|phase| *phase != Phase::Calm)
            .await
            .expect("the run holds the sender");
        if phase == Phase::Over {
            return;
        }
        let [hangs, lists, sources] = attack(client, &servers, time).await;
        let mut turn = time * 1_000;
        while !ends_within(&mut phases, Phase::Hostile, TREES).await {
            // Beside what is timed.
            let archive = tokio::task::spawn_blocking(move || trees::tree(turn));
            let archive = archive.await.expect("a tree can be packed");
            sources.tree("tree", &archive, true).await;
            sources.tree(&format!("tree-{turn}"), &archive, false).await;
            let source = json!({ "kind": "ConfigMap", "name": format!("tree-{turn}") });
            let spec = function(&format!("of-{turn}"), 0, &source);
            sources.function(&format!("of-{turn}"), spec).await;
            turn += 1;
        }
        for place in [hangs, lists, sources] {
            place.remove().await;
        }
    }
}

/// Tenants whose deploys hang, whose lists do not end, and whose sources are large.
async fn attack(client: &Client, servers: &Servers, time: usize) -> [Place; 3] {
    let word = ace_tests::pack(&[("index.ts", "Deno.serve(() => new Response(\"here\"));\n")]);
    let source = |path: Option<String>| match path {
        Some(path) => json!({ "kind": "ConfigMap", "name": "tree", "path": path }),
        None => json!({ "kind": "ConfigMap", "name": "tree" }),
    };

    let hangs = tenant(client, "hangs", time, &servers.hangs, None).await;
    hangs.tree("tree", &word, true).await;
    for at in 0..HANGING {
        hangs
            .function(&format!("f{at}"), desired(&format!("f{at}"), "index.ts", &source(None)))
            .await;
    }

    let lists = tenant(client, "lists", time, &servers.lists, Some(servers.rows)).await;
    lists.tree("tree", &word, true).await;
    for at in 0..4 {
        lists
            .function(&format!("f{at}"), desired(&format!("f{at}"), "index.ts", &source(None)))
            .await;
    }
    let set = json!({ "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "tree" } });
    lists.migrations("main", set).await;

    let sources = tenant(client, "sources", time, &servers.refuses, None).await;
    sources.tree("tree", &word, true).await;
    for at in 0..trees::FUNCTIONS {
        let spec = function(&format!("h{at}"), at, &source(None));
        sources.function(&format!("h{at}"), spec).await;
    }
    for depth in 1..trees::DEPTH {
        let spec = desired(&format!("d{depth}"), "index.ts", &source(Some(trees::folder(depth))));
        sources.function(&format!("d{depth}"), spec).await;
    }
    [hangs, lists, sources]
}

fn function(slug: &str, at: usize, source: &Value) -> Value {
    desired(slug, &trees::entrypoint(at), source)
}

fn desired(slug: &str, entrypoint: &str, source: &Value) -> Value {
    json!({
        "platformRef": { "name": "prod" },
        "source": source,
        "slug": slug,
        "entrypoint": entrypoint,
        "verifyJWT": false,
    })
}

/// A namespace with a Platform whose servers are the tenant's own.
async fn tenant(client: &Client, kind: &str, time: usize, url: &str, database: Option<u16>) -> Place {
    let place = Place::create(client, &format!("{kind}-{time}")).await;
    place
        .secret(
            "supabase",
            "token.database",
            json!({ "token": format!("sbp_{time:040x}"), "password": "none" }),
        )
        .await;
    let letter = |at: u32| char::from_u32(u32::from('a') + at % 26).unwrap_or('a');
    let number = u32::try_from(time).unwrap_or_default();
    let project: String = kind
        .chars()
        .chain([letter(number / 26), letter(number)])
        .chain(std::iter::repeat('x'))
        .take(20)
        .collect();
    let mut spec = json!({
        "project": project,
        "url": url,
        "api": { "url": url, "tokenSecretRef": { "name": "supabase", "key": "token" } },
        "interval": "30s",
        "requestsPerMinute": 120,
    });
    if let Some(port) = database {
        spec["database"] = json!({
            "host": "127.0.0.1", "port": port, "name": "postgres", "tls": "Disable",
            "passwordSecretRef": { "name": "supabase", "key": "password" },
        });
    }
    place.platform("prod", spec).await;
    place
}
