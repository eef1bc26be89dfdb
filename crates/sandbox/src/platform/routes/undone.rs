//! Routes that the official document knows and the sandbox does not: 501, so that nobody takes them for wrong paths.

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::IMPLEMENTED;
use crate::platform::answer::Failure;

/// Path and methods, from the official document of 2026-05 (v1).
pub(super) const UNDONE: &[(&str, &str)] = &[
    ("/v1/branches/{branch_id_or_ref}", "GET PATCH DELETE"),
    ("/v1/branches/{branch_id_or_ref}/diff", "GET"),
    ("/v1/branches/{branch_id_or_ref}/merge", "POST"),
    ("/v1/branches/{branch_id_or_ref}/push", "POST"),
    ("/v1/branches/{branch_id_or_ref}/reset", "POST"),
    ("/v1/branches/{branch_id_or_ref}/restore", "POST"),
    ("/v1/oauth/authorize", "GET"),
    ("/v1/oauth/authorize/project-claim", "GET"),
    ("/v1/oauth/revoke", "POST"),
    ("/v1/oauth/token", "POST"),
    ("/v1/organizations", "GET POST"),
    ("/v1/organizations/{slug}", "GET"),
    ("/v1/organizations/{slug}/entitlements", "GET"),
    ("/v1/organizations/{slug}/members", "GET"),
    ("/v1/organizations/{slug}/project-claim/{token}", "GET POST"),
    ("/v1/organizations/{slug}/projects", "GET"),
    ("/v1/profile", "GET"),
    ("/v1/projects", "POST"),
    ("/v1/projects/available-regions", "GET"),
    ("/v1/projects/{ref}", "PATCH DELETE"),
    ("/v1/projects/{ref}/actions", "GET HEAD"),
    ("/v1/projects/{ref}/actions/{run_id}", "GET"),
    ("/v1/projects/{ref}/actions/{run_id}/logs", "GET"),
    ("/v1/projects/{ref}/actions/{run_id}/status", "PATCH"),
    ("/v1/projects/{ref}/advisors/performance", "GET"),
    ("/v1/projects/{ref}/advisors/security", "GET"),
    ("/v1/projects/{ref}/analytics/endpoints/functions.combined-stats", "GET"),
    ("/v1/projects/{ref}/analytics/endpoints/logs.all", "GET"),
    ("/v1/projects/{ref}/analytics/endpoints/usage.api-counts", "GET"),
    ("/v1/projects/{ref}/analytics/endpoints/usage.api-requests-count", "GET"),
    ("/v1/projects/{ref}/api-keys", "POST"),
    ("/v1/projects/{ref}/api-keys/legacy", "GET PUT"),
    ("/v1/projects/{ref}/api-keys/{id}", "GET PATCH DELETE"),
    ("/v1/projects/{ref}/billing/addons", "GET PATCH"),
    ("/v1/projects/{ref}/billing/addons/{addon_variant}", "DELETE"),
    ("/v1/projects/{ref}/branches", "GET POST DELETE"),
    ("/v1/projects/{ref}/branches/{name}", "GET"),
    ("/v1/projects/{ref}/claim-token", "GET POST DELETE"),
    ("/v1/projects/{ref}/cli/login-role", "POST DELETE"),
    ("/v1/projects/{ref}/config/auth", "GET PATCH"),
    ("/v1/projects/{ref}/config/auth/signing-keys", "GET POST"),
    ("/v1/projects/{ref}/config/auth/signing-keys/legacy", "GET POST"),
    ("/v1/projects/{ref}/config/auth/signing-keys/{id}", "GET PATCH DELETE"),
    ("/v1/projects/{ref}/config/auth/sso/providers", "GET POST"),
    (
        "/v1/projects/{ref}/config/auth/sso/providers/{provider_id}",
        "GET PUT DELETE",
    ),
    ("/v1/projects/{ref}/config/auth/third-party-auth", "GET POST"),
    ("/v1/projects/{ref}/config/auth/third-party-auth/{tpa_id}", "GET DELETE"),
    ("/v1/projects/{ref}/config/database/pgbouncer", "GET"),
    ("/v1/projects/{ref}/config/database/pooler", "GET PATCH"),
    ("/v1/projects/{ref}/config/database/postgres", "GET PUT"),
    ("/v1/projects/{ref}/config/disk", "GET POST"),
    ("/v1/projects/{ref}/config/disk/autoscale", "GET"),
    ("/v1/projects/{ref}/config/disk/util", "GET"),
    ("/v1/projects/{ref}/config/realtime", "GET PATCH"),
    ("/v1/projects/{ref}/config/realtime/shutdown", "POST"),
    ("/v1/projects/{ref}/config/storage", "GET PATCH"),
    ("/v1/projects/{ref}/custom-hostname", "GET DELETE"),
    ("/v1/projects/{ref}/custom-hostname/activate", "POST"),
    ("/v1/projects/{ref}/custom-hostname/initialize", "POST"),
    ("/v1/projects/{ref}/custom-hostname/reverify", "POST"),
    ("/v1/projects/{ref}/database/backups/restore", "POST"),
    ("/v1/projects/{ref}/database/backups/restore-pitr", "POST"),
    ("/v1/projects/{ref}/database/backups/restore-point", "GET POST"),
    ("/v1/projects/{ref}/database/backups/schedule", "GET PATCH"),
    ("/v1/projects/{ref}/database/backups/undo", "POST"),
    ("/v1/projects/{ref}/database/context", "GET"),
    ("/v1/projects/{ref}/database/jit", "GET POST PUT"),
    ("/v1/projects/{ref}/database/jit/list", "GET"),
    ("/v1/projects/{ref}/database/jit/{user_id}", "DELETE"),
    ("/v1/projects/{ref}/database/migrations", "GET POST PUT DELETE"),
    ("/v1/projects/{ref}/database/migrations/{version}", "GET PATCH"),
    ("/v1/projects/{ref}/database/openapi", "GET"),
    ("/v1/projects/{ref}/database/password", "PATCH"),
    ("/v1/projects/{ref}/database/webhooks/enable", "POST"),
    ("/v1/projects/{ref}/functions", "POST"),
    ("/v1/projects/{ref}/jit-access", "GET PUT"),
    ("/v1/projects/{ref}/network-bans", "DELETE"),
    ("/v1/projects/{ref}/network-bans/retrieve", "POST"),
    ("/v1/projects/{ref}/network-bans/retrieve/enriched", "POST"),
    ("/v1/projects/{ref}/network-restrictions", "GET PATCH"),
    ("/v1/projects/{ref}/network-restrictions/apply", "POST"),
    ("/v1/projects/{ref}/pause", "POST"),
    ("/v1/projects/{ref}/pgsodium", "GET PUT"),
    ("/v1/projects/{ref}/postgrest", "GET PATCH"),
    ("/v1/projects/{ref}/read-replicas/remove", "POST"),
    ("/v1/projects/{ref}/read-replicas/setup", "POST"),
    ("/v1/projects/{ref}/readonly", "GET"),
    ("/v1/projects/{ref}/readonly/temporary-disable", "POST"),
    ("/v1/projects/{ref}/restore", "GET POST"),
    ("/v1/projects/{ref}/restore/cancel", "POST"),
    ("/v1/projects/{ref}/ssl-enforcement", "GET PUT"),
    ("/v1/projects/{ref}/storage/buckets", "GET"),
    ("/v1/projects/{ref}/types/typescript", "GET"),
    ("/v1/projects/{ref}/upgrade", "POST"),
    ("/v1/projects/{ref}/upgrade/eligibility", "GET"),
    ("/v1/projects/{ref}/upgrade/status", "GET"),
    ("/v1/projects/{ref}/vanity-subdomain", "GET DELETE"),
    ("/v1/projects/{ref}/vanity-subdomain/activate", "POST"),
    ("/v1/projects/{ref}/vanity-subdomain/check-availability", "POST"),
    ("/v1/snippets", "GET"),
    ("/v1/snippets/{id}", "GET"),
];

