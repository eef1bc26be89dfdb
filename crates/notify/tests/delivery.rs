//! Messages on their way to the sandbox's receivers.
#![allow(clippy::unwrap_used, reason = "a helper of a test that cannot go on fails it")]

mod support;

use std::time::Duration;

use ace_egress::{AllowedHosts, HttpClient, SecretUrl};
use ace_notify::{Change, Format, Message, Outcome, deliver};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use support::{message, news, now, pagerduty, receivers, webhook};

/// For an answer that will come: only a failure reaches it.
const LONG: Duration = Duration::from_secs(30);
/// For one that will not; the request arrives before.
const SOON: Duration = Duration::from_secs(2);

fn client(allowed: &str) -> HttpClient {
    HttpClient::new(AllowedHosts::parse([allowed]).unwrap(), LONG).unwrap()
}

async fn send(format: &Format, url: &str, text: &str, deadline: Duration) -> Outcome {
    deliver_to(format, url, &message(text), deadline).await
}

async fn deliver_to(format: &Format, url: &str, message: &Message, deadline: Duration) -> Outcome {
    let request = format.request(message, now());
    let url = SecretUrl::new(url).unwrap();
    let outcome = format.outcome(&deliver(&client("127.0.0.1"), &url, request, deadline).await);
    assert!(!format!("{outcome:?}").contains("CANARY"), "{outcome:?}");
    outcome
}

fn refused(code: u16, message: &str) -> Outcome {
    Outcome::Refused {
        code: Some(code),
        message: message.to_owned(),
    }
}

fn retry(after: Option<u64>, code: u16, message: &str) -> Outcome {
    Outcome::Retry {
        after: after.map(Duration::from_secs),
        code: Some(code),
        message: message.to_owned(),
    }
}

fn unknown(message: &str) -> Outcome {
    Outcome::Unknown {
        message: message.to_owned(),
    }
}

#[tokio::test]
async fn a_message_arrives_as_it_was_built() {
    let receivers = receivers().await;
    let text = "a & b\n<!channel> \u{1b}[31m\"é\"";
    let (slack, endpoint) = (receivers.slack("B00000000"), receivers.webhook());
    assert_eq!(
        send(&Format::Slack, &slack, text, LONG).await,
        Outcome::Accepted { code: 200 }
    );
    assert_eq!(
        send(&webhook(), &endpoint, text, LONG).await,
        Outcome::Accepted { code: 204 }
    );
    let [posted] = &receivers.received(&slack).await[..] else {
        panic!("not one message");
    };
    assert_eq!(posted["accepted"], true);
    assert_eq!(
        posted["body"]["blocks"][1]["text"]["text"],
        "a &amp; b\n&lt;!channel&gt; [31m\"é\""
    );
    let [verified] = &receivers.received(&endpoint).await[..] else {
        panic!("not one message");
    };
    assert_eq!(
        (&verified["accepted"], &verified["body"]["data"]["text"]),
        (&json!(true), &json!("a & b\n<!channel> [31m\"é\""))
    );
}

#[tokio::test]
async fn the_longest_news_are_taken_by_every_receiver() {
    let receivers = receivers().await;
    let (slack, endpoint, events) = (receivers.slack("B00000000"), receivers.webhook(), receivers.pagerduty());
    for change in [Change::Fired, Change::Grew, Change::Lasts, Change::Resolved] {
        for (format, url, code) in [
            (Format::Slack, &slack, 200),
            (webhook(), &endpoint, 204),
            (pagerduty(), &events, 202),
        ] {
            let outcome = deliver_to(&format, url, &news(change), LONG).await;
            assert_eq!(outcome, Outcome::Accepted { code }, "{change:?} {format:?}");
        }
    }
    let seen = receivers.received(&events).await;
    let said = |name: &str| -> Vec<Value> { seen.iter().map(|event| event["body"][name].clone()).collect() };
    assert_eq!(said("event_action"), ["trigger", "trigger", "trigger", "resolve"]);
    assert!(said("dedup_key").windows(2).all(|keys| keys[0] == keys[1]), "{seen:#?}");
}

#[tokio::test]
async fn pagerduty_says_what_is_wrong_and_nothing_says_the_key() {
    let receivers = receivers().await;
    let events = receivers.pagerduty();
    assert_eq!(
        send(&pagerduty(), &events, "hello", LONG).await,
        Outcome::Accepted { code: 202 }
    );
    let quoting =
        json!({"status": "invalid event", "message": "no such key", "errors": ["CANARY0123456789CANARY0123456789"]});
    receivers
        .set_fault(json!({"fault": {"answer": {"status": 400, "words": quoting.to_string()}}, "times": 1}))
        .await;
    assert_eq!(
        send(&pagerduty(), &events, "hello", LONG).await,
        refused(
            400,
            "answers 400 no such key: [key]; check the routing key in the Secret"
        )
    );
    receivers
        .set_fault(json!({"fault": {"dropAnswer": {}}, "times": 1}))
        .await;
    let lost = send(&pagerduty(), &events, "hello", LONG).await;
    assert_eq!(lost, unknown("the connection broke before the answer was complete"));
}

