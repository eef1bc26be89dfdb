//! Functions as they are called through the gateway, after each way to change them.

mod api_support;

use reqwest::Method;
use serde_json::{Value, json};

use api_support::{HELLO, SOURCE, bench, read, text};

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
