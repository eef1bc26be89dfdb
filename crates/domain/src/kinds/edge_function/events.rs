//! Events about a function.

use ace_api::{ConditionType::Drifted, EdgeFunctionStatus, FunctionEvent, FunctionEventType};

use crate::reconcile::event::{Event, stalled};

/// Events for the difference between two statuses.
pub fn events(before: &EdgeFunctionStatus, after: &EdgeFunctionStatus) -> Vec<Event> {
    let known = before.history.first();
    let done = after.history.iter().take_while(|event| Some(*event) != known);
    let mut events: Vec<Event> = done.map(history_event).collect();
    events.reverse();
    events.extend(redeployed_event(before, after));
    events.extend(drift_event(before, after));
    events.extend(stalled(&before.common.conditions, &after.common.conditions, |now| {
        now.reason.clone()
    }));
    events
}

fn history_event(event: &FunctionEvent) -> Event {
    let revision = &event.revision;
    let version = event.version.map(|version| format!(" as version {version}"));
    let version = version.unwrap_or_default();
    match event.type_ {
        FunctionEventType::Deployed => Event::normal("Deployed", format!("deployed {revision}{version}")),
        FunctionEventType::Adopted => Event::normal("Adopted", format!("adopted {revision}{version}")),
        FunctionEventType::Configured => Event::normal("Configured", format!("changed `verifyJWT` of {revision}")),
        FunctionEventType::Corrected => Event::normal(
            "DriftCorrected",
            format!("corrected an out-of-band change: {revision} is live{version}"),
        ),
        FunctionEventType::RolledBack => Event::warning(
            "RolledBack",
            format!("rolled back to {revision}{version}: the checks of newer content failed"),
        ),
        FunctionEventType::Contested => Event::warning(
            "DriftContested",
            format!("stopped correcting drift: {revision} keeps being changed out of band"),
        ),
    }
}

/// The applied content has another stamp, and this operator did not deploy it.
fn redeployed_event(before: &EdgeFunctionStatus, after: &EdgeFunctionStatus) -> Option<Event> {
    let (was, is) = (before.applied.as_ref()?, after.applied.as_ref()?);
    // Not the whole stamp: a change of the JWT rule alone changes its time.
    let is_another = (&was.stamp.id, was.stamp.version) != (&is.stamp.id, is.stamp.version);
    (is_another && before.history.first() == after.history.first()).then(|| {
        let (revision, version) = (&is.revision, is.stamp.version);
        Event::normal(
            "Redeployed",
            format!("{revision} was deployed again out of band as version {version}"),
        )
    })
}

fn drift_event(before: &EdgeFunctionStatus, after: &EdgeFunctionStatus) -> Option<Event> {
    let now = Drifted.of(&after.common.conditions)?;
    // Drift that could not be observed for a while is the same drift, and gets no second event.
    let stood = before
        .drift
        .as_ref()
        .is_some_and(|drift| drift.corrected_time.is_none());
    let is_news = Drifted.is_true(&after.common.conditions) && !Drifted.is_true(&before.common.conditions) && !stood;
    is_news.then(|| Event::warning("DriftDetected", &now.message))
}
