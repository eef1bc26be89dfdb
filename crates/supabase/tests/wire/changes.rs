//! What each change sends, and what it makes of the contract's answer.

use ace_supabase::{CallError, Deletion, Deploy, DeployFile, Function, NotSent, Outcome, Priority};

use crate::reads::{FUNCTION, function};
use crate::server::{CANARY, Server, client, json, raw, slug};

pub(crate) fn deploy() -> Deploy {
    let file = |path: &str, text: &'static str| DeployFile {
        path: path.into(),
        bytes: text.into(),
    };
    Deploy {
        files: vec![
            file("ace-3f9c2ab01d4e/hello/index.ts", "import '../_shared/ü.ts'\n"),
            file("ace-3f9c2ab01d4e/_shared/ü x.ts", ""),
            file("ace-3f9c2ab01d4e/hello/deno.json", "{}"),
        ],
        entrypoint_path: "ace-3f9c2ab01d4e/hello/index.ts".into(),
        import_map_path: Some("ace-3f9c2ab01d4e/hello/deno.json".into()),
        static_patterns: vec!["ace-3f9c2ab01d4e/hello/*.html".into()],
        verify_jwt: false,
        name: "hello".into(),
    }
}

#[tokio::test]
async fn a_deploy_is_the_form_that_the_official_cli_sends() {
    let server = Server::playing([json(201, FUNCTION)]).await;
    let outcome = client(&server.url)
        .deploy(Priority::Change, &slug("hello"), &deploy())
        .await;
    assert_eq!(outcome, Outcome::Done(function()));

    let seen = server.only();
    assert_eq!(
        seen.line,
        "POST /v1/projects/abcdefghijklmnopqrst/functions/deploy?slug=hello"
    );
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {CANARY}").as_str()));
    let boundary = seen
        .header("content-type")
        .unwrap()
        .strip_prefix("multipart/form-data; boundary=")
        .unwrap();
    assert_eq!(
        seen.header("content-length"),
        Some(seen.body.len().to_string().as_str())
    );
    let expected = "--B\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"ace-3f9c2ab01d4e/hello/index.ts\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n\
        import '../_shared/ü.ts'\n\r\n\
        --B\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"ace-3f9c2ab01d4e/_shared/ü x.ts\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n\
        \r\n\
        --B\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"ace-3f9c2ab01d4e/hello/deno.json\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n\
        {}\r\n\
        --B\r\n\
        Content-Disposition: form-data; name=\"metadata\"\r\n\r\n\
        METADATA\r\n\
        --B--\r\n";
    let metadata = r#"{"entrypoint_path":"ace-3f9c2ab01d4e/hello/index.ts","import_map_path":"ace-3f9c2ab01d4e/hello/deno.json","name":"hello","static_patterns":["ace-3f9c2ab01d4e/hello/*.html"],"verify_jwt":false}"#;
    assert_eq!(
        seen.text().replace(boundary, "B").replace(metadata, "METADATA"),
        expected
    );
}

#[tokio::test]
async fn a_deploy_without_import_map_says_so_with_an_empty_path() {
    let server = Server::playing([json(201, FUNCTION)]).await;
    let deploy = Deploy {
        import_map_path: None,
        ..deploy()
    };
    assert!(
        !client(&server.url)
            .deploy(Priority::Change, &slug("hello"), &deploy)
            .await
            .outcome_unknown()
    );
    assert!(server.only().text().contains(r#""import_map_path":"""#));
}

#[tokio::test]
async fn a_deploys_answer_may_leave_out_the_times_and_carry_nulls() {
    let answer = r#"{"id":"i","slug":"hello","name":"hello","status":"ACTIVE","version":1,"import_map_path":null}"#;
    let server = Server::playing([json(201, answer)]).await;
    let expected = Function {
        id: "i".into(),
        name: Some("hello".into()),
        version: 1,
        created_at: None,
        updated_at: None,
        verify_jwt: None,
        import_map: None,
        entrypoint_path: None,
        ezbr_sha256: None,
        ..function()
    };
    let outcome = client(&server.url)
        .deploy(Priority::Change, &slug("hello"), &deploy())
        .await;
    assert_eq!(outcome, Outcome::Done(expected));
    server.only();
}

#[tokio::test]
async fn a_deploy_that_cannot_be_right_is_never_sent() {
    let server = Server::playing([]).await;
    let deploy = Deploy {
        files: Vec::new(),
        ..deploy()
    };
    let outcome = client(&server.url)
        .deploy(Priority::Change, &slug("hello"), &deploy)
        .await;
    let reason = NotSent::Invalid("the entrypoint is not among the files");
    assert_eq!(outcome, Outcome::Failed(CallError::NotSent(reason)));
    assert!(server.finish().is_empty());
}

#[tokio::test]
async fn the_jwt_rule_is_patched_alone() {
    let server = Server::playing([json(200, FUNCTION)]).await;
    let outcome = client(&server.url)
        .patch_verify_jwt(Priority::Change, &slug("hello"), true)
        .await;
    assert_eq!(outcome, Outcome::Done(function()));
    let seen = server.only();
    assert_eq!(seen.line, "PATCH /v1/projects/abcdefghijklmnopqrst/functions/hello");
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.text(), r#"{"verify_jwt":true}"#);
}

#[tokio::test]
async fn a_deletion_is_done_whatever_its_answer_says_besides() {
    for answer in [json(200, r#"{"message":"ok"}"#), raw(200, &[], ""), raw(204, &[], "")] {
        let server = Server::playing([answer]).await;
        let outcome = client(&server.url)
            .delete_function(Priority::Change, &slug("hello"))
            .await;
        assert_eq!(outcome, Outcome::Done(Deletion::Deleted));
        let seen = server.only();
        assert_eq!(seen.line, "DELETE /v1/projects/abcdefghijklmnopqrst/functions/hello");
        assert_eq!(seen.text(), "");
    }
}

#[tokio::test]
async fn deleting_what_is_not_there_is_done_but_an_unknown_project_is_not() {
    let server = Server::playing([
        json(404, r#"{"message":"Function not found"}"#),
        json(404, r#"{"message":"Project not found"}"#),
    ])
    .await;
    let client = client(&server.url);
    let outcome = client.delete_function(Priority::Change, &slug("hello")).await;
    assert_eq!(outcome, Outcome::Done(Deletion::AlreadyAbsent));
    let refused = CallError::Refused {
        status: 404,
        message: "Project not found".into(),
    };
    assert_eq!(
        client.delete_function(Priority::Change, &slug("hello")).await,
        Outcome::Failed(refused)
    );
    assert_eq!(server.finish().len(), 2);
}
