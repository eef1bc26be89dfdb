use std::time::Duration;

use ace_database::{AskError, Reader, ReaderError};

use crate::bed::{Bed, OWNER, ask, column, limited, question, value};

async fn refusal(reader: &Reader, query: &str) -> String {
    match ask(reader, &question(query, &[])).await {
        Err(AskError::Invalid(message)) => message,
        other => panic!("{query}: {other:?}"),
    }
}

#[tokio::test]
async fn what_the_server_refuses_is_told_with_line_and_name_and_without_values() {
    let bed = Bed::new().await;
    let reader = bed.reader().await;
    for (query, expected) in [
        (
            "select 1 as value\nfrom public.gone",
            "line 2: relation \"public.gone\" does not exist (SQLSTATE 42P01)",
        ),
        (
            "select\n\nmessage as value from public.cards",
            "line 3: column \"message\" does not exist (SQLSTATE 42703)",
        ),
        (
            "selec 1 as value",
            "line 1: syntax error at or near \"selec\" (SQLSTATE 42601)",
        ),
        (
            "select 1 / (left_over - left_over) as value from public.cards",
            "division by zero (SQLSTATE 22012)",
        ),
        (
            "select brand as left_over from public.cards",
            "the query has no column \"value\": name one of its columns so, with AS",
        ),
        (
            "select secret as value from public.cards",
            "invalid input syntax for type double precision: \"…\" (SQLSTATE 22P02)",
        ),
        (
            "select passwd as value from pg_catalog.pg_shadow",
            "permission denied for view pg_shadow (SQLSTATE 42501)",
        ),
    ] {
        assert_eq!(refusal(&reader, query).await, expected);
    }
    assert_eq!(value(&reader, "select 1 as value").await, Some(1.0));
}

#[tokio::test]
async fn what_takes_too_long_is_no_answer_and_the_session_stands() {
    let bed = Bed::new().await;
    let reader = bed.reader().await;
    for query in [
        "select 1 as value from pg_sleep(60)",
        "select count(*) as value from generate_series(1, 100000) a, generate_series(1, 100000) b",
    ] {
        let slow = limited(query, &[], Duration::from_millis(200));
        let error = ask(&reader, &slow).await.unwrap_err();
        assert!(
            matches!(&error, AskError::Failed(how) if how.starts_with("the query took longer than 200ms")),
            "{error:?}"
        );
    }
    assert_eq!(value(&reader, "select 1 as value").await, Some(1.0));
}

#[tokio::test]
async fn what_does_not_let_itself_be_cancelled_is_ended_from_outside() {
    let bed = Bed::new().await;
    let reader = bed.reader().await;
    let stubborn = limited("select public.stubborn() as value", &[], Duration::from_millis(200));
    let error = ask(&reader, &stubborn).await.unwrap_err();
    assert!(matches!(error, AskError::Lost(_)), "{error:?}");
    let sessions = "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'ace-operator/alerts'";
    bed.until(sessions, &[]).await;
    assert!(!reader.is_open());
}

#[tokio::test]
async fn a_lock_that_is_not_granted_is_no_answer() {
    let bed = Bed::new().await;
    let reader = bed.reader().await;
    let superuser = bed.superuser().await;
    superuser.batch_execute("BEGIN; LOCK TABLE public.cards").await.unwrap();
    let cards = question("select count(*) as value from public.cards", &[]);
    assert_eq!(
        ask(&reader, &cards).await,
        Err(AskError::Failed("a lock was not granted within 1s".to_owned()))
    );
    superuser.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(ask(&reader, &cards).await.unwrap()[0].value, Some(2.0));
}

#[tokio::test]
async fn a_session_that_the_server_ends_is_not_used_again() {
    let bed = Bed::new().await;
    let reader = bed.reader().await;
    let superuser = bed.superuser().await;
    let end = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name = 'ace-operator/alerts'";
    assert_eq!(column(&superuser, end).await, ["true"]);
    let error = ask(&reader, &question("select 1 as value", &[])).await.unwrap_err();
    assert!(matches!(error, AskError::Lost(_)), "{error:?}");
    assert!(!reader.is_open());
}

#[tokio::test]
async fn a_reader_that_policies_blind_is_told_so_and_sees_no_rows_as_none() {
    let bed = Bed::new().await;
    let blind = bed.role("", "").await;
    let reader = Reader::open(&blind, OWNER).await.unwrap();
    let message = refusal(&reader, "select count(*) as value from public.hidden").await;
    assert!(
        message.contains("hidden") && message.ends_with("the reader needs BYPASSRLS, or it would not see all rows"),
        "{message}"
    );
}

#[tokio::test]
async fn a_role_that_may_do_more_than_read_is_refused() {
    let bed = Bed::new().await;
    for (attributes, more, says) in [
        ("SUPERUSER", "", "is a superuser"),
        ("", "GRANT postgres TO {role}", "is a member of `postgres`"),
        ("NOINHERIT", "GRANT postgres TO {role}", "is a member of `postgres`"),
        (
            "",
            "GRANT pg_signal_backend TO {role}",
            "can end others' sessions: REVOKE pg_signal_backend",
        ),
    ] {
        let access = bed.role(attributes, more).await;
        let refused = Reader::open(&access, OWNER).await.map(|_| ()).unwrap_err();
        assert!(
            matches!(&refused, ReaderError::TooPowerful(why) if why.contains(says)),
            "{refused:?}"
        );
    }
    let owner = Reader::open(&bed.access(), OWNER).await.map(|_| ()).unwrap_err();
    assert!(matches!(owner, ReaderError::TooPowerful(_)), "{owner:?}");
}
