//! From an answer to what it means. Pure.

use ace_egress::{Token, retry_after, seconds};
use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_TYPE};
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    body::is_container,
    budget::{LONGEST_BLOCK, RateLimit},
};

/// A complete answer, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Of a success, all of it. Of anything else, what could be had: the status alone decides there.
    pub(crate) body: Bytes,
}

/// The statuses that mean something of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    Success,
    RateLimited,
    /// 408: whoever answered did not see the whole request in time, or gave up waiting for what is behind it.
    Timeout,
    Unavailable,
    FunctionAbsent,
    Refused {
        message: String,
    },
}

pub(crate) fn meaning(answer: &Answer, token: &Token) -> Meaning {
    match answer.status {
        200..300 => Meaning::Success,
        429 => Meaning::RateLimited,
        408 => Meaning::Timeout,
        500.. => Meaning::Unavailable,
        // Something between us and the platform answers with pages; what the platform would have said is not known.
        400.. if is_page(answer) => Meaning::Unavailable,
        300..400 => Meaning::Refused {
            message: "a redirect, which is not followed".into(),
        },
        404 if message(answer).is_some_and(|text| names_an_absent_function(&text)) => Meaning::FunctionAbsent,
        _ => Meaning::Refused {
            message: said(answer, token).unwrap_or_else(|| "no message".into()),
        },
    }
}

/// The platform's own words, fit for a condition.
pub(crate) fn said(answer: &Answer, token: &Token) -> Option<String> {
    let words = clean(&message(answer)?, token);
    (!words.is_empty()).then_some(words)
}

fn is_page(answer: &Answer) -> bool {
    let media_type = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|media_type| media_type.trim_start().to_ascii_lowercase().starts_with("text/html"))
        || answer.body.trim_ascii_start().starts_with(b"<")
}

