//! A server of the tests' own, and one in front of it that does less.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ace_archive::{Capabilities, S3, S3Credentials, Settings, Store};
use ace_egress::{AllowedHosts, HttpClient, SecretString};
use ace_sandbox::bed::{BUCKET, ObjectStore, Progress, REGION};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use futures::stream;
use tempfile::TempDir;

pub const ALL: Capabilities = Capabilities {
    conditional_create: true,
    ranges: true,
    multipart: true,
    checksums: true,
    delete: true,
};

pub struct Server {
    store: ObjectStore,
    _directory: TempDir,
}

impl Deref for Server {
    type Target = ObjectStore;

    fn deref(&self) -> &ObjectStore {
        &self.store
    }
}

impl Server {
    /// Lays an object down, beside the server.
    pub fn put(&self, path: &str, size: usize) {
        let path = self.directory.join(BUCKET).join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, vec![0; size]).unwrap();
    }
}

pub async fn server() -> Server {
    let directory = tempfile::tempdir().unwrap();
    let store = ObjectStore::start(directory.path(), &mut None, "verysecret", Progress::Silent)
        .await
        .unwrap();
    Server {
        store,
        _directory: directory,
    }
}

pub fn http() -> HttpClient {
    let allowed = AllowedHosts::parse(["127.0.0.1"]).unwrap();
    HttpClient::new(allowed, Duration::from_secs(5)).unwrap()
}

pub fn bucket(server: &ObjectStore, change: impl FnOnce(&mut S3)) -> Settings {
    let mut s3 = at(&server.url);
    change(&mut s3);
    Settings::S3(s3)
}

fn at(endpoint: &str) -> S3 {
    S3 {
        endpoint: endpoint.to_owned(),
        region: REGION.to_owned(),
        bucket: BUCKET.to_owned(),
        path_style: true,
        credentials: Some(S3Credentials {
            access_key_id: SecretString::new("bed".to_owned()),
            secret_access_key: SecretString::new("verysecret".to_owned()),
            session_token: None,
        }),
    }
}

pub fn elsewhere() -> S3 {
    S3 {
        region: "eu-central-1".to_owned(),
        path_style: false,
        ..at("https://s3.eu-central-1.amazonaws.com")
    }
}

pub fn store(server: &ObjectStore, prefix: &str) -> Store {
    Store::new(&bucket(server, |_| {}), prefix, &http()).unwrap()
}

/// A server of one answer, or one in front of another.
pub struct Fake {
    pub url: String,
    requests: Arc<AtomicUsize>,
}

impl Fake {
    pub async fn start(answer: impl Fn(&Request) -> (u16, &'static str) + Clone + Send + Sync + 'static) -> Fake {
        serve(move |request| {
            let (status, body) = answer(&request);
            async move { Response::builder().status(status).body(Body::from(body)).unwrap() }
        })
        .await
    }

    pub fn store(&self) -> Store {
        Store::new(&Settings::S3(at(&self.url)), "prod", &http()).unwrap()
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Passes requests on, and lacks something: a condition is not looked at, a range is answered with the whole, parts, checksums or
    /// deletions are refused, or the bytes of an object are others. The answer of a completion is lost; some parts are told to come
    /// later, others find no room or no right; each answer has another `ETag`; every other download breaks in the middle.
    pub async fn before(server: &ObjectStore, lacks: &'static str) -> Fake {
        let (to, directory) = (server.url.clone(), server.directory.clone());
        let asked = Arc::new(AtomicUsize::new(0));
        serve(move |request| {
            let (to, directory, asked) = (to.clone(), directory.clone(), asked.clone());
            async move { pass(request, &to, &directory, lacks, &asked).await }
        })
        .await
    }
}

async fn pass(request: Request, to: &str, directory: &Path, lacks: &str, times: &AtomicUsize) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let asked = match lacks {
        "uploads" => query.starts_with("uploads"),
        "delete" => parts.method == "DELETE",
        "bytes" | "etag" | "connection" => parts.method == "GET" && query.is_empty(),
        "completion" => parts.method == "POST" && query.starts_with("uploadId"),
        "throttled" | "room" | "right" => query.contains("partNumber"),
        header => parts.headers.contains_key(header),
    };
    let answer = |status: u16, body: &str| {
        let answer = Response::builder().status(status).header("etag", "\"1\"");
        answer.body(Body::from(body.to_owned())).unwrap()
    };
    let time = if asked { times.fetch_add(1, Ordering::SeqCst) } else { 0 };
    match lacks {
        "throttled" if asked && time < 3 => return answer(429, ""),
        "room" if asked => return answer(507, ""),
        "uploads" | "x-amz-checksum-sha256" if asked => {
            return answer(501, "<Error><Code>NotImplemented</Code></Error>");
        }
        "delete" | "right" if asked => return answer(403, "<Error><Code>AccessDenied</Code></Error>"),
        // Written anew, as if nothing had been asked.
        "if-none-match" if asked => return answer(200, ""),
        _ => {}
    }
    let path = directory.join(parts.uri.path().trim_start_matches('/'));
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let url = format!("{to}{}", parts.uri.path_and_query().unwrap());
    let sent = reqwest::Client::new()
        .request(parts.method, url)
        .headers(parts.headers)
        .body(body)
        .send();
    let answer = sent.await.unwrap();
    let (mut status, mut headers) = (answer.status(), answer.headers().clone());
    let mut bytes = answer.bytes().await.unwrap().to_vec();
    if asked && lacks == "bytes" {
        bytes.reverse();
    } else if asked && lacks == "range" {
        bytes = std::fs::read(path).unwrap();
        status = StatusCode::OK;
        headers.remove("content-range");
        headers.insert("content-length", bytes.len().into());
    }
    if asked && lacks == "etag" {
        headers.insert("etag", format!("\"{time}\"").parse().unwrap());
    }
    let body = if asked && (lacks == "completion" || lacks == "connection" && time.is_multiple_of(2)) {
        bytes.truncate(bytes.len() / 2);
        let broken = Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        Body::from_stream(stream::iter([Ok(Bytes::from(bytes)), broken]))
    } else {
        Body::from(bytes)
    };
    let mut response = Response::new(body);
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}

async fn serve<F, A>(answer: F) -> Fake
where
    F: Fn(Request) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    let app = Router::new().fallback(move |request: Request| {
        counted.fetch_add(1, Ordering::SeqCst);
        answer(request)
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    Fake { url, requests }
}
