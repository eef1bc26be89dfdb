//! Supabase's own CLI against the platform: what it sends is understood, what it gets it accepts.

mod api_support;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use ace_sandbox::bed::tools;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use api_support::{Bench, REFERENCE, bench};

/// A project directory with functions, and the CLI pointed at the platform.
struct Cli {
    bench: Bench,
    home: TempDir,
}

struct Output {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Cli {
    async fn new() -> Cli {
        let bench = bench().await;
        let home = tempfile::tempdir().unwrap();
        let profile = format!(
            "name: sandbox\napi_url: {url}\ndashboard_url: {url}/dashboard\nproject_host: supabase.test\n",
            url = bench.running.api_url
        );
        fs::write(home.path().join("profile.yaml"), profile).unwrap();
        let cli = Cli { bench, home };
        cli.file(
            "config.toml",
            "project_id = \"sandbox\"\n[functions.hello]\nverify_jwt = false\n",
        );
        cli.file("functions/_shared/who.ts", "export const who: string = \"world\";\n");
        cli.function("hello", "hello");
        cli
    }

    fn function(&self, slug: &str, word: &str) {
        let source = format!(
            "import {{ who }} from \"../_shared/who.ts\";\nDeno.serve(() => new Response(`{word} ${{who}}`));\n"
        );
        self.file(&format!("functions/{slug}/index.ts"), &source);
        self.file(&format!("functions/{slug}/deno.json"), "{ \"imports\": {} }\n");
    }

    fn file(&self, path: &str, content: &str) {
        let path = self.project().join("supabase").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn project(&self) -> PathBuf {
        self.home.path().join("project")
    }

    /// Runs a command on the project without a terminal: it wants the target named and a yes beforehand.
    async fn remote(&self, arguments: &[&str]) -> Output {
        let remote = remote();
        self.run(&[arguments, &[remote.as_str(), "--yes"]].concat()).await
    }

    /// Runs the CLI, and fails the test when it does.
    async fn run(&self, arguments: &[&str]) -> Output {
        let output = self.try_run(arguments).await;
        assert_eq!(output.code, Some(0), "{arguments:?}\n{}\n{}", output.out, output.err);
        output
    }

    async fn try_run(&self, arguments: &[&str]) -> Output {
        let output = Command::new(tools::supabase_cli().unwrap())
            .args(arguments)
            .current_dir(self.project())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("SUPABASE_HOME", self.home.path().join("home"))
            .env("SUPABASE_PROFILE", self.home.path().join("profile.yaml"))
            .env("SUPABASE_ACCESS_TOKEN", self.bench.running.token())
            .env("SUPABASE_TELEMETRY_DISABLED", "1")
            .env("DO_NOT_TRACK", "1")
            .env("SUPABASE_NO_KEYRING", "1")
            .env("SUPABASE_NO_UPDATE_NOTIFIER", "1")
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Output {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// What the platform was asked, but for the look-ups of the project's name, which the CLI caches.
    async fn requests(&self) -> Vec<String> {
        let all = self.bench.requests().await.into_iter();
        all.filter(|request| !request.starts_with("GET /v1/projects/{ref} "))
            .collect()
    }

    /// Every file below `supabase/functions` with its content.
    fn sources(&self) -> BTreeMap<PathBuf, String> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.project().join("supabase/functions")]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let content = fs::read_to_string(&path).unwrap();
                    files.insert(path, content);
                }
            }
        }
        files
    }

    /// Slug and version of what the platform lists.
    async fn live(&self) -> Vec<(String, i64)> {
        let listed = self.bench.get("/functions").await;
        let pairs = listed.as_array().unwrap().iter();
        pairs
            .map(|one| {
                (
                    one["slug"].as_str().unwrap().to_owned(),
                    one["version"].as_i64().unwrap(),
                )
            })
            .collect()
    }
}

fn remote() -> String {
    format!("--remote={REFERENCE}")
}

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
