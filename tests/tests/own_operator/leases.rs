//! Several operators, of which one acts.

use std::path::Path;

use ace_api::Platform;
use ace_tests::{
    Cuts, Operator, OperatorOptions, PLATFORM, Project, Proxy, Side, Space, Stage, bed, is_true, on_stage_of,
    with_namespace,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams},
};
use rustix::process::Signal;
use serde_json::{Value, json};
use xtask::rights;

use crate::fate::signal;

ace_tests::tests! {
    of_two_operators_one_deploys_and_the_other_goes_on_when_it_ends_or_dies,
    a_container_that_is_started_again_in_its_pod_has_its_own_lease,
    who_has_lost_its_lease_ends_whoever_took_it,
    stopped_at_any_request_of_a_roll_out_and_woken_when_another_acts_it_does_nothing,
    with_clocks_that_are_an_hour_apart_who_is_stopped_and_woken_does_nothing_either,
}

/// Where distributions have the library that shows a program another time.
const FAKED: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
];
/// Requests of the roll-out of one changed file, at each of which the operator is stopped.
const RECORDED: usize = 11;
pub const HELLO: &str = "Deno.serve(() => new Response(\"hello\"));\n";

/// Leases that expire in three seconds.
pub fn named(instance: &'static str) -> OperatorOptions {
    OperatorOptions {
        instance: Some(instance),
        lease_scale: 5,
        ..OperatorOptions::default()
    }
}

pub async fn leases() -> Api<Lease> {
    Api::namespaced(bed().client().await, rights::NAMESPACE)
}

async fn lease() -> LeaseSpec {
    let lease = leases().await.get(rights::OPERATOR).await.unwrap();
    lease.spec.unwrap()
}

/// The function is rolled out again, by whoever acts.
pub async fn rolls_out(stage: &Stage<'_>, version: i64) {
    let before = stage.until("hello", "is there", |_| true).await;
    stage.source(&[("hello/index.ts", &answering(version))]).await;
    stage.rolled_out("hello", &before).await;
    assert_eq!(stage.project.answer("hello").await, format!("version {version}"));
}

fn answering(version: i64) -> String {
    format!("Deno.serve(() => new Response(\"version {version}\"));\n")
}

async fn acts(stage: &Stage<'_>, operator: &Operator) {
    let leads = async || (operator.metric("ace_leader", &[]).await > 0.0).then_some(());
    stage.eventually("it acts", leads).await;
}

async fn of_two_operators_one_deploys_and_the_other_goes_on_when_it_ends_or_dies() {
    let first = Operator::start(bed(), &named("first")).await;
    on_stage_of(&first, "24h", async |stage| {
        acts(stage, &first).await;
        let second = Operator::start(bed(), &named("second")).await;
        let names: Vec<String> = (0..8).map(|number| format!("hello-{number}")).collect();
        let files: Vec<String> = names.iter().map(|name| format!("{name}/index.ts")).collect();
        let mut files: Vec<(&str, &str)> = files.iter().map(|path| (path.as_str(), HELLO)).collect();
        files.push(("hello/index.ts", HELLO));
        stage.source(&files).await;
        stage.function("hello", json!({})).await;
        for name in &names {
            stage.function(name, json!({})).await;
        }
        for name in &names {
            stage.ready(name).await;
        }
        stage.ready("hello").await;
        assert_eq!(stage.project.uploads(0).await.len(), 9, "each once");
        assert!(second.metric("ace_leader", &[]).await < 1.0, "it waits");
        assert!(
            !second.metrics().await.contains("ace_passes_total{"),
            "it waits, and makes no pass"
        );
        // Told to end, it gives the Lease back.
        let before = lease().await;
        signal(&first, Signal::TERM);
        acts(stage, &second).await;
        rolls_out(stage, 2).await;
        let after = lease().await;
        assert_eq!(
            after.lease_transitions,
            before.lease_transitions.map(|number| number + 1)
        );
        // Killed, it does not.
        let third = Operator::start(bed(), &named("third")).await;
        signal(&second, Signal::KILL);
        acts(stage, &third).await;
        rolls_out(stage, 3).await;
        assert_eq!(stage.project.uploads(0).await.len(), 11, "each once");
    })
    .await;
}

