//! Operators that are killed or stopped while something fires, is escalated and is resolved: nothing is lost, and what is sent again
//! has the key that the receiver knows.

use std::{
    collections::BTreeSet,
    env,
    path::PathBuf,
    time::{Duration, Instant},
};

use ace_api::{AlertRule, NotificationChannel};
use ace_tests::{
    Cut, Cuts, Database, Operator, OperatorOptions, Proxy, Receiver, Side, Space, Stage, bed, with_namespace,
    with_unjudged_namespace,
};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use rustix::process::Signal;
use serde_json::{Value, json};
use xtask::rights;

use super::fate::signal;

ace_tests::tests! {
    killed_at_any_request_it_loses_no_alert_and_repeats_by_a_known_key,
    two_operators_of_which_one_is_stopped_while_it_tells_tell_all_news_and_repeat_at_most_what_was_under_way,
}

/// Every fifth request is a place to die, where `ALERT_CUTS` does not say otherwise: with 1 each of them is, on both sides.
const STRIDE: usize = 5;
/// Runs of two operators, where `ALERT_RUNS` does not say otherwise.
const RUNS: u64 = 4;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// What only a failure takes.
const PATIENCE: Duration = Duration::from_mins(3);

fn object(kind: &str, name: &str, spec: &Value) -> String {
    json!({ "apiVersion": "ops.mobulace.com/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
        .to_string()
}

/// PagerDuty behind a proxy, for channels of these names; `after`: when each of them is told.
async fn channels(space: &Space, receivers: &Proxy, after: &[(&str, &str)]) -> Receiver {
    let events = Receiver::pagerduty(space);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "stringData": { "key": "0123456789abcdef0123456789abcdef" },
        "metadata": { "name": "pagerduty", "labels": { ace_api::LABEL_USE: "pagerduty" } },
    });
    space.apply(&secret.to_string()).await;
    let base = events
        .base()
        .replace(&space.bed.bed.file().receivers_url, &receivers.url);
    for (name, after) in after {
        let spec = json!({
            "pagerDuty": { "routingKeySecretRef": { "name": "pagerduty", "key": "key" }, "url": base },
            "default": true, "groupWait": "0s", "groupInterval": "1m", "after": after,
        });
        space.apply(&object("NotificationChannel", name, &spec)).await;
    }
    events
}

/// The operator's own.
async fn kubeconfig() -> PathBuf {
    let bed = &bed().bed;
    let written = bed.service_account_kubeconfig(rights::NAMESPACE, rights::OPERATOR);
    written.await.unwrap()
}

/// How many groups a channel has told of.
async fn open(space: &Space, name: &str) -> i32 {
    let channel = space.api::<NotificationChannel>().get(name).await.unwrap();
    let status = channel.status.unwrap_or_default();
    if status.intent.is_some() {
        -1
    } else {
        status.open.unwrap_or_default()
    }
}

/// What PagerDuty has taken from the first one on.
async fn taken(events: &Receiver, first: usize) -> Vec<Value> {
    let all = events.deliveries().await;
    let accepted = all.into_iter().filter(|one| one["accepted"] == true);
    accepted.map(|mut one| one["body"].take()).skip(first).collect()
}

/// An operator whose requests to the API server, PostgreSQL and the receivers are counted, and which is killed at one of them.
struct Cutting<'a> {
    space: &'a Space,
    cuts: Cuts,
    options: OperatorOptions,
    operator: Operator,
    cut: Option<String>,
}