#[tokio::test]
async fn a_lost_reply_is_unknown_and_an_endpoint_can_tell_the_repetition() {
    let receivers = receivers().await;
    let (slack, endpoint) = (receivers.slack("B00000000"), receivers.webhook());
    let signed = webhook();
    for (fault, deadline, message) in [
        (
            "dropAnswer",
            LONG,
            "the connection broke before the answer was complete",
        ),
        ("hang", SOON, "no complete answer within the deadline"),
    ] {
        receivers.set_fault(json!({"fault": {fault: {}}, "times": 2})).await;
        let lost = tokio::join!(
            send(&Format::Slack, &slack, fault, deadline),
            send(&signed, &endpoint, fault, deadline),
        );
        assert_eq!(lost, (unknown(message), unknown(message)));
        for (format, url) in [(&Format::Slack, &slack), (&signed, &endpoint)] {
            let again = send(format, url, fault, LONG).await;
            assert!(matches!(again, Outcome::Accepted { .. }), "{again:?}");
        }
    }
    let column = |all: &[Value], pointer: &str| -> Vec<Value> {
        all.iter()
            .map(|one| one.pointer(pointer).cloned().unwrap_or_default())
            .collect()
    };
    let verified = receivers.received(&endpoint).await;
    assert_eq!(column(&verified, "/accepted"), [true; 4]);
    assert_eq!(column(&verified, "/repeated"), [false, true, false, true]);
    assert_eq!(receivers.received(&slack).await.len(), 4);
}

#[tokio::test]
async fn what_a_receiver_answers_is_what_the_outcome_says() {
    let receivers = receivers().await;
    let answers = async |format: &Format, url: &str, answer: Value| {
        receivers
            .set_fault(json!({"fault": {"answer": answer}, "times": 1}))
            .await;
        send(format, url, "text", LONG).await
    };
    let slack = receivers.slack("B00000000");
    assert_eq!(
        answers(
            &Format::Slack,
            &slack,
            json!({"status": 410, "words": "channel_is_archived"})
        )
        .await,
        refused(
            410,
            "answers 410 channel_is_archived; give the Secret the URL of another webhook"
        )
    );
    let limited = json!({"status": 429, "words": "rate_limited", "retryAfter": "30"});
    assert_eq!(
        answers(&Format::Slack, &slack, limited).await,
        retry(Some(30), 429, "answers 429 rate_limited")
    );
    assert_eq!(
        send(&Format::Slack, &receivers.slack("B0"), "text", LONG).await,
        refused(
            404,
            "answers 404 no_service; give the Secret the URL of another webhook"
        )
    );

    let endpoint = receivers.webhook();
    let busy = json!({"status": 503, "words": "busy\n", "retryAfter": "1800000000"});
    assert_eq!(
        answers(&webhook(), &endpoint, busy).await,
        retry(Some(3_600), 503, "answers 503 busy")
    );
    let quoting = format!("Cannot POST {}", endpoint.strip_prefix(&receivers.url).unwrap());
    assert_eq!(
        answers(&webhook(), &endpoint, json!({"status": 404, "words": quoting})).await,
        refused(404, "answers 404 Cannot POST [url]; check the URL in the Secret")
    );
    let page = "x".repeat(10_000);
    assert_eq!(
        answers(&webhook(), &endpoint, json!({"status": 500, "words": page})).await,
        retry(None, 500, "answers 500")
    );
    // A webhook's URL where Slack's is wanted.
    assert_eq!(
        answers(&Format::Slack, &endpoint, json!({"status": 200, "words": "<html>"})).await,
        refused(
            200,
            "answers 200 without the \"ok\" of an incoming webhook; check the URL in the Secret"
        )
    );
    let other = Format::Webhook(ace_notify::SigningSecret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap());
    assert_eq!(
        send(&other, &endpoint, "text", LONG).await,
        refused(
            401,
            "answers 401 no signature matches; check that the receiver has the same signing secret"
        )
    );
}

#[tokio::test]
async fn what_is_not_sent_is_not_unknown() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://{free}/CANARY");
    assert_eq!(
        send(&Format::Slack, &url, "text", LONG).await,
        Outcome::Retry {
            after: None,
            code: None,
            message: "no connection to the host".to_owned()
        }
    );
    let receivers = receivers().await;
    let endpoint = receivers.webhook();
    let url = SecretUrl::new(&endpoint).unwrap();
    let request = webhook().request(&message("text"), now());
    let result = deliver(&client("hooks.slack.com"), &url, request, LONG).await;
    assert_eq!(
        webhook().outcome(&result),
        Outcome::Refused {
            code: None,
            message: "the host is not allowed: allow it by the operator's flags, or give the Secret another URL"
                .to_owned()
        }
    );
    assert_eq!(receivers.received(&endpoint).await, [Value::Null; 0]);
}
