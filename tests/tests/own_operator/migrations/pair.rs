//! Two operators at once, one that sleeps for longer than its session lives, and one that is told to end.

use std::io::Write;

use ace_tests::{Cuts, OperatorOptions, with_unjudged_namespace};
use rand::{SeedableRng, rngs::StdRng};
use rustix::process::Signal;

use super::{Ground, start};
use crate::fate::{Fates, signal};

ace_tests::tests! {
    two_operators_to_which_anything_happens_apply_every_file_once,
    an_operator_that_sleeps_for_longer_than_its_session_lives_does_nothing_when_it_wakes,
    an_operator_that_is_told_to_end_in_a_statement_ends_within_its_grace_with_nothing_half_done,
}

const RUNS: u32 = 20;
const FATES: Fates = Fates {
    killed: 2,
    after: 0..1_000,
    // Some for longer than a Lease lasts.
    pause: 100..4_000,
};
const SESSIONS: &str = "ace-operator";

/// One whose Lease expires in three seconds.
fn named(instance: &'static str) -> OperatorOptions {
    OperatorOptions {
        instance: Some(instance),
        lease_scale: 5,
        ..OperatorOptions::default()
    }
}

async fn two_operators_to_which_anything_happens_apply_every_file_once() {
    with_unjudged_namespace(async |space| {
        let options = [named("first"), named("second")];
        let mut first = start(&options[0]).await;
        let mut second = start(&options[1]).await;
        let ground = Ground::prepare(space, &first, &Cuts::default()).await;
        for number in 1..=RUNS {
            let mut random = StdRng::seed_from_u64(number.into());
            let fates = [FATES.random(&mut random), FATES.random(&mut random)];
            let head = ground.put(&ground.stage(&first), number, "").await;
            tokio::join!(
                fates[0].strike(&mut first, &options[0], &ground.database, SESSIONS),
                fates[1].strike(&mut second, &options[1], &ground.database, SESSIONS),
            );
            ground
                .is_applied_once(&ground.stage(&first), number, &head, &format!("{fates:?}"))
                .await;
        }
        // Past what the harness keeps to itself.
        let _ = writeln!(std::io::stderr(), "{RUNS} runs of two whole operators; no file twice");
    })
    .await;
}

async fn an_operator_that_sleeps_for_longer_than_its_session_lives_does_nothing_when_it_wakes() {
    with_unjudged_namespace(async |space| {
        let mut sleeper = start(&named("sleeper")).await;
        let ground = Ground::prepare(space, &sleeper, &Cuts::default()).await;
        let head = ground.put(&ground.stage(&sleeper), 1, "SELECT pg_sleep(5);\n").await;
        let running = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(5)%' AND state = 'active'";
        space
            .eventually("it runs", async || ground.database.rows(running).await.pop())
            .await;
        signal(&sleeper, Signal::STOP);
        let next = start(&named("next")).await;
        // The server ends the session of the first after a minute.
        ground
            .is_applied_once(&ground.stage(&next), 1, &head, "beside a sleeper")
            .await;
        signal(&sleeper, Signal::CONT);
        let status = space.eventually("the sleeper ends", async || sleeper.ended()).await;
        assert!(!status.success(), "{}", sleeper.log());
        let stage = ground.stage(&next);
        let after = ground.put(&stage, 2, "").await;
        ground
            .is_applied_once(&stage, 2, &after, "with a sleeper that woke")
            .await;
        ground
            .is_applied_once(&stage, 1, &after, "with a sleeper that woke")
            .await;
    })
    .await;
}

async fn an_operator_that_is_told_to_end_in_a_statement_ends_within_its_grace_with_nothing_half_done() {
    with_unjudged_namespace(async |space| {
        let options = OperatorOptions::default();
        let mut told = start(&options).await;
        let ground = Ground::prepare(space, &told, &Cuts::default()).await;
        let first = "SELECT pg_sleep(CASE WHEN to_regclass('public.told') IS NULL THEN 600 ELSE 0 END);\n";
        let head = ground.put(&ground.stage(&told), 1, first).await;
        let running = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(CASE%' AND state = 'active'";
        space
            .eventually("it runs", async || ground.database.rows(running).await.pop())
            .await;
        signal(&told, Signal::TERM);
        let status = space.eventually("it ends", async || told.ended()).await;
        assert!(status.success(), "{status}: {}", told.log());
        let gone = async || ground.database.rows(running).await.is_empty().then_some(());
        space.eventually("its session ends, too", gone).await;
        assert_eq!(ground.database.ledger().await, ["0"]);
        ground.database.run("CREATE TABLE public.told ()").await;
        let next = start(&options).await;
        let stage = ground.stage(&next);
        ground
            .is_applied_once(&stage, 1, &head, "after one that was told to end")
            .await;
    })
    .await;
}
