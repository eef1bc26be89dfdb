//! Requests of the demo itself: to the Management API, to the platform's journal, and to functions.

use std::time::Duration;

use ace_sandbox::bed::BedFile;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use super::error::{DemoError, ensure};

/// Of each request. A function starts at its first call, which fetches packages when they are not cached.
const DEADLINE: Duration = Duration::from_mins(1);

/// The project's own side of the demo.
#[derive(Clone)]
pub(super) struct Project {
    client: Client,
    bed: BedFile,
}

/// What a function answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Who calls a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// Without any token.
    Nobody,
    /// With the project's service role key.
    Service,
}

/// A client for addresses on this machine.
pub(super) fn client() -> Result<Client, DemoError> {
    // An error says that there is a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().timeout(DEADLINE).build();
    client.map_err(unanswered("set up the HTTP client"))
}

impl Project {
    pub(super) fn new(bed: &BedFile) -> Result<Project, DemoError> {
        Ok(Project {
            client: client()?,
            bed: bed.clone(),
        })
    }

    /// Sets those of the secrets that are not set yet; returns how many that were.
    pub(super) async fn set_secrets(&self, secrets: &[(&str, String)]) -> Result<usize, DemoError> {
        let path = "/secrets";
        let listed = self.management(Method::GET, path, None).await?;
        let is_set = |name: &str| {
            listed
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["name"] == name))
        };
        let missing: Vec<Value> = secrets
            .iter()
            .filter(|(name, _)| !is_set(name))
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        if !missing.is_empty() {
            self.management(Method::POST, path, Some(json!(missing))).await?;
        }
        Ok(missing.len())
    }

    /// The version of a function that is live.
    pub(super) async fn version(&self, slug: &str) -> Result<i64, DemoError> {
        let function = self
            .management(Method::GET, &format!("/functions/{slug}"), None)
            .await?;
        let version = function["version"].as_i64();
        version.ok_or_else(|| DemoError::Wrong(format!("the platform shows function {slug} without a version")))
    }

    /// Where the platform's journal ends now.
    pub(super) async fn journal(&self) -> Result<u64, DemoError> {
        let journal = self.requests(u64::MAX).await?;
        Ok(journal["next"].as_u64().unwrap_or_default())
    }

    /// Slugs that the operator has uploaded since then, one entry for each upload.
    pub(super) async fn uploads(&self, since: u64) -> Result<Vec<String>, DemoError> {
        let journal = self.requests(since).await?;
        let all = journal["requests"].as_array().map_or(&[][..], Vec::as_slice);
        let by_operator = |entry: &&Value| text(&entry["userAgent"]).starts_with("ace-operator/");
        let deploys = all
            .iter()
            .filter(|entry| text(&entry["route"]).ends_with("/functions/deploy"));
        Ok(deploys
            .filter(by_operator)
            .map(|entry| text(&entry["slug"]).to_owned())
            .collect())
    }

    /// Calls a function; `rest` follows its address.
    pub(super) async fn call(
        &self,
        method: Method,
        rest: &str,
        caller: Caller,
        body: Option<Value>,
    ) -> Result<Answer, DemoError> {
        let action = format!("call function {rest}");
        let url = format!("{}/functions/v1/{rest}", self.bed.functions_url);
        let request = self.client.request(method, url);
        let request = match caller {
            Caller::Nobody => request,
            Caller::Service => request.bearer_auth(&self.bed.service_role_key),
        };
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = request.send().await.map_err(unanswered(&action))?;
        let status = answer.status().as_u16();
        let body = answer.text().await.map_err(unanswered(&action))?;
        Ok(Answer { status, body })
    }

    async fn requests(&self, since: u64) -> Result<Value, DemoError> {
        let url = format!("{}/requests?since={since}", self.bed.admin_url);
        json_of("read the platform's journal", self.client.get(url)).await
    }

    async fn management(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, DemoError> {
        let path = format!("/v1/projects/{}{path}", self.bed.project);
        let request = self
            .client
            .request(method.clone(), format!("{}{path}", self.bed.api_url));
        let request = request.bearer_auth(&self.bed.token);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        json_of(&format!("{method} {path}"), request).await
    }
}

/// The JSON of an answer that is none of an error; null where there is no JSON.
async fn json_of(action: &str, request: RequestBuilder) -> Result<Value, DemoError> {
    let answer = request.send().await.map_err(unanswered(action))?;
    let status = answer.status();
    let body = answer.text().await.map_err(unanswered(action))?;
    ensure(status.is_success(), || format!("could not {action}: {status}: {body}"))?;
    Ok(serde_json::from_str(&body).unwrap_or(Value::Null))
}

fn unanswered(action: &str) -> impl FnOnce(reqwest::Error) -> DemoError {
    let action = action.to_owned();
    move |source| DemoError::Unanswered { action, source }
}

/// A string, or the empty one.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