async fn a_container_that_is_started_again_in_its_pod_has_its_own_lease() {
    // So slow that nothing expires while the test runs.
    let options = OperatorOptions {
        lease_scale: 1,
        ..named("pod")
    };
    let mut operator = Operator::start(bed(), &options).await;
    with_namespace(async |space| {
        let leads = async |operator: &Operator| {
            let leads = async || (operator.metric("ace_leader", &[]).await > 0.0).then_some(());
            space.eventually("it acts", leads).await;
        };
        leads(&operator).await;
        let before = lease().await;
        operator.kill();
        operator = Operator::start(bed(), &options).await;
        leads(&operator).await;
        let after = lease().await;
        assert_eq!(after.holder_identity, before.holder_identity);
        assert_eq!(
            after.lease_transitions,
            before.lease_transitions.map(|number| number + 1)
        );
    })
    .await;
}

async fn who_has_lost_its_lease_ends_whoever_took_it() {
    with_namespace(async |space| {
        let nonsense = json!({ "spec": { "holderIdentity": "nobody\u{7}", "leaseTransitions": i32::MAX, "renewTime": "2099-01-01T00:00:00.000000Z" } });
        for deleted in [false, true] {
            let mut operator = Operator::start(bed(), &named("robbed")).await;
            let leads = async || (operator.metric("ace_leader", &[]).await > 0.0).then_some(());
            space.eventually("it acts", leads).await;
            if deleted {
                leases().await.delete(rights::OPERATOR, &DeleteParams::default()).await.unwrap();
            } else {
                let (leases, parameters) = (leases().await, PatchParams::default());
                let patch = Patch::Merge(&nonsense);
                leases.patch(rights::OPERATOR, &parameters, &patch).await.unwrap();
            }
            let status = space.eventually("it ends", async || operator.ended()).await;
            assert!(!status.success());
            let log = operator.log();
            assert!(log.contains("the Lease was lost"), "{log}");
        }
        // Whatever is left there, another one comes to act.
        let operator = Operator::start(bed(), &named("next")).await;
        let leads = async || (operator.metric("ace_leader", &[]).await > 0.0).then_some(());
        space.eventually("it acts", leads).await;
    })
    .await;
}

async fn stopped_at_any_request_of_a_roll_out_and_woken_when_another_acts_it_does_nothing() {
    with_namespace(async |space| {
        let mut rounds = Rounds::begin(space, Vec::new()).await;
        let stopped = rounds.every(1).await;
        eprintln!("stopped at {}: {stopped:#?}", stopped.len());
        assert!(
            stopped.len() >= 2 * RECORDED,
            "only {} requests: {stopped:#?}",
            stopped.len()
        );
    })
    .await;
}

async fn with_clocks_that_are_an_hour_apart_who_is_stopped_and_woken_does_nothing_either() {
    let Some(library) = FAKED.iter().map(Path::new).find(|library| library.exists()) else {
        eprintln!("skipped: libfaketime is not installed (apt-get install libfaketime)");
        return;
    };
    let ahead = [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME", "+1h".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    with_namespace(async |space| {
        let mut rounds = Rounds::begin(space, ahead.to_vec()).await;
        let stopped = rounds.every(4).await;
        eprintln!("an hour ahead, stopped at {}: {stopped:#?}", stopped.len());
        assert!(stopped.len() >= RECORDED / 2, "only {}: {stopped:#?}", stopped.len());
    })
    .await;
}

struct Rounds<'a> {
    space: &'a Space,
    project: Project,
    cuts: Cuts,
    sleeper: OperatorOptions,
    other: OperatorOptions,
    version: i64,
}

