//! Each fault does what it says, and nothing else.
#![allow(clippy::unwrap_used, reason = "a helper of a test that cannot go on fails it")]

mod api_support;

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use api_support::{Bench, HELLO, REFERENCE, SOURCE, bench, read, refused, text};

const DEPLOY: &str = "POST /v1/projects/{ref}/functions/deploy";
const LIST: &str = "GET /v1/projects/{ref}/functions";
const SECRETS: &str = "GET /v1/projects/{ref}/secrets";

fn deploy(bench: &Bench, slug: &str) -> RequestBuilder {
    bench.deploy_with(slug, "", &json!({"entrypoint_path": HELLO}), &[(HELLO, SOURCE)])
}

/// Slugs that are live.
async fn live(bench: &Bench) -> Vec<String> {
    let listed = bench.get("/functions").await;
    listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["slug"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_answered_without_effect_as_often_as_it_says() {
    let bench = bench().await;
    bench
        .set_fault(json!({"route": DEPLOY, "fault": {"status": 503}, "times": 1}))
        .await;
    assert_eq!(
        refused(deploy(&bench, "hello")).await,
        (503, "Service Unavailable".to_owned())
    );
    assert_eq!(live(&bench).await, [""; 0]);
    assert_eq!(read(deploy(&bench, "hello")).await.0, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_one_slug_leaves_the_others_alone() {
    let bench = bench().await;
    bench
        .set_fault(json!({"route": DEPLOY, "project": REFERENCE, "slug": "one", "fault": {"status": 500}}))
        .await;
    let statuses = [read(deploy(&bench, "one")).await.0, read(deploy(&bench, "two")).await.0];
    assert_eq!((statuses, live(&bench).await), ([500, 201], vec!["two".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_is_in_a_list_and_in_one_answer_and_nowhere_else() {
    let bench = bench().await;
    let long = json!({"route": "*", "fault": {"longText": {"field": "id", "letters": 65}}});
    let before = read(deploy(&bench, "hello")).await.1;
    bench.set_fault(long).await;
    let (listed, one) = (bench.get("/functions").await, bench.get("/functions/hello").await);
    for function in [&listed[0], &one] {
        assert_eq!(function["id"], json!("l".repeat(65)));
        assert_eq!(function["version"], before["version"]);
    }
    let secrets = bench.get("/secrets").await;
    assert!(secrets.is_array(), "{secrets}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_on_purpose_has_the_headers_it_was_given() {
    let bench = bench().await;
    let limited = json!({"rateLimited": {"resetSeconds": 7, "retryAfterSeconds": 3}});
    bench
        .set_fault(json!({"route": LIST, "fault": limited, "times": 1}))
        .await;
    bench
        .set_fault(json!({"route": LIST, "fault": {"rateLimited": {}}}))
        .await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let response = bench.api(Method::GET, "/functions").send().await.unwrap();
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let headers = ["x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"].map(header);
        seen.push((response.status().as_u16(), headers));
    }
    let text = |value: &str| Some(value.to_owned());
    assert_eq!(
        seen,
        [
            (429, [text("0"), text("7"), text("3")]),
            (429, [text("0"), text("60"), None])
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_answer_is_a_cut_connection_after_the_effect() {
    let bench = bench().await;
    bench
        .set_fault(json!({"route": DEPLOY, "fault": {"dropAnswer": {}}, "times": 1}))
        .await;
    let error = deploy(&bench, "hello").send().await.unwrap_err();
    assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
    assert_eq!(live(&bench).await, ["hello"]);
    let requests = bench.requests().await;
    assert_eq!(requests[0], format!("{DEPLOY} -> null"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_hangs_has_no_effect_unless_it_is_told_so() {
    let bench = bench().await;
    // The list is asked below until it shows the effect.
    bench.turn(json!({"rateLimits": false})).await;
    bench
        .set_fault(json!({"route": DEPLOY, "slug": "one", "fault": {"hang": {}}}))
        .await;
    bench
        .set_fault(json!({"route": DEPLOY, "slug": "two", "fault": {"hang": {"afterEffect": true}}}))
        .await;
    let wait = Duration::from_millis(300);
    let one = deploy(&bench, "one").timeout(wait).send();
    assert!(one.await.unwrap_err().is_timeout());
    // The second never answers, so that its effect is looked for while it hangs.
    let two = tokio::spawn(deploy(&bench, "two").send());
    while live(&bench).await != ["two"] {
        assert!(!two.is_finished());
        tokio::task::yield_now().await;
    }
    assert!(!two.is_finished());
    two.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_answer_comes_later_than_one_that_was_asked_for_after_it() {
    let bench = bench().await;
    bench
        .set_fault(json!({"route": SECRETS, "fault": {"delayMilliseconds": 400}}))
        .await;
    let first = async {
        let answer = read(bench.api(Method::GET, "/secrets")).await;
        ("delayed", answer.0, std::time::Instant::now())
    };
    let second = async {
        let answer = read(bench.api(Method::GET, "/functions")).await;
        ("at once", answer.0, std::time::Instant::now())
    };
    let (first, second) = futures::join!(first, second);
    assert_eq!((first.1, second.1), (200, 200));
    assert!(second.2 < first.2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_list_is_as_it_was_while_everything_else_goes_on() {
    let bench = bench().await;
    bench.deploy("old", SOURCE).await;
    let before = bench.get("/functions").await;
    bench
        .set_fault(json!({"route": LIST, "fault": {"staleList": {}}}))
        .await;
    bench.deploy("new", SOURCE).await;
    assert_eq!(bench.get("/functions").await, before);
    assert_eq!(bench.get("/functions/new").await["version"], json!(1));
    assert_eq!(
        bench.admin(Method::DELETE, "/faults").send().await.unwrap().status(),
        204
    );
    assert_eq!(live(&bench).await, ["new", "old"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_every_route_spares_gateway_and_admin() {
    let bench = bench().await;
    bench.deploy("hello", SOURCE).await;
    let (_, set) = read(
        bench
            .admin(Method::POST, "/faults")
            .json(&json!({"route": "*", "fault": {"status": 502}})),
    )
    .await;
    for path in ["/v1/projects", "/functions", "/secrets", "/functions/hello"] {
        assert_eq!(read(bench.api(Method::GET, path)).await.0, 502, "{path}");
    }
    assert_eq!(bench.call("hello").await.0, 200);
    let listed = read(bench.admin(Method::GET, "/faults")).await;
    assert_eq!(
        listed,
        (200, json!([{"id": set["id"], "route": "*", "fault": {"status": 502}}]))
    );
    let removed = bench
        .admin(Method::DELETE, &format!("/faults/{}", set["id"]))
        .send()
        .await
        .unwrap();
    assert_eq!((removed.status().as_u16(), live(&bench).await.len()), (204, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_gateway_hits_calls_only() {
    let bench = bench().await;
    bench.deploy("hello", SOURCE).await;
    bench
        .set_fault(json!({"route": "gateway", "slug": "hello", "fault": {"status": 503}, "times": 1}))
        .await;
    assert_eq!(live(&bench).await, ["hello"]);
    assert_eq!((bench.call("hello").await.0, bench.call("hello").await.0), (503, 200));
    assert_eq!(bench.requests().await[2..], ["gateway -> 503", "gateway -> 200"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_could_never_hit_is_refused() {
    let bench = bench().await;
    let faults = [
        json!({"route": "GET /v1/nowhere", "fault": {"status": 503}}),
        json!({"route": "PUT /v1/projects", "fault": {"status": 503}}),
        json!({"route": DEPLOY, "fault": {"staleList": {}}}),
        json!({"route": LIST, "fault": {"status": 200}}),
        json!({"route": LIST, "fault": {"explode": {}}}),
        json!({"route": LIST}),
    ];
    for fault in faults {
        assert_eq!(
            refused(bench.admin(Method::POST, "/faults").json(&fault)).await.0,
            400,
            "{fault}"
        );
    }
    assert_eq!(read(bench.admin(Method::GET, "/faults")).await, (200, json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_says_who_asked_for_what() {
    let bench = bench().await;
    let request = bench
        .api(Method::GET, "/functions/nobody?x=1")
        .header("user-agent", "test/1");
    assert_eq!(read(request).await.0, 404);
    let (_, journal) = read(bench.admin(Method::GET, "/requests?since=0")).await;
    let mut entry = journal["requests"][0].clone();
    let time = entry.as_object_mut().unwrap().remove("time").unwrap();
    assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
    let wanted = json!({
        "n": 0, "method": "GET", "route": "GET /v1/projects/{ref}/functions/{function_slug}",
        "path": format!("/v1/projects/{REFERENCE}/functions/nobody"), "query": "x=1",
        "project": REFERENCE, "slug": "nobody", "status": 404, "userAgent": "test/1",
    });
    assert_eq!((&entry, &journal["next"]), (&wanted, &json!(1)));
    let (_, later) = read(bench.admin(Method::GET, "/requests?since=1")).await;
    assert_eq!(later, json!({"next": 1, "requests": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_half_way_leaves_a_whole_effect_or_none() {
    let bench = bench().await;
    // Leaves at every moment of a deploy, from before it arrives to after it is answered.
    for milliseconds in (0..60).step_by(3) {
        let request = deploy(&bench, "hello").timeout(Duration::from_millis(milliseconds));
        let _ = request.send().await;
        let listed = bench.get("/functions").await;
        if let Some(live) = listed.as_array().unwrap().first() {
            let (status, body) = text(
                bench
                    .api(Method::GET, "/functions/hello/body")
                    .header("accept", "multipart/form-data"),
            )
            .await;
            assert!(status == 200 && body.contains(SOURCE), "{live}");
        }
    }
    let last: Value = bench.deploy("hello", SOURCE).await;
    assert_eq!(bench.get("/functions/hello").await, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_wrote_is_in_its_logs() {
    let bench = bench().await;
    bench
        .deploy(
            "hello",
            "Deno.serve(() => { console.log(\"a line\"); return new Response(); });",
        )
        .await;
    assert_eq!(bench.call("hello").await.0, 200);
    let url = format!("/logs/{REFERENCE}/hello");
    let logs = || async { read(bench.admin(Method::GET, &url)).await.1.to_string() };
    // Written by another process: it comes when it comes.
    while !logs().await.contains("a line") {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        read(bench.admin(Method::GET, "/logs/zzzzzzzzzzzzzzzzzzzz/hello"))
            .await
            .0,
        404
    );
}
