//! The signals of AlertRules that are asked over HTTP: calls of a function at the project's gateway, and what the Management API
//! says of the project.

use std::time::Instant;

use ace_api::{AlertRuleReason, CheckAuth, Probe, Signal, SignalMatch, SignalName};
use ace_domain::kinds::alert_rule::{Answer, Cause, signals};
use ace_egress::{Method, Token};
use ace_supabase::{CallError, Client, Gateway, NotSent, Priority, ProbeAuth, ProbeError, ServiceStatus};
use jiff::Timestamp;

/// Where signals are asked.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    pub client: &'a Client,
    pub gateway: &'a Gateway,
    /// The anonymous key, if the Platform names one that can be read.
    pub anon: Option<&'a Token>,
}

impl Asking<'_> {
    /// Asks once; nothing for a signal that is not asked over HTTP. `now`: what the age of secrets is told by.
    pub async fn ask(self, signal: &Signal, now: Timestamp) -> Option<Answer> {
        Some(match (signal.name, &signal.probe) {
            (_, Some(probe)) => self.call(signal.name, probe).await,
            (SignalName::ProjectHealth, None) => self.health(&signal.matching).await,
            (SignalName::SecretAge, None) => self.ages(&signal.matching, now).await,
            (SignalName::ObjectCondition | SignalName::ProbeSuccess | SignalName::ProbeSeconds, None) => return None,
        })
    }

    /// Calls a function. That it does not answer is an answer; that nobody could call it is none.
    async fn call(self, name: SignalName, probe: &Probe) -> Answer {
        let auth = match (probe.auth.unwrap_or_default(), self.anon) {
            (CheckAuth::None, _) => ProbeAuth::None,
            (CheckAuth::Anon, Some(key)) => ProbeAuth::Anon(key.clone()),
            (CheckAuth::Anon, None) => {
                let message = "the anonymous key is not known: the Platform names it in `anonKeySecretRef`";
                return Err(Cause::new(AlertRuleReason::QueryFailed, message));
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
        let is_expected = match self.gateway.probe(&request).await {
            Ok(status) => probe.expect_status.contains(&i32::from(status)),
            Err(ProbeError::Timeout | ProbeError::Connect | ProbeError::Transport) => false,
            Err(error @ ProbeError::HostNotAllowed) => {
                return Err(Cause::new(AlertRuleReason::HostNotAllowed, error.to_string()));
            }
            Err(error @ ProbeError::Path) => return invalid(error.to_string()),
        };
        Ok(signals::call(name, probe, is_expected, began.elapsed()))
    }

    async fn health(self, matching: &SignalMatch) -> Answer {
        let services = self
            .client
            .health(Priority::Poll)
            .await
            .map_err(|error| cause(&error))?;
        let services = services
            .iter()
            .map(|service| (service.name.as_str(), service.status == ServiceStatus::ActiveHealthy));
        Ok(signals::health(matching, services))
    }

    async fn ages(self, matching: &SignalMatch, now: Timestamp) -> Answer {
        let secrets = self.client.list_secrets(Priority::Poll).await;
        let secrets = secrets.map_err(|error| cause(&error))?;
        let secrets = secrets.iter().map(|secret| (secret.name.as_str(), secret.updated_at));
        Ok(signals::ages(matching, secrets, now))
    }
}

fn cause(error: &CallError) -> Cause {
    let reason = match error {
        CallError::NotSent(NotSent::HostNotAllowed) => AlertRuleReason::HostNotAllowed,
        CallError::Refused { status: 401 | 403, .. } => AlertRuleReason::TokenRejected,
        _ => AlertRuleReason::QueryFailed,
    };
    Cause::new(reason, error.to_string())
}
