//! The receivers of notifications, by a plain client.
#![allow(clippy::unwrap_used, reason = "a helper of a test that cannot go on fails it")]

use std::net::Ipv4Addr;
use std::time::Duration;

use ace_sandbox::receivers::{self, Secrets};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

const KEY: [u8; 32] = [7; 32];
const WEBHOOK: &str = "B00000000";

struct Bench {
    url: String,
    secrets: Secrets,
    http: Client,
    _stop: DropGuard,
}

async fn bench() -> Bench {
    // Another test of this process may have been first.
    rustls::crypto::ring::default_provider().install_default().ok();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let secrets = Secrets {
        slack_token: "token".to_owned(),
        signing: format!("whsec_{}", STANDARD.encode(KEY)),
    };
    let stop = CancellationToken::new();
    tokio::spawn(receivers::serve(listener, secrets.clone(), stop.clone()));
    Bench {
        url,
        secrets,
        // A kept connection that a fault has cut would be repeated on another one.
        http: Client::builder().pool_max_idle_per_host(0).no_proxy().build().unwrap(),
        _stop: stop.drop_guard(),
    }
}

impl Bench {
    fn slack(&self, webhook: &str) -> String {
        self.secrets.slack_url(&self.url, webhook)
    }

    /// A request that is signed for now.
    fn signed(&self, name: &str, id: &str, body: &Value) -> RequestBuilder {
        let (body, now) = (body.to_string(), jiff::Timestamp::now().as_second());
        let mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
        let mac = mac.chain_update(format!("{id}.{now}.{body}")).finalize();
        self.http
            .post(format!("{}/webhooks/{name}", self.url))
            .header("webhook-id", id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", format!("v1,{}", STANDARD.encode(mac.into_bytes())))
            .body(body)
    }

    async fn set_fault(&self, fault: Value) {
        let request = self.http.post(format!("{}/faults", self.url)).json(&fault);
        assert_eq!(said(request).await, (204, String::new()));
    }

    /// Status and whether it took effect, of what was received at a path.
    async fn received(&self, path: &str) -> Vec<(Value, bool)> {
        let all = self.deliveries(path).await;
        all.iter()
            .map(|one| (one["status"].clone(), one["accepted"].as_bool().unwrap()))
            .collect()
    }

    async fn deliveries(&self, path: &str) -> Vec<Value> {
        let request = self.http.get(format!("{}/deliveries?path={path}", self.url));
        request.send().await.unwrap().json().await.unwrap()
    }
}

async fn said(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn text(kind: &str, text: &str) -> Value {
    json!({"type": kind, "text": text})
}

#[tokio::test]
async fn slack_posts_what_its_reference_allows_and_names_what_is_wrong_with_the_rest() {
    let bench = bench().await;
    let sent = async |webhook: &str, message: &Value| said(bench.http.post(bench.slack(webhook)).json(message)).await;
    let long = |length| text("mrkdwn", &"é".repeat(length));
    let section = |text: Value| json!({"type": "section", "text": text});
    let blocks = |block: Value| json!({"blocks": [block]});
    for (index, message) in [
        json!({"text": "hello"}),
        json!({"attachments": [{"text": "hello"}]}),
        blocks(section(long(3_000))),
        blocks(json!({"type": "section", "fields": [long(2_000)], "block_id": "one"})),
        blocks(json!({"type": "header", "text": text("plain_text", &"x".repeat(150))})),
        blocks(json!({"type": "context", "elements": [text("plain_text", "x")]})),
        json!({"text": "hello", "blocks": vec![json!({"type": "divider"}); 50]}),
    ]
    .iter()
    .enumerate()
    {
        // Each in a channel of its own: this is not about their rate.
        let said = sent(&format!("B0000000{index}"), message).await;
        assert_eq!(said, (200, "ok".to_owned()), "{message}");
    }
    for (message, word) in [
        (json!([]), "invalid_payload"),
        (json!({"text": 7}), "invalid_payload"),
        (json!({}), "no_text"),
        (json!({"text": " ", "blocks": []}), "no_text"),
        (json!({"attachments": vec![json!({}); 101]}), "too_many_attachments"),
        (json!({"text": "hello", "blocks": {}}), "invalid_blocks_format"),
        (
            json!({"blocks": vec![json!({"type": "divider"}); 51]}),
            "invalid_blocks",
        ),
        (blocks(section(long(3_001))), "invalid_blocks"),
        (blocks(section(long(0))), "invalid_blocks"),
        (blocks(section(text("markdown", "x"))), "invalid_blocks"),
        (
            blocks(section(json!({"type": "mrkdwn", "text": "x", "emoji": true}))),
            "invalid_blocks",
        ),
        (blocks(json!({"type": "section"})), "invalid_blocks"),
        (blocks(json!({"type": "section", "fields": []})), "invalid_blocks"),
        (
            blocks(json!({"type": "section", "fields": [long(2_001)]})),
            "invalid_blocks",
        ),
        (
            blocks(json!({"type": "header", "text": text("plain_text", &"x".repeat(151))})),
            "invalid_blocks",
        ),
        (
            blocks(json!({"type": "header", "text": text("mrkdwn", "x")})),
            "invalid_blocks",
        ),
        (
            blocks(json!({"type": "context", "elements": vec![long(1); 11]})),
            "invalid_blocks",
        ),
        (blocks(json!({"type": "divider", "text": "x"})), "invalid_blocks"),
        (blocks(json!({"type": "paragraph"})), "invalid_blocks"),
        (blocks(json!("divider")), "invalid_blocks"),
    ] {
        assert_eq!(sent(WEBHOOK, &message).await, (400, word.to_owned()), "{message}");
    }
    let plain = bench.http.post(bench.slack(WEBHOOK)).body(r#"{"text":"hello"}"#);
    assert_eq!(said(plain).await, (400, "invalid_payload".to_owned()));
}

#[tokio::test]
async fn slack_knows_its_webhooks_and_how_fast_each_is_used() {
    let bench = bench().await;
    let sent = async |url: String| said(bench.http.post(url).json(&json!({"text": "hello"}))).await;
    let refused = |status, word: &str| (status, word.to_owned());
    let url = bench.slack(WEBHOOK);
    assert_eq!(sent(url.replace("/T0", "/T1")).await, refused(404, "no_team"));
    assert_eq!(sent(bench.slack("B0000000")).await, refused(404, "no_service"));
    assert_eq!(sent(bench.slack("b00000000")).await, refused(404, "no_service"));
    assert_eq!(sent(format!("{url}x")).await, refused(403, "invalid_token"));
    assert_eq!(sent(format!("{url}/x")).await, refused(403, "invalid_token"));
    assert_eq!(said(bench.http.get(&url)).await.0, 405);

    // However slow this machine is: at one a second, of forty in a row some are too many, or it takes thirty seconds.
    let mut limited = None;
    for _ in 0..40 {
        let response = bench
            .http
            .post(&url)
            .json(&json!({"text": "hello"}))
            .send()
            .await
            .unwrap();
        if response.status() != 200 {
            limited = Some(response);
            break;
        }
    }
    let limited = limited.unwrap();
    assert_eq!(
        (limited.status().as_u16(), &limited.headers()["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    assert_eq!(limited.text().await.unwrap(), "rate_limited");
    assert_eq!(
        sent(bench.slack("B00000001")).await,
        (200, "ok".to_owned()),
        "another channel"
    );
}

#[tokio::test]
async fn a_webhook_is_verified_and_recorded_with_its_repetitions() {
    let bench = bench().await;
    let body = json!({"type": "channel.test", "data": {}});
    for (name, id, repeated) in [
        ("one", "msg_1", false),
        ("one", "msg_1", true),
        ("one", "msg_2", false),
        ("two", "msg_1", false),
    ] {
        assert_eq!(said(bench.signed(name, id, &body)).await, (204, String::new()));
        let last = bench.deliveries(&format!("/webhooks/{name}")).await.pop().unwrap();
        let seen = [&last["repeated"], &last["headers"]["webhook-id"], &last["body"]];
        assert_eq!(seen, [&json!(repeated), &json!(id), &body]);
    }
    let forged = bench.signed("one", "msg_3", &body).body(r#"{"type":"forged"}"#);
    assert_eq!(said(forged).await, (401, "no signature matches".to_owned()));
    let received = bench.received("/webhooks/one").await;
    assert_eq!(received.len(), 4);
    assert_eq!(received[3], (json!(401), false));
}

#[tokio::test]
async fn faults_hit_the_path_and_the_number_of_requests_that_they_name() {
    let bench = bench().await;
    let body = json!({});
    let send = |name: &str| bench.signed(name, "msg_1", &body);
    bench
        .set_fault(json!({
            "path": "/webhooks/one",
            "fault": {"answer": {"status": 503, "words": "too busy", "retryAfter": "Mon, 23 Nov 2026 10:00:00 GMT"}},
            "times": 1,
        }))
        .await;
    assert_eq!(said(send("two")).await.0, 204);
    let response = send("one").send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "Mon, 23 Nov 2026 10:00:00 GMT");
    assert_eq!(
        (response.status().as_u16(), response.text().await.unwrap()),
        (503, "too busy".to_owned())
    );
    assert_eq!(said(send("one")).await.0, 204);

    bench.set_fault(json!({"fault": {"dropAnswer": {}}, "times": 1})).await;
    let cut = send("one").send().await.unwrap_err();
    assert!(cut.is_request() && !cut.is_timeout(), "{cut:?}");

    bench.set_fault(json!({"fault": {"hang": {}}})).await;
    let hung = send("one").timeout(Duration::from_secs(2)).send().await.unwrap_err();
    assert!(hung.is_timeout(), "{hung:?}");
    let cleared = bench.http.delete(format!("{}/faults", bench.url));
    assert_eq!(said(cleared).await.0, 204);
    assert_eq!(said(send("one")).await.0, 204);

    let (accepted, refused) = (true, false);
    assert_eq!(
        bench.received("/webhooks/one").await,
        [
            (json!(503), refused),
            (json!(204), accepted),
            (Value::Null, accepted),
            (Value::Null, accepted),
            (json!(204), accepted),
        ]
    );
    let misspelt = bench.http.post(format!("{}/faults", bench.url));
    assert_eq!(
        said(misspelt.json(&json!({"fault": {"hang": {}}, "time": 1}))).await.0,
        422
    );
}

#[tokio::test]
async fn pagerduty_takes_what_its_reference_allows_and_names_what_is_wrong_with_the_rest() {
    let bench = bench().await;
    let url = format!("{}/pagerduty/prod/v2/enqueue", bench.url);
    let key = "0123456789abcdef0123456789abcdef";
    let payload =
        json!({"summary": "disk is full", "source": "db", "severity": "critical", "timestamp": "2026-11-23T09:00:00Z"});
    let event = json!({"routing_key": key, "event_action": "trigger", "dedup_key": "a/b", "payload": payload});
    let (status, body) = said(bench.http.post(&url).json(&event)).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &body["status"], &body["dedup_key"]),
        (202, &json!("success"), &json!("a/b"))
    );
    let resolve = json!({"routing_key": key, "event_action": "resolve", "dedup_key": "a/b"});
    assert_eq!(said(bench.http.post(&url).json(&resolve)).await.0, 202);

    let without = |pointer: &str, value: Value| {
        let mut wrong = event.clone();
        *wrong.pointer_mut(pointer).unwrap() = value;
        wrong
    };
    for (wrong, error) in [
        (without("/routing_key", json!("short")), "routing_key"),
        (without("/event_action", json!("fire")), "event_action"),
        (without("/dedup_key", json!("x".repeat(256))), "dedup_key"),
        (without("/payload", Value::Null), "payload.summary"),
        (without("/payload/summary", json!("x".repeat(1_025))), "payload.summary"),
        (without("/payload/source", json!("")), "payload.source"),
        (without("/payload/severity", json!("grave")), "payload.severity"),
        (without("/payload/timestamp", json!("today")), "payload.timestamp"),
        (json!({"routing_key": key, "event_action": "resolve"}), "dedup_key"),
        (json!([]), "JSON parse error"),
    ] {
        let (status, body) = said(bench.http.post(&url).json(&wrong)).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["status"]), (400, &json!("invalid event")), "{wrong}");
        assert!(body["errors"].to_string().contains(error), "{body}");
    }
}
