//! The platform as somebody beside the operator meets it: projects, deploys by other hands, faults, and the journal.

use std::collections::BTreeMap;

use ace_sandbox::bed::BedFile;
use serde_json::{Value, json};

use crate::http::http;

/// The operator's requests say so.
const OPERATOR: &str = "ace-operator/";

/// A project of a test's own.
#[derive(Clone)]
pub struct Project {
    /// Twenty lower-case letters.
    pub reference: String,
    /// Origin of its gateway.
    pub gateway: String,
    /// The key that checks with `auth: Anon` show.
    pub anon_key: String,
    /// The key that opens everything.
    pub service_role_key: String,
    /// What the project's tokens are signed with.
    pub jwt_secret: String,
    /// The token of the platform's user.
    pub token: String,
    api: String,
    admin: String,
    /// Number of the first request that can be about it: the journal has those of all tests.
    first: u64,
}

/// One request in the platform's journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its number.
    pub n: u64,
    /// When it arrived, RFC 3339.
    pub time: String,
    /// Its route with the method, e.g. `GET /v1/projects/{ref}/functions`.
    pub route: String,
    /// The function that it is about.
    pub slug: Option<String>,
    /// The operator sent it.
    pub by_operator: bool,
}

/// The upload of a function.
pub const UPLOAD: &str = "POST /v1/projects/{ref}/functions/deploy";
/// The list of functions.
pub const LIST: &str = "GET /v1/projects/{ref}/functions";
/// One function's files.
pub const BODY: &str = "GET /v1/projects/{ref}/functions/{function_slug}/body";
/// A call of a function.
pub const CALL: &str = "gateway";

impl Project {
    /// Makes a project.
    ///
    /// # Panics
    /// If the platform does not.
    pub async fn create(bed: &BedFile) -> Self {
        lift_limits(bed).await;
        let first = next_request(&bed.admin_url).await;
        let made = post(&format!("{}/projects", bed.admin_url), &json!({})).await;
        let text = |key: &str| {
            made[key]
                .as_str()
                .expect("the admin listener describes the project")
                .to_owned()
        };
        Self {
            reference: text("ref"),
            gateway: text("gatewayUrl"),
            anon_key: text("anonKey"),
            service_role_key: text("serviceRoleKey"),
            jwt_secret: text("jwtSecret"),
            token: text("token"),
            api: bed.api_url.clone(),
            admin: bed.admin_url.clone(),
            first,
        }
    }

    /// Number of the request that comes next.
    ///
    /// # Panics
    /// If the platform does not answer.
    pub async fn now(&self) -> u64 {
        next_request(&self.admin).await
    }

    /// What this project was asked since `since`.
    ///
    /// # Panics
    /// If the platform does not answer.
    pub async fn requests(&self, since: u64) -> Vec<Request> {
        let since = since.max(self.first);
        let journal = get(&format!("{}/requests?since={since}", self.admin)).await;
        let requests = journal["requests"].as_array().expect("the journal is a list").iter();
        requests
            .filter(|request| request["project"] == *self.reference)
            .map(|request| Request {
                n: request["n"].as_u64().expect("requests are numbered"),
                time: request["time"].as_str().expect("requests have a time").to_owned(),
                route: request["route"].as_str().expect("requests have a route").to_owned(),
                slug: request["slug"].as_str().map(str::to_owned),
                by_operator: request["userAgent"]
                    .as_str()
                    .is_some_and(|agent| agent.starts_with(OPERATOR)),
            })
            .collect()
    }

    /// The operator's requests of one route since `since`.
    pub async fn count(&self, since: u64, route: &str) -> usize {
        self.operators(since, route).await.len()
    }

    /// Slugs that the operator uploaded since `since`, in this order.
    ///
    /// # Panics
    /// If an upload names none.
    pub async fn uploads(&self, since: u64) -> Vec<String> {
        let uploads = self.operators(since, UPLOAD).await.into_iter();
        uploads
            .map(|request| request.slug.expect("an upload names its function"))
            .collect()
    }

    /// The operator's requests since `since` that could have changed something.
    pub async fn changes(&self, since: u64) -> Vec<Request> {
        let all = self.requests(since).await.into_iter();
        all.filter(|request| request.by_operator && request.route != CALL && !request.route.starts_with("GET "))
            .collect()
    }

    async fn operators(&self, since: u64, route: &str) -> Vec<Request> {
        let all = self.requests(since).await.into_iter();
        all.filter(|request| request.by_operator && request.route == route)
            .collect()
    }

