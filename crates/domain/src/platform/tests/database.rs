//! What a Platform knows and says of its database.

use std::collections::BTreeMap;

use ace_api::PlatformReason;
use serde_json::json;

use super::fixture::{
    after, asked_for, at, identity, listed, look, looked, platform, project, shown, silent, with_database,
};
use crate::{
    decision::Again,
    platform::{DatabaseTrouble, Decision, Step, Trouble, View, Why, api_answers, decide, learn, status},
};

#[test]
fn the_database_is_asked_last_and_only_where_the_spec_names_one() {
    assert_eq!(
        decide(&with_database(), &listed(), at(1)),
        Decision::Do(Step::AskDatabase)
    );
    assert_eq!(
        decide(&platform(&json!({})), &listed(), at(1)),
        Decision::Settled(after(299))
    );
    let mut unlisted = listed();
    unlisted.needs_secrets = true;
    assert_eq!(
        decide(&with_database(), &unlisted, at(1)),
        Decision::Do(Step::ListSecrets)
    );
    unlisted.view = View::new(at(0));
    assert_eq!(
        decide(&with_database(), &unlisted, at(1)),
        Decision::Do(Step::GetProject)
    );
}

#[test]
fn a_database_that_answered_is_asked_again_after_an_hour() {
    let mut world = looked(Ok(identity(1)));
    world.view.record_list(at(3590), BTreeMap::new());
    world.view.record_project(at(3590), Some(project("ACTIVE_HEALTHY")));
    assert_eq!(decide(&with_database(), &world, at(3599)), Decision::Settled(after(1)));
    assert_eq!(
        decide(&with_database(), &world, at(3600)),
        Decision::Do(Step::AskDatabase)
    );
}

#[test]
fn a_database_that_did_not_answer_is_asked_again_at_the_probe_pace() {
    let world = looked(Err(silent()));
    let message = "the database at db.example.com:5432 does not answer: no answer within 10 s";
    let why = Why::new(PlatformReason::DatabaseUnreachable, message);
    assert_eq!(decide(&with_database(), &world, at(10)), Decision::Wait(why, after(20)));
    assert_eq!(
        decide(&with_database(), &world, at(30)),
        Decision::Do(Step::AskDatabase)
    );
}

#[test]
fn lists_keep_their_pace_while_the_database_is_silent() {
    let mut world = looked(Err(silent()));
    world.view.record_database(look(290, Err(silent())));
    let Decision::Wait(_, again) = decide(&with_database(), &world, at(291)) else {
        panic!("it waits");
    };
    assert_eq!(again, after(9));
    assert_eq!(
        decide(&with_database(), &world, at(300)),
        Decision::Do(Step::ListFunctions)
    );
}

#[test]
fn a_refusal_waits_for_a_person_and_is_looked_at_again_with_the_next_list() {
    let world = looked(Err(DatabaseTrouble::PasswordRejected));
    let message = "the database rejects the password of user `postgres`: put the right one into key `password` of Secret `supabase`";
    let why = Why::new(PlatformReason::DatabasePasswordRejected, message);
    assert_eq!(
        decide(&with_database(), &world, at(1)),
        Decision::Refuse(why, after(299))
    );
    let mut relisted = world;
    relisted.view.record_list(at(300), BTreeMap::new());
    assert_eq!(
        decide(&with_database(), &relisted, at(300)),
        Decision::Do(Step::AskDatabase)
    );
}

#[test]
fn a_changed_spec_and_a_changed_annotation_ask_the_database_now() {
    let world = looked(Ok(identity(1)));
    let mut changed = with_database();
    changed.metadata.generation = Some(2);
    assert_eq!(decide(&changed, &world, at(1)), Decision::Do(Step::AskDatabase));

    let asked = asked_for(with_database(), "now");
    let mut later = looked(Ok(identity(1)));
    later.began = at(1);
    later.view.record_list(at(1), BTreeMap::new());
    later.view.record_project(at(1), Some(project("ACTIVE_HEALTHY")));
    assert_eq!(decide(&asked, &later, at(2)), Decision::Do(Step::AskDatabase));
    later.view.record_database(look(2, Err(silent())));
    let decision = decide(&asked, &later, at(3));
    assert!(matches!(decision, Decision::Wait(..)), "{decision:?}");
    let handled = status(&asked, &later, &decision, at(3)).last_handled_reconcile_at;
    assert_eq!(handled.as_deref(), Some("now"));
}

#[test]
fn the_database_of_a_project_that_does_not_run_is_left_alone() {
    for state in ["INACTIVE", "RESTORING"] {
        let mut world = listed();
        world.view.record_project(at(0), Some(project(state)));
        let decision = decide(&with_database(), &world, at(1));
        assert!(
            matches!(decision, Decision::Refuse(..) | Decision::Wait(..)),
            "{decision:?}"
        );
    }
    let mut lost = listed();
    lost.trouble = Some(Trouble::Unanswered("503".to_owned()));
    let decision = decide(&with_database(), &lost, at(1));
    assert!(matches!(&decision, Decision::Wait(why, _) if why.reason == PlatformReason::Unreachable));
}

