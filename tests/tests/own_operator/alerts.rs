//! The operator is killed while something fires, is escalated and is resolved: nothing is lost, and what is sent again has the key
//! that the receiver knows.

use std::{
    collections::BTreeSet,
    env,
    path::PathBuf,
    time::{Duration, Instant},
};

use ace_api::{AlertRule, NotificationChannel};
use ace_tests::{Cuts, Database, Operator, OperatorOptions, Proxy, Receiver, Side, Space, Stage, bed, with_namespace};
use serde_json::{Value, json};
use xtask::rights;

ace_tests::tests! {
    killed_at_any_request_it_loses_no_alert_and_repeats_by_a_known_key,
}

/// Every fifth request is a place to die, where `ALERT_CUTS` does not say otherwise: with 1 each of them is, on both sides.
const STRIDE: usize = 5;
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
