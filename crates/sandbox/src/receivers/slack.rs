//! What Slack checks before it posts a message, as its pages on incoming webhooks, rate limits and blocks say.

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::records::Answer;

pub(super) const TEAM: &str = "T00000000";

/// How long a burst may be. Slack takes one message a second, and "short bursts" without a number: ten at once here.
const BURST: Duration = Duration::from_secs(9);

/// When the messages so far would have been posted at one a second.
#[derive(Default)]
pub(super) struct Rate(Option<Instant>);

impl Rate {
    /// Takes one message, or says when the next one may come.
    pub(super) fn take(&mut self, now: Instant) -> Answer {
        let posted = self.0.unwrap_or(now).max(now);
        let wait = (posted - now).saturating_sub(BURST);
        if wait.is_zero() {
            self.0 = Some(posted + Duration::from_secs(1));
            return Answer::new(200, "ok");
        }
        Answer {
            retry_after: Some(wait.as_millis().div_ceil(1000).to_string()),
            ..Answer::new(429, "rate_limited")
        }
    }
}

/// Whether a message would be posted; else the status and Slack's word.
pub(super) fn check(path: &str, token: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), (u16, &'static str)> {
    let parts: Vec<&str> = path.split('/').skip(2).collect();
    let webhook = parts
        .get(1)
        .and_then(|webhook| webhook.strip_prefix('B'))
        .unwrap_or_default();
    let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if parts[0] != TEAM {
        return Err((404, "no_team"));
    }
    if webhook.len() < 8 || !webhook.bytes().all(legal) {
        return Err((404, "no_service"));
    }
    if parts[2..] != [token] {
        return Err((403, "invalid_token"));
    }
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .map_or(&[][..], |value| value.as_bytes());
    match serde_json::from_slice(body) {
        Ok(Value::Object(message)) if content_type.starts_with(b"application/json") => postable(&message),
        _ => Err("invalid_payload"),
    }
    .map_err(|word| (400, word))
}

fn postable(message: &Map<String, Value>) -> Result<(), &'static str> {
    let text = match message.get("text") {
        None => "",
        Some(text) => text.as_str().ok_or("invalid_payload")?,
    };
    let list = |name: &str, word: &'static str| match message.get(name) {
        None => Ok(&[][..]),
        Some(list) => list.as_array().map(Vec::as_slice).ok_or(word),
    };
    let blocks = list("blocks", "invalid_blocks_format")?;
    let attachments = list("attachments", "invalid_payload")?;
    if attachments.len() > 100 {
        Err("too_many_attachments")
    } else if blocks.len() > 50 || !blocks.iter().all(is_block) {
        Err("invalid_blocks")
    } else if text.trim().is_empty() && blocks.is_empty() && attachments.is_empty() {
        Err("no_text")
    } else {
        Ok(())
    }
}

/// Blocks of nothing but text are checked; of the others the name is known.
fn is_block(block: &Value) -> bool {
    let texts = |list: &Value, longest| {
        let list = list.as_array().filter(|list| (1..=10).contains(&list.len()));
        list.is_some_and(|list| list.iter().all(|text| is_text(text, longest)))
    };
    match block["type"].as_str().unwrap_or_default() {
        "divider" => only(block, &[]),
        "header" => only(block, &["text"]) && block["text"]["type"] == "plain_text" && is_text(&block["text"], 150),
        "section" if block["fields"].is_null() => {
            only(block, &["text", "accessory", "expand"]) && is_text(&block["text"], 3_000)
        }
        "section" => only(block, &["fields", "accessory", "expand"]) && texts(&block["fields"], 2_000),
        "context" => only(block, &["elements"]) && texts(&block["elements"], 3_000),
        other => ["actions", "image", "markdown", "rich_text", "table", "video"].contains(&other),
    }
}

/// Whether an object has no member besides these and those that each block may have.
fn only(object: &Value, names: &[&str]) -> bool {
    let known = |name: &str| names.contains(&name) || matches!(name, "type" | "block_id");
    object
        .as_object()
        .is_some_and(|members| members.keys().all(|name| known(name)))
}

fn is_text(text: &Value, longest: usize) -> bool {
    let option = match text["type"].as_str() {
        Some("plain_text") => "emoji",
        Some("mrkdwn") => "verbatim",
        _ => return false,
    };
    let length = text["text"].as_str().map_or(0, |text| text.chars().count());
    only(text, &["text", option]) && (1..=longest).contains(&length) && text.get(option).is_none_or(Value::is_boolean)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Rate;

    #[test]
    fn ten_messages_pass_at_once_and_one_a_second_after_them() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        let mut take = |milliseconds| {
            let answer = rate.take(start + Duration::from_millis(milliseconds));
            (answer.status, answer.retry_after)
        };
        let limited = |seconds: &str| (429, Some(seconds.to_owned()));
        for _ in 0..10 {
            assert_eq!(take(0), (200, None));
        }
        assert_eq!(take(0), limited("1"));
        assert_eq!(take(999), limited("1"));
        assert_eq!(take(1_000), (200, None));
        assert_eq!(take(1_000), limited("1"));
        for _ in 0..10 {
            assert_eq!(take(60_000), (200, None));
        }
        assert_eq!(take(60_000), limited("1"));
    }
}
