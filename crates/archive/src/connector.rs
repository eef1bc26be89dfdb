//! The library's requests, sent by `ace-egress`.

use std::time::Duration;

use ace_egress::{Connection, HttpClient, RequestError, Response, Url};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{Stream, stream};
use http::header::{CONTENT_LENGTH, RANGE};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use object_store::ClientOptions;
use object_store::client::{
    HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use tokio::sync::mpsc;

use crate::error::{RangeIgnored, Refusal, unanswered};

/// For one request, the whole answer included, and for each piece of an object that comes as a stream.
const DEADLINE: Duration = Duration::from_mins(2);

/// Bytes a second that a line has at least: what is sent has the time that it takes then, besides.
const SLOWEST: u64 = 128 << 10;

/// Most bytes of one answer: objects are read by ranges, and a page of a list has at most 1,000 entries. A larger object comes as a
/// stream, where it is asked for as a whole.
const LARGEST: usize = 16 << 20;

/// Most bytes of an error's text that are read for its code.
const LONGEST: usize = 4_096;

#[derive(Clone, Debug)]
pub(crate) struct Connector {
    http: HttpClient,
    deadline: Duration,
}

impl Connector {
    pub fn new(http: &HttpClient) -> Self {
        Self {
            http: http.clone(),
            deadline: DEADLINE,
        }
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<object_store::client::HttpClient> {
        Ok(object_store::client::HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let is_part = parts.headers.contains_key(RANGE);
        let is_whole = parts.method == http::Method::GET && !is_part;
        let list = list_of(parts.uri.query().unwrap_or_default());
        let invalid = || unanswered(RequestError::Invalid);
        let url: Url = parts.uri.to_string().parse().map_err(|_| invalid())?;
        let body = body.collect().await.map_err(|_| invalid())?.to_bytes();
        let deadline = self.deadline + Duration::from_secs(body.len() as u64 / SLOWEST);
        let request = self
            .http
            .request(parts.method, url, Connection::Pooled)
            .map_err(unanswered)?;
        let sent = request.headers(parts.headers).body(body).send(deadline).await;
        let response = sent.map_err(unanswered)?;
        let (status, headers) = (response.status(), response.headers().clone());
        if is_part && status == 200 {
            return Err(HttpError::new(HttpErrorKind::Unknown, RangeIgnored));
        }
        let length = headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        if is_whole && list.is_none() && status == 200 && length.is_some_and(|length: usize| length > LARGEST) {
            let mut streamed =
                HttpResponse::new(HttpResponseBody::new(StreamBody::new(pieces(response, self.deadline))));
            *streamed.headers_mut() = headers;
            return Ok(streamed);
        }
        let is_error = status >= 300;
        let limit = if is_error { LONGEST } else { LARGEST };
        let body = match response.body(limit).await {
            // Of an error its status is enough.
            Err(_) if is_error => Bytes::new(),
            body => body.map_err(unanswered)?,
        };
        if let Some(error) = refused(status, &body) {
            return Err(error);
        }
        // The library takes every page for a list without entries.
        if list.is_some_and(|list| !String::from_utf8_lossy(&body).contains(list)) {
            return Err(HttpError::new(HttpErrorKind::Unknown, Refusal { status, code: None }));
        }
        let mut response = HttpResponse::new(HttpResponseBody::from(body));
        *response.status_mut() = http::StatusCode::from_u16(status).map_err(|_| invalid())?;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

/// The pieces of an answer as they come. A reader that is slower than the store is waited for; one that is gone ends the answer.
fn pieces(
    mut response: Response,
    deadline: Duration,
) -> impl Stream<Item = Result<Frame<Bytes>, HttpError>> + Send + Sync {
    let (sender, mut receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            response.extend(deadline);
            let piece = match response.chunk().await {
                Ok(None) => return,
                Ok(Some(piece)) => Ok(Frame::data(piece)),
                Err(error) => Err(unanswered(error)),
            };
            let is_last = piece.is_err();
            if sender.send(piece).await.is_err() || is_last {
                return;
            }
        }
    });
    stream::poll_fn(move |context| receiver.poll_recv(context))
}

/// What a list begins with, where a query asks for one: of S3 and Google, or of Azure.
fn list_of(query: &str) -> Option<&'static str> {
    let has = |pair: &str| query.split('&').any(|asked| asked == pair);
    if has("list-type=2") {
        Some("<ListBucketResult")
    } else {
        has("comp=list").then_some("<EnumerationResults")
    }
}

/// The error of an answer that the library does not have to see; what may be otherwise a moment later is repeated by it.
fn refused(status: u16, body: &[u8]) -> Option<HttpError> {
    let code = code(body);
    let is_object = matches!(
        code.as_deref(),
        None | Some("NoSuchKey" | "NoSuchUpload" | "BlobNotFound")
    );
    let kind = match status {
        // They decide about conditions, and whether an object is there.
        200..=299 | 304 | 409 | 412 => return None,
        404 if is_object => return None,
        408 | 429 | 500 | 502..=504 => HttpErrorKind::Request,
        _ => HttpErrorKind::Unknown,
    };
    Some(HttpError::new(kind, Refusal { status, code }))
}

/// `<Code>` of XML, `"error"` or `"code"` of JSON: a word.
fn code(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let behind = |mark: &str| text.split_once(mark).map(|(_, rest)| rest);
    let quoted = |mark: &str| behind(mark).map(|rest| rest.trim_start_matches([':', ' ', '"']));
    let rest = behind("<Code>")
        .or_else(|| quoted("\"error\""))
        .or_else(|| quoted("\"code\""))?;
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let word: String = rest.chars().take_while(|letter| is_part(*letter)).take(64).collect();
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ace_egress::{AllowedHosts, HttpClient};
    use object_store::client::{HttpRequest, HttpRequestBody, HttpService};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::{Connector, LARGEST, code};
    use crate::error::{StoreError, StoreProblem};

    fn connector(deadline: Duration) -> Connector {
        let allowed = AllowedHosts::parse(["127.0.0.1"]).unwrap();
        Connector {
            http: HttpClient::new(allowed, Duration::from_secs(5)).unwrap(),
            deadline,
        }
    }

    fn request(address: &str) -> HttpRequest {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = format!("http://{address}/").parse().unwrap();
        request
    }

    #[tokio::test]
    async fn an_object_that_is_asked_for_as_a_whole_may_be_larger_than_an_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(socket.read_u8().await.unwrap());
            }
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", LARGEST + 1);
            socket.write_all(head.as_bytes()).await.unwrap();
            socket.write_all(&vec![7; LARGEST + 1]).await.unwrap();
        });
        let answer = connector(Duration::from_mins(1)).call(request(&address)).await.unwrap();
        assert_eq!(answer.headers()["content-length"], (LARGEST + 1).to_string().as_str());
        let body = answer.into_body().bytes().await.unwrap();
        assert!(body.len() == LARGEST + 1 && body.iter().all(|byte| *byte == 7));
    }

    #[tokio::test]
    async fn a_store_that_hangs_is_told_from_one_that_is_not_there() {
        let connector = connector(Duration::from_millis(50));
        let asked =
            async |address: &str| StoreError::of_cause(&connector.call(request(address)).await.unwrap_err()).problem;
        // It takes the connection, and says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap().to_string();
        assert_eq!(asked(&address).await, StoreProblem::TimedOut);
        drop(silent);
        assert_eq!(asked(&address).await, StoreProblem::Unanswered);
    }

    #[test]
    fn the_code_of_an_error_is_one_word_and_nothing_else_of_its_text() {
        for (body, expected) in [
            (
                "<Error><Code>AccessDenied</Code><Message>key AKIA…</Message></Error>",
                Some("AccessDenied"),
            ),
            (
                r#"{"error": "invalid_grant", "error_description": "x"}"#,
                Some("invalid_grant"),
            ),
            (r#"{"error":{"code":403,"message":"x"}}"#, None),
            ("<Code><script></Code>", None),
            ("<html>Bad gateway</html>", None),
            ("", None),
        ] {
            assert_eq!(code(body.as_bytes()).as_deref(), expected, "{body}");
        }
        let long = format!("<Code>{}</Code>", "A".repeat(1_000));
        assert_eq!(code(long.as_bytes()).map(|code| code.len()), Some(64));
    }
}
