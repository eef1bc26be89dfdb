//! The Management API as a client meets it.
#![allow(clippy::unwrap_used, reason = "a helper of a test that cannot go on fails it")]

mod api_support;

use ace_sandbox::platform::start;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use api_support::{HELLO, REFERENCE, SOURCE, bench, config, read, refused, text};

fn metadata() -> Value {
    json!({"entrypoint_path": HELLO})
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_nothing_is_told() {
    let bench = bench().await;
    let url = format!("{}/v1/projects", bench.running.api_url);
    let unauthorized = (401, "Unauthorized".to_owned());
    assert_eq!(refused(bench.http.get(&url)).await, unauthorized);
    assert_eq!(refused(bench.http.get(&url).bearer_auth("sbp_0")).await, unauthorized);
    let deploy = bench
        .http
        .post(format!("{url}/{REFERENCE}/functions/deploy?slug=hello"));
    assert_eq!(refused(deploy.bearer_auth("")).await, unauthorized);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_things_unknown_paths_wrong_methods_and_missing_parts_are_told_apart() {
    let bench = bench().await;
    let unknown = "/v1/projects/zzzzzzzzzzzzzzzzzzzz";
    let cases = [
        (Method::GET, unknown.to_owned(), (404, "Project not found")),
        (Method::GET, format!("{unknown}/functions"), (404, "Project not found")),
        (Method::GET, format!("{unknown}/secrets"), (404, "Project not found")),
        (Method::GET, "/functions/nobody".to_owned(), (404, "Function not found")),
        (
            Method::GET,
            "/functions/nobody/body".to_owned(),
            (404, "Function not found"),
        ),
        (
            Method::DELETE,
            "/functions/nobody".to_owned(),
            (404, "Function not found"),
        ),
        (Method::GET, "/v1/nowhere".to_owned(), (404, "Cannot GET /v1/nowhere")),
        (Method::DELETE, "/functions".to_owned(), (405, "Method Not Allowed")),
        (Method::PUT, "/functions/hello".to_owned(), (405, "Method Not Allowed")),
        (
            Method::POST,
            "/pause".to_owned(),
            (501, "POST /v1/projects/{ref}/pause is not implemented by the sandbox"),
        ),
        (Method::GET, "/pause".to_owned(), (405, "Method Not Allowed")),
        (
            Method::POST,
            "/functions".to_owned(),
            (
                501,
                "POST /v1/projects/{ref}/functions is not implemented by the sandbox",
            ),
        ),
        (
            Method::GET,
            "/v2/projects/x/config".to_owned(),
            (501, "GET /v2/projects/x/config is not implemented by the sandbox"),
        ),
    ];
    for (method, path, (status, message)) in cases {
        assert_eq!(
            refused(bench.api(method.clone(), &path)).await,
            (status, message.to_owned()),
            "{method} {path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_project_is_told_before_the_body_is_read() {
    let bench = bench().await;
    for (method, path) in [
        (Method::POST, "secrets"),
        (Method::PUT, "functions"),
        (Method::POST, "database/query"),
        (Method::POST, "functions/deploy?slug=hello"),
        (Method::PATCH, "functions/hello"),
    ] {
        let request = bench.api(method, &format!("/v1/projects/zzzzzzzzzzzzzzzzzzzz/{path}"));
        let answer = refused(request.header("content-type", "application/json").body("{")).await;
        assert_eq!(answer, (404, "Project not found".to_owned()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_project_is_told_though_the_body_never_comes() {
    let bench = bench().await;
    let (host, token) = (
        bench.running.api_url.trim_start_matches("http://"),
        bench.running.token(),
    );
    for (method, path) in [
        ("PUT", "functions"),
        ("POST", "functions/deploy?slug=hello"),
        ("POST", "secrets"),
    ] {
        let mut connection = TcpStream::connect(host).await.unwrap();
        let head = format!(
            "{method} /v1/projects/zzzzzzzzzzzzzzzzzzzz/{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: 1000\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        connection.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 404", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_function_is_listed_read_back_called_and_gone_after_its_deletion() {
    let bench = bench().await;
    let deployed = bench.deploy("hello", SOURCE).await;
    assert_eq!(
        (&deployed["version"], &deployed["verify_jwt"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(bench.get("/functions").await, json!([deployed]));
    assert_eq!(bench.get("/functions/hello").await, deployed);
    assert_eq!(bench.call("hello").await, (200, "hello world".to_owned()));

    let deleted = read(bench.api(Method::DELETE, "/functions/hello")).await;
    assert_eq!(deleted, (200, json!({"message": "ok"})));
    assert_eq!(bench.get("/functions").await, json!([]));
    let gone = read(
        bench
            .http
            .get(format!("{}/functions/v1/hello", bench.project().gateway_url)),
    )
    .await;
    assert_eq!(
        gone,
        (
            404,
            json!({"code": "NOT_FOUND", "message": "Requested function was not found"})
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_is_the_sources_in_multipart_and_a_bundle_otherwise() {
    let bench = bench().await;
    let files = [
        (
            HELLO,
            "import { a } from \"../../../../_shared/a.ts\";\nDeno.serve(() => new Response(a));\n",
        ),
        ("../_shared/a.ts", "export const a = \"a\";\n"),
    ];
    let (status, deployed) = read(bench.deploy_with("hello", "", &metadata(), &files)).await;
    assert_eq!(status, 201, "{deployed}");
    let folder = format!("user_fn_{REFERENCE}_{}_1", deployed["id"].as_str().unwrap());
    let request = bench
        .api(Method::GET, "/functions/hello/body")
        .header("accept", "multipart/form-data");
    let (_, body) = text(request).await;
    for (path, content) in [
        (format!("{folder}/source/{HELLO}"), files[0].1),
        (format!("{folder}/_shared/a.ts"), files[1].1),
    ] {
        let part = format!(
            "name=\"file\"; filename=\"{path}\"\r\nContent-Type: application/octet-stream\r\n\r\n{content}\r\n--"
        );
        assert!(body.contains(&part), "{body}");
    }
    assert!(
        body.contains(&format!("\"deno2_entrypoint_path\":\"{folder}/source/{HELLO}\"")),
        "{body}"
    );

    let response = bench
        .api(Method::GET, "/functions/hello/body")
        .header("accept", "application/json")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    assert!(response.bytes().await.unwrap().starts_with(b"EZBR"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_bundle_is_refused_in_the_platforms_words_and_leaves_nothing() {
    let bench = bench().await;
    let missing = read(bench.deploy_with("hello", "", &metadata(), &[("supabase/functions/hello/other.ts", "")])).await;
    let message = missing.1["message"].as_str().unwrap();
    assert_eq!(missing.0, 400);
    assert!(
        message.starts_with(&format!("Entrypoint path does not exist - /tmp/user_fn_{REFERENCE}_")),
        "{message}"
    );
    assert!(message.ends_with(&format!("_1/source/{HELLO}")), "{message}");

    for (content, words) in [
        ("import \"./gone.ts\";", "Module not found"),
        ("const = 1;", "Failed to bundle the function (reason: "),
    ] {
        let (status, message) = refused(bench.deploy_with("hello", "", &metadata(), &[(HELLO, content)])).await;
        assert!(status == 400 && message.contains(words), "{status} {message}");
    }
    assert_eq!(bench.get("/functions").await, json!([]));
    let uploads = bench.dir.path().join("projects").join(REFERENCE).join("bundles");
    assert_eq!(std::fs::read_dir(uploads).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_are_400_and_say_why() {
    let bench = bench().await;
    let file = [(HELLO, SOURCE)];
    let cases = [
        bench.deploy_with("1bad", "", &metadata(), &file),
        bench.deploy_with("hello", "&bundleOnly=perhaps", &metadata(), &file),
        bench.deploy_with("hello", "", &json!({}), &file),
        bench.deploy_with(
            "hello",
            "",
            &json!({"entrypoint_path": HELLO, "verify_jwt": "yes"}),
            &file,
        ),
        bench.deploy_with("hello", "", &metadata(), &[("../../x.ts", "")]),
        bench
            .api(Method::POST, "/functions/deploy?slug=hello")
            .json(&metadata()),
        bench.api(Method::PUT, "/functions").json(&json!({})),
        bench
            .api(Method::PUT, "/functions")
            .json(&json!([{"id": "x", "slug": "x", "name": "x", "status": "ACTIVE", "version": 1}])),
        bench
            .api(Method::POST, "/secrets")
            .json(&json!([{"name": "SUPABASE_X", "value": "x"}])),
        bench.api(Method::POST, "/secrets").json(&json!([{"name": "X"}])),
        bench.api(Method::DELETE, "/secrets").json(&json!(["SUPABASE_URL"])),
        bench.api(Method::GET, "/health"),
        bench.api(Method::GET, "/health?services=coffee"),
        bench.api(Method::GET, "/health?services=db,coffee"),
        bench.api(Method::GET, "/health?services=db&timeout_ms=10001"),
        bench.api(Method::GET, "/health?services=db&timeout_ms=-1"),
        bench.api(Method::GET, "/health?services=db&timeout_ms=soon"),
    ];
    for request in cases {
        let built = request.try_clone().map(|request| request.build().unwrap());
        let (status, message) = refused(request).await;
        assert!(status == 400 && !message.is_empty(), "{status} {message} {built:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_121st_request_of_a_minute_to_one_endpoint_is_429_with_the_headers() {
    let bench = bench().await;
    for remaining in (0..120).rev() {
        let response = bench.api(Method::GET, "/functions").send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().parse::<u64>().unwrap();
        assert_eq!(
            (
                response.status().as_u16(),
                header("x-ratelimit-limit"),
                header("x-ratelimit-remaining")
            ),
            (200, 120, remaining)
        );
        assert!((1..=60).contains(&header("x-ratelimit-reset")));
    }
    let limited = refused(bench.api(Method::GET, "/functions")).await;
    assert_eq!(limited, (429, "ThrottlerException: Too Many Requests".to_owned()));
    assert_eq!(read(bench.api(Method::GET, "/secrets")).await.0, 200);
    bench.turn(json!({"rateLimits": false})).await;
    assert_eq!(read(bench.api(Method::GET, "/functions")).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plans_limit_of_functions_is_402() {
    let bench = bench().await;
    let set = bench
        .admin(Method::PATCH, &format!("/projects/{REFERENCE}"))
        .json(&json!({"functionLimit": 1}));
    assert_eq!(read(set).await.0, 200);
    bench.deploy("one", SOURCE).await;
    let second = bench.deploy_with("two", "", &metadata(), &[(HELLO, SOURCE)]);
    assert_eq!(
        refused(second).await,
        (402, "Maximum number of functions reached for Plan".to_owned())
    );
    assert_eq!(bench.deploy("one", SOURCE).await["version"], json!(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_over_20_mb_is_413() {
    let bench = bench().await;
    let large = format!("// {}", "x".repeat(20 * 1024 * 1024));
    let answer = refused(bench.deploy_with("hello", "", &metadata(), &[(HELLO, &large)])).await;
    assert_eq!(answer, (413, "request entity too large".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_survives_a_restart_with_the_same_folder() {
    let bench = bench().await;
    bench.deploy("hello", SOURCE).await;
    let set = bench
        .api(Method::POST, "/secrets")
        .json(&json!([{"name": "A", "value": "b"}]));
    assert_eq!(read(set).await.0, 201);
    let (token, project) = (bench.running.token().to_owned(), bench.project());
    let (functions, secrets) = (bench.get("/functions").await, bench.get("/secrets").await);
    let api_support::Bench { running, http, dir } = bench;
    running.shutdown().await;
    let running = start(config(dir.path(), None)).await.unwrap();
    let bench = api_support::Bench { running, http, dir };
    assert_eq!((bench.running.token(), bench.project()), (token.as_str(), project));
    assert_eq!(
        (bench.get("/functions").await, bench.get("/secrets").await),
        (functions, secrets)
    );
    assert_eq!(bench.call("hello").await, (200, "hello world".to_owned()));
    assert_eq!(bench.deploy("hello", SOURCE).await["version"], json!(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_belongs_to_one_platform_at_a_time() {
    let bench = bench().await;
    let error = start(config(bench.dir.path(), None)).await.unwrap_err();
    assert_eq!(error.to_string(), "failed to open the platform's folder");
    let api_support::Bench { running, dir, .. } = bench;
    running.shutdown().await;
    start(config(dir.path(), None)).await.unwrap().shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_made_by_the_admin_listener_have_keys_and_a_gateway_of_their_own() {
    let bench = bench().await;
    let (status, made) = read(bench.admin(Method::POST, "/projects").json(&json!({"name": "Second"}))).await;
    assert_eq!(status, 201, "{made}");
    let reference = made["ref"].as_str().unwrap();
    let access = bench.running.project(reference).unwrap();
    assert_eq!(
        (&made["gatewayUrl"], &made["token"]),
        (&json!(access.gateway_url), &json!(bench.running.token()))
    );
    assert_ne!(access.anon_key, bench.project().anon_key);
    let names: Vec<Value> = bench
        .get("/v1/projects")
        .await
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    assert!(names.len() == 2 && names.contains(&json!("Second")) && names.contains(&json!(REFERENCE)));
    let again = bench.admin(Method::POST, "/projects").json(&json!({"ref": reference}));
    assert_eq!(refused(again).await.0, 409);
    let bad = bench.admin(Method::POST, "/projects").json(&json!({"ref": "Short"}));
    assert_eq!(refused(bad).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_deploys_of_one_function_get_versions_of_their_own() {
    let bench = bench().await;
    let deploys = (0..8).map(|number| {
        let content = format!("{SOURCE}// {number}\n");
        let bench = &bench;
        async move { bench.deploy("hello", &content).await["version"].as_i64().unwrap() }
    });
    let mut versions = futures::future::join_all(deploys).await;
    versions.sort_unstable();
    assert_eq!(versions, (1..=8).collect::<Vec<_>>());
}