/// The platform's `{"message": …}`: a text, or a list of texts where several fields are wrong.
fn message(answer: &Answer) -> Option<String> {
    #[derive(Deserialize)]
    struct Error {
        message: Message,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Message {
        One(String),
        Many(Vec<String>),
    }
    match serde_json::from_slice::<Error>(&answer.body).ok()?.message {
        Message::One(text) => Some(text),
        Message::Many(texts) => Some(texts.join("; ")),
    }
}

/// `Function not found`, as recorded from the platform, with some room for a name in it. A 404 in other words (an unknown
/// project, a gateway without a route) must not read as "the function is gone": that would have it deployed anew.
fn names_an_absent_function(message: &str) -> bool {
    let message = message.trim().trim_end_matches('.').to_ascii_lowercase();
    message.starts_with("function ") && message.ends_with(" not found")
}

/// The longest text of others that is passed on, in characters.
const LONGEST_MESSAGE: usize = 300;

/// Ends a word, or turns the direction of what follows.
fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with paths seen from where a function's files are: `file:///tmp/user_fn_<ref>_<id>_<version>/source/a/index.ts` is
/// `a/index.ts`. Two of them are most of what there is room for.
fn without_containers(text: &str) -> String {
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("user_fn_") {
        let (before, container) = rest.split_at(at);
        let Some((_, inside)) = container
            .split_once('/')
            .filter(|(segment, _)| !segment.contains(char::is_whitespace) && is_container(segment))
        else {
            let end = at + "user_fn_".len();
            short.push_str(rest.get(..end).unwrap_or_default());
            rest = rest.get(end..).unwrap_or_default();
            continue;
        };
        let folder = before.strip_suffix("/tmp/").or_else(|| before.strip_suffix("tmp/"));
        let folder = folder.unwrap_or(before);
        short.push_str(folder.strip_suffix("file://").unwrap_or(folder));
        rest = inside.strip_prefix("source/").unwrap_or(inside);
    }
    short + rest
}

/// Foreign text made fit for a condition: without our token and the platform's folders, on one line, bounded.
pub(crate) fn clean(text: &str, token: &Token) -> String {
    let text = without_containers(&token.remove_from(text));
    let mut words = String::new();
    for word in text.split(is_separator) {
        if !word.is_empty() {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
        }
    }
    match words.char_indices().nth(LONGEST_MESSAGE) {
        None => words,
        Some(_) => words.chars().take(LONGEST_MESSAGE - 1).chain(['…']).collect(),
    }
}

/// Reads `X-RateLimit-Remaining`, `X-RateLimit-Reset` (seconds) and `Retry-After` (seconds or a date).
pub(crate) fn rate_limit(headers: &HeaderMap, now: Timestamp) -> RateLimit {
    let remaining = headers
        .get("x-ratelimit-remaining")
        .and_then(|value| value.to_str().ok());
    RateLimit {
        remaining: remaining.and_then(|text| text.trim().parse().ok()),
        reset: seconds(headers, "x-ratelimit-reset", LONGEST_BLOCK),
        retry_after: retry_after(headers, now, LONGEST_BLOCK),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ace_egress::Token;
    use bytes::Bytes;
    use http::HeaderMap;
    use jiff::Timestamp;

    use super::{Answer, Meaning, clean, meaning, rate_limit};
    use crate::budget::RateLimit;

    fn token() -> Token {
        Token::new("sbp_canary").unwrap()
    }

    fn judged(status: u16, body: &'static str) -> Meaning {
        let answer = Answer {
            status,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        };
        meaning(&answer, &token())
    }

    fn refused(message: &str) -> Meaning {
        Meaning::Refused {
            message: message.into(),
        }
    }

    #[test]
    fn only_the_platforms_own_words_make_a_function_absent() {
        assert_eq!(
            judged(404, r#"{"message":"Function not found"}"#),
            Meaning::FunctionAbsent
        );
        assert_eq!(
            judged(404, r#"{"message":"Function 'x' not found."}"#),
            Meaning::FunctionAbsent
        );
        assert_eq!(
            judged(404, r#"{"message":"Project not found"}"#),
            refused("Project not found")
        );
        assert_eq!(
            judged(404, r#"{"message":"Cannot GET /v1/x"}"#),
            refused("Cannot GET /v1/x")
        );
        assert_eq!(judged(404, "<html>Function not found</html>"), Meaning::Unavailable);
        assert_eq!(judged(404, ""), refused("no message"));
        assert_eq!(
            judged(400, r#"{"message":"Function not found"}"#),
            refused("Function not found")
        );
    }

    #[test]
    fn a_page_of_something_in_between_is_no_answer_of_the_platform() {
        for status in [400, 401, 402, 403, 404, 451] {
            for page in ["<!DOCTYPE html><title>Attention Required!</title>", "\n <html></html>"] {
                assert_eq!(judged(status, page), Meaning::Unavailable, "{status}");
            }
            let mut typed = Answer {
                status,
                headers: HeaderMap::new(),
                body: Bytes::from_static(b"Function not found"),
            };
            typed
                .headers
                .insert("content-type", "Text/HTML; charset=UTF-8".parse().unwrap());
            assert_eq!(meaning(&typed, &token()), Meaning::Unavailable, "{status}");
        }
        assert_eq!(judged(429, "<html>"), Meaning::RateLimited);
    }

    #[test]
    fn each_status_has_its_verdict() {
        assert_eq!(judged(200, ""), Meaning::Success);
        assert_eq!(judged(201, ""), Meaning::Success);
        assert_eq!(judged(302, ""), refused("a redirect, which is not followed"));
        assert_eq!(
            judged(400, r#"{"message":["a is wrong","b is wrong"]}"#),
            refused("a is wrong; b is wrong")
        );
        assert_eq!(
            judged(401, r#"{"message":"JWT sbp_canary failed"}"#),
            refused("JWT [token] failed")
        );
        assert_eq!(judged(403, r#"{"message":"\u0000"}"#), refused("no message"));
        assert_eq!(judged(403, r#"{"message":{}}"#), refused("no message"));
        assert_eq!(judged(408, ""), Meaning::Timeout);
        assert_eq!(judged(429, ""), Meaning::RateLimited);
        assert_eq!(judged(500, ""), Meaning::Unavailable);
        assert_eq!(judged(599, ""), Meaning::Unavailable);
    }

    #[test]
    fn foreign_text_is_one_bounded_line_without_the_token() {
        assert_eq!(clean("a\r\n\tb\u{1b}[31m  sbp_canary", &token()), "a b [31m [token]");
        assert_eq!(clean("a\u{202e}b\u{2069}", &token()), "a b");
        assert_eq!(clean(&"é".repeat(300), &token()), "é".repeat(300));
        assert_eq!(clean(&"é".repeat(301), &token()), format!("{}…", "é".repeat(299)));
        // The token is removed before the text is cut, so that no half of it stays.
        let text = format!("{}sbp_canary", "x".repeat(295));
        assert!(!clean(&text, &token()).contains("sbp"));
    }

    #[test]
    fn paths_are_seen_from_the_functions_files_before_the_text_is_cut() {
        const CONTAINER: &str = "/tmp/user_fn_abcdefghijklmnopqrst_00000000-0000-4000-8000-000000000007_12";
        let file = format!("file://{CONTAINER}/source");
        let short = |text: &str| clean(text, &token());
        assert_eq!(
            short(&format!(
                "Failed to bundle the function (reason: Module not found \"{file}/_shared/x.ts\".\n    at {file}/hello/index.ts:1:15)."
            )),
            "Failed to bundle the function (reason: Module not found \"_shared/x.ts\". at hello/index.ts:1:15)."
        );
        assert_eq!(
            short(&format!(
                "Entrypoint path does not exist - {CONTAINER}/source/hello/index.ts"
            )),
            "Entrypoint path does not exist - hello/index.ts"
        );
        // Beside `source`, and relative.
        let container = CONTAINER.strip_prefix("/tmp/").unwrap();
        assert_eq!(
            short(&format!("a {CONTAINER}/_shared/x.ts, b {container}/y.ts")),
            "a _shared/x.ts, b y.ts"
        );
        for other in [
            "user_fn_",
            "user_fn_a/b",
            "/tmp/user_fn_a_b_1",
            "user_fn_a user_fn_a_b_1 c",
        ] {
            assert_eq!(short(other), other);
        }
        // What is said behind the paths is still there.
        let many = format!(
            "{}is not what was meant",
            format!("{file}/hello/index.ts:1:15 ").repeat(8)
        );
        assert!(short(&many).ends_with("is not what was meant"), "{}", short(&many));
        // The token is removed first, so that no path hides it.
        assert!(!short(&format!("{CONTAINER}/source/sbp_canary")).contains("sbp"));
    }

    #[test]
    fn waiting_times_are_read_as_seconds_or_as_a_date() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let read = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs
                .iter()
                .map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect();
            rate_limit(&headers, now)
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(
            read(&[
                ("x-ratelimit-remaining", "7"),
                ("x-ratelimit-reset", "42"),
                ("retry-after", "3")
            ]),
            RateLimit {
                remaining: Some(7),
                reset: seconds(42),
                retry_after: seconds(3)
            }
        );
        let retry = |value| read(&[("retry-after", value)]).retry_after;
        assert_eq!(retry("Mon, 23 Nov 2026 10:00:09 GMT"), seconds(9));
        assert_eq!(retry("Mon, 23 Nov 2026 09:00:00 GMT"), seconds(0));
        assert_eq!(retry("soon"), None);
        assert_eq!(
            read(&[("x-ratelimit-remaining", "-1"), ("x-ratelimit-reset", "1.5")]),
            RateLimit::default()
        );
    }
}
