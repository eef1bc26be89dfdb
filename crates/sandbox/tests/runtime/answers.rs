//! What a function sees of a call, and what the caller gets.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{INDEX, bed, failure, ok, read};

#[tokio::test]
async fn a_function_sees_method_path_headers_and_body_as_on_the_platform() {
    let bed = bed();
    let function = bed.function(
        "hello",
        "Deno.serve(async (request) => Response.json({
            method: request.method, url: request.url, body: await request.text(), headers: Object.fromEntries(request.headers),
        }, { status: 201, headers: { 'x-answer': 'yes' } }));",
    );
    let request = Request::builder()
        .method("PATCH")
        .uri("/hello/a%20b?c=d")
        .header("x-mine", "1")
        .header("connection", "keep-alive, x-hop")
        .header("x-hop", "1")
        .body(Body::from("text"))
        .expect("a request");
    let answer = bed.runtime.call(&function, request).await;
    let header = answer.headers()["x-answer"].clone();
    let (status, body) = read(answer).await;
    let seen: Value = serde_json::from_str(&body).expect("JSON");
    let expected = json!({
        "method": "PATCH",
        "url": "http://edge-runtime.supabase.com/hello/a%20b?c=d",
        "body": "text",
        "headers": {
            "content-length": "4",
            "host": "edge-runtime.supabase.com",
            "x-forwarded-host": "edge-runtime.supabase.com",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            "x-mine": "1",
        },
    });
    assert_eq!(
        (status, header.to_str().expect("text"), seen),
        (StatusCode::CREATED, "yes", expected)
    );
}

#[tokio::test]
async fn every_method_reaches_the_function() {
    let bed = bed();
    let function = bed.function(
        "m",
        "Deno.serve((request) => new Response(null, { headers: { m: request.method } }));",
    );
    let mut seen = Vec::new();
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    for method in methods {
        let request = Request::builder()
            .method(method)
            .uri("/m")
            .body(Body::empty())
            .expect("a request");
        let answer = bed.runtime.call(&function, request).await;
        seen.push(answer.headers()["m"].to_str().expect("text").to_owned());
    }
    assert_eq!(seen, methods);
}

#[tokio::test]
async fn bodies_are_streamed_both_ways() {
    let bed = bed();
    let function = bed.function("echo", "Deno.serve((request) => new Response(request.body));");
    let (parts, received) = mpsc::channel::<Result<Bytes, Infallible>>(1);
    let stream = futures::stream::unfold(received, |mut received| async {
        Some((received.recv().await?, received))
    });
    let request = Request::builder()
        .method("POST")
        .uri("/echo")
        .body(Body::from_stream(stream))
        .expect("a request");
    parts.send(Ok("one".into())).await.expect("sent");
    let mut answer = bed
        .runtime
        .call(&function, request)
        .await
        .into_body()
        .into_data_stream();
    let first = answer.next().await.expect("a part").expect("bytes");
    // The second part is written only now: what came back before it was not waited for.
    parts.send(Ok("two".into())).await.expect("sent");
    let second = answer.next().await.expect("a part").expect("bytes");
    drop(parts);
    let end = answer.next().await.is_none();
    assert_eq!((&first[..], &second[..], end), (&b"one"[..], &b"two"[..], true));
}

#[tokio::test]
async fn the_environment_is_what_was_given_and_nothing_else() {
    let bed = bed();
    let mut function = bed.function("env", "Deno.serve(() => Response.json(Deno.env.toObject()));");
    let given = [
        ("SUPABASE_URL", "http://127.0.0.1:1"),
        ("PATH", "mine"),
        ("DENO_DIR", "also mine"),
        ("LD_PRELOAD", "no.so"),
    ];
    function.environment = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let (status, body) = bed.get(&function).await;
    let seen: BTreeMap<String, String> = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, seen), (StatusCode::OK, function.environment));
}

#[tokio::test]
async fn a_function_reads_its_own_files_and_no_others() {
    let bed = bed();
    let source = r#"
        const reads = async (path: string) => { try { return await Deno.readTextFile(path); } catch (error) { return error.name; } };
        Deno.serve(async () => Response.json([
            await reads(new URL("./own.txt", import.meta.url).pathname),
            await reads("/proc/self/environ"),
            await Deno.writeTextFile(new URL("./new.txt", import.meta.url), "").catch((error) => error.name),
            await (async () => await new Deno.Command("/bin/sh").output())().catch((error) => error.name),
        ]));"#;
    let function = bed.version("files", 1, &[(INDEX, source), ("source/own.txt", "mine")]);
    assert_eq!(
        bed.get(&function).await,
        ok(r#"["mine","NotCapable","NotCapable","NotCapable"]"#)
    );
}

#[tokio::test]
async fn an_error_of_a_handler_is_500_and_logged_with_the_containers_path() {
    let bed = bed();
    let function = bed.function("throws", "Deno.serve(() => {\n  throw new Error('broken glass');\n});");
    let seen = bed.get(&function).await;
    bed.logged(&function, "broken glass").await;
    bed.logged(
        &function,
        &format!("file:///tmp/user_fn_{}_{}_1/{INDEX}:2:9", function.project, function.id),
    )
    .await;
    assert_eq!(
        seen,
        (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error".to_owned())
    );
}

#[tokio::test]
async fn an_error_outside_the_handler_ends_the_process_and_the_next_call_starts_another() {
    let bed = bed();
    let function = bed.function(
        "dies",
        "Deno.serve((request) => {
            if (request.url.endsWith('/dies')) return new Response('alive');
            setTimeout(() => { throw new Error('outside'); }, 0);
            return new Promise(() => {});
        });",
    );
    let request = Request::builder()
        .uri("/dies/now")
        .body(Body::empty())
        .expect("a request");
    let died = read(bed.runtime.call(&function, request).await).await;
    let next = bed.get(&function).await;
    let expected = failure(
        500,
        "WORKER_ERROR",
        "Function exited due to an error (please check logs)",
    );
    assert_eq!((died, next), (expected, ok("alive")));
}

