//! What is worth an event is read off two statuses.

use ace_api::{EdgeFunctionStatus, FunctionEvent, FunctionEventType, Mode, SecretFiles};

use super::{
    super::events,
    fixture::settled,
    values::{A, X, applied, foreign, revision},
};
use crate::reconcile::{event::Event, fixture::at};

#[test]
fn each_thing_that_was_done_is_one_event_oldest_first() {
    use FunctionEventType::{Adopted, Configured, Contested, Corrected, Deployed, RolledBack};
    let before = settled().state.memo;
    let mut after = before.clone();
    after.history = [Contested, RolledBack, Corrected, Configured, Adopted, Deployed]
        .iter()
        .map(|type_| FunctionEvent {
            type_: *type_,
            revision: revision(A),
            version: Some(7),
            time: at(0),
        })
        .collect();
    let a = revision(A);
    let expected = [
        Event::normal("Deployed", format!("deployed {a} as version 7")),
        Event::normal("Adopted", format!("adopted {a} as version 7")),
        Event::normal("Configured", format!("changed `verifyJWT` of {a}")),
        Event::normal(
            "DriftCorrected",
            format!("corrected an out-of-band change: {a} is live as version 7"),
        ),
        Event::warning(
            "RolledBack",
            format!("rolled back to {a} as version 7: the checks of newer content failed"),
        ),
        Event::warning(
            "DriftContested",
            format!("stopped correcting drift: {a} keeps being changed out of band"),
        ),
    ];
    assert_eq!(events(&before, &after), expected);
    assert_eq!(events(&after, &after), []);
}

#[test]
fn the_same_code_deployed_by_somebody_else_is_an_event() {
    let (before, mut after) = memos();
    after.applied = Some(applied(A, 4));
    let expected = Event::normal(
        "Redeployed",
        format!("{} was deployed again out of band as version 4", revision(A)),
    );
    assert_eq!(events(&before, &after), [expected]);
}

#[test]
fn a_changed_jwt_rule_is_no_new_deploy() {
    let (before, mut after) = memos();
    after.applied.as_mut().unwrap().stamp.updated_time = at(0);
    assert_eq!(events(&before, &after), []);
}

#[test]
fn drift_and_refusals_are_warnings_once() {
    let mut drifted = settled().mode(Mode::Apply).sees(Some(foreign(4))).read(X);
    let (before, after) = (settled().state.memo, drifted.status());
    let expected = [Event::warning(
        "DriftDetected",
        "redeployed out of band: 1 file differs: hello/index.ts",
    )];
    assert_eq!(events(&before, &after), expected);
    assert_eq!(events(&after, &drifted.written().status()), []);
    let mut refused = super::memory::rolled_back();
    let before = refused.state.memo.clone();
    let stalled = events(&before, &refused.status());
    assert_eq!(
        stalled.iter().map(|event| event.reason.as_str()).collect::<Vec<_>>(),
        ["RolledBack"]
    );
}

#[test]
fn secrets_in_the_source_are_a_warning_once_for_each_revision() {
    let (before, mut after) = memos();
    let source = after.source.as_mut().unwrap();
    let paths = [
        "functions/.env",
        "functions/a/id_rsa",
        "functions/b/.npmrc",
        "functions/c/.env",
    ];
    source.secret_files = SecretFiles::of(paths.into_iter());
    let says = Event::warning(
        "SecretsInSource",
        "the source has secrets in functions/.env, functions/a/id_rsa, functions/b/.npmrc and 1 more: they are neither deployed nor archived, but whoever reads the source has them; leave them out (`tar --exclude`, `spec.ignore`, `.sourceignore`) and replace the secrets",
    );
    assert_eq!(events(&before, &after), std::slice::from_ref(&says));
    assert_eq!(events(&after, &after), []);
    let mut next = after.clone();
    next.source.as_mut().unwrap().artifact_revision = Some("main@sha1:2".to_owned());
    assert_eq!(events(&after, &next), [says]);
    let mut without = next.clone();
    without.source.as_mut().unwrap().secret_files = None;
    assert_eq!(events(&next, &without), []);
}

fn memos() -> (EdgeFunctionStatus, EdgeFunctionStatus) {
    let memo = settled().state.memo;
    (memo.clone(), memo)
}
