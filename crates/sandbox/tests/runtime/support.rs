//! A runtime in a folder of its own, and functions written into it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ace_sandbox::runtime::{Deployment, Limits, Runtime, RuntimeConfig};
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;

pub(crate) const PROJECT: &str = "abcdefghijklmnopqrst";
pub(crate) const INDEX: &str = "source/index.ts";
/// Longer than anything here takes on a busy machine: a test that gets here has failed.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Bed {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) folder: tempfile::TempDir,
}

/// Limits of the platform, and an idle time that no test reaches.
pub(crate) fn bed() -> Bed {
    bed_with(Duration::from_hours(1), Limits::default())
}

pub(crate) fn bed_with(idle: Duration, limits: Limits) -> Bed {
    let folder = tempfile::tempdir().expect("a folder");
    let config = RuntimeConfig {
        deno: deno(),
        dir: folder.path().join("runtime"),
        idle,
        limits,
    };
    Bed {
        runtime: Runtime::new(config).expect("a runtime"),
        folder,
    }
}

pub(crate) fn deno() -> PathBuf {
    ace_sandbox::bed::tools::deno().expect("deno")
}

impl Bed {
    pub(crate) fn function(&self, slug: &str, source: &str) -> Deployment {
        self.version(slug, 1, &[(INDEX, source)])
    }

    pub(crate) fn version(&self, slug: &str, version: i64, files: &[(&str, &str)]) -> Deployment {
        deployment(self.folder.path(), slug, version, files)
    }

    pub(crate) async fn get(&self, deployment: &Deployment) -> (StatusCode, String) {
        let request = Request::builder()
            .uri(format!("/{}", deployment.slug))
            .body(Body::empty())
            .expect("a request");
        read(self.runtime.call(deployment, request).await).await
    }

    pub(crate) async fn logged(&self, deployment: &Deployment, what: &str) {
        until(what, || {
            let lines = self.runtime.logs(&deployment.project, &deployment.slug);
            async move { lines.iter().any(|line| line.contains(what)).then_some(()) }
        })
        .await;
    }
}

pub(crate) fn deployment(folder: &Path, slug: &str, version: i64, files: &[(&str, &str)]) -> Deployment {
    let root = folder.join(format!("{slug}-{version}"));
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }
    Deployment {
        project: PROJECT.into(),
        slug: slug.into(),
        id: uuid::Uuid::from_u128(7),
        version,
        root,
        entrypoint: INDEX.into(),
        import_map: None,
        environment: BTreeMap::new(),
    }
}

pub(crate) async fn read(answer: Response) -> (StatusCode, String) {
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 20).await.expect("a whole body");
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

pub(crate) fn ok(text: &str) -> (StatusCode, String) {
    (StatusCode::OK, text.to_owned())
}

pub(crate) fn failure(status: u16, code: &str, message: &str) -> (StatusCode, String) {
    let body = format!(r#"{{"code":"{code}","message":"{message}"}}"#);
    (StatusCode::from_u16(status).expect("a status"), body)
}

/// Asks again until there is an answer.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn gone(pid: &str) {
    let path = PathBuf::from(format!("/proc/{pid}"));
    until("the process is gone", || {
        let gone = !path.exists() || is_zombie(&path);
        async move { gone.then_some(()) }
    })
    .await;
}

/// An orphan that nobody reaps stays in the table; it runs no more.
fn is_zombie(process: &Path) -> bool {
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
}
