//! The calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ace_egress::{Connection, Method, Request, RequestError, Token, Url};
use http::HeaderValue;
use http::header::{ACCEPT, AUTHORIZATION};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::answer::{Answer, Meaning, clean, meaning, rate_limit, said};
use crate::body::{Body, parse_body};
use crate::budget::{Budget, Permit, Priority};
use crate::deploy::Deploy;
use crate::error::{CallError, Lost, NotSent, Outcome};
use crate::limits::Http;
use crate::model::{Backups, Function, Project, SecretDigest, ServiceHealth};
use crate::names::{ProjectRef, Slug};
use crate::observer::{Observation, Observer, Unobserved};

/// The Management API of one project, with one token. Cheap to clone; make a new one when the token changes, with the
/// same budget.
#[derive(Clone)]
pub struct Client {
    http: Http,
    base: Url,
    token: Token,
    project: ProjectRef,
    budget: Arc<Mutex<Budget>>,
    observer: Arc<dyn Observer>,
}

/// What a deletion found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// The function was there, and is gone.
    Deleted,
    /// There was none.
    AlreadyAbsent,
}

/// One request, before it is one.
struct Call<'a> {
    operation: &'static str,
    priority: Priority,
    method: Method,
    /// Below `/v1/projects/{ref}`.
    path: &'a [&'a str],
    query: &'a [(&'a str, &'a str)],
    accept: &'static str,
    deadline: Duration,
    limit: usize,
}

const JSON: &str = "application/json";

/// Enough for the message of any refusal.
const REFUSAL_LIMIT: usize = 64 * 1024;

/// Every service that the platform reports on for a common project, asked for by name as it must be.
const SERVICES: [(&str, &str); 6] = [
    ("services", "auth"),
    ("services", "db"),
    ("services", "pooler"),
    ("services", "realtime"),
    ("services", "rest"),
    ("services", "storage"),
];

impl Client {
    /// `base` is the API's address, such as `https://api.supabase.com`; a path in it is kept. Whether it may be called is
    /// found at each call, so that a Platform with a forbidden address can say so.
    pub fn new(http: &Http, base: Url, token: Token, project: ProjectRef, budget: Arc<Mutex<Budget>>) -> Self {
        Self {
            http: http.clone(),
            base,
            token,
            project,
            budget,
            observer: Arc::new(Unobserved),
        }
    }

    /// The same client, with its requests reported to `observer`.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// The project that this client speaks of.
    pub fn project(&self) -> &ProjectRef {
        &self.project
    }

    pub async fn get_project(&self, priority: Priority) -> Result<Project, CallError> {
        self.read(self.reading("get_project", priority, &[])).await
    }

    /// How the project's services are: auth, db, pooler, realtime, rest, storage. Functions are not among them.
    pub async fn health(&self, priority: Priority) -> Result<Vec<ServiceHealth>, CallError> {
        let call = Call {
            query: &SERVICES,
            ..self.reading("health", priority, &["health"])
        };
        let mut services: Vec<ServiceHealth> = self.read(call).await?;
        for service in &mut services {
            service.error = service.error.take().map(|text| clean(&text, &self.token));
        }
        Ok(services)
    }

    /// All functions, in one request. One entry that cannot be read makes the whole list `Unreadable`: left out, its
    /// function would look deleted.
    pub async fn list_functions(&self, priority: Priority) -> Result<Vec<Function>, CallError> {
        self.read(self.reading("list_functions", priority, &["functions"]))
            .await
    }

