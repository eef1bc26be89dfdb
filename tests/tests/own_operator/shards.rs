//! Several operators that divide the projects among them.

use ace_tests::{Operator, OperatorOptions, Stage, bed, on_stage_of};
use kube::api::ListParams;
use rustix::process::Signal;
use serde_json::json;

use crate::{
    fate::signal,
    leases::{HELLO, leases, named, rolls_out},
};

ace_tests::tests! {
    three_share_eight_shards_and_whoever_comes_or_goes_each_project_is_one_operators,
}

async fn start(instance: &'static str, shards: u32) -> Operator {
    let options = OperatorOptions {
        shards,
        ..named(instance)
    };
    Operator::start(bed(), &options).await
}

/// They come to have so many shards, the most first.
async fn share(stage: &Stage<'_>, operators: &[&Operator], expected: &[u32]) {
    let expected: Vec<f64> = expected.iter().copied().map(f64::from).collect();
    let have = async || {
        let mut have = Vec::new();
        for operator in operators {
            have.push(operator.metric("ace_shards", &[]).await);
        }
        have.sort_by(|one, other| other.total_cmp(one));
        (have == expected).then_some(())
    };
    stage.eventually(&format!("they have {expected:?}"), have).await;
}

/// Every Lease of so many shards was given back.
async fn are_given_back(stage: &Stage<'_>, shards: u32) {
    let suffix = format!("-of-{shards}");
    let are_free = async || {
        let leases = leases().await.list(&ListParams::default()).await.unwrap();
        let of_them = |name: &Option<String>| name.as_ref().is_some_and(|name| name.ends_with(&suffix));
        let mut of_them = leases.iter().filter(|lease| of_them(&lease.metadata.name));
        let holder = |spec: &k8s_openapi::api::coordination::v1::LeaseSpec| spec.holder_identity.clone();
        let is_held = |holder: Option<String>| holder.is_some_and(|holder| !holder.is_empty());
        let is_free = of_them.all(|lease| !is_held(lease.spec.as_ref().and_then(holder)));
        is_free.then_some(())
    };
    stage.eventually("the Leases are given back", are_free).await;
}

async fn three_share_eight_shards_and_whoever_comes_or_goes_each_project_is_one_operators() {
    let (one, two, three) = (start("one", 8).await, start("two", 8).await, start("three", 8).await);
    on_stage_of(&two, "24h", async |first| {
        on_stage_of(&two, "24h", async |second| {
            on_stage_of(&two, "24h", async |third| {
                let stages = [first, second, third];
                share(first, &[&one, &two, &three], &[3, 3, 2]).await;
                for stage in stages {
                    stage.source(&[("hello/index.ts", HELLO)]).await;
                    stage.function("hello", json!({})).await;
                }
                for stage in stages {
                    stage.ready("hello").await;
                }
                let roll_out = async |version| {
                    for stage in stages {
                        rolls_out(stage, version).await;
                    }
                };
                // One is killed.
                signal(&one, Signal::KILL);
                share(first, &[&two, &three], &[4, 4]).await;
                roll_out(2).await;
                // Another one comes.
                let four = start("four", 8).await;
                share(first, &[&two, &three, &four], &[3, 3, 2]).await;
                roll_out(3).await;
                // Those of another number wait until the last of them has ended.
                let five = start("five", 5).await;
                for ends in [&two, &three] {
                    signal(ends, Signal::TERM);
                }
                share(first, &[&four], &[8]).await;
                roll_out(4).await;
                share(first, &[&five], &[0]).await;
                signal(&four, Signal::TERM);
                share(first, &[&five], &[5]).await;
                let six = start("six", 5).await;
                share(first, &[&five, &six], &[3, 2]).await;
                roll_out(5).await;
                for stage in stages {
                    assert_eq!(stage.project.uploads(0).await, ["hello"; 5], "each version once");
                }
                for ends in [&five, &six] {
                    signal(ends, Signal::TERM);
                }
                are_given_back(first, 5).await;
            })
            .await;
        })
        .await;
    })
    .await;
}
