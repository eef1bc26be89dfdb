//! What a look means that is not answered, and what one shows.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use ace_domain::testing::{Reply, failed_looks};
use ace_runtime::testing::{Answer, server};
use ace_supabase::{Deadlines, Priority};
use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::connections::{
    step_error,
    testing::{TOKEN, clients, connection},
};

fn answer(reply: Reply, look: &str) -> Answer {
    let stream = |parts: Vec<Result<Bytes, std::io::Error>>| stream::iter(parts);
    match reply {
        Reply::Said(status, message) => Answer::json(&json!({ "message": message })).code(status),
        Reply::Page(status) => Answer::bytes("<!DOCTYPE html><title>Attention Required!</title>")
            .code(status)
            .header("content-type", "text/html"),
        Reply::Limited(seconds) => Answer::json(&json!({ "message": "Too Many Requests" }))
            .code(429)
            .header("retry-after", &seconds.to_string()),
        Reply::OffContract => Answer::bytes("text").header("content-type", "multipart/form-data"),
        Reply::Truncated if look == "body" => {
            let head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"source/hello/index.ts\"";
            Answer::bytes(format!("{head}\r\n\r\nDeno.serve("))
                .header("content-type", "multipart/form-data; boundary=x")
        }
        Reply::Truncated => Answer::bytes("[{ \"id\": \"5d0e4f60").header("content-type", "application/json"),
        Reply::CutOff => {
            let parts = vec![Ok(Bytes::from_static(b"[{")), Err(std::io::Error::other("cut off"))];
            Answer::bytes(Body::from_stream(stream(parts))).header("content-type", "application/json")
        }
        Reply::Never => {
            let parts = stream(vec![Ok(Bytes::from_static(b"["))]).chain(stream::pending());
            Answer::bytes(Body::from_stream(parts)).header("content-type", "application/json")
        }
    }
}

#[tokio::test]
async fn each_reply_to_a_look_is_the_error_that_the_domains_tables_begin_with() {
    for (reply, expected) in failed_looks() {
        for look in ["list", "get", "body"] {
            let server = server(move |_| answer(reply, look)).await;
            let mut deadlines = Deadlines::default();
            if reply == Reply::Never {
                (deadlines.read, deadlines.body) = (Duration::from_millis(200), Duration::from_millis(200));
            }
            let connection = connection();
            let client = clients(&connection, &server, deadlines, TOKEN, 1).client;
            let slug = "hello".parse().unwrap();
            let error = match look {
                "list" => client.list_functions(Priority::Poll).await.unwrap_err(),
                "get" => client.get_function(Priority::Poll, &slug).await.unwrap_err(),
                _ => client.function_body(Priority::Poll, &slug).await.unwrap_err(),
            };
            assert_eq!(step_error(&error), expected, "{look}: {reply:?}");
        }
    }
}

fn function(slug: &str, status: &str) -> Value {
    json!({
        "id": "5d0e4f60-0000-4000-8000-000000000001", "slug": slug, "name": slug, "status": status, "version": 1,
        "created_at": 1, "updated_at": 2,
    })
}

/// The platform's states are an open list.
#[tokio::test]
async fn a_removed_function_is_absent_in_the_list_and_any_other_state_is_shown() {
    let all = [("a", "ACTIVE"), ("b", "REMOVED"), ("c", "THROTTLED"), ("d", "ON_LEAVE")];
    let all = Value::from(all.map(|(slug, status)| function(slug, status)).to_vec());
    let server = server(move |_| Answer::json(&all)).await;
    let connection = connection();
    let client = clients(&connection, &server, Deadlines::default(), TOKEN, 1).client;
    connection
        .list(&client, Priority::Poll, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    let shown = |slug: &str| connection.listing(slug).unwrap().entry.map(|entry| entry.state);
    assert_eq!(
        ["a", "b", "c", "d"].map(shown),
        [
            Some(None),
            None,
            Some(Some("THROTTLED".to_owned())),
            Some(Some("ON_LEAVE".to_owned()))
        ]
    );
}

/// The platform keeps what was deployed before its own rules for names, and leaves out what the contract calls optional.
#[tokio::test]
async fn a_slug_with_dots_and_fields_that_are_null_hide_no_other_function_of_the_list() {
    let bare = json!({
        "id": "5d0e4f60-0000-4000-8000-000000000002", "slug": "old.hook", "name": null, "status": "ACTIVE", "version": 4,
        "created_at": null, "updated_at": null, "verify_jwt": null, "import_map": null, "entrypoint_path": null,
        "import_map_path": null, "ezbr_sha256": null,
    });
    let all = Value::from(vec![function("a", "ACTIVE"), bare, function("b", "ACTIVE")]);
    let server = server(move |_| Answer::json(&all)).await;
    let connection = connection();
    let client = clients(&connection, &server, Deadlines::default(), TOKEN, 1).client;
    connection
        .list(&client, Priority::Poll, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    let shown = |slug: &str| connection.listing(slug).unwrap().entry.map(|entry| entry.stamp.version);
    assert_eq!(["a", "old.hook", "b"].map(shown), [Some(1), Some(4), Some(1)]);
}

#[tokio::test]
async fn a_project_that_runs_nothing_is_down_for_its_functions_until_it_is_back() {
    let states = Arc::new(Mutex::new(vec!["ACTIVE_HEALTHY", "INACTIVE"]));
    let server = server(move |_| {
        let state = states.lock().unwrap().pop().unwrap();
        Answer::json(&json!({
            "id": "abcdefghijklmnopqrst", "ref": "abcdefghijklmnopqrst", "name": "x", "region": "eu-central-1", "status": state,
            "created_at": "2026-01-01T00:00:00Z", "organization_id": "x",
        }))
    })
    .await;
    let connection = connection();
    let client = clients(&connection, &server, Deadlines::default(), TOKEN, 1).client;
    assert_eq!(connection.health().down, None);
    connection.get_project(&client).await.unwrap();
    assert_eq!(connection.health().down.as_deref(), Some("INACTIVE"));
    connection.get_project(&client).await.unwrap();
    assert_eq!(connection.health().down, None);
}
