//! What each answer that is not the contract's success becomes, for a read and for a change; what the budget learns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ace_egress::AllowedHosts;
use ace_supabase::{CallError, Deadlines, Deletion, Http, Limiter, Limits, Lost, NotSent, Outcome, Priority};

use crate::changes::deploy;
use crate::reads::FUNCTION;
use crate::server::{Answer, CANARY, Notes, Server, budget, client, client_with, http, http_with, json, raw, slug};

fn refused(status: u16, message: &str) -> CallError {
    CallError::Refused {
        status,
        message: message.into(),
    }
}

/// What a read and each of the changes make of this answer. Each is one request and no more.
async fn all_calls(http: &Http, answer: Answer) -> (Result<(), CallError>, [Outcome<()>; 3]) {
    let server = Server::playing(vec![answer; 4]).await;
    // A budget and so a client for each, as a 429 blocks what comes after it.
    let client = || client_with(http, &server.url, budget(60));
    let read = client().list_functions(Priority::Poll).await.map(drop);
    let changes = [
        client()
            .deploy(Priority::Change, &slug("hello"), &deploy())
            .await
            .map(drop),
        client()
            .patch_verify_jwt(Priority::Change, &slug("hello"), true)
            .await
            .map(drop),
        client()
            .delete_function(Priority::Change, &slug("hello"))
            .await
            .map(drop),
    ];
    assert_eq!(server.finish().len(), 4);
    (read, changes)
}

