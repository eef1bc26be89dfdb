//! Plain requests to the platform and its admin listener.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

/// A client that talks to loopback only.
pub fn client() -> Client {
    Client::builder()
        .no_proxy()
        .build()
        .expect("a client without special settings can be made")
}

/// An answer as JSON; what is refused ends the measurement.
pub async fn answered(request: RequestBuilder) -> Value {
    let answer = request.send().await.expect("the platform answers");
    let (status, text) = (answer.status(), answer.text().await.expect("the answer is text"));
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

pub async fn get(url: &str) -> Value {
    answered(client().get(url)).await
}

/// A request with a body.
pub async fn send(method: Method, url: &str, body: &Value) -> Value {
    answered(client().request(method, url).json(body)).await
}
