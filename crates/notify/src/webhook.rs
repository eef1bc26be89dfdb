//! Standard Webhooks 1.0.0 (<https://www.standardwebhooks.com>) with symmetric signatures.

use std::collections::BTreeMap;
use std::fmt;

use ace_egress::Reply;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::Request;
use crate::message::{Content, LONGEST_TEXT, Message};
use crate::news::News;
use crate::outcome::{Outcome, by_status};
use crate::text::{fitted, quoted};

/// What a symmetric secret begins with; `whsk_` and `whpk_` are the asymmetric ones.
const PREFIX: &str = "whsec_";

/// The key under which messages are signed: 24 to 64 bytes. It has no `Display`, and its `Debug` shows no part of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

/// Why a text is no signing secret. No variant holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningSecretError {
    /// It does not begin with `whsec_`.
    #[error("a signing secret begins with whsec_, followed by base64 of 24 to 64 random bytes")]
    Prefix,
    /// What follows is not base64, with padding.
    #[error("what follows whsec_ in the signing secret is not base64")]
    Encoding,
    /// Too few bytes to be safe, or more than the standard allows.
    #[error("the signing secret has {length} bytes; it must have 24 to 64")]
    Length {
        /// After decoding.
        length: usize,
    },
}

impl SigningSecret {
    /// Takes a secret as it lies in a Secret: surrounding white space (the line feed of `echo … | base64`) is dropped.
    pub fn new(text: &str) -> Result<Self, SigningSecretError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(SigningSecretError::Prefix)?;
        let key = STANDARD.decode(encoded).map_err(|_| SigningSecretError::Encoding)?;
        if (24..=64).contains(&key.len()) {
            Ok(Self(key))
        } else {
            Err(SigningSecretError::Length { length: key.len() })
        }
    }

    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningSecret(..)")
    }
}

pub(crate) fn request(message: &Message, now: Timestamp, secret: &SigningSecret) -> Request {
    let mut data = Map::from_iter([
        ("namespace".to_owned(), json!(message.namespace)),
        ("channel".to_owned(), json!(message.channel)),
        (
            "text".to_owned(),
            fitted(&message.content.text(), LONGEST_TEXT, |_| None).into(),
        ),
    ]);
    if let Content::News(news) = &message.content {
        data.insert("group".to_owned(), group(news));
    }
    let body = json!({
        "type": message.content.event(),
        "timestamp": message.time.to_string(),
        "data": data,
    });
    let body = Bytes::from(body.to_string());
    let (id, seconds) = (message.id.as_str(), now.as_second());
    let text = |text: &str| HeaderValue::from_str(text).expect("ids and base64 are visible ASCII");
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (HeaderName::from_static("webhook-id"), text(id)),
        (HeaderName::from_static("webhook-timestamp"), seconds.into()),
        (
            HeaderName::from_static("webhook-signature"),
            text(&secret.sign(id, seconds, &body)),
        ),
    ];
    Request {
        headers: headers.into_iter().collect(),
        body,
    }
}

/// What a program wants to know.
fn group(news: &News) -> Value {
    let alerts = news.alerts.iter().map(|alert| {
        json!({
            "rule": alert.rule,
            "severity": alert.severity.as_str(),
            "summary": alert.summary,
            "value": alert.value,
            "threshold": alert.threshold,
            "since": alert.since.to_string(),
            "labels": alert.labels.iter().cloned().collect::<BTreeMap<_, _>>(),
        })
    });
    json!({
        "id": news.thread.as_str(),
        "name": news.group,
        "source": news.source,
        "severity": news.severity.as_str(),
        "response": news.response,
        "since": news.since.to_string(),
        "firing": news.firing,
        "alerts": alerts.collect::<Vec<_>>(),
        "runbooks": news.runbooks,
        "contacts": news.contacts.iter().map(|contact| json!({"name": contact.name, "address": contact.address})).collect::<Vec<_>>(),
        "command": news.command,
    })
}

