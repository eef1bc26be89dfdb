//! The library's requests, sent by `ace-egress`.

use std::time::Duration;

use ace_egress::{Connection, HttpClient, RequestError, Url};
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};

use crate::error::{Refusal, unanswered};

/// For one request, the whole answer included: a part of some MiB over a slow line.
const DEADLINE: Duration = Duration::from_mins(2);

/// Most bytes of one answer: objects are read by ranges, and a page of a list has at most 1,000 entries.
const LARGEST: usize = 16 << 20;

/// Most bytes of an error's text that are read for its code.
const LONGEST: usize = 4_096;

#[derive(Clone, Debug)]
pub(crate) struct Connector(pub HttpClient);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<object_store::client::HttpClient> {
        Ok(object_store::client::HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let list = list_of(parts.uri.query().unwrap_or_default());
        let invalid = || unanswered(RequestError::Invalid);
        let url: Url = parts.uri.to_string().parse().map_err(|_| invalid())?;
        let body = body.collect().await.map_err(|_| invalid())?.to_bytes();
        let request = self
            .0
            .request(parts.method, url, Connection::Pooled)
            .map_err(unanswered)?;
        let sent = request.headers(parts.headers).body(body).send(DEADLINE).await;
        let response = sent.map_err(unanswered)?;
        let (status, headers) = (response.status(), response.headers().clone());
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
    use super::code;

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