#[tokio::test]
async fn a_refusal_is_a_refusal_for_reads_and_changes_alike() {
    let http = http();
    for (status, reason) in [
        (400, "Refused"),
        (401, "Unauthorized"),
        (402, "PlanLimit"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (409, "Refused"),
    ] {
        let answer = json(
            status,
            &format!(r#"{{"message":"no, {CANARY}\r\n not so","errorEventId":"e"}}"#),
        );
        let expected = refused(status, "no, [token] not so");
        assert_eq!(expected.reason(), reason);
        assert!(!expected.is_passing());
        let (read, changes) = all_calls(&http, answer).await;
        assert_eq!(read, Err(expected.clone()));
        assert_eq!(changes, [(); 3].map(|()| Outcome::Failed(expected.clone())));
    }
}

#[tokio::test]
async fn a_refusal_that_says_nothing_we_can_read_is_still_a_refusal() {
    let http = http();
    for body in ["", r#"{"error":"x"}"#, r#"{"message":{"a":1}}"#] {
        let (read, _) = all_calls(&http, json(403, body)).await;
        assert_eq!(read, Err(refused(403, "no message")), "{body}");
    }
    let huge = format!(r#"{{"message":"{}"}}"#, "x".repeat(100_000));
    assert_eq!(
        all_calls(&http, json(403, &huge)).await.0,
        Err(refused(403, "no message"))
    );
}

#[tokio::test]
async fn a_page_of_something_in_between_fails_a_read_and_leaves_a_change_unknown() {
    let http = http();
    for status in [400, 403, 404] {
        let (read, changes) = all_calls(&http, json(status, "<html>secret page</html>")).await;
        assert_eq!(read, Err(CallError::Unavailable { status, message: None }));
        assert_eq!(
            changes,
            [(); 3].map(|()| Outcome::Unknown(Lost::Unavailable { status, message: None }))
        );
    }
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let http = http();
    for status in [301, 302, 303, 307, 308] {
        let answer = raw(status, &[("location", "/elsewhere")], "");
        let expected = refused(status, "a redirect, which is not followed");
        let (read, changes) = all_calls(&http, answer).await;
        assert_eq!(read, Err(expected.clone()));
        assert_eq!(changes, [(); 3].map(|()| Outcome::Failed(expected.clone())));
    }
}

#[tokio::test]
async fn a_server_error_fails_a_read_and_leaves_a_change_unknown() {
    let http = http();
    for status in [500, 502, 503, 504, 524] {
        let (read, changes) = all_calls(&http, json(status, r#"{"message":"Failed to deploy function"}"#)).await;
        let message = Some("Failed to deploy function".to_owned());
        let unavailable = CallError::Unavailable {
            status,
            message: message.clone(),
        };
        assert!(unavailable.to_string().ends_with(": Failed to deploy function"));
        assert_eq!(read, Err(unavailable));
        let lost = Lost::Unavailable { status, message };
        assert!(
            lost.to_string()
                .contains(&format!("{status}: Failed to deploy function;"))
        );
        assert_eq!(lost.says(), Some(format!("{status}: Failed to deploy function")));
        assert_eq!(changes, [(); 3].map(|()| Outcome::Unknown(lost.clone())));
    }
    let (read, changes) = all_calls(&http, json(408, "")).await;
    assert_eq!(read, Err(CallError::Timeout));
    assert_eq!(changes, [(); 3].map(|()| Outcome::Unknown(Lost::Timeout)));
}

#[tokio::test]
async fn a_success_in_other_words_is_unreadable_and_leaves_a_change_unknown() {
    let http = http();
    for body in ["", "{", "[1]", "null", "<html>", r#"{"id":1}"#] {
        let (read, [deployed, patched, deleted]) = all_calls(&http, json(200, body)).await;
        assert_eq!(read, Err(CallError::Unreadable), "{body}");
        assert_eq!(
            (deployed, patched),
            (Outcome::Unknown(Lost::Unreadable), Outcome::Unknown(Lost::Unreadable))
        );
        assert_eq!(deleted, Outcome::Done(()), "a deletion's status says all");
    }
}

#[tokio::test]
async fn a_429_says_when_to_come_again_and_blocks_the_budget_without_another_request() {
    let http = http();
    let answer = raw(
        429,
        &[("retry-after", "7"), ("x-ratelimit-reset", "42")],
        "ThrottlerException",
    );
    let again = Duration::from_secs(7);
    let (read, changes) = all_calls(&http, answer.clone()).await;
    assert_eq!(read, Err(CallError::RateLimited { again }));
    assert_eq!(
        changes,
        [(); 3].map(|()| Outcome::Failed(CallError::RateLimited { again }))
    );

    let server = Server::playing([answer]).await;
    let budget = budget(60);
    let client = client_with(&http, &server.url, budget.clone());
    assert_eq!(
        client.list_functions(Priority::Poll).await,
        Err(CallError::RateLimited { again })
    );
    let outcome = client.delete_function(Priority::Change, &slug("hello")).await;
    assert!(
        matches!(outcome, Outcome::Failed(CallError::NotSent(NotSent::Deferred(rest))) if rest.again <= again && rest.by == Limiter::Platform),
        "{outcome:?}"
    );
    assert!(budget.lock().unwrap().blocked_until(Instant::now()).is_some());
    server.only();
}

#[tokio::test]
async fn a_429_without_retry_after_waits_for_the_platforms_window_and_without_that_a_minute() {
    let http = http();
    let (read, _) = all_calls(&http, raw(429, &[("x-ratelimit-reset", "42")], "")).await;
    assert_eq!(
        read,
        Err(CallError::RateLimited {
            again: Duration::from_secs(42)
        })
    );
    let (read, _) = all_calls(&http, raw(429, &[], "")).await;
    assert_eq!(
        read,
        Err(CallError::RateLimited {
            again: Duration::from_mins(1)
        })
    );
}

#[tokio::test]
async fn a_window_that_others_have_used_up_defers_the_next_call() {
    let headers = [
        ("x-ratelimit-limit", "120"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "30"),
    ];
    let server = Server::playing([raw(200, &headers, "[]")]).await;
    let client = client(&server.url);
    assert_eq!(client.list_functions(Priority::Poll).await, Ok(Vec::new()));
    let error = client.list_functions(Priority::Change).await.unwrap_err();
    assert_eq!(
        (
            error.reason(),
            error.is_passing(),
            error.deferral().map(|deferral| deferral.by)
        ),
        ("Deferred", true, Some(Limiter::Platform))
    );
    server.only();
}

#[tokio::test]
async fn an_empty_budget_defers_without_a_request_and_keeps_its_reserve_for_changes() {
    let server = Server::playing([json(200, "[]"), json(200, "{}")]).await;
    let client = client_with(&http(), &server.url, budget(2));
    assert_eq!(client.list_functions(Priority::Poll).await, Ok(Vec::new()));
    let error = client.list_functions(Priority::Poll).await.unwrap_err();
    assert_eq!(
        (error.reason(), error.deferral().map(|deferral| deferral.by)),
        ("Deferred", Some(Limiter::Budget))
    );
    let outcome = client.delete_function(Priority::Change, &slug("hello")).await;
    assert_eq!(outcome, Outcome::Done(Deletion::Deleted));
    assert_eq!(
        client.delete_function(Priority::Change, &slug("hello")).await.reason(),
        "Deferred"
    );
    assert_eq!(server.finish().len(), 2);
}

#[tokio::test]
async fn a_host_that_is_not_allowed_costs_neither_a_request_nor_a_token() {
    let server = Server::playing([]).await;
    let http = Http::new(AllowedHosts::default(), Deadlines::default(), Limits::default()).unwrap();
    let budget = budget(60);
    for url in [server.url.as_str(), "data:text/plain,x", "file:///etc/passwd"] {
        let client = client_with(&http, url, budget.clone());
        let error = client.list_functions(Priority::Poll).await;
        assert_eq!(error, Err(CallError::NotSent(NotSent::HostNotAllowed)), "{url}");
    }
    assert_eq!(budget.lock().unwrap().left(Instant::now()), 60);
    assert!(server.finish().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_taken() {
    let limits = Limits {
        answer: FUNCTION.len(),
        body: 10,
    };
    let octets = [("content-type", "application/octet-stream")];
    let server = Server::playing([
        raw(200, &octets, "0123456789"),
        raw(200, &octets, "0123456789a"),
        json(200, FUNCTION),
        json(200, &format!("{FUNCTION} ")),
        json(200, &format!("[{FUNCTION}]")),
        json(201, &format!("{FUNCTION} ")),
    ])
    .await;
    let client = client_with(&http_with(Deadlines::default(), limits), &server.url, budget(60));
    assert!(client.function_body(Priority::Poll, &slug("hello")).await.is_ok());
    let body = client.function_body(Priority::Poll, &slug("hello")).await;
    assert_eq!(body, Err(CallError::AnswerTooLarge { limit: 10 }));
    assert_eq!(body.unwrap_err().to_string(), "the answer is larger than 10 bytes");
    assert!(client.get_function(Priority::Poll, &slug("hello")).await.is_ok());
    let read = client.get_function(Priority::Poll, &slug("hello")).await;
    assert_eq!(read, Err(CallError::AnswerTooLarge { limit: FUNCTION.len() }));
    let listed = client.list_functions(Priority::Poll).await.unwrap_err();
    assert_eq!((listed.reason(), listed.is_passing()), ("AnswerTooLarge", false));
    let says = format!("the answer is larger than {} bytes", FUNCTION.len());
    assert_eq!(listed.to_string(), says, "of a list, too");
    let outcome = client.deploy(Priority::Change, &slug("hello"), &deploy()).await;
    assert_eq!(outcome, Outcome::Unknown(Lost::Unreadable));
    assert_eq!(server.finish().len(), 6);
}

#[tokio::test]
async fn every_request_is_observed_once_with_a_word_from_a_closed_set() {
    let server = Server::playing([
        json(200, "[]"),
        json(503, ""),
        json(404, r#"{"message":"Function not found"}"#),
        json(500, ""),
        raw(429, &[], ""),
    ])
    .await;
    let notes = Arc::new(Notes::default());
    let client = client(&server.url).observed_by(notes.clone());
    let _ = client.list_functions(Priority::Poll).await;
    let _ = client.list_secrets(Priority::Poll).await;
    let _ = client.get_function(Priority::Poll, &slug("hello")).await;
    let _ = client.deploy(Priority::Change, &slug("hello"), &deploy()).await;
    let _ = client.patch_verify_jwt(Priority::Change, &slug("hello"), true).await;
    let _ = client.health(Priority::Poll).await;
    let expected = [
        ("list_functions", "Ok"),
        ("list_secrets", "Unavailable"),
        ("get_function", "FunctionAbsent"),
        ("deploy", "Unavailable"),
        ("patch_verify_jwt", "RateLimited"),
        ("health", "deferred"),
    ];
    assert_eq!(notes.take(), expected);
    assert_eq!(server.finish().len(), 5);
}

#[tokio::test]
async fn the_token_is_in_no_text_of_any_outcome() {
    let http = http();
    let echo = format!(r#"{{"message":"{CANARY} Bearer {CANARY}","x":"{CANARY}"}}"#);
    for status in [200, 201, 301, 400, 401, 404, 408, 429, 500] {
        let (read, changes) = all_calls(&http, json(status, &echo)).await;
        let mut texts = format!("{read:?} {changes:?}");
        let errors = changes.iter().filter_map(|outcome| match outcome {
            Outcome::Done(()) => None,
            Outcome::Failed(error) => Some(error.to_string()),
            Outcome::Unknown(lost) => Some(lost.to_string()),
        });
        texts.extend(errors.chain(read.err().map(|error| error.to_string())));
        assert!(
            !texts.contains(CANARY) && !texts.contains("canary"),
            "{status}: {texts}"
        );
    }
}
