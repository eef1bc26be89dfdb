//! Slack's incoming webhooks.

use ace_egress::{Reply, RequestError};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::Request;
use crate::message::{LONGEST_TEXT, Message};
use crate::outcome::{Outcome, by_status};
use crate::text::fitted;

pub(crate) fn request(message: &Message) -> Request {
    let (title, text) = (message.content.title(), message.content.text());
    let channel = format!("{}/{}", message.namespace, message.channel);
    let mut blocks = vec![json!({"type": "header", "text": {"type": "plain_text", "text": title}})];
    let section = mrkdwn(&text);
    // An empty section is refused.
    if section.get("text").is_some_and(|text| text != "") {
        blocks.push(json!({"type": "section", "text": section}));
    }
    let context = mrkdwn(&format!("channel {channel} · {}", message.time));
    blocks.push(json!({"type": "context", "elements": [context]}));
    let body = json!({
        // For notifications and screen readers, which don't show the blocks.
        "text": escaped(&format!("{title} of channel {channel}: {text}")),
        "blocks": blocks,
    });
    Request {
        headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]),
        body: body.to_string().into(),
    }
}

/// `verbatim`: a name that stands in the text must not become a mention.
fn mrkdwn(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": escaped(text), "verbatim": true})
}

/// Slack's three control characters; unescaped, `<!channel>` would notify everybody.
fn escaped(text: &str) -> String {
    fitted(text, LONGEST_TEXT, |character| match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    })
}

/// A message that is posted is answered with 200 and `ok`, everything else with a word such as `channel_is_archived`.
pub(crate) fn outcome(reply: &Reply) -> Outcome {
    let code = reply.status;
    let posted = (200..300).contains(&code);
    let said = match &reply.body {
        // What is too large is no reply of Slack's.
        Err(error) if posted && !matches!(error, RequestError::TooLarge { .. }) => {
            let message = format!("answers {code}: {error}");
            return Outcome::Unknown { message };
        }
        body => body.as_deref().unwrap_or_default().trim(),
    };
    if posted && said != "ok" {
        let message = format!("answers {code} without the \"ok\" of an incoming webhook; check the URL in the Secret");
        return Outcome::Refused {
            code: Some(code),
            message,
        };
    }
    let word = word(said);
    let remedy = match word {
        "action_prohibited" | "posting_to_general_channel_denied" => {
            "an administrator of the workspace must allow it, or the Secret needs the URL of another webhook"
        }
        "channel_is_archived"
        | "channel_not_found"
        | "invalid_token"
        | "no_active_hooks"
        | "no_service"
        | "no_service_id"
        | "no_team"
        | "team_disabled" => "give the Secret the URL of another webhook",
        "invalid_blocks" | "invalid_blocks_format" | "invalid_payload" | "no_text" | "too_many_attachments" => {
            "Slack does not take the message: report this as a bug"
        }
        _ => "check the URL in the Secret",
    };
    by_status(reply, word, remedy)
}

