//! A proxy that keeps what it passes on.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

#[derive(Debug, Clone)]
pub struct Recorded {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    content_type: String,
    bytes: Bytes,
}

pub struct Recorder {
    pub url: String,
    all: Arc<Mutex<Vec<Recorded>>>,
}

type Shared = (String, Arc<Mutex<Vec<Recorded>>>);

impl Recorder {
    /// Listens until the test's executor ends.
    pub async fn start(upstream: &str) -> Recorder {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let all = Arc::default();
        let router = Router::new()
            .fallback(pass_on)
            .with_state((upstream.to_owned(), Arc::clone(&all)));
        tokio::spawn(async { axum::serve(listener, router).await });
        Recorder { url, all }
    }

    pub fn requests(&self) -> Vec<Recorded> {
        self.all.lock().unwrap().clone()
    }
}

async fn pass_on(State((upstream, all)): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let content_type = head
        .headers
        .get("content-type")
        .map(|value| value.to_str().unwrap().to_owned());
    let url = format!("{upstream}{}", head.uri);
    all.lock().unwrap().push(Recorded {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: reqwest::Url::parse(&url).unwrap().query_pairs().into_owned().collect(),
        content_type: content_type.unwrap_or_default(),
        bytes: bytes.clone(),
    });
    let mut headers = head.headers;
    headers.remove("host");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client
        .request(head.method, url)
        .headers(headers)
        .body(bytes)
        .send()
        .await
        .unwrap();
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers().iter().filter(|(name, _)| *name != "transfer-encoding") {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.bytes().await.unwrap())).unwrap()
}

impl Recorded {
    /// Media type and body as a value: a form becomes an object, with `metadata` read as the JSON it is and `file` as a
    /// list. `None` without a body.
    pub fn body(&self) -> Option<(String, Value)> {
        let media_type = self
            .content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned();
        match media_type.as_str() {
            _ if self.bytes.is_empty() => None,
            "multipart/form-data" => Some((media_type, self.form())),
            _ => Some((media_type, serde_json::from_slice(&self.bytes).unwrap())),
        }
    }

    fn form(&self) -> Value {
        let boundary = self.content_type.split("boundary=").nth(1).unwrap().trim_matches('"');
        let text = String::from_utf8(self.bytes.to_vec()).unwrap();
        let (mut form, mut files) = (Map::new(), Vec::new());
        for part in text
            .split(&format!("--{boundary}"))
            .filter(|part| part.contains("\r\n\r\n"))
        {
            let (head, content) = part.split_once("\r\n\r\n").unwrap();
            let content = content.strip_suffix("\r\n").unwrap();
            let name = head.split("name=\"").nth(1).unwrap().split('"').next().unwrap();
            match name {
                "file" => files.push(json!(content)),
                name => {
                    form.insert(name.to_owned(), serde_json::from_str(content).unwrap());
                }
            }
        }
        form.insert("file".to_owned(), Value::Array(files));
        Value::Object(form)
    }
}
