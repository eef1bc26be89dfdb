//! What an operator costs that has nothing to do. On a bed without neighbours, because it counts everything that the operator does.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    env,
    time::{Duration, Instant},
};

use ace_api::{AlertRule, AlertState, Backup, BackupDestination, ConditionType, NotificationChannel, Process};
use ace_tests::{
    Audited, Cut, Cuts, LIST, Operator, OperatorOptions, Proxy, Scene, Side, Stage, bed, is_observed, is_true,
    on_database_of, on_stage_of,
};
use futures::{StreamExt as _, stream};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::sync::Mutex;

/// A second at the pace of this operator.
const INTERVAL: &str = "60s";
const SECOND: Duration = Duration::from_secs(1);
/// So many that twice as many in the same time are told apart.
const LISTS: usize = 6;
/// Settled Backups, where `BACKUPS` does not say otherwise.
const BACKUPS: usize = 50;

/// Settled AlertRules, where `RULES` does not say otherwise.
const RULES: u32 = 100;
/// Turns that each of them has.
const TURNS: u32 = 10;

/// Counts, and cuts nothing.
const NEVER: Cut = Cut {
    process_id: None,
    stops: false,
    of: "",
    at: usize::MAX,
    side: Side::After,
};

/// Who counts everything has the bed alone.
static ONE: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn settled_objects_cost_one_list_per_interval_and_nothing_else() {
    let _one = ONE.lock().await;
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    on_stage_of(&operator, INTERVAL, async |stage| {
        let names = ["one", "two", "three"];
        let word = "Deno.serve(() => new Response(\"here\"));\n";
        stage
            .source(&[("one/index.ts", word), ("two/index.ts", word), ("three/index.ts", word)])
            .await;
        for name in names {
            stage.function(name, json!({})).await;
        }
        for name in names {
            stage.ready(name).await;
        }
        // The Platform counts what it manages, and then is at rest, too.
        stage
            .space
            .wait::<ace_api::Platform>("prod", "manages all", |platform| {
                platform["status"]["functions"] == json!({ "managed": 3, "unmanagedCount": 0 })
                    && is_true(platform, "Ready")
            })
            .await;
        for name in names {
            let told = async || (!stage.events(name).await.is_empty()).then_some(());
            stage.eventually("the deploys are told", told).await;
        }

        let (begun, since, audited) = (Instant::now(), stage.project.now().await, bed().audited());
        let before = counters(&operator, "EdgeFunction").await;
        let requests = stage
            .eventually("enough lists", async || {
                let requests = stage.project.requests(since).await;
                (requests.iter().filter(|request| request.route == LIST).count() >= LISTS).then_some(requests)
            })
            .await;

        assert_eq!(
            counters(&operator, "EdgeFunction").await,
            before,
            "enqueued EdgeFunctions, their passes, and status writes"
        );
        assert!(requests.iter().all(|request| request.route == LIST), "{requests:#?}");
        one_per_interval(requests.len(), begun);
        assert_eq!(writes(stage, audited), []);
    })
    .await;
}

/// Objects of a kind that were enqueued, passes over them, and writes of their statuses. Of one kind: what the test before has left is
/// on its way out.
async fn counters(operator: &Operator, kind: &str) -> (f64, f64, f64) {
    let kind = [("kind", kind)];
    (
        operator.metric("ace_enqueued_total", &kind).await,
        operator.metric("ace_passes_total", &kind).await,
        operator.metric("ace_status_writes_total", &kind).await,
    )
}

/// What both processes have written in the namespace since then.
fn writes(stage: &Stage<'_>, audited: usize) -> Vec<Audited> {
    let requests = Process::ALL
        .into_iter()
        .flat_map(|process| bed().audit_of(process, audited));
    requests
        .filter(|request| request.namespace == stage.space.name && request.is_write())
        .collect()
}

