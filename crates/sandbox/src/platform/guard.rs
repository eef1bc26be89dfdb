//! What every request of the Management API passes: journal, faults, token, rate limit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::Failure;
use super::faults::{Hit, Kind, RateLimited};
use super::hub::Hub;
use super::journal::Entry;
use super::limiter::{LIMIT, Quota};
use super::serve::Cut;

/// Words of the platform's 429.
const TOO_MANY: &str = "ThrottlerException: Too Many Requests";

/// One request as journal, faults and limits see it.
pub(super) struct Seen {
    pub(super) route: String,
    pub(super) project: Option<String>,
    pub(super) slug: Option<String>,
}

/// The layer around the Management API.
pub(super) async fn guard(
    State(hub): State<Arc<Hub>>,
    matched: Option<MatchedPath>,
    parameters: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    let parameter = |name: &str| {
        parameters
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    };
    let path = matched
        .as_ref()
        .map_or_else(|| request.uri().path(), MatchedPath::as_str);
    let seen = Seen {
        route: format!("{} {path}", request.method()),
        project: parameter("ref"),
        slug: parameter("function_slug").or_else(|| query_value(request.uri().query(), "slug")),
    };
    let n = enter(&hub, &seen, &request);
    let pass = pass(&hub, &seen, matched.is_some(), request.headers());
    // Before the body is read: what is wrong with that is nobody's business in a project that does not exist.
    let unknown = seen.project.as_deref().and_then(|project| hub.site(project).err());
    let answer = async move {
        let run = async move {
            match unknown {
                Some(failure) => failure.into_response(),
                None => next.run(request).await,
            }
        };
        match pass {
            Pass::Uncounted => run.await,
            Pass::Counted(quota) => {
                let mut response = run.await;
                show(response.headers_mut(), quota);
                response
            }
            Pass::Unauthorized => Failure::new(StatusCode::UNAUTHORIZED, "Unauthorized").into_response(),
            Pass::TooMany(quota) => too_many(quota),
        }
    };
    faulty(&hub, &seen, n, answer).await
}

/// Enters a request into the journal.
pub(super) fn enter(hub: &Hub, seen: &Seen, request: &Request) -> u64 {
    let agent = request
        .headers()
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    hub.journal().enter(Entry {
        n: 0,
        time: jiff::Timestamp::now().to_string(),
        method: request.method().to_string(),
        route: seen.route.clone(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        project: seen.project.clone(),
        slug: seen.slug.clone(),
        status: None,
        user_agent: agent.unwrap_or_default().to_owned(),
    })
}

/// Answers by `handle`, or by the fault that hits the request.
///
/// The work runs in a task of its own: a client that goes away half-way must not leave half an effect, as it would not on
/// the real platform.
pub(super) async fn faulty(
    hub: &Arc<Hub>,
    seen: &Seen,
    n: u64,
    handle: impl Future<Output = Response> + Send + 'static,
) -> Response {
    let hit = hub
        .faults()
        .take(&seen.route, seen.project.as_deref(), seen.slug.as_deref());
    let fault = match hit {
        Some(Hit::Stale(list)) => {
            hub.journal().answered(n, 200);
            return ([(header::CONTENT_TYPE, "application/json")], Body::from(list)).into_response();
        }
        Some(Hit::Fault(fault)) => Some(fault),
        None => None,
    };
    let response = match &fault {
        Some(Kind::Status(status)) => injected(*status),
        Some(Kind::RateLimited(limited)) => limited_on_purpose(limited),
        Some(Kind::Hang(hang)) if !hang.after_effect => return hang_up(hub).await,
        Some(Kind::DelayMilliseconds(delay)) => {
            tokio::time::sleep(Duration::from_millis(*delay)).await;
            apart(hub, handle).await
        }
        _ => apart(hub, handle).await,
    };
    let response = match fault {
        Some(Kind::DropAnswer {}) => return cut(),
        Some(Kind::Hang(_)) => return hang_up(hub).await,
        Some(Kind::LongText(long)) => changed(response, |answer| long.put_into(answer)).await,
        Some(Kind::Unhealthy(service)) => changed(response, |answer| service.put_into(answer)).await,
        _ => response,
    };
    hub.journal().answered(n, response.status().as_u16());
    response
}

async fn changed(response: Response, change: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> Response {
    let (mut head, body) = response.into_parts();
    let body = match to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(error) => return Failure::internal("read the answer", &error).into_response(),
    };
    head.headers.remove(header::CONTENT_LENGTH);
    let body = change(&body).map_or(body, Into::into);
    Response::from_parts(head, Body::from(body))
}

async fn apart(hub: &Hub, handle: impl Future<Output = Response> + Send + 'static) -> Response {
    match hub.work.spawn(handle).await {
        Ok(response) => response,
        Err(error) => Failure::internal("answer the request", &error).into_response(),
    }
}

/// Never answers; ends when the client leaves (this future is dropped) or the platform stops.
async fn hang_up(hub: &Hub) -> Response {
    hub.stop.cancelled().await;
    cut()
}

fn cut() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Cut);
    response
}

fn injected(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Failure::new(status, status.canonical_reason().unwrap_or("Injected fault")).into_response()
}

fn limited_on_purpose(limited: &RateLimited) -> Response {
    let quota = Quota {
        allowed: false,
        remaining: 0,
        reset: limited.reset_seconds,
    };
    let mut response = too_many(quota);
    if let Some(seconds) = limited.retry_after_seconds {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn too_many(quota: Quota) -> Response {
    let mut response = Failure::new(StatusCode::TOO_MANY_REQUESTS, TOO_MANY).into_response();
    show(response.headers_mut(), quota);
    response
}

fn show(headers: &mut HeaderMap, quota: Quota) {
    headers.insert("x-ratelimit-limit", HeaderValue::from(LIMIT));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(quota.remaining));
    headers.insert("x-ratelimit-reset", HeaderValue::from(quota.reset));
}

/// Whether a request may pass.
enum Pass {
    Uncounted,
    Counted(Quota),
    Unauthorized,
    TooMany(Quota),
}

/// Checks the token, then counts, but for paths that are none: each would open a window of its own.
fn pass(hub: &Hub, seen: &Seen, counts: bool, headers: &HeaderMap) -> Pass {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if token.and_then(|value| value.strip_prefix("Bearer ")) != Some(hub.token.as_str()) {
        return Pass::Unauthorized;
    }
    if !counts || !hub.knobs().rate_limits {
        return Pass::Uncounted;
    }
    let quota = hub.limiter().take(seen.project.as_deref(), &seen.route, Instant::now());
    if quota.allowed {
        Pass::Counted(quota)
    } else {
        Pass::TooMany(quota)
    }
}

/// A query parameter by name.
pub(super) fn query_value(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value.replace('+', " "))
        .next()?;
    percent_encoding::percent_decode_str(&value)
        .decode_utf8()
        .ok()
        .map(std::borrow::Cow::into_owned)
}
