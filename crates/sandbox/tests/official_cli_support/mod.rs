//! The official CLI in a project directory of its own.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use ace_sandbox::bed::tools;
use tempfile::TempDir;
use tokio::process::Command;

use crate::api_support::{Bench, REFERENCE, bench};

/// A project directory with functions, and the CLI pointed at the platform.
pub struct Cli {
    pub bench: Bench,
    home: TempDir,
}

pub struct Output {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Cli {
    pub async fn new() -> Cli {
        let bench = bench().await;
        let url = bench.running.api_url.clone();
        Cli::at(bench, &url)
    }

    /// With another way to the platform.
    pub fn at(bench: Bench, url: &str) -> Cli {
        let home = tempfile::tempdir().unwrap();
        let profile =
            format!("name: sandbox\napi_url: {url}\ndashboard_url: {url}/dashboard\nproject_host: supabase.test\n");
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

    pub fn function(&self, slug: &str, word: &str) {
        let source = format!(
            "import {{ who }} from \"../_shared/who.ts\";\nDeno.serve(() => new Response(`{word} ${{who}}`));\n"
        );
        self.file(&format!("functions/{slug}/index.ts"), &source);
        self.file(&format!("functions/{slug}/deno.json"), "{ \"imports\": {} }\n");
    }

    pub fn file(&self, path: &str, content: &str) {
        let path = self.project().join("supabase").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn project(&self) -> PathBuf {
        self.home.path().join("project")
    }

    /// Runs a command on the project without a terminal: it wants the target named and a yes beforehand.
    pub async fn remote(&self, arguments: &[&str]) -> Output {
        let remote = remote();
        self.run(&[arguments, &[remote.as_str(), "--yes"]].concat()).await
    }

    /// Runs the CLI, and fails the test when it does.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let output = self.try_run(arguments).await;
        assert_eq!(output.code, Some(0), "{arguments:?}\n{}\n{}", output.out, output.err);
        output
    }

    pub async fn try_run(&self, arguments: &[&str]) -> Output {
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
    pub async fn requests(&self) -> Vec<String> {
        let all = self.bench.requests().await.into_iter();
        all.filter(|request| !request.starts_with("GET /v1/projects/{ref} "))
            .collect()
    }

    /// Every file below `supabase/functions` with its content.
    pub fn sources(&self) -> BTreeMap<PathBuf, String> {
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
    pub async fn live(&self) -> Vec<(String, i64)> {
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

pub fn remote() -> String {
    format!("--remote={REFERENCE}")
}
