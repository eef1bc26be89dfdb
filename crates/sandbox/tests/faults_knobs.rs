//! Each knob does what it says, and nothing else.
#![allow(clippy::unwrap_used, reason = "a helper of a test that cannot go on fails it")]

mod api_support;

use reqwest::Method;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use api_support::{Bench, HELLO, SOURCE, bench, read, refused, text};

/// The files of a body as a multipart answer has them: path and content.
async fn files(bench: &Bench) -> Vec<(String, String)> {
    let request = bench
        .api(Method::GET, "/functions/hello/body")
        .header("accept", "multipart/form-data");
    let body = text(request).await.1;
    let parts = body.split("filename=\"").skip(1);
    let pairs = parts.map(|part| {
        let (path, rest) = part.split_once('"').unwrap();
        let (_, content) = rest.split_once("\r\n\r\n").unwrap();
        let (content, _) = content.split_once("\r\n--").unwrap();
        (path.to_owned(), content.to_owned())
    });
    pairs.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_echo_the_entrypoint_shows_nothing_of_the_deploys_path() {
    let bench = bench().await;
    let echoed = bench.deploy("hello", SOURCE).await["entrypoint_path"]
        .as_str()
        .unwrap()
        .to_owned();
    bench.turn(json!({"entrypointEcho": false})).await;
    let hidden = echoed.replace(HELLO, "index.ts");
    let deployed = &bench.deploy("hello", SOURCE).await["entrypoint_path"];
    assert_eq!(deployed, &json!(hidden.replace("_1/", "_2/")));
    for shown in [
        bench.get("/functions").await[0].clone(),
        bench.get("/functions/hello").await,
    ] {
        assert_eq!(&shown["entrypoint_path"], deployed);
    }
    assert_eq!(bench.call("hello").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn transpiled_bodies_have_the_same_files_without_types() {
    let bench = bench().await;
    bench.deploy("hello", SOURCE).await;
    let sources = files(&bench).await;
    assert_eq!(sources[0].1, SOURCE);
    bench.turn(json!({"bodies": "Transpiled"})).await;
    let transpiled = files(&bench).await;
    assert_eq!(transpiled.len(), 1);
    assert_eq!(transpiled[0].0, sources[0].0);
    let script = "const who = \"world\";\nDeno.serve(()=>new Response(`hello ${who}`));\n";
    assert_eq!(transpiled[0].1, format!("{script}//# sourceMappingURL=index.ts.map\n"));
    bench.turn(json!({"bodies": "Source"})).await;
    assert_eq!(files(&bench).await, sources);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_types_only_are_missing_from_bodies_when_the_knob_says_so() {
    let bench = bench().await;
    let sources = [
        (
            HELLO,
            "import type { A } from \"./types.ts\";\nimport { b } from \"./b.ts\";\nDeno.serve(() => new Response(b satisfies A));\n",
        ),
        ("supabase/functions/hello/b.ts", "export { b } from \"mapped\";\n"),
        ("supabase/functions/hello/c.ts", "export const b = \"b\";\n"),
        (
            "supabase/functions/hello/deno.json",
            "{\"imports\": {\"mapped\": \"./c.ts\"}}",
        ),
        ("supabase/functions/hello/page.html", "<p>static</p>"),
        ("supabase/functions/hello/types.ts", "export type A = string;\n"),
    ];
    let metadata = json!({"entrypoint_path": HELLO, "import_map_path": "supabase/functions/hello/deno.json"});
    let (status, deployed) = read(bench.deploy_with("hello", "", &metadata, &sources)).await;
    assert_eq!(status, 201, "{deployed}");
    let names = || async {
        let all = files(&bench).await;
        all.into_iter()
            .map(|(path, _)| path.rsplit('/').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names().await,
        ["b.ts", "c.ts", "deno.json", "index.ts", "page.html", "types.ts"]
    );
    bench.turn(json!({"typeOnlyFiles": false})).await;
    assert_eq!(names().await, ["b.ts", "c.ts", "deno.json", "index.ts", "page.html"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eszip_is_one_blob_of_the_digest_that_the_list_shows() {
    let bench = bench().await;
    let deployed = bench.deploy("hello", SOURCE).await;
    bench.turn(json!({"bodies": "Eszip"})).await;
    for accept in ["multipart/form-data", "application/json"] {
        let request = bench.api(Method::GET, "/functions/hello/body").header("accept", accept);
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/octet-stream");
        let bytes = response.bytes().await.unwrap();
        assert_eq!(json!(hex::encode(Sha256::digest(&bytes))), deployed["ezbr_sha256"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn knobs_are_turned_one_by_one() {
    let bench = bench().await;
    let knobs = |echo: bool, bodies: &str, limits: bool| json!({"entrypointEcho": echo, "bodies": bodies, "typeOnlyFiles": true, "rateLimits": limits});
    let get = || async { read(bench.admin(Method::GET, "/knobs")).await.1 };
    assert_eq!(get().await, knobs(true, "Source", true));
    bench.turn(json!({"bodies": "Eszip"})).await;
    bench.turn(json!({"rateLimits": false})).await;
    assert_eq!(get().await, knobs(true, "Eszip", false));
    for wrong in [json!({"bodies": "Other"}), json!({"echo": true})] {
        assert_eq!(
            refused(bench.admin(Method::PUT, "/knobs").json(&wrong)).await.0,
            400,
            "{wrong}"
        );
    }
}