    /// Turns a fault on for this project.
    ///
    /// # Panics
    /// If the platform knows no such fault.
    pub async fn fault(&self, fault: Value) -> Fault<'_> {
        let mut fault = fault;
        fault["project"] = json!(self.reference);
        let set = post(&format!("{}/faults", self.admin), &fault).await;
        Fault {
            project: self,
            id: set["id"].as_u64().expect("a fault is numbered"),
        }
    }

    /// Sets how many functions the project's plan allows.
    ///
    /// # Panics
    /// If the platform does not take it.
    pub async fn limit_functions(&self, most: usize) {
        let url = format!("{}/projects/{}", self.admin, self.reference);
        answered(http().patch(url).json(&json!({ "functionLimit": most }))).await;
    }

    /// Sets what the platform itself keeps of the project's database: any of the sandbox's `BackupPlan`.
    ///
    /// # Panics
    /// If the platform does not take it.
    pub async fn keep_backups(&self, plan: Value) {
        let url = format!("{}/projects/{}", self.admin, self.reference);
        answered(http().patch(url).json(&json!({ "backups": plan }))).await;
    }

    /// The functions by slug, as the platform lists them.
    ///
    /// # Panics
    /// If it does not.
    pub async fn functions(&self) -> BTreeMap<String, Value> {
        let listed = self.call("GET", "functions", None).await;
        let functions = listed.as_array().expect("the list is one").iter().cloned();
        functions
            .map(|function| {
                (
                    function["slug"].as_str().expect("a function has a slug").to_owned(),
                    function,
                )
            })
            .collect()
    }

    /// Version of a function; `None` when it is not there.
    pub async fn version(&self, slug: &str) -> Option<i64> {
        self.functions()
            .await
            .get(slug)
            .and_then(|function| function["version"].as_i64())
    }

    /// Deploys as another hand would, with paths of its own; answers with the function.
    ///
    /// # Panics
    /// If the platform refuses it.
    pub async fn deploy(&self, slug: &str, verify_jwt: bool, files: &[(&str, &str)]) -> Value {
        self.deploy_in("supabase/functions", slug, verify_jwt, files).await
    }

    /// The same with paths below `folder`.
    ///
    /// # Panics
    /// If the platform refuses it.
    pub async fn deploy_in(&self, folder: &str, slug: &str, verify_jwt: bool, files: &[(&str, &str)]) -> Value {
        let entrypoint = format!("{folder}/{slug}/index.ts");
        let metadata = json!({ "entrypoint_path": entrypoint, "verify_jwt": verify_jwt, "name": slug });
        let mut form = reqwest::multipart::Form::new().text("metadata", metadata.to_string());
        for (path, content) in files {
            let part = reqwest::multipart::Part::text((*content).to_owned()).file_name(format!("{folder}/{path}"));
            form = form.part("file", part);
        }
        let url = format!(
            "{}/v1/projects/{}/functions/deploy?slug={slug}",
            self.api, self.reference
        );
        answered(http().post(url).bearer_auth(&self.token).multipart(form)).await
    }

    /// A request of the Management API below the project.
    ///
    /// # Panics
    /// If the platform refuses it.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let method = method.parse().expect("the test names a method");
        let url = format!("{}/v1/projects/{}/{path}", self.api, self.reference);
        let request = http().request(method, url).bearer_auth(&self.token);
        answered(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// What a function answers to an anonymous GET.
    ///
    /// # Panics
    /// If the gateway can't be reached.
    pub async fn answer(&self, slug: &str) -> String {
        let answer = http().get(format!("{}/functions/v1/{slug}", self.gateway)).send().await;
        answer
            .expect("the gateway answers")
            .text()
            .await
            .expect("the answer is text")
    }
}

/// A fault that is on.
pub struct Fault<'a> {
    project: &'a Project,
    id: u64,
}

impl Fault<'_> {
    /// Turns it off, if it has not hit as often as it was to and is gone by itself.
    ///
    /// # Panics
    /// If the platform does not answer.
    pub async fn off(self) {
        let url = format!("{}/faults/{}", self.project.admin, self.id);
        http().delete(url).send().await.expect("the platform answers");
    }
}

/// Turns the platform's own limits off: in shortened time a minute's requests come in a second.
async fn lift_limits(bed: &BedFile) {
    answered(
        http()
            .put(format!("{}/knobs", bed.admin_url))
            .json(&json!({ "rateLimits": false })),
    )
    .await;
}

async fn next_request(admin: &str) -> u64 {
    let journal = get(&format!("{admin}/requests?since={}", u64::MAX)).await;
    journal["next"].as_u64().expect("the journal is numbered")
}

async fn get(url: &str) -> Value {
    answered(http().get(url)).await
}

async fn post(url: &str, body: &Value) -> Value {
    answered(http().post(url).json(body)).await
}

async fn answered(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.expect("the platform answers");
    let (status, text) = (answer.status(), answer.text().await.expect("the answer is text"));
    assert!(status.is_success(), "{status}: {text}");
    if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).expect("the answer is JSON")
    }
}
