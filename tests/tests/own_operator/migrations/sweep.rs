//! One operator, which is killed or cut off at a request.

use std::io::Write;

use ace_tests::{Cut, Cuts, Operator, OperatorOptions, Proxy, Side, bed, with_namespace};
use xtask::rights;

use super::{Ground, start};

ace_tests::tests! {
    killed_or_cut_off_at_any_request_of_a_run_it_ends_as_if_undisturbed,
}

/// So fast that a database which went is looked for again after an eighth of a second.
const SCALE: u32 = 240;
/// Requests of five files: to the API server, and each COMMIT.
const RECORDED: [usize; 2] = [12, 9];
/// Of the requests to PostgreSQL every so manieth kills a whole operator, and every second of those cuts it off; all of them are
/// in `crates/database/tests/race`.
const STRIDE: usize = 12;
/// How many that are.
const FEWEST: usize = 10;
/// How requests to the API server are named.
const KUBERNETES: &str = "kubernetes";

struct Sweep<'a> {
    ground: Ground<'a>,
    operator: Operator,
    options: OperatorOptions,
    cuts: Cuts,
    number: u32,
    told: Vec<String>,
}

impl Sweep<'_> {
    /// Cuts at every `stride`th request of this kind, until there is none; answers with how many there were.
    async fn sweep(&mut self, of: &'static str, stride: usize, side: Side, kill: bool) -> usize {
        for count in 0.. {
            let cut = Cut {
                process_id: kill.then(|| self.operator.process_id()),
                stops: false,
                of,
                at: count * stride,
                side,
            };
            if !self.round(cut).await {
                return count;
            }
        }
        unreachable!()
    }

    /// Five files, and whether it came to the cut.
    async fn round(&mut self, cut: Cut) -> bool {
        self.number += 1;
        let number = self.number;
        let (kill, of) = (cut.process_id.is_some(), cut.of);
        let stage = self.ground.stage(&self.operator);
        self.cuts.arm_at(cut);
        let head = self.ground.put(&stage, number, "").await;
        let undisturbed = async {
            stage.applied(&head).await;
            // An event of each run. An operator that has told much tells less: this one is new.
            let told = async || {
                let events = stage.events("main").await;
                (of != KUBERNETES || events.iter().any(|event| event.contains(&head))).then_some(())
            };
            stage.eventually("the last run is told", told).await;
        };
        let is_cut = stage.eventually("it is cut", async || self.cuts.has_cut().then_some(()));
        tokio::select! {
            () = undisturbed => {}
            () = is_cut => {}
        }
        if !kill && self.cuts.has_cut() {
            stage.applied(&head).await;
        }
        let (cut, _) = self.cuts.disarm();
        if kill && cut.is_some() {
            self.operator.kill();
            self.operator = start(&self.options).await;
        }
        let what = format!("{cut:?}, killed: {kill}");
        let stage = self.ground.stage(&self.operator);
        self.ground.is_applied_once(&stage, number, &head, &what).await;
        self.told.extend(cut.clone());
        cut.is_some()
    }
}

async fn killed_or_cut_off_at_any_request_of_a_run_it_ends_as_if_undisturbed() {
    with_namespace(async |space| {
        let cuts = Cuts::default();
        let account = bed().bed.service_account_kubeconfig(rights::NAMESPACE, rights::OPERATOR).await.unwrap();
        let (_kubernetes, kubeconfig) = Proxy::of_kubernetes(&account, &cuts).await;
        let options = OperatorOptions {
            scale: SCALE,
            kubeconfig: Some(kubeconfig),
            ..OperatorOptions::default()
        };
        let operator = start(&options).await;
        let ground = Ground::prepare(space, &operator, &cuts).await;
        let mut sweep = Sweep {
            ground,
            operator,
            options,
            cuts,
            number: 0,
            told: Vec::new(),
        };
        for side in [Side::Before, Side::After] {
            let kubernetes = sweep.sweep(KUBERNETES, 1, side, true).await;
            let commits = sweep.sweep("postgres COMMIT", 1, side, true).await;
            let lost = sweep.sweep("postgres COMMIT", 1, side, false).await;
            let others = sweep.sweep("postgres", STRIDE, side, true).await;
            let cut_off = sweep.sweep("postgres", 2 * STRIDE, side, false).await;
            // Past what the harness keeps to itself: how many there were is the point.
            let counts = format!(
                "{side:?}: killed at {kubernetes} requests to the API server, {commits} COMMITs and {others} other requests; \
                 cut off at {lost} COMMITs and {cut_off} other requests"
            );
            let _ = writeln!(std::io::stderr(), "{counts}");
            let all = [kubernetes >= RECORDED[0], commits >= RECORDED[1], lost >= RECORDED[1]];
            assert!(all == [true; 3] && others >= FEWEST && cut_off >= FEWEST / 2, "{counts}: {:#?}", sweep.told);
        }
    })
    .await;
}