#[test]
fn what_a_failed_look_taught_stays_known_and_is_no_trouble_of_the_platforms() {
    let mut world = listed();
    learn(&mut world, Err(Trouble::Database(Box::new(look(1, Err(silent()))))));
    assert_eq!(world.view.database(), Some(&look(1, Err(silent()))));
    assert_eq!((world.trouble.clone(), world.view.failing()), (None, None));
    assert!(api_answers(&world));
    let mut seen = listed().view;
    seen.record_database(look(2, Ok(identity(1))));
    learn(&mut world, Ok(seen));
    assert_eq!(decide(&with_database(), &world, at(3)), Decision::Settled(after(297)));
}

/// Trouble, reason, whether a person must act, and a part of the message.
type Row = (DatabaseTrouble, PlatformReason, bool, &'static str);

fn check(table: impl IntoIterator<Item = Row>) {
    for (trouble, reason, must_act, part) in table {
        let decision = decide(&with_database(), &looked(Err(trouble)), at(1));
        let (why, refused) = match &decision {
            Decision::Wait(why, _) => (why, false),
            Decision::Refuse(why, _) => (why, true),
            other => panic!("{other:?}"),
        };
        assert_eq!((why.reason, refused), (reason, must_act), "{}", why.message);
        assert!(why.message.contains(part), "{}", why.message);
    }
}

#[test]
fn what_stands_before_the_database_says_what_to_do() {
    use DatabaseTrouble as T;
    use PlatformReason as R;
    let word = |text: &str| text.to_owned();
    check([
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
            "for the database: there is no Secret",
        ),
        (
            T::AccessMissing(word("run kubectl")),
            R::DatabaseAccessMissing,
            true,
            "run kubectl",
        ),
        (
            T::HostNotAllowed,
            R::HostNotAllowed,
            true,
            "`--allow-host` must name `postgres://db.example.com:5432`",
        ),
        (
            T::PasswordInvalid(word("the password is empty")),
            R::DatabasePasswordRejected,
            true,
            "key `password` of Secret `supabase` can't be a password of the database: the password is empty",
        ),
        (
            T::PasswordRejected,
            R::DatabasePasswordRejected,
            true,
            "put the right one into key `password` of Secret `supabase`",
        ),
    ]);
}

#[test]
fn what_the_server_refuses_says_what_to_do() {
    use DatabaseTrouble as T;
    use PlatformReason as R;
    let word = |text: &str| text.to_owned();
    check([
        (
            T::AuthorityInvalid(word("there is no PEM certificate in it")),
            R::DatabaseCertificateRefused,
            true,
            "key `ca.crt` of Secret `supabase` names no authority for the database: there is no PEM certificate in it",
        ),
        (
            T::CertificateRefused(word("it has expired")),
            R::DatabaseCertificateRefused,
            true,
            "db.example.com is refused: it has expired; put its authority's certificate into key `ca.crt`",
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
            "name the direct connection or the session pooler, on port 5432",
        ),
        (
            T::Refused(word("28000")),
            R::DatabaseRefused,
            true,
            "does not let user `postgres` in",
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
            looked(Ok(identity(1))),
            "API and database answer",
            Some(identity(1)),
        ),
        (platform(&json!({})), listed(), "API answers", None),
    ];
    for (object, world, message, database) in table {
        let status = status(&object, &world, &decide(&object, &world, at(1)), at(1));
        assert_eq!(shown(&status), [("Ready", "True", "Reachable", message)]);
        assert_eq!(status.database, database);
    }
}

#[test]
fn a_silent_database_is_never_stalled_and_not_ready_at_once() {
    let mut world = looked(Ok(identity(1)));
    world.memo = status(&with_database(), &world, &Decision::Settled(Again::OnWake), at(0));
    world.view.record_database(look(1, Err(silent())));
    let status = status(
        &with_database(),
        &world,
        &decide(&with_database(), &world, at(2)),
        at(2),
    );
    let message = "the database at db.example.com:5432 does not answer: no answer within 10 s";
    assert_eq!(
        shown(&status),
        [
            ("Ready", "False", "DatabaseUnreachable", message),
            ("Reconciling", "True", "DatabaseUnreachable", message),
        ]
    );
    // Who it was stays said: nothing shows that it is another one now.
    assert_eq!(status.database, Some(identity(1)));
}

#[test]
fn nothing_is_said_of_a_database_that_the_spec_does_not_name_any_more() {
    let mut world = looked(Ok(identity(1)));
    world.memo = status(&with_database(), &world, &Decision::Settled(Again::OnWake), at(0));
    let without = platform(&json!({}));
    assert_eq!(
        status(&without, &world, &Decision::Settled(Again::OnWake), at(1)).database,
        None
    );

    let mut other = with_database();
    other.metadata.generation = Some(2);
    world.view.record_database(look(1, Err(silent())));
    assert_eq!(
        status(&other, &world, &Decision::Settled(Again::OnWake), at(1)).database,
        None
    );
}

#[test]
fn after_a_restart_a_platform_says_of_the_database_what_it_said_before() {
    let mut world = listed();
    world.memo = status(
        &with_database(),
        &looked(Ok(identity(2))),
        &Decision::Settled(Again::OnWake),
        at(0),
    );
    let suspended = platform(&json!({ "suspend": true, "database": with_database().spec.database }));
    let decision = decide(&suspended, &world, at(1));
    assert_eq!(status(&suspended, &world, &decision, at(1)).database, Some(identity(2)));
}
