//! The checks of a Platform's database.

use std::collections::BTreeMap;

use ace_api::PlatformReason;
use serde_json::json;

use super::{
    super::{
        Cause, DatabaseFailure, Decision, Observation, Step, StepError, StepResult, decide, decide::api_answers,
        status, update,
    },
    fixture::{
        check, checked, conditions, identity, listed, platform, project, reconcile_requested, silent, with,
        with_database,
    },
};
use crate::{
    inputs::SecretProblem,
    reconcile::{
        decision::Requeue,
        fixture::{at, next},
    },
};

#[test]
fn the_database_is_checked_last_and_only_if_the_spec_has_one() {
    assert_eq!(
        decide(&with_database(), &listed(), at(1)),
        Decision::Do(Step::CheckDatabase)
    );
    assert_eq!(decide(&platform(), &listed(), at(1)), Decision::Settled(next(300)));
    let mut unlisted = listed();
    unlisted.needs_secrets = true;
    assert_eq!(
        decide(&with_database(), &unlisted, at(1)),
        Decision::Do(Step::ListSecrets)
    );
    unlisted.observation = Observation::new(at(0));
    assert_eq!(
        decide(&with_database(), &unlisted, at(1)),
        Decision::Do(Step::GetProject)
    );
}

#[test]
fn a_database_that_answered_is_checked_again_after_an_hour() {
    let mut state = checked(Ok(identity(1)));
    state.observation.record_list(at(3590), BTreeMap::new());
    state
        .observation
        .record_project(at(3590), Some(project("ACTIVE_HEALTHY")));
    assert_eq!(
        decide(&with_database(), &state, at(3599)),
        Decision::Settled(next(3600))
    );
    assert_eq!(
        decide(&with_database(), &state, at(3600)),
        Decision::Do(Step::CheckDatabase)
    );
}

#[test]
fn a_database_that_did_not_answer_is_checked_again_at_the_probe_interval() {
    let state = checked(Err(silent()));
    let message = "the database at db.example.com:5432 does not answer: no answer within 10 s";
    let cause = Cause::new(PlatformReason::DatabaseUnreachable, message);
    assert_eq!(
        decide(&with_database(), &state, at(10)),
        Decision::Wait(cause, next(30))
    );
    assert_eq!(
        decide(&with_database(), &state, at(30)),
        Decision::Do(Step::CheckDatabase)
    );
}

#[test]
fn lists_keep_their_pace_while_the_database_is_silent() {
    let mut state = checked(Err(silent()));
    state.memory.database = Some(check(290, Err(silent())));
    let Decision::Wait(_, again) = decide(&with_database(), &state, at(291)) else {
        panic!("it waits");
    };
    assert_eq!(again, next(300));
    assert_eq!(
        decide(&with_database(), &state, at(300)),
        Decision::Do(Step::ListFunctions)
    );
}

#[test]
fn a_refusal_waits_for_a_person_and_is_checked_again_with_the_next_list() {
    let state = checked(Err(DatabaseFailure::PasswordRejected));
    let message = "the database rejects the password of user `postgres`: put the correct one into key `password` of Secret `supabase`";
    let cause = Cause::new(PlatformReason::DatabasePasswordRejected, message);
    assert_eq!(
        decide(&with_database(), &state, at(1)),
        Decision::Refuse(cause, next(300))
    );
    let mut relisted = state;
    relisted.observation.record_list(at(300), BTreeMap::new());
    assert_eq!(
        decide(&with_database(), &relisted, at(300)),
        Decision::Do(Step::CheckDatabase)
    );
}

#[test]
fn a_changed_spec_and_a_changed_annotation_check_the_database_now() {
    let state = checked(Ok(identity(1)));
    let mut changed = with_database();
    changed.metadata.generation = Some(2);
    assert_eq!(decide(&changed, &state, at(1)), Decision::Do(Step::CheckDatabase));

    let asked = reconcile_requested(with_database(), "now");
    let mut later = checked(Ok(identity(1)));
    later.began = at(1);
    later.observation.record_list(at(1), BTreeMap::new());
    later.observation.record_project(at(1), Some(project("ACTIVE_HEALTHY")));
    assert_eq!(decide(&asked, &later, at(2)), Decision::Do(Step::CheckDatabase));
    later.memory.database = Some(check(2, Err(silent())));
    let decision = decide(&asked, &later, at(3));
    assert!(matches!(decision, Decision::Wait(..)), "{decision:?}");
    let handled = status(&asked, &later, &decision, at(3))
        .common
        .last_handled_reconcile_at;
    assert_eq!(handled.as_deref(), Some("now"));
}

