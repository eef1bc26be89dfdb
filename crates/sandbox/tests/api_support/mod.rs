//! A platform of one project for tests, and a client that knows its token.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test binary uses its own part of this, and a test that cannot go on fails"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use ace_sandbox::bed::tools;
use ace_sandbox::platform::{PlatformConfig, ProjectAccess, Running, start};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const REFERENCE: &str = "abcdefghijklmnopqrst";
pub const HELLO: &str = "supabase/functions/hello/index.ts";
pub const SOURCE: &str = "const who: string = \"world\";\nDeno.serve(() => new Response(`hello ${who}`));\n";

pub struct Bench {
    pub running: Running,
    pub http: Client,
    pub dir: TempDir,
}

pub fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

pub fn config(dir: &Path, database_url: Option<String>) -> PlatformConfig {
    PlatformConfig {
        listen: loopback(),
        gateways: Ipv4Addr::LOCALHOST,
        admin: loopback(),
        dir: dir.to_owned(),
        database_url,
        recovery: None,
        deno: tools::deno().unwrap(),
        projects: vec![REFERENCE.to_owned()],
    }
}

pub async fn bench() -> Bench {
    bench_with(None).await
}

pub async fn bench_with(database_url: Option<String>) -> Bench {
    // Another test of this process may have been first.
    rustls::crypto::ring::default_provider().install_default().ok();
    let dir = tempfile::tempdir().unwrap();
    let running = start(config(dir.path(), database_url)).await.unwrap();
    // A kept connection that a fault has cut would be repeated on another one: a test wants to see the cut.
    let http = Client::builder().pool_max_idle_per_host(0).no_proxy().build().unwrap();
    Bench { running, http, dir }
}

impl Bench {
    pub fn project(&self) -> ProjectAccess {
        self.running.project(REFERENCE).unwrap()
    }

    /// A request below `/v1/projects/{ref}`, or anywhere when the path begins with `/v`.
    pub fn api(&self, method: Method, path: &str) -> RequestBuilder {
        let base = &self.running.api_url;
        let url = if path.starts_with("/v") {
            format!("{base}{path}")
        } else {
            format!("{base}/v1/projects/{REFERENCE}{path}")
        };
        self.http.request(method, url).bearer_auth(self.running.token())
    }

    pub fn admin(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.running.admin_url))
    }

    pub fn deploy_with(&self, slug: &str, query: &str, metadata: &Value, files: &[(&str, &str)]) -> RequestBuilder {
        self.api(Method::POST, &format!("/functions/deploy?slug={slug}{query}"))
            .multipart(upload(metadata, files))
    }

    pub async fn deploy(&self, slug: &str, content: &str) -> Value {
        let entrypoint = format!("supabase/functions/{slug}/index.ts");
        let metadata = json!({"entrypoint_path": entrypoint, "verify_jwt": false});
        let (status, answer) = read(self.deploy_with(slug, "", &metadata, &[(&entrypoint, content)])).await;
        assert_eq!(status, 201, "{answer}");
        answer
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, answer) = read(self.api(Method::GET, path)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub async fn set_fault(&self, fault: Value) {
        let (status, answer) = read(self.admin(Method::POST, "/faults").json(&fault)).await;
        assert_eq!(status, 200, "{answer}");
    }

    pub async fn turn(&self, knobs: Value) {
        let (status, answer) = read(self.admin(Method::PUT, "/knobs").json(&knobs)).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Changes settings of the project.
    pub async fn settings(&self, settings: &Value) {
        let path = format!("/projects/{REFERENCE}");
        let (status, answer) = read(self.admin(Method::PATCH, &path).json(settings)).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// The journal as `METHOD path -> status`, `null` where no answer was given.
    pub async fn requests(&self) -> Vec<String> {
        let (_, journal) = read(self.admin(Method::GET, "/requests")).await;
        let entries = journal["requests"].as_array().unwrap();
        entries
            .iter()
            .map(|entry| format!("{} -> {}", entry["route"].as_str().unwrap(), entry["status"]))
            .collect()
    }

    pub async fn call(&self, path: &str) -> (u16, String) {
        let url = format!("{}/functions/v1/{path}", self.project().gateway_url);
        text(self.http.get(url)).await
    }
}

/// The multipart body of a deploy.
pub fn upload(metadata: &Value, files: &[(&str, &str)]) -> Form {
    let mut form = Form::new();
    for (name, content) in files {
        let part = Part::text((*content).to_owned()).file_name((*name).to_owned());
        form = form.part("file", part.mime_str("application/octet-stream").unwrap());
    }
    form.text("metadata", metadata.to_string())
}

/// Status and JSON of an answer; `null` where the body is empty.
pub async fn read(request: RequestBuilder) -> (u16, Value) {
    let (status, body) = text(request).await;
    let value = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&body).unwrap_or(Value::String(body))
    };
    (status, value)
}

pub async fn text(request: RequestBuilder) -> (u16, String) {
    let response: Response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// `{"message"}` of a refusal, with its status.
pub async fn refused(request: RequestBuilder) -> (u16, String) {
    let (status, answer) = read(request).await;
    assert_eq!(answer.as_object().map(serde_json::Map::len), Some(1), "{answer}");
    (status, answer["message"].as_str().unwrap_or_default().to_owned())
}
