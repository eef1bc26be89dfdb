//! PagerDuty's Events API v2 (<https://developer.pagerduty.com/docs/events-api-v2>).

use std::fmt;

use ace_egress::Reply;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};

use crate::Request;
use crate::message::{Content, LONGEST_TEXT, Message};
use crate::news::{Alert, Change, News};
use crate::outcome::{Outcome, by_status};
use crate::text::{fitted, one_line, quoted};

/// Where events are posted, below the address of a region.
pub const PATH: &str = "v2/enqueue";

/// Characters of a summary that PagerDuty keeps.
const LONGEST_SUMMARY: usize = 1_024;

/// The key of an integration: 32 letters and digits. It has no `Display`, and its `Debug` shows no part of it.
#[derive(Clone, PartialEq, Eq)]
pub struct RoutingKey(String);

/// A text is no routing key. It does not hold the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a routing key has 32 letters and digits: copy the Integration Key of an Events API v2 integration")]
pub struct RoutingKeyError;

impl RoutingKey {
    /// Takes a key as it lies in a Secret: surrounding white space is dropped.
    pub fn new(text: &str) -> Result<Self, RoutingKeyError> {
        let key = text.trim();
        let is_key = key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_key.then(|| Self(key.to_owned())).ok_or(RoutingKeyError)
    }
}

impl fmt::Debug for RoutingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RoutingKey(..)")
    }
}

pub(crate) fn request(message: &Message, key: &RoutingKey) -> Request {
    let (action, thread, payload) = match &message.content {
        Content::Test(text) => ("trigger", &message.id, test(message, text)),
        Content::News(news) => match news.change {
            Change::Resolved => ("resolve", &news.thread, payload(message, news)),
            Change::Fired | Change::Grew | Change::Lasts => ("trigger", &news.thread, payload(message, news)),
        },
    };
    let mut body = Map::from_iter([
        ("routing_key".to_owned(), json!(key.0)),
        ("event_action".to_owned(), json!(action)),
        ("dedup_key".to_owned(), json!(thread.as_str())),
        ("client".to_owned(), json!("ace-operator")),
        ("payload".to_owned(), payload),
    ]);
    if let Content::News(news) = &message.content
        && !news.runbooks.is_empty()
    {
        let links = news.runbooks.iter();
        let links = links.map(|url| json!({"href": url, "text": "Runbook"}));
        body.insert("links".to_owned(), links.collect());
    }
    Request {
        headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]),
        body: Value::Object(body).to_string().into(),
    }
}

fn test(message: &Message, text: &str) -> Value {
    json!({
        "summary": one_line(&format!("Test message of channel {}/{}: {text}", message.namespace, message.channel), LONGEST_SUMMARY),
        "source": source(message),
        "severity": "info",
        "timestamp": message.time.to_string(),
    })
}

fn payload(message: &Message, news: &News) -> Value {
    json!({
        "summary": news.headline(LONGEST_SUMMARY),
        "source": one_line(&news.source, LONGEST_SUMMARY),
        "severity": news.severity.as_str(),
        "timestamp": news.since.to_string(),
        "component": one_line(&news.group, LONGEST_SUMMARY),
        "group": message.namespace,
        "class": "alerts",
        "custom_details": {
            "response": news.response,
            "firing": news.firing,
            "alerts": news.alerts.iter().map(Alert::line).collect::<Vec<_>>(),
            "contacts": news.contacts.iter().map(|contact| format!("{} {}", contact.name, contact.address)).collect::<Vec<_>>(),
            "command": news.command,
            "text": fitted(&news.text(), LONGEST_TEXT, |_| None),
        },
    })
}

fn source(message: &Message) -> String {
    format!("{}/{}", message.namespace, message.channel)
}

/// An event that is taken is answered with 202; one with 400 is wrong, and stays so.
pub(crate) fn outcome(reply: &Reply, key: &RoutingKey) -> Outcome {
    let words = reply.body.as_deref().map(said).unwrap_or_default();
    let words = quoted(&words.replace(&key.0, "[key]"));
    if (300..400).contains(&reply.status) {
        let message = format!(
            "answers {}, and redirects are not followed; correct `pagerDuty.url`",
            reply.status
        );
        return Outcome::Refused {
            code: Some(reply.status),
            message,
        };
    }
    let remedy = match reply.status {
        400 => "check the routing key in the Secret",
        _ => "check `pagerDuty.url` and the routing key in the Secret",
    };
    by_status(reply, &words, remedy)
}