    /// One function; `None` only if the platform itself says that there is no such function.
    pub async fn get_function(&self, priority: Priority, slug: &Slug) -> Result<Option<Function>, CallError> {
        match self
            .read(self.reading("get_function", priority, &["functions", slug.as_str()]))
            .await
        {
            Ok(function) => Ok(Some(function)),
            Err(CallError::FunctionAbsent) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is deployed: files where the platform can unpack it, else the bundle.
    pub async fn function_body(&self, priority: Priority, slug: &Slug) -> Result<Body, CallError> {
        let path = ["functions", slug.as_str(), "body"];
        let call = Call {
            accept: "multipart/form-data",
            deadline: self.http.deadlines().body,
            limit: self.http.limits().body,
            ..self.reading("function_body", priority, &path)
        };
        self.call(call, Connection::Pooled, |request| request, parse_body).await
    }

    /// The names of the project's function secrets, the platform's own (`SUPABASE_*`) among them.
    pub async fn list_secrets(&self, priority: Priority) -> Result<Vec<SecretDigest>, CallError> {
        self.read(self.reading("list_secrets", priority, &["secrets"])).await
    }

    /// The platform's own backups of the database, and the window of its point-in-time recovery.
    pub async fn list_backups(&self, priority: Priority) -> Result<Backups, CallError> {
        self.read(self.reading("list_backups", priority, &["database", "backups"]))
            .await
    }

    /// Makes a new version live, and answers with it.
    pub async fn deploy(&self, priority: Priority, slug: &Slug, deploy: &Deploy) -> Outcome<Function> {
        if let Some(problem) = deploy.problem() {
            return Outcome::Failed(CallError::NotSent(NotSent::Invalid(problem)));
        }
        let query = [("slug", slug.as_str())];
        let call = Call {
            deadline: self.http.deadlines().deploy,
            query: &query,
            ..self.changing("deploy", priority, Method::POST, &["functions", "deploy"])
        };
        outcome(
            self.call(
                call,
                Connection::Fresh,
                |request| request.multipart(deploy.form()),
                parse_json,
            )
            .await,
        )
    }

    /// Changes whether the gateway wants a JWT. No upload, no new code.
    pub async fn patch_verify_jwt(&self, priority: Priority, slug: &Slug, verify_jwt: bool) -> Outcome<Function> {
        let path = ["functions", slug.as_str()];
        let call = self.changing("patch_verify_jwt", priority, Method::PATCH, &path);
        let body = json!({ "verify_jwt": verify_jwt });
        outcome(
            self.call(call, Connection::Fresh, |request| request.json(&body), parse_json)
                .await,
        )
    }

    /// Deletes a function. That it was not there is `Done` too.
    pub async fn delete_function(&self, priority: Priority, slug: &Slug) -> Outcome<Deletion> {
        let path = ["functions", slug.as_str()];
        let call = self.changing("delete_function", priority, Method::DELETE, &path);
        // The answer is `{"message":"ok"}` or empty: its status says all.
        match self
            .call(call, Connection::Fresh, |request| request, |_| Some(Deletion::Deleted))
            .await
        {
            Err(CallError::FunctionAbsent) => Outcome::Done(Deletion::AlreadyAbsent),
            result => outcome(result),
        }
    }

    fn reading<'a>(&self, operation: &'static str, priority: Priority, path: &'a [&'a str]) -> Call<'a> {
        let (deadline, limit) = (self.http.deadlines().read, self.http.limits().answer);
        Call {
            operation,
            priority,
            method: Method::GET,
            path,
            query: &[],
            accept: JSON,
            deadline,
            limit,
        }
    }

    fn changing<'a>(
        &self,
        operation: &'static str,
        priority: Priority,
        method: Method,
        path: &'a [&'a str],
    ) -> Call<'a> {
        Call {
            method,
            deadline: self.http.deadlines().change,
            ..self.reading(operation, priority, path)
        }
    }

    async fn read<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, CallError> {
        self.call(call, Connection::Pooled, |request| request, parse_json).await
    }

    /// The one way out: host, budget, request, what the answer's headers teach, what its status means, what it says.
    async fn call<T>(
        &self,
        call: Call<'_>,
        connection: Connection,
        fill: impl FnOnce(Request) -> Request,
        parse: impl FnOnce(&Answer) -> Option<T>,
    ) -> Result<T, CallError> {
        let url = self.url(&call).ok_or(CallError::NotSent(NotSent::HostNotAllowed))?;
        let request = self.http.request(call.method, url, connection)?;
        let permit = self
            .budget()
            .try_take(call.priority, Instant::now())
            .map_err(|deferral| {
                self.observer.deferred(call.operation, call.priority);
                CallError::NotSent(NotSent::Deferred(deferral))
            })?;
        let request = request
            .header(AUTHORIZATION, self.token.bearer())
            .header(ACCEPT, HeaderValue::from_static(call.accept));
        let observation = Observation::begin(self.observer.as_ref(), call.operation);
        let result = match send(permit, fill(request), call.deadline, call.limit).await {
            Ok(answer) => self.judge(&answer, parse),
            Err(error) => Err(error.into()),
        };
        observation.end(result.as_ref().map_or_else(CallError::reason, |_| "Ok"));
        result
    }

    fn judge<T>(&self, answer: &Answer, parse: impl FnOnce(&Answer) -> Option<T>) -> Result<T, CallError> {
        let limit = rate_limit(&answer.headers, Timestamp::now());
        let now = Instant::now();
        let meaning = meaning(answer, &self.token);
        if meaning == Meaning::RateLimited {
            return Err(CallError::RateLimited {
                again: self.budget().refused(limit, now),
            });
        }
        self.budget().answered(limit, now);
        match meaning {
            Meaning::Success => parse(answer).ok_or(CallError::Unreadable),
            Meaning::RateLimited | Meaning::Timeout => Err(CallError::Timeout),
            Meaning::Unavailable => Err(CallError::Unavailable {
                status: answer.status,
                message: said(answer, &self.token),
            }),
            Meaning::FunctionAbsent => Err(CallError::FunctionAbsent),
            Meaning::Refused { message } => Err(CallError::Refused {
                status: answer.status,
                message,
            }),
        }
    }

    fn url(&self, call: &Call<'_>) -> Option<Url> {
        let mut url = self.base.clone();
        url.set_fragment(None);
        url.set_query(None);
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .extend(["v1", "projects", self.project.as_str()])
            .extend(call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        Some(url)
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        // A panic elsewhere leaves the counts as they were; they are no reason to stop as well.
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the permit by value: one permit, one request.
async fn send(_paid: Permit, request: Request, deadline: Duration, limit: usize) -> Result<Answer, RequestError> {
    let response = request.send(deadline).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let success = (200..300).contains(&status);
    let body = match response.body(if success { limit } else { REFUSAL_LIMIT }).await {
        Err(error) if success => return Err(error),
        body => body.unwrap_or_default(),
    };
    Ok(Answer { status, headers, body })
}

fn parse_json<T: DeserializeOwned>(answer: &Answer) -> Option<T> {
    // The error would quote the answer, so it goes no further.
    serde_json::from_slice(&answer.body).ok()
}

/// What a read calls a failure after the request was sent, a change calls unknown, unless the platform refused.
fn outcome<T>(result: Result<T, CallError>) -> Outcome<T> {
    match result {
        Ok(answer) => Outcome::Done(answer),
        Err(CallError::Unavailable { status, message }) => Outcome::Unknown(Lost::Unavailable { status, message }),
        Err(CallError::Timeout) => Outcome::Unknown(Lost::Timeout),
        Err(CallError::Transport) => Outcome::Unknown(Lost::Transport),
        Err(CallError::Unreadable | CallError::AnswerTooLarge { .. }) => Outcome::Unknown(Lost::Unreadable),
        Err(
            error @ (CallError::NotSent(_)
            | CallError::Refused { .. }
            | CallError::FunctionAbsent
            | CallError::RateLimited { .. }),
        ) => Outcome::Failed(error),
    }
}
