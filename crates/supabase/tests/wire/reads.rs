//! What each read sends, and what it makes of the contract's answer.

use ace_supabase::{
    BackupStatus, Backups, Body, BodyFile, DailyBackup, Function, FunctionStatus, PhysicalBackups, Priority, Project,
    ProjectStatus, ServiceHealth, ServiceStatus,
};

use crate::server::{CANARY, Seen, Server, client, json, raw, slug};

pub(crate) const FUNCTION: &str = r#"{"id":"5d0e4f60-0000-4000-8000-000000000000","slug":"hello","name":"Hello",
    "status":"ACTIVE","version":7,"created_at":1700000000000,"updated_at":1700000000123,"verify_jwt":true,"import_map":false,
    "entrypoint_path":"file:///tmp/user_fn_abcdefghijklmnopqrst_5d0e4f60-0000-4000-8000-000000000000_7/source/hello/index.ts",
    "ezbr_sha256":"00ff"}"#;

pub(crate) fn function() -> Function {
    Function {
        id: "5d0e4f60-0000-4000-8000-000000000000".into(),
        slug: "hello".into(),
        name: Some("Hello".into()),
        status: FunctionStatus::Active,
        version: 7,
        created_at: Some(1_700_000_000_000),
        updated_at: Some(1_700_000_000_123),
        verify_jwt: Some(true),
        import_map: Some(false),
        entrypoint_path: Some(
            "file:///tmp/user_fn_abcdefghijklmnopqrst_5d0e4f60-0000-4000-8000-000000000000_7/source/hello/index.ts"
                .into(),
        ),
        import_map_path: None,
        ezbr_sha256: Some("00ff".into()),
    }
}