/// What PagerDuty says of an event that it does not take, or nothing: the page of something in between is not quoted.
fn said(body: &str) -> String {
    let Ok(Value::Object(body)) = serde_json::from_str(body) else {
        return String::new();
    };
    let errors = body.get("errors").and_then(Value::as_array).into_iter().flatten();
    let said = body.get("message").into_iter().chain(errors).filter_map(Value::as_str);
    said.collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ace_egress::Reply;
    use serde_json::{Value, json};

    use super::{RoutingKey, outcome, request};
    use crate::message::{Content, Message, tests::message};
    use crate::news::{Change, News, tests::news};
    use crate::outcome::Outcome;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn key() -> RoutingKey {
        RoutingKey::new(&format!("{KEY}\n")).unwrap()
    }

    fn body(content: Content) -> Value {
        let message = Message {
            time: "2026-11-23T10:14:31Z".parse().unwrap(),
            ..message(content)
        };
        serde_json::from_slice(&request(&message, &key()).body).unwrap()
    }

    fn told(news: News) -> Value {
        body(Content::News(Box::new(news)))
    }

    #[test]
    fn an_event_says_what_the_message_says() {
        let mut event = told(news());
        let text = event["payload"]["custom_details"]["text"].take();
        assert_eq!(text, news().text());
        assert_eq!(
            event,
            json!({
                "routing_key": KEY,
                "event_action": "trigger",
                "dedup_key": "msg_thread",
                "client": "ace-operator",
                "links": [{"href": "https://docs.example.com/runbooks/gift-cards", "text": "Runbook"}],
                "payload": {
                    "summary": "[critical] gift-card-inventory: 1 alert: Book Harbour: 0 cards left, 2 wanted",
                    "source": "prod",
                    "severity": "critical",
                    "timestamp": "2026-11-23T10:14:00Z",
                    "component": "gift-card-inventory",
                    "group": "ace",
                    "class": "alerts",
                    "custom_details": {
                        "response": "at once",
                        "firing": 1,
                        "alerts": [news().alerts[0].line()],
                        "contacts": ["devops mailto:devops@mobulace.com"],
                        "command": "kubectl --namespace ace describe alert gift-card-inventory",
                        "text": null,
                    },
                },
            })
        );
    }

    #[test]
    fn each_message_of_a_group_has_one_key_and_only_the_last_one_resolves() {
        let said = [Change::Fired, Change::Grew, Change::Lasts, Change::Resolved].map(|change| {
            let event = told(News { change, ..news() });
            (event["event_action"].clone(), event["dedup_key"].clone())
        });
        let expected = ["trigger", "trigger", "trigger", "resolve"].map(|action| (json!(action), json!("msg_thread")));
        assert_eq!(said, expected);
        let test = body(Content::Test("hello".to_owned()));
        assert_eq!(
            [&test["event_action"], &test["dedup_key"], &test["payload"]["severity"]],
            [&json!("trigger"), &json!("msg_1"), &json!("info")]
        );
    }

    #[test]
    fn a_summary_is_one_line_of_1024_characters() {
        let mut long = news();
        long.alerts[0].summary = "x\r\n".repeat(2_000);
        let event = told(long);
        let summary = event["payload"]["summary"].as_str().unwrap();
        assert!(
            summary.chars().count() == 1_024 && !summary.contains(['\r', '\n']),
            "{summary}"
        );
    }

    #[test]
    fn each_answer_of_pagerduty_has_its_outcome() {
        let judged = |status, body: &str| {
            let reply = Reply {
                status,
                retry_after: Some(Duration::from_secs(30)),
                body: Ok(body.to_owned()),
            };
            outcome(&reply, &key())
        };
        assert_eq!(judged(202, r#"{"status":"success"}"#), Outcome::Accepted { code: 202 });
        let wrong = json!({"status": "invalid event", "message": "Event object is invalid", "errors": [format!("no such routing_key {KEY}")]});
        assert_eq!(
            judged(400, &wrong.to_string()),
            Outcome::Refused {
                code: Some(400),
                message: "answers 400 Event object is invalid: no such routing_key [key]; check the routing key in the Secret".into()
            }
        );
        for code in [429, 500, 503] {
            let message = format!("answers {code}");
            let after = Some(Duration::from_secs(30));
            assert_eq!(
                judged(code, "<html>"),
                Outcome::Retry {
                    after,
                    code: Some(code),
                    message
                }
            );
        }
        assert!(matches!(judged(404, ""), Outcome::Refused { .. }));
        assert!(matches!(judged(302, ""), Outcome::Refused { .. }));
    }

    #[test]
    fn a_key_has_32_letters_and_digits_and_is_not_shown() {
        assert_eq!(format!("{:?}", key()), "RoutingKey(..)");
        for wrong in ["", "short", &"ä".repeat(16), &format!("{KEY}0"), &KEY.replace('0', "-")] {
            assert!(RoutingKey::new(wrong).is_err(), "{wrong}");
        }
    }
}
