//! The signals `ProbeSuccess` and `ProbeSeconds`: a call of a function at the project's gateway.

use std::time::Instant;

use ace_api::{AlertRuleReason, CheckAuth, Platform, Probe, SignalName};
use ace_domain::{
    kinds::{
        alert_rule::{Answer, Cause, Row},
        platform,
    },
    reconcile::key::Key,
};
use ace_egress::Method;
use ace_supabase::{ProbeAuth, ProbeError};

use crate::connections::PlatformConnections;

/// Calls the function once. That it does not answer is an answer; that nobody could call it is none.
pub(super) async fn call(
    connections: &PlatformConnections,
    platform: &Platform,
    name: SignalName,
    probe: &Probe,
) -> Answer {
    let failed = |message: String| Err(Cause::new(AlertRuleReason::QueryFailed, message));
    let connection = connections.to(&Key::of(platform), &platform::project(platform));
    let Some(clients) = connection.and_then(|connection| connection.clients()) else {
        return failed("the gateway can't be called yet: the Platform is not Ready".to_owned());
    };
    let auth = match (probe.auth.unwrap_or_default(), clients.anon) {
        (CheckAuth::None, _) => ProbeAuth::None,
        (CheckAuth::Anon, Some(key)) => ProbeAuth::Anon(key),
        (CheckAuth::Anon, None) => {
            return failed("the anonymous key is not known: the Platform names it in `anonKeySecretRef`".to_owned());
        }
    };
    let invalid = |message: String| Err(Cause::new(AlertRuleReason::QueryInvalid, message));
    let Ok(slug) = probe.function.parse() else {
        return invalid(format!("`{}` is no slug of a function", probe.function));
    };
    let request = ace_supabase::Probe {
        slug,
        method: Method::GET,
        path: probe.path.clone().unwrap_or_else(|| "/".to_owned()),
        auth,
        timeout: probe.timeout(),
    };
    let began = Instant::now();
    let is_expected = match clients.gateway.probe(&request).await {
        Ok(status) => probe.expect_status.contains(&i32::from(status)),
        Err(ProbeError::Timeout | ProbeError::Connect | ProbeError::Transport) => false,
        Err(error @ ProbeError::HostNotAllowed) => {
            return Err(Cause::new(AlertRuleReason::HostNotAllowed, error.to_string()));
        }
        Err(error @ ProbeError::Path) => return invalid(error.to_string()),
    };
    let value = match name {
        SignalName::ProbeSeconds => is_expected.then(|| began.elapsed().as_secs_f64()),
        _ => Some(f64::from(u8::from(is_expected))),
    };
    Ok(vec![Row {
        labels: [("function".to_owned(), probe.function.clone())].into(),
        value,
        ..Row::default()
    }])
}
