//! Supabase's own JavaScript client invokes functions through the gateway.

mod api_support;

use std::process::Stdio;

use ace_sandbox::bed::tools;
use serde_json::{Value, json};
use tokio::process::Command;

use api_support::{bench, read};

const FUNCTION: &str = "Deno.serve(async (request) => {
    const { name } = await request.json();
    if (name === 'nobody') return new Response('who?', { status: 422 });
    return Response.json({ greeting: `hello ${name}`, path: new URL(request.url).pathname });
});";

const SCRIPT: &str = "import { createClient } from 'npm:@supabase/supabase-js@2';
const [url, key] = Deno.args;
async function invoke(key: string, slug: string, name: string) {
    const { data, error } = await createClient(url, key).functions.invoke(slug, { body: { name } });
    return { data, status: error?.context?.status ?? null };
}
console.log(JSON.stringify([
    await invoke(key, 'greet', 'Ada'),
    await invoke(key, 'greet/at/length', 'Ada'),
    await invoke(key, 'greet', 'nobody'),
    await invoke(key + 'x', 'greet', 'Ada'),
    await invoke(key, 'absent', 'Ada'),
]));";

#[tokio::test]
async fn supabase_js_invokes_a_function_that_asks_for_a_token() {
    let bench = bench().await;
    let entrypoint = "supabase/functions/greet/index.ts";
    let metadata = json!({ "entrypoint_path": entrypoint, "verify_jwt": true });
    let (status, answer) = read(bench.deploy_with("greet", "", &metadata, &[(entrypoint, FUNCTION)])).await;
    assert_eq!(status, 201, "{answer}");

    let script = bench.dir.path().join("invoke.ts");
    std::fs::write(&script, SCRIPT).unwrap();
    let project = bench.project();
    let output = Command::new(tools::deno().unwrap())
        .args([
            "run",
            "--no-prompt",
            "--no-config",
            "--no-lock",
            "--allow-net",
            "--allow-env",
        ])
        .arg(&script)
        .args([&project.gateway_url, &project.anon_key])
        .env("DENO_DIR", bench.dir.path().join("client"))
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let seen: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let expected = json!([
        { "data": { "greeting": "hello Ada", "path": "/greet" }, "status": null },
        { "data": { "greeting": "hello Ada", "path": "/greet/at/length" }, "status": null },
        { "data": null, "status": 422 },
        { "data": null, "status": 401 },
        { "data": null, "status": 404 },
    ]);
    assert_eq!(seen, expected);
    bench.running.shutdown().await;
}