/// So many lists since then are not more than one per interval. The first and the last may be early or late by one: a machine that
/// does other things delays what it likes.
fn one_per_interval(lists: usize, begun: Instant) {
    let intervals = begun.elapsed().as_secs_f64() / SECOND.as_secs_f64();
    eprintln!("{lists} lists in {intervals:.1} intervals");
    assert!(
        f64::from(u32::try_from(lists).unwrap()) <= intervals / 0.95 + 2.0,
        "{lists} lists in {intervals:.1} intervals"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn settled_backups_cost_one_list_of_their_destination_per_interval_and_no_write() {
    let _one = ONE.lock().await;
    let number = env::var("BACKUPS").map_or(BACKUPS, |number| number.parse().unwrap());
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    on_database_of(&operator, "24h", async |stage, database| {
        let requests = Cuts::default();
        let store = Proxy::of_store(&stage.space.bed.bed.file().store_url, &requests).await;
        let mut worker = Operator::start(bed(), &OperatorOptions::worker()).await;
        let scene = Scene::prepare(stage, database, &store.url).await;
        scene.schedule(|_| {}).await;
        scene.backup("first").await;
        let first = scene.complete("first").await;
        let path = first["status"]["copies"][0]["path"].as_str().unwrap();
        let import = json!({ "destination": { "name": "primary" }, "manifest": format!("{path}/manifest.json") });
        let imported = |name: String| json!({ "metadata": { "name": name }, "spec": { "import": import.clone() } });
        stage.apply::<Backup>(imported("imported".to_owned())).await;
        let settled = scene.complete("imported").await;
        worker.kill();
        let api = stage.space.api::<Backup>();
        let makes = (1..number).map(|number| {
            let (name, api, status) = (format!("imported-{number}"), api.clone(), &settled["status"]);
            let object = imported(name.clone());
            async move {
                stage.apply::<Backup>(object).await;
                let shown = Patch::Merge(json!({ "status": status }));
                api.patch_status(&name, &PatchParams::default(), &shown).await.unwrap();
            }
        });
        stream::iter(makes).for_each_concurrent(8, |make| make).await;
        // A minute at the pace of life.
        scene.destination_with("primary", json!({ "interval": "1m" })).await;
        // A changed destination is probed.
        stage
            .space
            .wait::<BackupDestination>("primary", "is probed", |destination| {
                is_true(destination, "Ready") && is_observed(destination)
            })
            .await;
        let worker = Operator::start(bed(), &OperatorOptions::worker()).await;
        let backups = [("kind", "Backup")];
        let looked = async || {
            let passes = worker.metric("ace_passes_total", &backups).await;
            (passes >= f64::from(u32::try_from(number).unwrap())).then_some(())
        };
        stage.eventually("the worker has looked at each", looked).await;

        let is_list = |request: &&String| {
            let bucket = format!("store GET /{}", stage.space.bed.bed.file().store_bucket);
            request.trim_end_matches('/') == bucket
        };
        let audited = bed().audited();
        requests.arm_at(NEVER);
        let begun = Instant::now();
        let listed = async || {
            let seen = requests.seen();
            (seen.iter().filter(is_list).count() >= LISTS).then_some(seen)
        };
        let seen = stage.eventually("enough lists", listed).await;
        let lists = seen.iter().filter(is_list).count();
        assert_eq!(seen.len(), lists, "{seen:#?}");
        one_per_interval(lists, begun);
        assert_eq!(writes(stage, audited), []);
    })
    .await;
}

#[tokio::test]
async fn settled_rules_are_asked_at_each_interval_and_cost_no_pass_and_no_write() {
    let _one = ONE.lock().await;
    let number = env::var("RULES").map_or(RULES, |number| number.parse().unwrap());
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    on_database_of(&operator, "24h", async |stage, database| {
        let role = database.reader();
        database
            .run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'reader'"))
            .await;
        stage.reader(&role, "reader").await;
        let channel = json!({
            "suspend": true, "default": true, "slack": { "webhookURLSecretRef": { "name": "slack", "key": "url" } },
        });
        stage
            .apply::<NotificationChannel>(json!({ "metadata": { "name": "team" }, "spec": channel }))
            .await;
        let rules = (0..number).map(|number| {
            let spec = json!({
                "platformRef": { "name": "prod" },
                // Another value at each turn.
                "source": { "sql": { "query": "select random() as value" } },
                "interval": "5m",
                "condition": { "operator": "GreaterThan", "levels": { "warning": { "threshold": "1" } }, "for": "0s" },
            });
            json!({ "metadata": { "name": format!("rule-{number}") }, "spec": spec })
        });
        stream::iter(rules)
            .for_each_concurrent(8, |rule| async { drop(stage.apply::<AlertRule>(rule).await) })
            .await;
        let all = stage.space.api::<AlertRule>();
        let are_quiet = async || {
            let rules = all.list(&ListParams::default()).await.unwrap().items;
            let is_quiet = |rule: &AlertRule| {
                let status = rule.status.as_ref();
                status.is_some_and(|status| {
                    status.state == Some(AlertState::Inactive)
                        && ConditionType::Ready.is_true(&status.common.conditions)
                        && status.common.observed_generation == rule.metadata.generation
                })
            };
            rules.iter().all(is_quiet).then_some(())
        };
        stage.eventually("all rules are asked and quiet", are_quiet).await;

        let answered = async || {
            let labels = [("source", "SQL"), ("outcome", "Answered")];
            operator.metric("ace_signal_turns_total", &labels).await
        };
        let (audited, before, turns) = (
            bed().audited(),
            counters(&operator, "AlertRule").await,
            answered().await,
        );
        let enough = turns + f64::from(number * TURNS);
        let deadline = Instant::now() + Duration::from_mins(15);
        while answered().await < enough {
            assert!(Instant::now() < deadline, "{}", operator.log());
            tokio::time::sleep(SECOND).await;
        }
        assert_eq!(
            counters(&operator, "AlertRule").await,
            before,
            "enqueued AlertRules, their passes, and status writes"
        );
        assert_eq!(writes(stage, audited), []);
    })
    .await;
}
