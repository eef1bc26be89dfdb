//! What is worth an event: read off two statuses.

use ace_api::{ConditionType, MigrationEvent, MigrationEventType, MigrationSetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::function::{Notice, NoticeType};

/// What happened between two statuses.
pub fn notices(before: &MigrationSetStatus, after: &MigrationSetStatus) -> Vec<Notice> {
    let known = before.history.first();
    let done = after.history.iter().take_while(|event| Some(*event) != known);
    let mut notices: Vec<Notice> = done.map(done_notice).collect();
    notices.reverse();
    notices.extend(drift_notice(before, after));
    notices.extend(stalled_notice(before, after));
    notices
}

fn done_notice(event: &MigrationEvent) -> Notice {
    let version = event.version.as_deref().unwrap_or_default();
    let (reason, note) = match event.type_ {
        MigrationEventType::Applied => {
            let milliseconds = event.duration_milliseconds.unwrap_or_default();
            ("Applied", format!("ran {version} in {milliseconds} ms"))
        }
        MigrationEventType::Adopted => (
            "Adopted",
            format!("{version} was run by somebody else, from the same file"),
        ),
        MigrationEventType::Baselined => ("Baselined", format!("recorded {version} without running it")),
        MigrationEventType::SchemaAccepted => ("SchemaAccepted", "the live schema is the reference now".to_owned()),
    };
    // A migration that reports its own failure does so as a warning.
    let warned = event
        .warnings
        .first()
        .map(|warning| format!("; the server warns: {warning}"));
    Notice {
        type_: if warned.is_some() {
            NoticeType::Warning
        } else {
            NoticeType::Normal
        },
        reason: reason.to_owned(),
        note: note + &warned.unwrap_or_default(),
    }
}

fn drift_notice(before: &MigrationSetStatus, after: &MigrationSetStatus) -> Option<Notice> {
    let is = |status: &MigrationSetStatus| condition(status, ConditionType::Drifted).map(|drifted| drifted.status);
    let now = condition(after, ConditionType::Drifted)?;
    match (is(before).as_deref(), now.status.as_str()) {
        (Some("True"), "False") => Some(Notice {
            type_: NoticeType::Normal,
            reason: "DriftGone".to_owned(),
            note: now.message,
        }),
        (was, "True") if was != Some("True") => Some(Notice {
            type_: NoticeType::Warning,
            reason: "DriftFound".to_owned(),
            note: now.message,
        }),
        _ => None,
    }
}

fn stalled_notice(before: &MigrationSetStatus, after: &MigrationSetStatus) -> Option<Notice> {
    let now = condition(after, ConditionType::Stalled)?;
    let was = condition(before, ConditionType::Stalled);
    let is_news = was.is_none_or(|was| (was.reason, was.message) != (now.reason.clone(), now.message.clone()));
    is_news.then_some(Notice {
        type_: NoticeType::Warning,
        reason: now.reason,
        note: now.message,
    })
}

fn condition(status: &MigrationSetStatus, type_: ConditionType) -> Option<Condition> {
    let found = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == type_.as_str());
    found.cloned()
}
