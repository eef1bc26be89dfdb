//! What PagerDuty checks before it takes an event, as the reference of its Events API v2 says.

use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use super::records::Answer;

/// The answer to an event.
pub(super) fn answer(headers: &HeaderMap, body: &[u8]) -> Answer {
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let event = match serde_json::from_slice::<Value>(body) {
        Ok(event) if is_json && event.is_object() => event,
        _ => return refused("Event object format is unrecognized", &["JSON parse error".to_owned()]),
    };
    let wrong = wrong(&event);
    if !wrong.is_empty() {
        return refused("Event object is invalid", &wrong);
    }
    let body = json!({"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]});
    Answer::new(202, &body.to_string())
}

fn refused(message: &str, errors: &[String]) -> Answer {
    let body = json!({"status": "invalid event", "message": message, "errors": errors});
    Answer::new(400, &body.to_string())
}

/// What is wrong with an event.
fn wrong(event: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    let mut need = |holds: bool, error: &str| {
        if !holds {
            errors.push(error.to_owned());
        }
    };
    let known = |object: &Value, names: &[&str]| {
        object
            .as_object()
            .is_some_and(|members| members.keys().all(|name| names.contains(&name.as_str())))
    };
    let action = event["event_action"].as_str().unwrap_or_default();
    need(
        event["routing_key"].as_str().is_some_and(|key| key.len() == 32),
        "Length of 'routing_key' is incorrect (should be 32 characters)",
    );
    need(
        ["trigger", "acknowledge", "resolve"].contains(&action),
        "'event_action' is invalid (must be one of trigger, acknowledge, resolve)",
    );
    let key = event["dedup_key"].as_str().unwrap_or_default();
    need(
        key.chars().count() <= 255 && (action == "trigger" || !key.is_empty()),
        "'dedup_key' is missing or has more than 255 characters",
    );
    let members = [
        "routing_key",
        "event_action",
        "dedup_key",
        "payload",
        "client",
        "client_url",
        "links",
        "images",
    ];
    need(known(event, &members), "there are unknown members");
    let payload = &event["payload"];
    if action == "trigger" || !payload.is_null() {
        let text = |name: &str, longest| {
            let text = payload[name].as_str().unwrap_or_default();
            !text.is_empty() && text.chars().count() <= longest
        };
        need(text("summary", 1_024), "'payload.summary' is missing or too long");
        need(text("source", 1_024), "'payload.source' is missing or blank");
        need(
            ["critical", "error", "warning", "info"].contains(&payload["severity"].as_str().unwrap_or_default()),
            "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')",
        );
        let time = &payload["timestamp"];
        let is_time = time
            .as_str()
            .is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok());
        need(time.is_null() || is_time, "'payload.timestamp' is no date and time");
        let members = [
            "summary",
            "source",
            "severity",
            "timestamp",
            "component",
            "group",
            "class",
            "custom_details",
        ];
        need(known(payload, &members), "'payload' has unknown members");
    }
    let links = event["links"].as_array().into_iter().flatten();
    need(
        links
            .into_iter()
            .all(|link| known(link, &["href", "text"]) && link["href"].is_string()),
        "'links' is invalid",
    );
    errors
}
