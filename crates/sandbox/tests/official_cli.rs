//! Supabase's own CLI against the platform: what it sends is understood, what it gets it accepts.
#![allow(clippy::unwrap_used, reason = "a helper of a test that cannot go on fails it")]

mod api_support;
mod official_cli_support;

use std::fs;

use reqwest::Method;
use serde_json::json;

use api_support::{REFERENCE, read};
use official_cli_support::{Cli, remote};

fn live<const COUNT: usize>(functions: [(&str, i64); COUNT]) -> Vec<(String, i64)> {
    functions.map(|(slug, version)| (slug.to_owned(), version)).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_are_listed_by_reference_and_name() {
    let cli = Cli::new().await;
    let output = cli.run(&["projects", "list"]).await;
    assert!(output.out.contains(REFERENCE), "{}", output.out);
    assert_eq!(cli.requests().await, ["GET /v1/projects -> 200"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_deployed_listed_downloaded_as_it_was_and_deleted() {
    let cli = Cli::new().await;
    let deployed = cli.remote(&["functions", "deploy", "hello", "--use-api"]).await;
    assert!(
        deployed
            .out
            .contains(&format!("Deployed Functions on project {REFERENCE}: hello")),
        "{}",
        deployed.out
    );
    assert_eq!(cli.live().await, live([("hello", 1)]));
    assert_eq!(cli.bench.call("hello").await, (200, "hello world".to_owned()));
    let id = cli.bench.get("/functions/hello").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let listed = cli.remote(&["functions", "list"]).await;
    let row = listed
        .out
        .lines()
        .find(|line| line.contains(&id))
        .unwrap_or_else(|| panic!("{}", listed.out));
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    assert_eq!(cells[1..5], ["hello", "hello", "ACTIVE", "1"]);

    let sources = cli.sources();
    fs::remove_dir_all(cli.project().join("supabase/functions")).unwrap();
    cli.remote(&["functions", "download", "hello", "--use-api"]).await;
    assert_eq!(cli.sources(), sources);

    cli.remote(&["functions", "delete", "hello"]).await;
    assert_eq!(cli.live().await, live([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_source_again_is_a_new_version_with_another_digest() {
    let cli = Cli::new().await;
    cli.remote(&["functions", "deploy", "hello", "--use-api"]).await;
    let first = cli.bench.get("/functions/hello").await;
    cli.remote(&["functions", "deploy", "hello", "--use-api"]).await;
    let second = cli.bench.get("/functions/hello").await;
    assert_eq!((&second["id"], &second["version"]), (&first["id"], &json!(2)));
    assert_ne!(second["ezbr_sha256"], first["ezbr_sha256"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_are_uploaded_apart_and_activated_together_and_prune_removes_the_rest() {
    let cli = Cli::new().await;
    cli.function("two", "two");
    let output = cli.remote(&["functions", "deploy", "--use-api", "--jobs", "2"]).await;
    assert!(output.out.contains("hello, two"), "{}", output.out);
    assert_eq!(cli.live().await, live([("hello", 1), ("two", 1)]));
    assert_eq!(cli.bench.call("hello").await, (200, "hello world".to_owned()));
    // `two` has no verify_jwt of its own, so the platform's default holds.
    assert_eq!(cli.bench.call("two").await.0, 401);
    let requests = cli.requests().await;
    let count = |wanted: &str| requests.iter().filter(|request| *request == wanted).count();
    let deploys = count("POST /v1/projects/{ref}/functions/deploy -> 201");
    assert_eq!(
        (deploys, count("PUT /v1/projects/{ref}/functions -> 200")),
        (2, 1),
        "{requests:?}"
    );

    fs::remove_dir_all(cli.project().join("supabase/functions/two")).unwrap();
    cli.remote(&["functions", "deploy", "--use-api", "--prune"]).await;
    assert_eq!(cli.live().await, live([("hello", 2)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_jwt_rule_that_no_config_names_is_looked_up_and_kept() {
    let cli = Cli::new().await;
    cli.function("two", "two");
    cli.remote(&["functions", "deploy", "two", "--use-api"]).await;
    let patch = cli
        .bench
        .api(Method::PATCH, "/functions/two")
        .json(&json!({"verify_jwt": false}));
    assert_eq!(read(patch).await.0, 200);
    cli.remote(&["functions", "deploy", "two", "--use-api"]).await;
    let live = cli.bench.get("/functions/two").await;
    assert_eq!((&live["version"], &live["verify_jwt"]), (&json!(2), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_does_not_bundle_fails_the_command_with_the_platforms_words() {
    let cli = Cli::new().await;
    cli.file("functions/hello/index.ts", "import \"./gone.ts\";\n");
    let output = cli
        .try_run(&["functions", "deploy", "hello", "--use-api", &remote(), "--yes"])
        .await;
    assert_eq!(output.code, Some(1), "{}\n{}", output.out, output.err);
    assert!(
        output
            .err
            .contains("Failed to bundle the function (reason: Module not found"),
        "{}",
        output.err
    );
    assert_eq!(cli.live().await, live([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_set_listed_by_digest_and_unset() {
    let cli = Cli::new().await;
    cli.remote(&["secrets", "set", "CANARY=abc", "OTHER=x y"]).await;
    let listed = cli.remote(&["secrets", "list"]).await;
    // FIPS 180-2, appendix B.1.
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let row = listed
        .out
        .lines()
        .find(|line| line.contains("CANARY"))
        .unwrap_or_else(|| panic!("{}", listed.out));
    assert!(row.contains(digest), "{row}");
    cli.remote(&["secrets", "unset", "CANARY"]).await;
    let names = cli.bench.get("/secrets").await;
    let names: Vec<&str> = names
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "OTHER",
            "SUPABASE_ANON_KEY",
            "SUPABASE_SERVICE_ROLE_KEY",
            "SUPABASE_URL"
        ]
    );
}