impl Cutting<'_> {
    /// Counts no more; whoever was killed is started again.
    async fn revive(&mut self) {
        if let Some(cut) = self.cuts.disarm().0 {
            self.cut = Some(cut);
            self.operator.kill();
            self.operator = Operator::start(bed(), &self.options).await;
        }
    }

    /// Both channels have this many groups, whoever is killed meanwhile and started again.
    async fn reaches(&mut self, groups: i32) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.cuts.has_cut() {
                self.revive().await;
            }
            let (first, second) = (open(self.space, "on-call").await, open(self.space, "lead").await);
            if (first, second) == (groups, groups) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{:?}: {groups} expected, {first} and {second} found\n{}",
                self.cut,
                self.operator.log()
            );
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn killed_at_any_request_it_loses_no_alert_and_repeats_by_a_known_key() {
    with_namespace(async |space| {
        let cuts = Cuts::default();
        let (_, kubeconfig) = Proxy::of_kubernetes(&kubeconfig().await, &cuts).await;
        let receivers = Proxy::start("receiver", &space.bed.bed.file().receivers_url, &cuts).await;
        let options = OperatorOptions {
            kubeconfig: Some(kubeconfig),
            notify_host: Some(receivers.url.clone()),
            ..OperatorOptions::default()
        };
        let operator = Operator::start(bed(), &options).await;
        let database = fires_by_rows(space, &operator, &cuts).await;
        let events = channels(space, &receivers, &[("on-call", "0s"), ("lead", "1m")]).await;
        let mut cutting = Cutting {
            space,
            cuts,
            options,
            operator,
            cut: None,
        };
        let stride = env::var("ALERT_CUTS").map_or(STRIDE, |text| text.parse().unwrap());
        let sides = [Side::Before, Side::After];
        let mut killed = BTreeSet::new();
        for place in (0..).step_by(stride) {
            let both = if stride == 1 {
                &sides[..]
            } else {
                &sides[place / stride % 2..][..1]
            };
            let mut is_past = true;
            for side in both {
                let before = taken(&events, 0).await.len();
                cutting.cut = None;
                cutting.cuts.arm(cutting.operator.process_id(), place, *side);
                database.run("DELETE FROM public.cards").await;
                cutting.reaches(1).await;
                database.run("INSERT INTO public.cards DEFAULT VALUES").await;
                cutting.reaches(0).await;
                cutting.revive().await;
                is_past &= cutting.cut.is_none();
                told_of_all(&taken(&events, before).await, cutting.cut.as_deref());
                killed.extend(cutting.cut.clone());
            }
            if is_past {
                break;
            }
        }
        eprintln!("killed at {}: {killed:#?}", killed.len());
        assert!(killed.len() > 1, "it was killed: {killed:#?}");

        // While it fires, another process has nothing to tell.
        database.run("DELETE FROM public.cards").await;
        cutting.reaches(1).await;
        let told = taken(&events, 0).await;
        cutting.operator.kill();
        cutting.operator = Operator::start(bed(), &cutting.options).await;
        for channel in ["on-call", "lead"] {
            let annotate = ["annotate", "channel", channel, "ops.mobulace.com/reconcile-at=now"];
            space.kubectl(&annotate).await.expect("a channel can be annotated");
            let reconciled = |channel: &Value| channel["status"]["lastHandledReconcileAt"] == "now";
            space
                .wait::<NotificationChannel>(channel, "was reconciled", reconciled)
                .await;
        }
        assert_eq!(taken(&events, 0).await, told, "{}", cutting.operator.log());
    })
    .await;
}

/// A rule that fires while a table is empty; answers with its database, which the operator reaches through a proxy.
async fn fires_by_rows(space: &Space, operator: &Operator, cuts: &Cuts) -> Database {
    let stage = Stage::set_up(space, operator, "24h").await;
    let database = Database::create().await;
    stage.database("24h", &database).await;
    let role = database.reader();
    database
        .run(&format!(
            "CREATE TABLE public.cards (id int); INSERT INTO public.cards DEFAULT VALUES; \
             CREATE ROLE {role} LOGIN PASSWORD 'reader'; GRANT USAGE ON SCHEMA public TO {role}; \
             GRANT SELECT ON public.cards TO {role}"
        ))
        .await;
    let through = ace_tests::PostgresProxy::start(database.port, cuts).await;
    stage
        .change_platform(json!({ "database": { "port": through.port } }))
        .await;
    stage.reader(&role, "reader").await;
    let spec = json!({
        "platformRef": { "name": ace_tests::PLATFORM },
        "source": { "sql": { "query": "select count(*) as value from public.cards" } },
        "interval": "30s",
        "condition": { "operator": "LessThan", "levels": { "warning": { "threshold": "1" } }, "for": "0s" },
    });
    space.apply(&object("AlertRule", "cards", &spec)).await;
    let is_quiet = |rule: &Value| rule["status"]["state"] == "Inactive";
    space.wait::<AlertRule>("cards", "is quiet", is_quiet).await;
    database
}

