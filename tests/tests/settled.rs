//! What an operator costs that has nothing to do. On a bed without neighbours, because it counts everything that the operator does.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use ace_tests::{LIST, Operator, OperatorOptions, Request, bed, is_true, on_stage_of};
use serde_json::json;

/// A second at the pace of this operator.
const INTERVAL: &str = "60s";
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn settled_objects_cost_one_list_per_interval_and_nothing_else() {
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

        let (since, audited) = (stage.project.now().await, bed().audited());
        let functions = [("kind", "EdgeFunction")];
        let counters = async || {
            let passes = operator.metric("ace_passes_total", &functions).await;
            (
                operator.metric("ace_enqueued_total", &functions).await,
                passes,
                operator.metric("ace_status_writes_total", &[]).await,
            )
        };
        let before = counters().await;
        let requests = stage
            .eventually("four lists, three intervals", async || {
                let requests = stage.project.requests(since).await;
                (requests.iter().filter(|request| request.route == LIST).count() >= 4).then_some(requests)
            })
            .await;

        assert_eq!(
            counters().await,
            before,
            "enqueued EdgeFunctions, their passes, and status writes"
        );
        assert!(requests.iter().all(|request| request.route == LIST), "{requests:#?}");
        assert!(
            requests.windows(2).all(|pair| gap(pair) >= SECOND.mul_f64(0.95)),
            "one per interval: {requests:#?}"
        );
        let writes: Vec<_> = bed()
            .audit(audited)
            .into_iter()
            .filter(ace_tests::Audited::is_write)
            .collect();
        assert_eq!(writes, []);
    })
    .await;
}

fn gap(pair: &[Request]) -> Duration {
    let time = |request: &Request| request.time.parse::<jiff::Timestamp>().unwrap();
    time(&pair[1])
        .duration_since(time(&pair[0]))
        .try_into()
        .unwrap_or_default()
}
