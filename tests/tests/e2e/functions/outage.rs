//! A platform that does not answer.

use std::time::Duration;

use ace_api::Platform;
use ace_tests::{PLATFORM, Request, is_true, on_stage, reason_of};
use serde_json::{Value, json};

use super::sources::says;

/// The shortest interval of life; half a second at the shared operator's pace.
const INTERVAL: &str = "30s";
/// Half a minute at that pace.
const HALF_MINUTE: Duration = Duration::from_millis(500);
/// Ten minutes of life are twenty half minutes.
const TEN_MINUTES: Duration = Duration::from_secs(10);

ace_tests::tests![ten_minutes_of_503_stall_nothing_claim_nothing_and_cost_a_probe_per_half_minute,];

async fn ten_minutes_of_503_stall_nothing_claim_nothing_and_cost_a_probe_per_half_minute() {
    on_stage(INTERVAL, async |stage| {
        stage
            .source(&[("one/index.ts", &says("1")), ("two/index.ts", &says("2"))])
            .await;
        for name in ["one", "two"] {
            stage.function(name, json!({})).await;
        }
        for name in ["one", "two"] {
            stage.ready(name).await;
        }
        let since = stage.project.now().await;
        let fault = stage
            .project
            .fault(json!({ "route": "*", "fault": { "status": 503 } }))
            .await;
        let lost = |object: &Value| reason_of(object, "Ready") == "NotObserved" && !is_true(object, "Ready");
        stage.space.wait::<Platform>(PLATFORM, "is out of sight", lost).await;
        for name in ["one", "two"] {
            stage.until(name, "is out of sight", lost).await;
        }
        // A desired state that changes meanwhile waits.
        stage
            .source(&[("one/index.ts", &says("one")), ("two/index.ts", &says("2"))])
            .await;
        let during = stage
            .eventually("ten minutes of it", async || {
                let requests = stage.project.requests(since).await;
                (span(&requests) >= TEN_MINUTES).then_some(requests)
            })
            .await;
        fault.off().await;
        stage
            .space
            .wait::<Platform>(PLATFORM, "is Ready", |object| is_true(object, "Ready"))
            .await;
        let rolled = |function: &Value| is_true(function, "Ready") && function["status"]["live"]["version"] == 2;
        stage.until("one", "is rolled out", rolled).await;
        stage.ready("two").await;

        let most = span(&during).as_millis() / HALF_MINUTE.as_millis() + 2;
        assert!(
            during.len() as u128 <= most,
            "{} requests, not more than {most}: {during:#?}",
            during.len()
        );
        for (kind, name) in [("Platform", PLATFORM), ("EdgeFunction", "one"), ("EdgeFunction", "two")] {
            for version in stage.space.watch.versions(kind, name) {
                assert_eq!(reason_of(&version.object, "Stalled"), "", "{:#}", version.object);
                assert!(!is_true(&version.object, "Drifted"), "{:#}", version.object);
            }
        }
    })
    .await;
}

/// From the first request to the last.
fn span(requests: &[Request]) -> Duration {
    let time = |request: &Request| request.time.parse::<jiff::Timestamp>().unwrap();
    let (Some(first), Some(last)) = (requests.first(), requests.last()) else {
        return Duration::ZERO;
    };
    time(last).duration_since(time(first)).try_into().unwrap()
}
