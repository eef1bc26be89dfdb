//! The Management API and the gateway as a client meets them.
#![allow(clippy::unwrap_used, reason = "a helper of a test that cannot go on fails it")]

mod api_support;

use ace_sandbox::platform::start;
use reqwest::Method;
use serde_json::{Value, json};

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
async fn a_redeploy_answers_with_the_new_code_under_the_next_version() {
    let bench = bench().await;
    let first = bench.deploy("hello", SOURCE).await;
    assert_eq!(bench.call("hello").await.1, "hello world");
    let second = bench.deploy("hello", &SOURCE.replace("world", "moon")).await;
    assert_eq!((&second["version"], &second["id"]), (&json!(2), &first["id"]));
    assert!(second["updated_at"].as_i64() > first["updated_at"].as_i64());
    assert_eq!(bench.call("hello").await, (200, "hello moon".to_owned()));
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
    ];
    for request in cases {
        let built = request.try_clone().map(|request| request.build().unwrap());
        let (status, message) = refused(request).await;
        assert!(status == 400 && !message.is_empty(), "{status} {message} {built:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_is_uploaded_first_becomes_live_at_once() {
    let bench = bench().await;
    bench.deploy("one", &SOURCE.replace("world", "before")).await;
    let mut records = Vec::new();
    for slug in ["one", "two"] {
        let entrypoint = format!("supabase/functions/{slug}/index.ts");
        let metadata = json!({"entrypoint_path": entrypoint, "verify_jwt": false});
        let request = bench.deploy_with(slug, "&bundleOnly=true", &metadata, &[(&entrypoint, SOURCE)]);
        records.push(read(request).await.1);
    }
    assert_eq!(bench.get("/functions").await.as_array().unwrap().len(), 1);
    assert_eq!(bench.call("one").await.1, "hello before");
    let (status, activated) = read(bench.api(Method::PUT, "/functions").json(&records)).await;
    assert_eq!(status, 200, "{activated}");
    assert_eq!(bench.get("/functions").await, activated["functions"]);
    let versions: Vec<&Value> = activated["functions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["version"])
        .collect();
    assert_eq!(versions, [&json!(2), &json!(1)]);
    assert_eq!(
        (bench.call("one").await.1, bench.call("two").await.1),
        ("hello world".to_owned(), "hello world".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patched_jwt_rule_holds_at_the_gateway() {
    let bench = bench().await;
    let deployed = bench.deploy("hello", SOURCE).await;
    let (status, patched) = read(
        bench
            .api(Method::PATCH, "/functions/hello")
            .json(&json!({"verify_jwt": true})),
    )
    .await;
    let updated = patched["updated_at"].clone();
    let mut wanted = deployed.clone();
    wanted["verify_jwt"] = json!(true);
    wanted["updated_at"] = updated.clone();
    assert_eq!((status, &patched), (200, &wanted));
    assert!(updated.as_i64() > deployed["updated_at"].as_i64());

    let project = bench.project();
    let url = format!("{}/functions/v1/hello", project.gateway_url);
    let call = |token: &str| bench.http.get(&url).bearer_auth(token);
    let missing = read(bench.http.get(&url)).await;
    assert_eq!(
        missing,
        (401, json!({"code": 401, "message": "Missing authorization header"}))
    );
    assert_eq!(
        read(call("wrong")).await,
        (401, json!({"code": 401, "message": "Invalid JWT"}))
    );
    assert_eq!(read(call(bench.running.token())).await.0, 401);
    assert_eq!(text(call(&project.anon_key)).await.0, 200);
    assert_eq!(text(call(&project.service_role_key)).await.0, 200);
    assert_eq!(text(bench.http.request(Method::OPTIONS, &url)).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_reach_functions_and_only_their_digests_the_api() {
    let bench = bench().await;
    let show = "Deno.serve(() => new Response(Deno.env.get(\"CANARY\") ?? \"none\"));";
    bench.deploy("hello", show).await;
    assert_eq!(bench.call("hello").await.1, "none");
    let set = bench
        .api(Method::POST, "/secrets")
        .json(&json!([{"name": "CANARY", "value": "abc"}]));
    assert_eq!(read(set).await, (201, Value::Null));
    assert_eq!(bench.call("hello").await.1, "abc");
    let listed = bench.get("/secrets").await;
    let named: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        named,
        [
            "CANARY",
            "SUPABASE_ANON_KEY",
            "SUPABASE_SERVICE_ROLE_KEY",
            "SUPABASE_URL"
        ]
    );
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(listed[0]["value"], json!(digest));
    let unset = bench.api(Method::DELETE, "/secrets").json(&json!(["CANARY", "NOBODY"]));
    assert_eq!(read(unset).await, (200, Value::Null));
    assert_eq!(bench.call("hello").await.1, "none");
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
async fn an_answer_is_streamed_while_the_function_still_writes_it() {
    let bench = bench().await;
    // The rest of the stream is written only when another call asks for it.
    let source = "let finish: () => void = () => {};\n\
        Deno.serve((request) => {\n\
          if (request.url.endsWith(\"/finish\")) { finish(); return new Response(); }\n\
          const encoder = new TextEncoder();\n\
          return new Response(new ReadableStream({ start(stream) {\n\
            stream.enqueue(encoder.encode(\"first\"));\n\
            finish = () => { stream.enqueue(encoder.encode(\"last\")); stream.close(); };\n\
          } }));\n\
        });\n";
    bench.deploy("hello", source).await;
    let url = format!("{}/functions/v1/hello", bench.project().gateway_url);
    let mut answer = bench.http.get(url).send().await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "first");
    assert_eq!(bench.call("hello/finish").await.0, 200);
    assert_eq!(answer.text().await.unwrap(), "last");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_reaches_the_function_as_it_was_made() {
    let bench = bench().await;
    let source = "Deno.serve(async (request) => {\n\
          const { pathname, search } = new URL(request.url);\n\
          const body = await request.text();\n\
          return Response.json([request.method, pathname, search, request.headers.get(\"x-test\"), body], { status: 418 });\n\
        });\n";
    bench.deploy("hello", source).await;
    let url = format!("{}/functions/v1/hello/a%20b/c?d=%2F&d=2", bench.project().gateway_url);
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let request = bench
            .http
            .request(method.clone(), &url)
            .header("x-test", "1")
            .body("content");
        let wanted = json!([method.as_str(), "/hello/a%20b/c", "?d=%2F&d=2", "1", "content"]);
        assert_eq!(read(request).await, (418, wanted));
    }
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
async fn of_two_uploads_under_one_version_the_one_that_was_activated_last_answers() {
    let bench = bench().await;
    let metadata = json!({"entrypoint_path": HELLO, "verify_jwt": false});
    let mut uploads = Vec::new();
    for word in ["one", "two"] {
        let source = SOURCE.replace("world", word);
        let request = bench.deploy_with("hello", "&bundleOnly=true", &metadata, &[(HELLO, &source)]);
        uploads.push(read(request).await.1);
    }
    assert_eq!(uploads[0]["version"], uploads[1]["version"]);
    for (upload, answer) in [(0, "hello one"), (1, "hello two")] {
        let activated = read(bench.api(Method::PUT, "/functions").json(&json!([uploads[upload]]))).await;
        assert_eq!((activated.0, bench.call("hello").await.1), (200, answer.to_owned()));
    }
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
