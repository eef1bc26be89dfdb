//! The platform's own answers, where a function gives none. Codes and words as production sends them.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Repeats the code of a failure for clients that do not read the body.
pub(super) const ERROR_CODE: HeaderName = HeaderName::from_static("sb-error-code");

/// Why a function has not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// Its modules did not load, or it registered no handler.
    Boot,
    /// It was ended for what it used.
    Limit,
    /// Its process ended by itself.
    Exited,
    /// No head of an answer within so many seconds.
    Slow(u64),
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Failure::Boot => (
                503,
                "BOOT_ERROR",
                "Function failed to start (please check logs)".to_owned(),
            ),
            Failure::Limit => (
                546,
                "WORKER_LIMIT",
                "Function failed due to not having enough compute resources (please check logs)".to_owned(),
            ),
            Failure::Exited => (
                500,
                "WORKER_ERROR",
                "Function exited due to an error (please check logs)".to_owned(),
            ),
            Failure::Slow(seconds) => (
                504,
                "IDLE_TIMEOUT",
                format!("Request idle timeout limit ({seconds}s) reached"),
            ),
        };
        let status = StatusCode::from_u16(status).expect("a status between 100 and 999");
        (
            status,
            [
                (ERROR_CODE, HeaderValue::from_static(code)),
                (
                    header::ACCESS_CONTROL_EXPOSE_HEADERS,
                    HeaderValue::from_static("sb-error-code"),
                ),
            ],
            Json(json!({ "code": code, "message": message })),
        )
            .into_response()
    }
}