/// A read has no body, says who it is, and asks for `accept`.
fn assert_read(seen: &Seen, line: &str, accept: &str) {
    assert_eq!(seen.line, line);
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {CANARY}").as_str()));
    assert_eq!(seen.header("accept"), Some(accept));
    assert_eq!(
        seen.header("user-agent"),
        Some(concat!("ace-operator/", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(seen.header("content-type"), None);
    assert_eq!(seen.text(), "");
}

#[tokio::test]
async fn the_list_is_one_get() {
    let server = Server::playing([json(200, &format!("[{FUNCTION}]"))]).await;
    assert_eq!(
        client(&server.url).list_functions(Priority::Poll).await,
        Ok(vec![function()])
    );
    assert_read(
        &server.only(),
        "GET /v1/projects/abcdefghijklmnopqrst/functions",
        "application/json",
    );
}

#[tokio::test]
async fn a_function_is_got_by_its_slug() {
    let server = Server::playing([json(200, FUNCTION)]).await;
    assert_eq!(
        client(&server.url).get_function(Priority::Poll, &slug("hello")).await,
        Ok(Some(function()))
    );
    assert_read(
        &server.only(),
        "GET /v1/projects/abcdefghijklmnopqrst/functions/hello",
        "application/json",
    );
}

#[tokio::test]
async fn a_function_that_the_platform_does_not_know_is_none() {
    let server = Server::playing([json(404, r#"{"message":"Function not found"}"#)]).await;
    assert_eq!(
        client(&server.url).get_function(Priority::Poll, &slug("hello")).await,
        Ok(None)
    );
    server.only();
}

#[tokio::test]
async fn a_body_is_asked_for_as_files() {
    let parts = "--x\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n\
        {\"deno2_entrypoint_path\":\"file:///tmp/user_fn_r_i_7/source/hello/index.ts\"}\r\n\
        --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"user_fn_r_i_7/source/hello/index.ts\"\r\n\r\n\
        Deno.serve()\r\n--x--\r\n";
    let server = Server::playing([raw(200, &[("content-type", "multipart/form-data; boundary=x")], parts)]).await;
    let expected = Body::Files {
        files: vec![BodyFile {
            path: "source/hello/index.ts".into(),
            bytes: "Deno.serve()".into(),
        }],
        entrypoint: Some("source/hello/index.ts".into()),
    };
    assert_eq!(
        client(&server.url).function_body(Priority::Poll, &slug("hello")).await,
        Ok(expected)
    );
    assert_read(
        &server.only(),
        "GET /v1/projects/abcdefghijklmnopqrst/functions/hello/body",
        "multipart/form-data",
    );
}

#[tokio::test]
async fn a_body_that_the_platform_cannot_unpack_is_a_bundle_as_it_is_stored() {
    let headers = [("content-type", "application/octet-stream"), ("content-encoding", "br")];
    let server = Server::playing([raw(200, &headers, &b"\x0b\x02\x80"[..])]).await;
    let body = client(&server.url).function_body(Priority::Poll, &slug("hello")).await;
    assert_eq!(body, Ok(Body::Bundle((&b"\x0b\x02\x80"[..]).into())));
    server.only();
}

#[tokio::test]
async fn secrets_are_listed_by_name_and_their_digests_do_not_print() {
    let answer = r#"[{"name":"API_KEY","value":"9f86d081884c","updated_at":"2026-01-01T00:00:00Z"}]"#;
    let server = Server::playing([json(200, answer)]).await;
    let secrets = client(&server.url).list_secrets(Priority::Poll).await;
    assert_eq!(
        format!("{secrets:?}"),
        r#"Ok([SecretDigest { name: "API_KEY", digest: Digest(..), updated_at: Some(2026-01-01T00:00:00Z) }])"#
    );
    assert_read(
        &server.only(),
        "GET /v1/projects/abcdefghijklmnopqrst/secrets",
        "application/json",
    );
}

#[tokio::test]
async fn backups_are_listed_with_the_window_of_point_in_time_recovery() {
    let answer = r#"{"region":"us-east-1","walg_enabled":true,"pitr_enabled":false,"backups":[
        {"id":7,"is_physical_backup":true,"status":"COMPLETED","inserted_at":"2026-11-23T03:00:00.123Z"},
        {"id":8,"is_physical_backup":true,"status":"FROZEN","inserted_at":"2026-11-24T03:00:00Z","new":1}],
        "physical_backup_data":{"latest_physical_backup_date_unix":1800000000}}"#;
    let server = Server::playing([json(200, answer)]).await;
    let daily = |id, status, inserted_at: &str| DailyBackup {
        id,
        status,
        inserted_at: inserted_at.to_owned(),
    };
    let expected = Backups {
        pitr_enabled: false,
        backups: vec![
            daily(7, BackupStatus::Completed, "2026-11-23T03:00:00.123Z"),
            daily(8, BackupStatus::Other("FROZEN".to_owned()), "2026-11-24T03:00:00Z"),
        ],
        physical_backup_data: PhysicalBackups {
            earliest_physical_backup_date_unix: None,
            latest_physical_backup_date_unix: Some(1_800_000_000),
        },
    };
    assert_eq!(client(&server.url).list_backups(Priority::Poll).await, Ok(expected));
    assert_read(
        &server.only(),
        "GET /v1/projects/abcdefghijklmnopqrst/database/backups",
        "application/json",
    );
}

#[tokio::test]
async fn the_project_is_read_with_its_state() {
    let answer = r#"{"id":"abcdefghijklmnopqrst","ref":"abcdefghijklmnopqrst","name":"prod","region":"us-east-1",
        "status":"ACTIVE_HEALTHY","organization_id":"o","database":{"host":"db"}}"#;
    let server = Server::playing([json(200, answer)]).await;
    let expected = Project {
        reference: "abcdefghijklmnopqrst".into(),
        name: Some("prod".into()),
        region: Some("us-east-1".into()),
        status: ProjectStatus::ActiveHealthy,
    };
    assert_eq!(client(&server.url).get_project(Priority::Poll).await, Ok(expected));
    assert_read(
        &server.only(),
        "GET /v1/projects/abcdefghijklmnopqrst",
        "application/json",
    );
}

#[tokio::test]
async fn health_names_the_services_and_cleans_what_they_say() {
    let answer = format!(
        r#"[{{"name":"db","healthy":false,"status":"UNHEALTHY","error":"no\nroute for {CANARY}"}},
            {{"name":"auth","healthy":true,"status":"DREAMING","info":{{"version":"2"}}}}]"#
    );
    let server = Server::playing([json(200, &answer)]).await;
    let expected = vec![
        ServiceHealth {
            name: "db".into(),
            status: ServiceStatus::Unhealthy,
            error: Some("no route for [token]".into()),
        },
        ServiceHealth {
            name: "auth".into(),
            status: ServiceStatus::Other("DREAMING".into()),
            error: None,
        },
    ];
    assert_eq!(client(&server.url).health(Priority::Poll).await, Ok(expected));
    let line = "GET /v1/projects/abcdefghijklmnopqrst/health?services=auth&services=db&services=pooler\
        &services=realtime&services=rest&services=storage";
    assert_read(&server.only(), line, "application/json");
}

#[tokio::test]
async fn a_path_in_the_base_is_kept_and_a_query_of_it_is_not() {
    for base in ["/prefix", "/prefix/", "/prefix/?key=1#part"] {
        let server = Server::playing([json(200, "[]")]).await;
        assert_eq!(
            client(&format!("{}{base}", server.url))
                .list_functions(Priority::Poll)
                .await,
            Ok(Vec::new())
        );
        assert_eq!(
            server.only().line,
            "GET /prefix/v1/projects/abcdefghijklmnopqrst/functions"
        );
    }
}

#[tokio::test]
async fn one_unreadable_entry_makes_the_list_unreadable_lest_its_function_looks_deleted() {
    let server = Server::playing([json(200, &format!(r#"[{FUNCTION},{{"slug":"other"}}]"#))]).await;
    let error = client(&server.url).list_functions(Priority::Poll).await;
    assert_eq!(error, Err(ace_supabase::CallError::Unreadable));
    server.only();
}