#[tokio::test]
async fn npm_packages_import_maps_and_std_serve_work() {
    let bed = bed();
    let source = r#"
        import { serve } from "https://deno.land/std@0.168.0/http/server.ts";
        import { createClient } from "supabase";
        import { shared } from "@shared/shared.ts";
        serve(() => Response.json([typeof createClient, shared]));"#;
    let map =
        r#"{ "imports": { "supabase": "npm:@supabase/supabase-js@2", "@shared/": "../_shared/" }, /* a comment */ }"#;
    let files = [
        (INDEX, source),
        ("source/deno.json", map),
        ("_shared/shared.ts", "export const shared: number = 3;"),
    ];
    let mut function = bed.version("npm", 1, &files);
    function.import_map = Some("source/deno.json".into());
    bed.runtime.check(&function).await.expect("it can be deployed");
    assert_eq!(bed.get(&function).await, ok(r#"["function",3]"#));
}

#[tokio::test]
async fn a_default_export_with_fetch_is_a_function() {
    let bed = bed();
    let function = bed.function("exports", "export default { fetch: () => new Response('exported') };");
    assert_eq!(bed.get(&function).await, ok("exported"));
}

#[tokio::test]
async fn without_a_handler_a_function_does_not_start() {
    let bed = bed();
    let function = bed.function("mute", "console.log('nothing to serve');");
    let expected = failure(503, "BOOT_ERROR", "Function failed to start (please check logs)");
    assert_eq!(bed.get(&function).await, expected);
    bed.logged(&function, "nothing to serve").await;
}

#[tokio::test]
async fn a_module_that_throws_does_not_start_even_after_serve() {
    let bed = bed();
    let function = bed.function(
        "late",
        "Deno.serve(() => new Response('no'));\nthrow new Error('too late');",
    );
    let expected = failure(503, "BOOT_ERROR", "Function failed to start (please check logs)");
    assert_eq!(bed.get(&function).await, expected);
    bed.logged(&function, "too late").await;
}

#[tokio::test]
async fn nobody_but_the_gateway_is_answered_by_a_functions_process() {
    let bed = bed();
    let function = bed.function(
        "port",
        "Deno.serve((request, info) => {
            const own = Deno.serve(() => new Response('second')).addr;
            return Response.json([info.remoteAddr.hostname, own.port]);
        });",
    );
    let (_, body) = bed.get(&function).await;
    let (_, port): (String, u16) = serde_json::from_str(&body).expect("JSON");
    let stranger = tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("a connection");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stranger))
        .await
        .expect("HTTP");
    tokio::spawn(connection);
    let request = Request::builder()
        .uri("/port")
        .header("host", "x")
        .body(Body::empty())
        .expect("a request");
    let answer = sender.send_request(request).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_module_that_waits_for_its_server_for_ever_is_ready() {
    let bed = bed();
    let function = bed.function(
        "waits",
        "const server = Deno.serve(() => new Response('ready'));\nawait server.finished;",
    );
    assert_eq!(bed.get(&function).await, ok("ready"));
}

#[tokio::test]
async fn a_caller_that_goes_away_aborts_the_functions_request() {
    let bed = bed();
    let function = bed.function(
        "aborts",
        "Deno.serve((request) => {
            request.signal.addEventListener('abort', () => console.log('aborted'));
            return new Response(new ReadableStream({ start(controller) { controller.enqueue(new Uint8Array(1)); } }));
        });",
    );
    let request = Request::builder()
        .uri("/aborts")
        .body(Body::empty())
        .expect("a request");
    let mut body = bed
        .runtime
        .call(&function, request)
        .await
        .into_body()
        .into_data_stream();
    body.next().await.expect("a part").expect("bytes");
    drop(body);
    bed.logged(&function, "aborted").await;
}

#[tokio::test]
async fn as_many_and_as_large_secrets_as_the_platform_allows_arrive_whole() {
    let bed = bed();
    let mut function = bed.function(
        "large",
        "Deno.serve(() => Response.json(Object.values(Deno.env.toObject()).map((value) => value.length)));",
    );
    function.environment = (0..100)
        .map(|number| (format!("S{number}"), "é".repeat(24_576)))
        .collect();
    let (status, body) = bed.get(&function).await;
    let seen: Vec<usize> = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, seen), (StatusCode::OK, vec![24_576; 100]));
}