/// Each of the two channels has told that it fires, and that it is over; and again only what may have been lost.
fn told_of_all(told: &[Value], cut: Option<&str>) {
    let actions = |key: &str| -> Vec<&str> {
        let own = told.iter().filter(|one| one["dedup_key"] == *key);
        own.map(|one| one["event_action"].as_str().unwrap()).collect()
    };
    let keys: BTreeSet<&str> = told.iter().map(|one| one["dedup_key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), 2, "{cut:?}: {told:#?}");
    for key in keys {
        let mut actions = actions(key);
        actions.dedup();
        assert_eq!(actions, ["trigger", "resolve"], "{cut:?}: {told:#?}");
    }
    let news: BTreeSet<String> = told.iter().map(Value::to_string).collect();
    assert_eq!(news.len(), 4, "what is repeated is the same, {cut:?}: {told:#?}");
    let again = told.len() - news.len();
    // Both channels may have been telling.
    let most = if cut.is_some() { 2 } else { 0 };
    assert!(again <= most, "{cut:?}: {told:#?}");
}

async fn two_operators_of_which_one_is_stopped_while_it_tells_tell_all_news_and_repeat_at_most_what_was_under_way() {
    with_unjudged_namespace(async |space| {
        let tells = Cuts::default();
        let receivers = Proxy::start("receiver", &space.bed.bed.file().receivers_url, &tells).await;
        let mut pair = Vec::new();
        for instance in ["ace-operator-0", "ace-operator-1"] {
            let writes = Cuts::default();
            let (_, kubeconfig) = Proxy::of_kubernetes(&kubeconfig().await, &writes).await;
            let options = OperatorOptions {
                kubeconfig: Some(kubeconfig),
                notify_host: Some(receivers.url.clone()),
                // Both act, as where the loss of the Lease goes unnoticed.
                leader_elect: false,
                instance: Some(instance),
                ..OperatorOptions::default()
            };
            pair.push((Operator::start(bed(), &options).await, writes));
        }
        let events = channels(space, &receivers, &[("on-call", "0s")]).await;
        // A rule that is suspended is not asked, and what fires goes on firing.
        let spec = json!({
            "platformRef": { "name": "prod" }, "suspend": true,
            "source": { "sql": { "query": "select 0 as value" } },
            "condition": { "operator": "LessThan", "levels": { "warning": { "threshold": "10" } } },
        });
        space.apply(&object("AlertRule", "cards", &spec)).await;
        let runs = env::var("ALERT_RUNS").map_or(RUNS, |text| text.parse().unwrap());
        let mut stopped = Vec::new();
        for run in 1..=runs {
            let mut random = StdRng::seed_from_u64(run);
            let (victim, writes) = &pair[random.random_range(0..2)];
            // Which of them tells is known to nobody: it may be the other one whose answer is held back.
            let is_told = random.random_bool(0.3);
            let (cuts, of, most) = if is_told {
                (&tells, "receiver", 2)
            } else {
                (writes, "kubernetes PATCH", 4)
            };
            let cut = Cut {
                process_id: Some(victim.process_id()),
                stops: true,
                of,
                at: random.random_range(0..most),
                side: [Side::Before, Side::After][random.random_range(0..2)],
            };
            cuts.arm_at(cut.clone());
            // A firing of its own.
            let since = Timestamp::from_second(Timestamp::now().as_second() - 3_600 + run.cast_signed()).unwrap();
            let alert = json!({
                "fingerprint": "a", "state": "Firing", "severity": "warning", "since": since, "value": "0",
            });
            for (alerts, groups) in [(json!([alert]), 1), (json!([]), 0)] {
                let patch = Patch::Merge(json!({ "status": { "alerts": alerts } }));
                let rules = space.api::<AlertRule>();
                let patched = rules.patch_status("cards", &PatchParams::default(), &patch).await;
                patched.unwrap();
                let what = format!("run {run}, {cut:?}: {groups} are told of");
                let told = async || (open(space, "on-call").await == groups).then_some(());
                space.eventually(&what, told).await;
            }
            stopped.extend(cuts.disarm().0);
            signal(victim, Signal::CONT);
            // Whoever was stopped looks again, by what it knew before; in the end both know that it is over.
            let kind = [("kind", "NotificationChannel")];
            let before = victim.metric("ace_passes_total", &kind).await;
            let asked = format!("ops.mobulace.com/reconcile-at={run}");
            let annotate = ["annotate", "--overwrite", "channel", "on-call", &asked];
            space.kubectl(&annotate).await.expect("a channel can be annotated");
            let looks = async || (victim.metric("ace_passes_total", &kind).await > before).then_some(());
            space.eventually("it has looked again", looks).await;
            let is_over = async || {
                let told = taken(&events, 0).await;
                let last = told.last().is_some_and(|last| last["event_action"] == "resolve");
                (last && open(space, "on-call").await == 0).then_some(())
            };
            space
                .eventually(&format!("run {run}, {cut:?}: it is over"), is_over)
                .await;
        }
        assert!(!stopped.is_empty(), "nobody was stopped");
        let told = taken(&events, 0).await;
        let keys: BTreeSet<&str> = told.iter().map(|one| one["dedup_key"].as_str().unwrap()).collect();
        assert_eq!(keys.len(), 1, "{keys:?}");
        let of = |action: &str| -> BTreeSet<&str> {
            let all = told.iter().filter(|one| one["event_action"] == action);
            all.map(|one| one["payload"]["timestamp"].as_str().unwrap()).collect()
        };
        let (fired, over) = (of("trigger"), of("resolve"));
        assert_eq!(fired.len() as u64, runs, "each firing is told: {told:#?}");
        assert_eq!(fired, over, "and its end");
        let news = fired.len() + over.len();
        let again = told.len() - news;
        eprintln!(
            "{runs} runs, stopped in {}: {} messages, {again} of them repeated",
            stopped.len(),
            told.len()
        );
        assert!(again <= stopped.len(), "{stopped:?}: {told:#?}");
    })
    .await;
}
