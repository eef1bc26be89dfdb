//! One of two operators, which is stopped at a request of a run for longer than its Lease lasts.

use ace_tests::{Cut, Cuts, Operator, OperatorOptions, Side, bed, with_namespace};
use rustix::process::Signal;

use super::Ground;
use crate::fate::signal;

ace_tests::tests! {
    stopped_at_a_request_of_a_run_and_woken_when_another_acts_it_runs_nothing,
}

/// Every so manieth COMMIT, and every so manieth request.
const STRIDES: [(&str, usize); 2] = [("postgres COMMIT", 4), ("postgres", 24)];
/// How many rounds that are, at least.
const FEWEST: usize = 8;

fn named(instance: &'static str) -> OperatorOptions {
    OperatorOptions {
        scale: 240,
        instance: Some(instance),
        lease_scale: 5,
        ..OperatorOptions::default()
    }
}

async fn stopped_at_a_request_of_a_run_and_woken_when_another_acts_it_runs_nothing() {
    with_namespace(async |space| {
        let cuts = Cuts::default();
        let (mut number, mut stopped) = (0, Vec::new());
        let ground = {
            let operator = Operator::start(bed(), &named("other")).await;
            Ground::prepare(space, &operator, &cuts).await
        };
        for (of, stride) in STRIDES {
            for side in [Side::Before, Side::After] {
                for count in 0.. {
                    number += 1;
                    let mut sleeper = Operator::start(bed(), &named("sleeper")).await;
                    let leads = async || (sleeper.metric("ace_leader", &[]).await > 0.0).then_some(());
                    space.eventually("it acts", leads).await;
                    let other = Operator::start(bed(), &named("other")).await;
                    cuts.arm_at(Cut {
                        process_id: Some(sleeper.process_id()),
                        stops: true,
                        of,
                        at: count * stride,
                        side,
                    });
                    let head = ground.put(&ground.stage(&other), number, "").await;
                    ground
                        .is_applied_once(&ground.stage(&other), number, &head, "beside a sleeper")
                        .await;
                    let (cut, _) = cuts.disarm();
                    let Some(cut) = cut else { break };
                    let leads = async || (other.metric("ace_leader", &[]).await > 0.0).then_some(());
                    space.eventually("the other one acts", leads).await;
                    signal(&sleeper, Signal::CONT);
                    let status = space.eventually("the sleeper ends", async || sleeper.ended()).await;
                    assert!(!status.success(), "stopped {cut}");
                    ground
                        .is_applied_once(&ground.stage(&other), number, &head, &format!("stopped {cut}"))
                        .await;
                    stopped.push(cut);
                }
            }
        }
        assert!(stopped.len() >= FEWEST, "only {}: {stopped:#?}", stopped.len());
    })
    .await;
}
