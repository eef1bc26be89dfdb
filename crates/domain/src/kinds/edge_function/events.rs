//! Events about a function.

use ace_api::{EdgeFunctionStatus, FunctionEvent, FunctionEventType};

use crate::reconcile::event::{Carried, Event, done, drift_detected, secrets_in_source, stalled};

pub fn events(before: &EdgeFunctionStatus, after: &EdgeFunctionStatus) -> Vec<Event> {
    let mut events = done(&before.history, &after.history, history_event);
    events.extend(redeployed_event(before, after));
    events.extend(secrets_in_source(carried(before), carried(after)));
    events.extend(drift_detected(before, after));
    events.extend(stalled(before, after, |now| now.reason.clone()));
    events
}

fn carried(status: &EdgeFunctionStatus) -> Carried<'_> {
    let source = status.source.as_ref();
    Carried {
        revision: source.and_then(|source| source.artifact_revision.as_deref()),
        secret_files: source.and_then(|source| source.secret_files.as_ref()),
    }
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
    (is_another && !is.unproved && before.history.first() == after.history.first()).then(|| {
        let (revision, version) = (&is.revision, is.stamp.version);
        Event::normal(
            "Redeployed",
            format!("{revision} was deployed again out of band as version {version}"),
        )
    })
}