/// Slack's word, or nothing: the page of something in between is not quoted.
fn word(said: &str) -> &str {
    let is_word = said.len() <= 64 && said.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { said } else { "" }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ace_egress::{Reply, RequestError};
    use serde_json::{Value, json};

    use super::{outcome, request};
    use crate::message::{Content, tests::message};
    use crate::news::tests::news;
    use crate::outcome::Outcome;

    fn body(text: &str) -> Value {
        sent(Content::Test(text.into()))
    }

    fn sent(content: Content) -> Value {
        let request = request(&message(content));
        assert_eq!(request.headers.len(), 1);
        assert_eq!(request.headers["content-type"], "application/json");
        serde_json::from_slice(&request.body).unwrap()
    }

    #[test]
    fn a_text_shows_as_it_is_and_notifies_nobody() {
        assert_eq!(
            body("a & b: <!channel> @here"),
            json!({
                "text": "Test message of channel ace/on-call: a &amp; b: &lt;!channel&gt; @here",
                "blocks": [
                    {"type": "header", "text": {"type": "plain_text", "text": "Test message"}},
                    {"type": "section", "text":
                        {"type": "mrkdwn", "text": "a &amp; b: &lt;!channel&gt; @here", "verbatim": true}},
                    {"type": "context", "elements": [
                        {"type": "mrkdwn", "text": "channel ace/on-call · 2026-11-23T09:00:00Z", "verbatim": true}]},
                ],
            })
        );
    }

    #[test]
    fn what_a_row_says_notifies_nobody_either() {
        let mut news = news();
        news.alerts[0].labels[0].1 = "<!channel> & <https://evil.example|click>".to_owned();
        let body = sent(Content::News(Box::new(news)));
        assert_eq!(
            body["blocks"][0]["text"]["text"],
            "[critical] gift-card-inventory: 1 alert"
        );
        for text in [&body["text"], &body["blocks"][1]["text"]["text"]] {
            let text = text.as_str().unwrap();
            assert!(
                text.contains("(brand &lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;)"),
                "{text}"
            );
            assert!(!text.contains('<'), "{text}");
        }
    }

    #[test]
    fn no_text_is_longer_than_slack_takes_and_an_empty_one_makes_no_block() {
        let long = body(&"&".repeat(9_000));
        for text in [&long["text"], &long["blocks"][1]["text"]["text"]] {
            let text = text.as_str().unwrap();
            assert!(text.len() <= 3_002 && text.ends_with("&amp;…"), "{text}");
        }
        let types = |body: &Value| -> Vec<Value> {
            let blocks = body["blocks"].as_array().unwrap();
            blocks.iter().map(|block| block["type"].clone()).collect()
        };
        assert_eq!(types(&body(" \n")), ["header", "context"]);
    }

    #[test]
    fn each_answer_of_slack_has_its_outcome() {
        let reply = |status, body| Reply {
            status,
            retry_after: Some(Duration::from_secs(30)),
            body,
        };
        let judged = |status, body: &str| outcome(&reply(status, Ok(body.to_owned())));
        let refused = |code, message: &str| Outcome::Refused {
            code: Some(code),
            message: message.into(),
        };
        let retry = |code, message: &str| Outcome::Retry {
            after: Some(Duration::from_secs(30)),
            code: Some(code),
            message: message.into(),
        };
        assert_eq!(judged(200, "ok\n"), Outcome::Accepted { code: 200 });
        // The Web API and a page of something in between answer 200, too.
        for body in [r#"{"ok":false,"error":"not_authed"}"#, "<html>ok</html>", ""] {
            let message = "answers 200 without the \"ok\" of an incoming webhook; check the URL in the Secret";
            assert_eq!(judged(200, body), refused(200, message));
        }
        assert_eq!(
            judged(410, "channel_is_archived"),
            refused(
                410,
                "answers 410 channel_is_archived; give the Secret the URL of another webhook"
            )
        );
        assert_eq!(
            judged(400, "invalid_payload"),
            refused(
                400,
                "answers 400 invalid_payload; Slack does not take the message: report this as a bug"
            )
        );
        assert_eq!(
            judged(403, "action_prohibited"),
            refused(
                403,
                "answers 403 action_prohibited; an administrator of the workspace must allow it, \
                 or the Secret needs the URL of another webhook"
            )
        );
        assert_eq!(
            judged(404, "no_service"),
            refused(
                404,
                "answers 404 no_service; give the Secret the URL of another webhook"
            )
        );
        assert_eq!(
            judged(404, "<p>/services/T0/B0/CANARY is not here</p>"),
            refused(404, "answers 404; check the URL in the Secret")
        );
        assert_eq!(judged(429, "rate_limited"), retry(429, "answers 429 rate_limited"));
        assert_eq!(judged(500, "rollup_error"), retry(500, "answers 500 rollup_error"));
        assert_eq!(judged(503, "<html>"), retry(503, "answers 503"));

        let (cut, large) = (RequestError::Transport, RequestError::TooLarge { limit: 4_096 });
        let message = "answers 200: the connection broke before the answer was complete".to_owned();
        assert_eq!(outcome(&reply(200, Err(cut))), Outcome::Unknown { message });
        assert_eq!(outcome(&reply(200, Err(large))), judged(200, "<html>"));
        assert_eq!(outcome(&reply(503, Err(cut))), retry(503, "answers 503"));
    }
}