/// Whether a route is known, implemented or not: `GET /v1/projects`.
pub(in crate::platform) fn is_known(route: &str, same: impl Fn(&str, &str) -> bool) -> bool {
    let tables = IMPLEMENTED.iter().chain(UNDONE);
    tables
        .flat_map(|(path, methods)| methods.split(' ').map(move |method| format!("{method} {path}")))
        .any(|known| same(route, &known))
}

/// Answers a method of a known path that has no handler: 501 where the document has it, else 405.
pub(super) async fn other(path: MatchedPath, method: Method) -> Response {
    let methods = |table: &'static [(&'static str, &'static str)]| {
        let row = table.iter().find(|(known, _)| *known == path.as_str());
        row.into_iter().flat_map(|(_, methods)| methods.split(' '))
    };
    if methods(UNDONE).any(|undone| undone == method.as_str()) {
        let message = format!("{method} {} is not implemented by the sandbox", path.as_str());
        return Failure::new(StatusCode::NOT_IMPLEMENTED, message).into_response();
    }
    let allowed: Vec<&str> = methods(IMPLEMENTED).chain(methods(UNDONE)).collect();
    let mut response = Failure::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").into_response();
    if let Ok(allowed) = allowed.join(", ").parse() {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

/// Version 2 of the API has no document here; all of it is said to be missing.
pub(super) async fn version_two(method: Method, uri: axum::http::Uri) -> Failure {
    Failure::new(
        StatusCode::NOT_IMPLEMENTED,
        format!("{method} {} is not implemented by the sandbox", uri.path()),
    )
}

pub(super) async fn nowhere(method: Method, uri: axum::http::Uri) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, format!("Cannot {method} {}", uri.path()))
}
