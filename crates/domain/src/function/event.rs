//! What is worth an event: read off two statuses, so that no decision has to think of it.

use ace_api::{EdgeFunctionStatus, FunctionEventType};

/// Whether an event is a warning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoticeType {
    /// Something was done.
    Normal,
    /// Somebody should look.
    Warning,
}

/// One event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notice {
    /// Normal or warning.
    pub type_: NoticeType,
    /// CamelCase reason.
    pub reason: String,
    /// One sentence.
    pub note: String,
}

/// What happened between two statuses.
pub fn notices(before: &EdgeFunctionStatus, after: &EdgeFunctionStatus) -> Vec<Notice> {
    let normal = |reason: &str, note: String| Notice {
        type_: NoticeType::Normal,
        reason: reason.to_owned(),
        note,
    };
    let warning = |reason: &str, note: String| Notice {
        type_: NoticeType::Warning,
        reason: reason.to_owned(),
        note,
    };
    let mut notices = Vec::new();
    let known = before.history.first();
    for event in after
        .history
        .iter()
        .take_while(|event| Some(*event) != known)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
    {
        let version = event
            .version
            .map(|version| format!(" as version {version}"))
            .unwrap_or_default();
        let revision = &event.revision;
        notices.push(match event.type_ {
            FunctionEventType::Deployed => normal("Deployed", format!("deployed {revision}{version}")),
            FunctionEventType::Adopted => normal("Adopted", format!("adopted {revision}{version}")),
            FunctionEventType::Configured => normal("Configured", format!("changed the JWT rule of {revision}")),
            FunctionEventType::Corrected => normal(
                "DriftCorrected",
                format!("undid a foreign change: {revision} is live{version}"),
            ),
            FunctionEventType::RolledBack => warning(
                "RolledBack",
                format!("deployed {revision} again{version}: checks failed"),
            ),
            FunctionEventType::Contested => warning("DriftContested", format!("stopped correcting {revision}")),
        });
    }
    // Not the whole stamp: a change of the JWT rule alone moves its time.
    let deploy = |status: &EdgeFunctionStatus| {
        let stamp = &status.applied.as_ref()?.stamp;
        Some((stamp.id.clone(), stamp.version))
    };
    if after.history.first() == known
        && deploy(before) != deploy(after)
        && let (Some(_), Some(applied)) = (&before.applied, &after.applied)
    {
        notices.push(normal(
            "Redeployed",
            format!(
                "somebody deployed {} again as version {}",
                applied.revision, applied.stamp.version
            ),
        ));
    }
    if truth(before, "Drifted") != Some("True")
        && let Some(message) = message(after, "Drifted", "True")
    {
        notices.push(warning("DriftDetected", message));
    }
    if let Some(reason) = reason(after, "Stalled")
        && self::reason(before, "Stalled") != Some(reason)
        && let Some(message) = message(after, "Stalled", "True")
    {
        notices.push(warning(reason, message));
    }
    notices
}

fn truth<'a>(status: &'a EdgeFunctionStatus, type_: &str) -> Option<&'a str> {
    status
        .conditions
        .iter()
        .find(|c| c.type_ == type_)
        .map(|c| c.status.as_str())
}

fn reason<'a>(status: &'a EdgeFunctionStatus, type_: &str) -> Option<&'a str> {
    status
        .conditions
        .iter()
        .find(|c| c.type_ == type_)
        .map(|c| c.reason.as_str())
}

fn message(status: &EdgeFunctionStatus, type_: &str, value: &str) -> Option<String> {
    status
        .conditions
        .iter()
        .find(|c| c.type_ == type_ && c.status == value)
        .map(|c| c.message.clone())
}
