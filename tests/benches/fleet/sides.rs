//! Operator and bare client in turns on one bed: each a process of its own, with the operator's rights.

use std::{path::PathBuf, process, time::Duration};

use ace_api::{EdgeFunction, Platform};
use ace_tests::{Operator, OperatorOptions, TestBed, bed};
use reqwest::Method;
use serde_json::json;
use xtask::rights;

use crate::{
    bare::Bare,
    count::{Counts, Mark},
    fleet::{Fleet, is_ready},
    http, usage,
};

/// The shortest that a Platform takes.
const INTERVAL: Duration = Duration::from_secs(30);
/// Intervals in which nothing happens.
pub const INTERVALS: u32 = 3;
const CLUSTER: &[&str] = &["kube-apiserver", "etcd", "kube-controller"];

/// One side's turn, until all functions are Ready.
pub struct Turn {
    pub time: Duration,
    /// CPU seconds of the process itself.
    pub cpu: f64,
    /// CPU seconds of the platform's deploy-time checks.
    pub checks: f64,
    /// CPU seconds of API server, etcd and controllers.
    pub cluster_cpu: f64,
    pub cluster: Counts,
    pub platform: Counts,
}

/// What happened in the intervals in which nothing should.
pub struct Settled {
    pub platform: Counts,
    pub cluster: Counts,
    /// EdgeFunctions.
    pub enqueued: f64,
    /// CPU seconds of an interval.
    pub cpu: f64,
}

pub struct Sides {
    pub bed: &'static TestBed,
    pub options: OperatorOptions,
    account: PathBuf,
}

impl Sides {
    /// A platform without limits. `scale` divides the operator's intervals and multiplies its request budget.
    pub async fn prepare(scale: u32) -> Self {
        let bed = bed();
        let knobs = format!("{}/knobs", bed.bed.file().admin_url);
        http::send(Method::PUT, &knobs, &json!({ "rateLimits": false })).await;
        let account = bed
            .bed
            .service_account_kubeconfig(rights::NAMESPACE, rights::OPERATOR)
            .await
            .expect("the ServiceAccount has a token");
        let options = OperatorOptions {
            scale,
            // As it runs in life.
            log: "info".to_owned(),
            kubeconfig: Some(account.clone()),
            ..OperatorOptions::default()
        };
        Self { bed, options, account }
    }

    /// An interval of the operator's.
    pub fn interval(&self) -> Duration {
        INTERVAL / self.options.scale
    }

    /// Builds it, where that is needed.
    pub async fn start(&self) -> Operator {
        Operator::start(self.bed, &self.options).await
    }

    pub async fn operator(&self, fleet: &Fleet) -> (Turn, Operator) {
        turn(fleet, async || self.start().await, Operator::process_id).await
    }

    pub async fn bare(&self, fleet: &Fleet) -> Turn {
        let start = async || Bare::start(&self.account, &fleet.namespace);
        let (turn, bare) = turn(fleet, start, Bare::process_id).await;
        bare.end();
        turn
    }

    pub async fn settled(&self, fleet: &Fleet, operator: &Operator) -> Settled {
        let wanted = json!({ "spec": { "interval": format!("{}s", INTERVAL.as_secs()) } });
        fleet.change_platforms(&wanted).await;
        fleet.until_all::<Platform, _>(is_ready, async || ()).await;
        tokio::time::sleep(self.interval() * 2).await;
        let file = self.bed.bed.file();
        let enqueued = async || operator.metric("ace_enqueued_total", &[("kind", "EdgeFunction")]).await;
        let (mark, cpu, before) = (
            Mark::now(file).await,
            usage::cpu(operator.process_id()),
            enqueued().await,
        );
        tokio::time::sleep(self.interval() * INTERVALS).await;
        Settled {
            platform: mark.platform(file, None).await,
            cluster: mark.cluster(file),
            cpu: (usage::cpu(operator.process_id()) - cpu) / f64::from(INTERVALS),
            enqueued: enqueued().await - before,
        }
    }
}

async fn turn<P>(fleet: &Fleet, start: impl AsyncFnOnce() -> P, process_id: impl Fn(&P) -> u32) -> (Turn, P) {
    let file = fleet.bed.bed.file();
    let mark = Mark::now(file).await;
    let (checks, cluster_cpu) = (
        usage::ended_children(process::id()),
        usage::children_named(process::id(), CLUSTER),
    );
    let (time, side) = fleet.until_all::<EdgeFunction, _>(is_ready, start).await;
    let turn = Turn {
        time,
        cpu: usage::cpu(process_id(&side)),
        checks: usage::ended_children(process::id()) - checks,
        cluster_cpu: usage::children_named(process::id(), CLUSTER) - cluster_cpu,
        cluster: mark.cluster(file),
        platform: mark.platform(file, None).await,
    };
    (turn, side)
}