#[test]
fn the_database_of_a_project_that_does_not_run_is_left_alone() {
    for phase in ["INACTIVE", "RESTORING"] {
        let mut state = listed();
        state.observation.record_project(at(0), Some(project(phase)));
        let decision = decide(&with_database(), &state, at(1));
        assert!(
            matches!(decision, Decision::Refuse(..) | Decision::Wait(..)),
            "{decision:?}"
        );
    }
    let mut lost = listed();
    lost.step_error = Some(StepError::Unanswered("503".to_owned()));
    let decision = decide(&with_database(), &lost, at(1));
    assert!(matches!(&decision, Decision::Wait(cause, _) if cause.reason == PlatformReason::Unreachable));
}

#[test]
fn a_failed_database_check_is_kept_and_is_no_error_of_the_platform() {
    let mut state = listed();
    update(&mut state, Ok(StepResult::Checked(check(1, Err(silent())))));
    assert_eq!(state.memory.database, Some(check(1, Err(silent()))));
    assert_eq!((state.step_error.clone(), state.observation.failing()), (None, None));
    assert!(api_answers(&state));
    update(&mut state, Ok(StepResult::Checked(check(2, Ok(identity(1))))));
    assert_eq!(decide(&with_database(), &state, at(3)), Decision::Settled(next(300)));
}

