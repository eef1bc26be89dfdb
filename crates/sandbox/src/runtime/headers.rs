//! What changes of a request on its way to a function, and of the answer on its way back.

use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::response::Response;

use super::answers::ERROR_CODE;

/// Known to the boot file, taken off before the function sees the request.
const SECRET: HeaderName = HeaderName::from_static("x-ace-runtime-secret");
/// Every function sees this host in production.
const HOST: HeaderValue = HeaderValue::from_static("edge-runtime.supabase.com");
/// Of one connection only (RFC 9110, section 7.6.1), and what our server has dealt with.
const NOT_PASSED: [&str; 9] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// The request as the function's process gets it.
pub(super) fn to_function(request: Request, secret: HeaderValue) -> Request {
    let (mut head, body) = request.into_parts();
    drop_hop_by_hop(&mut head.headers);
    head.uri = origin_form(&head.uri);
    head.version = axum::http::Version::HTTP_11;
    head.extensions = axum::http::Extensions::new();
    for (name, value) in [
        (header::HOST, HOST),
        (HeaderName::from_static("x-forwarded-host"), HOST),
        (
            HeaderName::from_static("x-forwarded-port"),
            HeaderValue::from_static("443"),
        ),
        (
            HeaderName::from_static("x-forwarded-proto"),
            HeaderValue::from_static("https"),
        ),
        (SECRET, secret),
    ] {
        head.headers.insert(name, value);
    }
    Request::from_parts(head, body)
}

/// The function's answer as the platform hands it on.
pub(super) fn from_function(mut answer: Response) -> Response {
    drop_hop_by_hop(answer.headers_mut());
    if answer.status().is_server_error() {
        answer
            .headers_mut()
            .entry(ERROR_CODE)
            .or_insert(HeaderValue::from_static("EDGE_FUNCTION_ERROR"));
    }
    answer
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in NOT_PASSED {
        headers.remove(name);
    }
}

/// Path and query only: what goes to a server of its own names no other.
fn origin_form(uri: &Uri) -> Uri {
    let path = uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    Uri::from(path)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn an_absolute_target_becomes_path_and_query() {
        let seen = origin_form(&Uri::from_static("http://127.0.0.1:1/a/b?c=d"));
        assert_eq!(seen, Uri::from_static("/a/b?c=d"));
    }

    #[test]
    fn headers_of_the_connection_stay_behind() {
        let request = Request::builder()
            .uri("/a")
            .header("connection", "close, x-mine")
            .header("x-mine", "1")
            .header("te", "trailers")
            .header("x-kept", "1")
            .body(Body::empty())
            .expect("a request");
        let sent = to_function(request, HeaderValue::from_static("s"));
        let mut names: Vec<&str> = sent.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let expected = [
            "host",
            "x-ace-runtime-secret",
            "x-forwarded-host",
            "x-forwarded-port",
            "x-forwarded-proto",
            "x-kept",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_functions_own_failure_is_marked_and_its_own_mark_kept() {
        let answer = |status, code: Option<&str>| {
            let mut answer = Response::builder().status(status);
            if let Some(code) = code {
                answer = answer.header(ERROR_CODE, code);
            }
            let answer = from_function(answer.body(Body::empty()).expect("an answer"));
            answer
                .headers()
                .get(ERROR_CODE)
                .map(|code| code.to_str().expect("text").to_owned())
        };
        let seen = [answer(200, None), answer(500, None), answer(503, Some("MINE"))];
        assert_eq!(
            seen,
            [None, Some("EDGE_FUNCTION_ERROR".to_owned()), Some("MINE".to_owned())]
        );
    }
}
