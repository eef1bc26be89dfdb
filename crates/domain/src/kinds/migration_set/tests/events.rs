//! What is worth an event.

use ace_api::{MigrationSetStatus, SecretFiles};

use super::{
    super::{SourceState, events},
    fixture::{pending, ran, settled},
    values::{A, B, DROP, HARMLESS, OTHER, V1, V2, V3, V4, differs, taken},
};
use crate::reconcile::{event::EventType, fixture::at};

fn said(before: &MigrationSetStatus, after: &MigrationSetStatus) -> Vec<(String, String)> {
    let events = events(before, after).into_iter();
    events.map(|notice| (notice.reason, notice.note)).collect()
}

fn one(reason: &str, note: &str) -> Vec<(String, String)> {
    vec![(reason.to_owned(), note.to_owned())]
}

#[test]
fn files_that_ran_are_one_event_each_and_in_order() {
    let mut case = settled()
        .files(&[(V1, A), (V2, B), (V3, HARMLESS), (V4, "SELECT 4;")])
        .prepared();
    let before = case.status();
    case.does("Run", ran());
    case.does("Run", ran());
    case.state.announced = None;
    let after = case.status();
    let expected = ["ran 20260103000000 in 41 ms", "ran 20260104000000 in 41 ms"];
    let reported = said(&before, &after);
    assert_eq!(
        reported.iter().map(|(_, note)| note.as_str()).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(said(&after, &after), []);
}

#[test]
fn secrets_beside_the_migrations_are_a_warning_once_for_each_revision() {
    let before = settled().status();
    let mut case = settled().with(|case| {
        if let SourceState::Ready { secret_files, .. } = &mut case.state.source {
            *secret_files = SecretFiles::of(["migrations/.env"].into_iter());
        }
    });
    let mut after = case.status();
    let note = "the source has secrets in migrations/.env: they are neither deployed nor archived, but whoever reads the source has them; leave them out (`tar --exclude`, `spec.ignore`, `.sourceignore`) and replace the secrets";
    assert_eq!(said(&before, &after), one("SecretsInSource", note));
    case.state.memo = after.clone();
    assert_eq!(case.status(), after, "nothing is written again");
    assert_eq!(said(&after, &after), []);
    let known = after.clone();
    after.source.as_mut().unwrap().artifact_revision = "main@sha1:2".to_owned();
    assert_eq!(said(&known, &after), one("SecretsInSource", note));
}

#[test]
fn a_warning_of_the_server_is_a_warning_event() {
    let before = settled().status();
    let mut after = before.clone();
    let mut case = pending(HARMLESS).prepared();
    case.does("Run", ran());
    after.history = case.state.memo.history.clone();
    after.history[0].warnings = vec!["nothing was changed".to_owned()];
    let note = "ran 20260103000000 in 41 ms; the server warns: nothing was changed";
    assert_eq!(said(&before, &after), one("Applied", note));
    assert_eq!(events(&before, &after)[0].type_, EventType::Warning);
}

#[test]
fn a_refusal_is_an_event_when_it_is_new() {
    let (fine, refused) = (settled().status(), pending(DROP).status());
    assert_eq!(said(&fine, &refused)[0].0, "ApprovalRequired");
    assert_eq!(said(&refused, &refused), []);
    assert_eq!(said(&refused, &fine), []);
}

#[test]
fn drift_is_an_event_when_it_begins_and_when_it_ends() {
    let drifted =
        settled().observation(|observation| observation.schema = taken(OTHER, vec![differs("column/public.a.x")]));
    let (fine, drifted) = (settled().status(), drifted.status());
    assert_eq!(
        said(&fine, &drifted),
        one("DriftDetected", "1 object differs: column public.a.x")
    );
    assert_eq!(said(&drifted, &drifted), []);
    let gone = "the schema matches the reference";
    assert_eq!(said(&drifted, &fine), one("DriftCorrected", gone));
}

#[test]
fn an_accepted_schema_is_an_event() {
    let drifted =
        settled().observation(|observation| observation.schema = taken(OTHER, vec![differs("column/public.a.x")]));
    let before = drifted.status();
    let mut case = drifted
        .next_pass()
        .spec(|spec| spec.accepted_schema = Some(OTHER.to_owned()))
        .locked();
    case.does("SetReference", Ok(super::super::StepResult::Written));
    let seen = case.sees(|observation| {
        observation
            .operator_schema
            .as_mut()
            .unwrap()
            .reference
            .as_mut()
            .unwrap()
            .digest = OTHER.to_owned();
        observation.schema = taken(OTHER, Vec::new());
    });
    case.does("ObserveAgain", seen);
    let reported = said(&before, &case.status());
    assert_eq!(
        reported[0],
        one("SchemaAccepted", "the live schema is now the reference")[0]
    );
    assert_eq!(reported[1].0, "DriftCorrected");
    assert!(case.status().drift.unwrap().corrected_time == Some(at(0)));
}