/// Failure, reason, whether a person must act, and a part of the message.
type Row = (DatabaseFailure, PlatformReason, bool, &'static str);

fn assert_rows(table: impl IntoIterator<Item = Row>) {
    for (step_error, reason, must_act, part) in table {
        let decision = decide(&with_database(), &checked(Err(step_error)), at(1));
        let (cause, refused) = match &decision {
            Decision::Wait(cause, _) => (cause, false),
            Decision::Refuse(cause, _) => (cause, true),
            other => panic!("{other:?}"),
        };
        assert_eq!((cause.reason, refused), (reason, must_act), "{}", cause.message);
        assert!(cause.message.contains(part), "{}", cause.message);
    }
}

#[test]
fn what_is_wrong_with_a_secret_has_one_reason_whether_it_is_the_tokens_or_the_databases() {
    let says = || "of Secret `supabase`".to_owned();
    for problem in [
        SecretProblem::NotOffered(says()),
        SecretProblem::AccessMissing(says()),
        SecretProblem::Unanswered(says()),
        SecretProblem::Invalid(says()),
    ] {
        let of_token = Cause::from(problem.clone());
        let decision = decide(&with_database(), &checked(Err(problem.into())), at(1));
        let (Decision::Wait(of_database, _) | Decision::Refuse(of_database, _)) = decision else {
            panic!("{decision:?}")
        };
        assert_eq!(of_database.reason, of_token.reason);
        assert!(
            of_database.message.ends_with(&of_token.message),
            "{}",
            of_database.message
        );
    }
}

#[test]
fn what_stands_before_the_database_says_what_to_do() {
    use DatabaseFailure as T;
    use PlatformReason as R;
    let word = |text: &str| text.to_owned();
    assert_rows([
        (
            silent(),
            R::DatabaseUnreachable,
            false,
            "db.example.com:5432 does not answer: no answer",
        ),
        (
            T::SecretMissing(word("there is no Secret `supabase`")),
            R::DatabaseSecretMissing,
            false,
            "can't connect to the database: there is no Secret",
        ),
        (
            T::SecretUnanswered(word("the API server did not answer for Secret `supabase`")),
            R::Retrying,
            false,
            "can't connect to the database: the API server did not answer for Secret",
        ),
        (
            T::SecretInvalid(word("key `password` of Secret `supabase` is not text")),
            R::SecretInvalid,
            true,
            "can't connect to the database: key `password` of Secret `supabase` is not text",
        ),
        (
            T::AccessMissing(word("run kubectl")),
            R::AccessMissing,
            true,
            "run kubectl",
        ),
        (
            T::SecretNotOffered(word("run kubectl label")),
            R::SecretNotOffered,
            true,
            "run kubectl label",
        ),
        (
            T::HostNotAllowed,
            R::HostNotAllowed,
            true,
            "db.example.com:5432 with user `postgres` is not the project's own database: use `db.<project>.supabase.co`, or a session \
             pooler with a user that ends in `.<project>`, on port 5432; or add `postgres://db.example.com:5432` to the operator's \
             flag `--allow-database-host`",
        ),
        (
            T::PasswordInvalid(word("the password is empty")),
            R::SecretInvalid,
            true,
            "key `password` of Secret `supabase` is not a valid database password: the password is empty",
        ),
        (
            T::PasswordRejected,
            R::DatabasePasswordRejected,
            true,
            "put the correct one into key `password` of Secret `supabase`",
        ),
    ]);
}

#[test]
fn what_the_server_refuses_says_what_to_do() {
    use DatabaseFailure as T;
    use PlatformReason as R;
    let word = |text: &str| text.to_owned();
    assert_rows([
        (
            T::AuthorityInvalid(word("it has no PEM certificate")),
            R::SecretInvalid,
            true,
            "key `ca.crt` of Secret `supabase` has no valid CA certificate for the database: it has no PEM certificate",
        ),
        (
            T::CertificateRefused(word("it has expired")),
            R::DatabaseCertificateRefused,
            true,
            "db.example.com failed: it has expired; put the certificate of its CA into key `ca.crt`",
        ),
        (
            T::NoTls(word("the server does not speak TLS")),
            R::DatabaseCertificateRefused,
            true,
            "the server does not speak TLS; turn TLS on there",
        ),
        (
            T::Pooler,
            R::PoolerUnsupported,
            true,
            "use the direct connection or the session pooler, on port 5432",
        ),
        (
            T::Refused(word("28000")),
            R::DatabaseRefused,
            true,
            "refuses a session to user `postgres`",
        ),
        (
            T::Refused(word("3D000")),
            R::DatabaseRefused,
            true,
            "there is no database `postgres`",
        ),
        (
            T::Refused(word("42501")),
            R::DatabaseRefused,
            true,
            "pg_control_system()",
        ),
        (
            T::Refused(word("XX000")),
            R::DatabaseRefused,
            true,
            "`postgres.<project>`",
        ),
        (
            T::Refused(word("42704")),
            R::DatabaseRefused,
            true,
            "SQLSTATE 42704: correct `spec.database`",
        ),
    ]);
}

#[test]
fn a_platform_says_who_answers() {
    let table = [
        (
            with_database(),
            checked(Ok(identity(1))),
            "API and database answer",
            Some(identity(1)),
        ),
        (platform(), listed(), "API answers", None),
    ];
    for (object, state, message, database) in table {
        let status = status(&object, &state, &decide(&object, &state, at(1)), at(1));
        assert_eq!(conditions(&status), [("Ready", "True", "Reachable", message)]);
        assert_eq!(status.database, database);
    }
}

#[test]
fn a_silent_database_is_never_stalled_and_not_ready_at_once() {
    let mut state = checked(Ok(identity(1)));
    state.memo = status(&with_database(), &state, &Decision::Settled(Requeue::OnChange), at(0));
    state.memory.database = Some(check(1, Err(silent())));
    let status = status(
        &with_database(),
        &state,
        &decide(&with_database(), &state, at(2)),
        at(2),
    );
    let message = "the database at db.example.com:5432 does not answer: no answer within 10 s";
    assert_eq!(
        conditions(&status),
        [
            ("Ready", "False", "DatabaseUnreachable", message),
            ("Reconciling", "True", "DatabaseUnreachable", message),
        ]
    );
    // The identity stays in status: nothing shows that it is another database now.
    assert_eq!(status.database, Some(identity(1)));
}

#[test]
fn a_database_that_was_removed_from_the_spec_leaves_the_status() {
    let mut state = checked(Ok(identity(1)));
    state.memo = status(&with_database(), &state, &Decision::Settled(Requeue::OnChange), at(0));
    let without = platform();
    assert_eq!(
        status(&without, &state, &Decision::Settled(Requeue::OnChange), at(1)).database,
        None
    );

    let mut other = with_database();
    other.metadata.generation = Some(2);
    state.memory.database = Some(check(1, Err(silent())));
    assert_eq!(
        status(&other, &state, &Decision::Settled(Requeue::OnChange), at(1)).database,
        None
    );
}

#[test]
fn after_a_restart_the_status_keeps_the_database() {
    let mut state = listed();
    state.memo = status(
        &with_database(),
        &checked(Ok(identity(2))),
        &Decision::Settled(Requeue::OnChange),
        at(0),
    );
    let suspended = with(&json!({ "suspend": true, "database": with_database().spec.database }));
    let decision = decide(&suspended, &state, at(1));
    assert_eq!(status(&suspended, &state, &decision, at(1)).database, Some(identity(2)));
}
