//! `database/query` against the bed's PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a helper of a test that cannot go on fails it")]

use ace_sandbox::bed::testing::shared;
use serde_json::{Value, json};

const DENIED: &str = "42501";
const READ_ONLY: &str = "25006";

async fn post(route: &str, body: Value) -> (u16, Value) {
    // Another test of this process may have been first.
    rustls::crypto::ring::default_provider().install_default().ok();
    let bed = shared().file();
    let url = format!("{}/v1/projects/{}/database/{route}", bed.api_url, bed.project);
    let request = reqwest::Client::builder().no_proxy().build().unwrap().post(url);
    let response = request.bearer_auth(&bed.token).json(&body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn query(sql: &str) -> (u16, Value) {
    post("query", json!({"query": sql})).await
}

async fn rows(sql: &str) -> Value {
    let (status, rows) = query(sql).await;
    assert_eq!(status, 201, "{rows}");
    rows
}

/// The code of a refusal.
async fn code(route: &str, sql: &str) -> String {
    let body = if route == "query" {
        json!({"query": sql, "read_only": true})
    } else {
        json!({"query": sql})
    };
    let (status, answer) = post(route, body).await;
    assert_eq!(status, 400, "{sql}: {answer}");
    let message = answer["message"].as_str().unwrap();
    let rest = message
        .strip_prefix("Failed to run sql query: ERROR:  ")
        .unwrap_or_else(|| panic!("{message}"));
    rest[..5].to_owned()
}

#[tokio::test]
async fn rows_come_as_objects_with_their_types() {
    let sql = "select 1 as one, true as yes, null::int as nothing, 'a' as text, 1.50::numeric as exact, \
               9007199254740993::bigint as large, '{\"a\":[1]}'::jsonb as json, array['x', null] as list";
    let wanted = json!([{
        "one": 1, "yes": true, "nothing": null, "text": "a", "exact": "1.50",
        "large": "9007199254740993", "json": {"a": [1]}, "list": ["x", null],
    }]);
    assert_eq!(rows(sql).await, wanted);
    assert_eq!(rows("select 1").await, json!([{"?column?": 1}]));
}

#[tokio::test]
async fn of_several_statements_the_last_one_answers() {
    let sql = "create table public.several (id int); insert into public.several values (1), (2); select id from public.several order by id";
    assert_eq!(rows(sql).await, json!([{"id": "1"}, {"id": "2"}]));
    assert_eq!(rows("drop table public.several").await, json!([]));
}

#[tokio::test]
async fn parameters_are_values_and_never_sql() {
    let body = json!({"query": "select $1::text as a, $2::int + 1 as b, $3::text[] as c", "parameters": ["'); drop table x; --", 41, ["a\"b", null]]});
    assert_eq!(
        post("query", body).await,
        (
            201,
            json!([{"a": "'); drop table x; --", "b": 42, "c": ["a\"b", null]}])
        )
    );
}

#[tokio::test]
async fn a_refusal_is_the_servers_with_code_line_and_mark() {
    let (status, answer) = query("select 1,\n  nobody").await;
    let message =
        "Failed to run sql query: ERROR:  42703: column \"nobody\" does not exist\nLINE 2:   nobody\n          ^\n";
    assert_eq!((status, answer), (400, json!({"message": message})));
}

#[tokio::test]
async fn a_statement_that_fails_undoes_those_before_it() {
    let (status, _) = query("create table public.half (id int); select 1 / 0").await;
    assert_eq!(status, 400);
    assert_eq!(
        rows("select to_regclass('public.half') as found").await,
        json!([{"found": null}])
    );
}

#[tokio::test]
async fn read_only_queries_read_everything_and_write_nothing_whatever_they_try() {
    rows("create table public.kept (id int); alter table public.kept enable row level security; insert into public.kept values (1)").await;
    let count = "select count(*) as count from public.kept";
    for route in ["query", "query/read-only"] {
        let body = if route == "query" {
            json!({"query": count, "read_only": true})
        } else {
            json!({"query": count})
        };
        assert_eq!(post(route, body).await, (201, json!([{"count": 1}])));
        assert_eq!(code(route, "delete from public.kept").await, READ_ONLY);
        let undone = [
            "set transaction read write",
            "set default_transaction_read_only = off; begin; set transaction read write",
        ];
        for undo in undone {
            assert_eq!(code(route, &format!("{undo}; delete from public.kept")).await, DENIED);
            assert_eq!(
                code(route, &format!("{undo}; create table public.mine (id int)")).await,
                DENIED
            );
        }
        assert_eq!(code(route, "set role postgres").await, DENIED);
    }
    assert_eq!(rows(count).await, json!([{"count": 1}]));
    rows("drop table public.kept").await;
}

#[tokio::test]
async fn an_empty_query_is_refused_and_health_asks_the_database() {
    assert_eq!(query("").await.0, 400);
    let bed = shared().file();
    let url = format!("{}/v1/projects/{}/health?services=db,auth", bed.api_url, bed.project);
    let response = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(url)
        .bearer_auth(&bed.token)
        .send()
        .await
        .unwrap();
    let healthy = |name: &str| json!({"name": name, "healthy": true, "status": "ACTIVE_HEALTHY"});
    assert_eq!(
        response.json::<Value>().await.unwrap(),
        json!([healthy("db"), healthy("auth")])
    );
}