impl<'s> Rounds<'s> {
    /// Brings a function to rest. `environment`: that of whoever is stopped.
    async fn begin(space: &'s Space, environment: Vec<(&'static str, String)>) -> Self {
        let cuts = Cuts::default();
        let account = bed()
            .bed
            .service_account_kubeconfig(rights::NAMESPACE, rights::OPERATOR);
        let (_, kubeconfig) = Proxy::of_kubernetes(&account.await.unwrap(), &cuts).await;
        let project = Project::create(bed().bed.file()).await;
        // The one that is stopped reaches the API server by a proxy; both reach the platform by another.
        let sleeper = OperatorOptions {
            kubeconfig: Some(kubeconfig),
            scale: 240,
            environment,
            ..named("sleeper")
        };
        let other = OperatorOptions {
            scale: 240,
            ..named("other")
        };
        let rounds = Self {
            space,
            project,
            cuts,
            sleeper,
            other,
            version: 1,
        };
        rounds.settle().await;
        rounds
    }

    /// Stops at every so manieth request of a roll-out, on both sides of it; answers with those requests.
    async fn every(&mut self, stride: usize) -> Vec<String> {
        let mut stopped = Vec::new();
        for at in (0..).step_by(stride) {
            for side in [Side::Before, Side::After] {
                match self.round(at, side).await {
                    Some(cut) => stopped.push(cut),
                    None => return stopped,
                }
            }
        }
        stopped
    }

    fn stage<'a>(&'a self, operator: &'a Operator) -> Stage<'a> {
        Stage {
            space: self.space,
            project: self.project.clone(),
            operator,
        }
    }

    /// Brings a function to rest through the proxy of the platform.
    async fn settle(&self) {
        let operator = Operator::start(bed(), &self.other).await;
        let stage = self.stage(&operator);
        let api = Proxy::start("platform", &bed().bed.file().api_url, &self.cuts).await;
        stage.secret(&self.project.token, &self.project.anon_key).await;
        let token = json!({ "name": "supabase", "key": "token" });
        let spec = json!({ "interval": "24h", "url": self.project.gateway, "api": { "url": api.url, "tokenSecretRef": token } });
        stage.platform(spec).await;
        stage.source(&[("hello/index.ts", &answering(1))]).await;
        stage.function("hello", json!({})).await;
        let ready = |platform: &Value| is_true(platform, "Ready");
        self.space.wait::<Platform>(PLATFORM, "is Ready", ready).await;
        stage.ready("hello").await;
    }

    /// One roll-out, in which whoever began it is stopped at this request, while another takes over. Answers with the request, if
    /// there were so many.
    async fn round(&mut self, at: usize, side: Side) -> Option<String> {
        let mut sleeper = Operator::start(bed(), &self.sleeper).await;
        acts(&self.stage(&sleeper), &sleeper).await;
        let is_ahead = ahead(&sleeper) > SignedDuration::from_mins(50);
        assert_eq!(is_ahead, !self.sleeper.environment.is_empty(), "{}", sleeper.log());
        let other = Operator::start(bed(), &self.other).await;
        self.version += 1;
        let (version, since) = (self.version, self.project.now().await);
        let stage = self.stage(&other);
        let before = stage.until("hello", "is there", |_| true).await;
        self.cuts.arm_to_stop(sleeper.process_id(), at, side);
        stage.source(&[("hello/index.ts", &answering(version))]).await;
        let function = stage.rolled_out("hello", &before).await;
        // The last request of a roll-out that was not disturbed is its event.
        let says = format!(" as version {version}");
        let is_over = async || {
            let is_over = if self.cuts.has_cut() {
                other.metric("ace_leader", &[]).await > 0.0
            } else {
                stage.events("hello").await.iter().any(|event| event.ends_with(&says))
            };
            is_over.then_some(())
        };
        stage.eventually("another acts, or the deploy is told", is_over).await;
        let (cut, _) = self.cuts.disarm();
        if cut.is_some() {
            // It may have been stopped behind the last request, when all was told.
            acts(&stage, &other).await;
            signal(&sleeper, Signal::CONT);
            let status = stage.eventually("the sleeper ends", async || sleeper.ended()).await;
            assert!(!status.success(), "stopped {cut:?}");
        }
        assert_eq!(
            self.project.uploads(since).await,
            ["hello"],
            "stopped {cut:?}: {}",
            sleeper.log()
        );
        assert_eq!(self.project.version("hello").await, Some(version), "stopped {cut:?}");
        if cut.is_some() {
            let now = stage.until("hello", "is there", |_| true).await;
            let version = |function: &Value| function["metadata"]["resourceVersion"].clone();
            assert_eq!(version(&now), version(&function), "stopped {cut:?}: {}", sleeper.log());
        }
        cut
    }
}

/// By how much its clock, as its log shows it, is ahead of ours.
fn ahead(operator: &Operator) -> SignedDuration {
    let log = operator.log();
    let first: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    let time: Timestamp = first["timestamp"].as_str().unwrap().parse().unwrap();
    time.duration_since(Timestamp::now())
}