/// Any 2xx is a delivery. The standard suggests to repeat after every other reply, for days; a refusal is not repeated here,
/// as a person should hear of it at once.
pub(crate) fn outcome(reply: &Reply) -> Outcome {
    let remedy = match reply.status {
        401 | 403 => "check that the receiver has the same signing secret",
        404 | 405 => "check the URL in the Secret",
        410 => "the receiver wants no more messages: give the Secret another URL, or suspend the channel",
        _ => "correct the receiver, or the URL in the Secret",
    };
    let words = reply.body.as_deref().map(quoted).unwrap_or_default();
    by_status(reply, &words, remedy)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ace_egress::{Reply, RequestError};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::{SigningSecret, SigningSecretError, outcome, request};
    use crate::Request;
    use crate::message::{Content, Message, tests::message as of};
    use crate::news::tests::news;
    use crate::outcome::Outcome;

    fn secret() -> SigningSecret {
        SigningSecret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap()
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn message() -> Message {
        of(Content::Test("does \"it\" & <this>\0 arrive?".into()))
    }

    #[test]
    fn signatures_are_those_of_the_standards_own_libraries() {
        // From the tests of the JavaScript and of the Rust library of Standard Webhooks.
        assert_eq!(
            secret().sign(
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                br#"{"test": 2432232314}"#
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        let other = SigningSecret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        assert_eq!(
            other.sign(
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                br#"{"email":"test@example.com","username":"test_user"}"#
            ),
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
        );
    }

    #[test]
    fn a_repeated_attempt_has_the_same_id_and_body_and_a_time_and_signature_of_its_own() {
        let first = request(&message(), at("2026-11-23T09:00:01Z"), &secret());
        let body: Value = serde_json::from_slice(&first.body).unwrap();
        assert_eq!(
            body,
            json!({
                "type": "channel.test",
                "timestamp": "2026-11-23T09:00:00Z",
                "data": {"namespace": "ace", "channel": "on-call", "text": "does \"it\" & <this> arrive?"},
            })
        );
        let again = request(&message(), at("2026-11-23T10:00:01.999Z"), &secret());
        assert_eq!(again.body, first.body);
        let all = |request: &Request| -> Vec<(String, String)> {
            let headers = request.headers.iter();
            headers
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect()
        };
        let signature = |request: &Request| request.headers["webhook-signature"].to_str().unwrap().to_owned();
        for (request, seconds) in [(&first, "1795424401"), (&again, "1795428001")] {
            let expected = [
                ("content-type", "application/json"),
                ("webhook-id", "msg_1"),
                ("webhook-timestamp", seconds),
                ("webhook-signature", &signature(request)),
            ];
            assert_eq!(
                all(request),
                expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
            );
        }
        assert_ne!(signature(&first), signature(&again));
    }

    #[test]
    fn news_come_in_words_and_in_fields() {
        let sent = of(Content::News(Box::new(news())));
        let body: Value = serde_json::from_slice(&request(&sent, at("2026-11-23T10:14:31Z"), &secret()).body).unwrap();
        assert_eq!(
            body,
            json!({
                "type": "alerts.fired",
                "timestamp": "2026-11-23T09:00:00Z",
                "data": {
                    "namespace": "ace",
                    "channel": "on-call",
                    "text": news().text(),
                    "group": {
                        "id": "msg_thread",
                        "name": "gift-card-inventory",
                        "source": "prod",
                        "severity": "critical",
                        "response": "at once",
                        "since": "2026-11-23T10:14:00Z",
                        "firing": 1,
                        "alerts": [{
                            "rule": "gift-card-inventory",
                            "severity": "critical",
                            "summary": "Book Harbour: 0 cards left, 2 wanted",
                            "value": "0",
                            "threshold": "2",
                            "since": "2026-11-23T10:14:00Z",
                            "labels": {"brand": "Book Harbour"},
                        }],
                        "runbooks": ["https://docs.example.com/runbooks/gift-cards"],
                        "contacts": [{"name": "devops", "address": "mailto:devops@mobulace.com"}],
                        "command": "kubectl --namespace ace describe alert gift-card-inventory",
                    },
                },
            })
        );
    }

    #[test]
    fn a_secret_of_another_kind_or_length_is_refused_and_none_is_shown() {
        let new = |text: &str| SigningSecret::new(text).err();
        let encoded = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        assert_eq!(
            new("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            Some(SigningSecretError::Prefix)
        );
        assert_eq!(
            new("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            Some(SigningSecretError::Prefix)
        );
        assert_eq!(new(""), Some(SigningSecretError::Prefix));
        assert_eq!(new("whsec_not base64"), Some(SigningSecretError::Encoding));
        assert_eq!(new("whsec_"), Some(SigningSecretError::Length { length: 0 }));
        assert_eq!(new(&encoded(23)), Some(SigningSecretError::Length { length: 23 }));
        assert_eq!(new(&encoded(65)), Some(SigningSecretError::Length { length: 65 }));
        assert_eq!([24, 25, 64].map(|bytes| new(&encoded(bytes))), [None; 3]);
        assert_eq!(format!("{:?}", secret()), "SigningSecret(..)");
    }

    #[test]
    fn each_status_has_its_outcome() {
        let reply = |status, body| Reply {
            status,
            retry_after: Some(Duration::from_secs(7)),
            body,
        };
        let judged = |status, words: &str| outcome(&reply(status, Ok(words.to_owned())));
        let refused = |code, message: &str| Outcome::Refused {
            code: Some(code),
            message: message.into(),
        };
        let retry = |code, message: &str| Outcome::Retry {
            after: Some(Duration::from_secs(7)),
            code: Some(code),
            message: message.into(),
        };
        for code in [200, 202, 204, 299] {
            assert_eq!(judged(code, "<html>"), Outcome::Accepted { code });
        }
        for code in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert_eq!(judged(code, ""), retry(code, &format!("answers {code}")));
        }
        assert_eq!(judged(503, "try\nlater"), retry(503, "answers 503 try later"));
        assert_eq!(
            judged(308, "moved to https://elsewhere"),
            refused(
                308,
                "answers 308, and redirects are not followed; give the Secret the final URL"
            )
        );
        assert_eq!(
            judged(404, "Cannot POST [url]"),
            refused(404, "answers 404 Cannot POST [url]; check the URL in the Secret")
        );
        assert_eq!(
            judged(401, ""),
            refused(401, "answers 401; check that the receiver has the same signing secret")
        );
        assert_eq!(
            judged(410, ""),
            refused(
                410,
                "answers 410; the receiver wants no more messages: give the Secret another URL, or suspend the channel"
            )
        );
        // The status alone decides, whatever became of the body.
        for error in [RequestError::Timeout, RequestError::TooLarge { limit: 4_096 }] {
            assert_eq!(outcome(&reply(202, Err(error))), Outcome::Accepted { code: 202 });
            assert_eq!(outcome(&reply(503, Err(error))), retry(503, "answers 503"));
        }
        for code in [100, 400, 422, 600] {
            let message = format!("answers {code}; correct the receiver, or the URL in the Secret");
            assert_eq!(judged(code, ""), refused(code, &message));
        }
    }
}
