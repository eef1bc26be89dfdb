use std::{sync::Arc, time::Duration};

use ace_api::{CheckMethod, EdgeFunction, Intent, Mode, Stamp};
use ace_domain::{
    bundle::{BodyFiles, Closure, TreePath, Upload},
    kinds::edge_function::{ArchiveFault, Body, BodyContent, CheckAnswer, Probe, State, Step, StepResult},
    kinds::platform::Changes,
    reconcile::decision::StepError,
};
use ace_egress::Method;
use ace_supabase::{CallError, Deploy, DeployFile, Outcome, Priority, ProbeAuth, ProbeError, Slug};
use jiff::Timestamp;
use kube::ResourceExt;
use tokio::time::Instant;

use super::{EdgeFunctions, archives, observe::needs_key};
use crate::{
    connections::{Clients, PlatformConnection, entry, limit, stamp, step_error},
    index::platform_of,
};
use ace_runtime::reconcile::Key;

/// The clients of one step.
struct PlatformAccess<'a> {
    connection: &'a Arc<PlatformConnection>,
    open: Clients,
    slug: Slug,
    priority: Priority,
}

/// Runs one step.
pub(super) async fn act(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    state: &State,
    connection: Option<&Arc<PlatformConnection>>,
    step: &Step,
) -> Result<StepResult, StepError> {
    match step {
        Step::LoadArchive(name) => return archives::load(kind, object, name).await,
        Step::ArchiveForeign(body) => return kept(archives::keep_foreign(kind, object, body).await),
        Step::ArchiveProven { content, verify_jwt } => {
            return kept(archives::keep_proven(kind, object, content, *verify_jwt).await);
        }
        _ => {}
    }
    let access = access(object, state, connection, step)?;
    match step {
        Step::List { not_before } => access.list(kind, object, *not_before).await,
        Step::Get => access.get().await,
        Step::ReadBody(stamp) => access.read_body(state, stamp).await,
        Step::Deploy {
            intent,
            content,
            verify_jwt,
        } => access.deploy(object, intent, content, *verify_jwt).await,
        Step::PatchJwt(verify_jwt) => access.patch(*verify_jwt).await,
        Step::Probe(probe) => access.probe(probe).await,
        Step::Delete => access.delete().await,
        Step::LoadArchive(_) | Step::ArchiveForeign(_) | Step::ArchiveProven { .. } => Err(StepError::Failed(
            "reading and writing archives needs no platform".to_owned(),
        )),
    }
}

fn kept(outcome: Result<Result<String, ArchiveFault>, StepError>) -> Result<StepResult, StepError> {
    match outcome? {
        Ok(name) => Ok(StepResult::Archived(name)),
        Err(ArchiveFault::TooLarge(bytes)) => Ok(StepResult::ArchiveTooLarge(bytes)),
        Err(fault) => Err(StepError::Failed(fault.to_string())),
    }
}

/// Whether the budget has a token for a step.
pub(super) fn admit(connection: Option<&PlatformConnection>, state: &State, step: &Step) -> Result<(), StepError> {
    let deferred = connection.and_then(|connection| connection.deferred(priority(state, step)));
    deferred.map_or(Ok(()), |deferral| Err(StepError::Deferred(limit(deferral))))
}

fn priority(state: &State, step: &Step) -> Priority {
    let settled = state.memo.intent.is_none();
    match step {
        _ if state.memory.failures > 0 => Priority::Retry,
        Step::List { .. } | Step::Get | Step::ReadBody(_) if settled && !state.is_change_pending() => Priority::Look,
        _ => Priority::Change,
    }
}

fn access<'a>(
    object: &EdgeFunction,
    state: &State,
    connection: Option<&'a Arc<PlatformConnection>>,
    step: &Step,
) -> Result<PlatformAccess<'a>, StepError> {
    let unknown = || StepError::Unanswered("the Platform's token has not been read yet".to_owned());
    let connection = connection.ok_or_else(unknown)?;
    let open = connection.clients().ok_or_else(unknown)?;
    let slug = object
        .slug()
        .parse()
        .map_err(|_| StepError::Failed("the slug is not valid".to_owned()))?;
    let priority = priority(state, step);
    Ok(PlatformAccess {
        connection,
        open,
        slug,
        priority,
    })
}

impl PlatformAccess<'_> {
    async fn list(
        &self,
        kind: &EdgeFunctions,
        object: &EdgeFunction,
        not_before: Timestamp,
    ) -> Result<StepResult, StepError> {
        let changes = self
            .connection
            .list(&self.open.client, self.priority, not_before)
            .await
            .map_err(|error| step_error(&error))?;
        kind.enqueue_others(object, self.connection, &changes);
        let listing = self.connection.listing(self.slug.as_str());
        listing
            .map(StepResult::Listed)
            .ok_or_else(|| StepError::Failed("the list of functions is missing".to_owned()))
    }

    async fn get(&self) -> Result<StepResult, StepError> {
        let function = self.open.client.get_function(self.priority, &self.slug).await;
        self.connection.note(function.as_ref().err());
        let function = function.map_err(|error| step_error(&error))?;
        let live = function.filter(|function| function.status != ace_supabase::FunctionStatus::Removed);
        Ok(StepResult::Got(live.map(|function| entry(&function))))
    }

    async fn read_body(&self, state: &State, stamp: &Stamp) -> Result<StepResult, StepError> {
        let body = self.open.client.function_body(self.priority, &self.slug).await;
        self.connection.note(body.as_ref().err());
        let content = match body {
            Ok(ace_supabase::Body::Files { files, entrypoint }) => {
                let expected = state.expected_entrypoint().unwrap_or_else(|| {
                    TreePath::new(format!("{}/index.ts", self.slug.as_str())).expect("a slug is a path")
                });
                let parts = files.into_iter().map(|file| (file.path, file.bytes));
                let files = BodyFiles::new(parts, entrypoint.as_deref(), &expected);
                BodyContent::Files {
                    digest: files.digest(),
                    files: Arc::new(files),
                }
            }
            Ok(ace_supabase::Body::Bundle(bytes)) => BodyContent::Bundle(Arc::from(bytes.as_ref())),
            Err(CallError::BodyTooLarge { .. }) => BodyContent::TooLarge,
            Err(error) => return Err(step_error(&error)),
        };
        Ok(StepResult::Body(Body {
            stamp: stamp.clone(),
            content,
        }))
    }

    async fn deploy(
        &self,
        object: &EdgeFunction,
        intent: &Intent,
        content: &Closure,
        verify_jwt: bool,
    ) -> Result<StepResult, StepError> {
        let upload = Upload::new(content, &content.revision());
        let deploy = Deploy {
            files: upload
                .files
                .into_iter()
                .map(|(path, bytes)| DeployFile { path, bytes })
                .collect(),
            entrypoint_path: upload.entrypoint_path,
            import_map_path: upload.import_map_path,
            static_patterns: upload.static_patterns,
            verify_jwt,
            name: object.slug(),
        };
        tracing::info!(object = %Key::of(object), revision = %content.revision(), type_ = ?intent.type_, "deploying");
        let outcome = self
            .write(self.open.client.deploy(self.priority, &self.slug, &deploy))
            .await;
        self.outcome(outcome)
            .map(|function| StepResult::Deployed(stamp(&function)))
    }

    async fn patch(&self, verify_jwt: bool) -> Result<StepResult, StepError> {
        let outcome = self
            .write(self.open.client.patch_verify_jwt(self.priority, &self.slug, verify_jwt))
            .await;
        self.outcome(outcome).map(|_| StepResult::Patched)
    }

    async fn delete(&self) -> Result<StepResult, StepError> {
        let outcome = self
            .write(self.open.client.delete_function(self.priority, &self.slug))
            .await;
        self.outcome(outcome).map(|_| StepResult::Deleted)
    }

    async fn write<T>(&self, request: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        let _writing = self.connection.write(self.slug.as_str());
        request.await
    }

    fn outcome<T>(&self, outcome: Outcome<T>) -> Result<T, StepError> {
        match outcome {
            Outcome::Done(value) => {
                self.connection.note(None);
                Ok(value)
            }
            Outcome::Failed(error) => {
                self.connection.note(Some(&error));
                Err(step_error(&error))
            }
            Outcome::Unknown(lost) => {
                tracing::warn!(slug = self.slug.as_str(), %lost, "outcome of a change is unknown: the response was lost");
                Err(StepError::OutcomeUnknown)
            }
        }
    }

    async fn probe(&self, probe: &Probe) -> Result<StepResult, StepError> {
        let check = &probe.check;
        let auth = match &self.open.anon {
            Some(key) if needs_key(check.auth) => ProbeAuth::Anon(key.clone()),
            _ => ProbeAuth::None,
        };
        let request = ace_supabase::Probe {
            slug: self.slug.clone(),
            method: match check.method.unwrap_or_default() {
                CheckMethod::Get => Method::GET,
                CheckMethod::Head => Method::HEAD,
                CheckMethod::Options => Method::OPTIONS,
                CheckMethod::Post => Method::POST,
            },
            path: check.path.clone().unwrap_or_else(|| "/".to_owned()),
            auth,
            timeout: Duration::from_secs(u64::try_from(check.timeout_seconds.unwrap_or(10)).unwrap_or(10)),
        };
        match self.open.gateway.probe(&request).await {
            Ok(status) => Ok(StepResult::Probed(CheckAnswer::Status(i32::from(status)))),
            Err(ProbeError::Timeout) => Ok(StepResult::Probed(CheckAnswer::TimedOut)),
            Err(ProbeError::Connect | ProbeError::Transport) => Ok(StepResult::GatewayUnreachable),
            Err(error @ (ProbeError::HostNotAllowed | ProbeError::Path)) => Err(StepError::Failed(error.to_string())),
        }
    }
}

impl EdgeFunctions {
    /// Enqueues other objects after a list that one function requested: at once the functions whose entry changed, and later
    /// the Platform, which counts functions: once after a roll-out of many, not after each.
    fn enqueue_others(&self, object: &EdgeFunction, connection: &Arc<PlatformConnection>, changes: &Changes) {
        let (platform, own) = (platform_of(object), object.uid());
        let others = |other: &EdgeFunction| other.uid() != own && is_news(changes, other);
        for key in self.directory.on_platform(&platform, others) {
            self.functions.wake(key, "Drift");
        }
        if changes.comings {
            self.schedule_platform_reconcile(connection, platform, self.timing.recount());
        }
    }

    /// Enqueues the Platform after `wait` without a further call: its reconcile costs a request for its Secret and a status
    /// update.
    pub(super) fn schedule_platform_reconcile(
        &self,
        connection: &Arc<PlatformConnection>,
        platform: Key,
        wait: Duration,
    ) {
        if connection.postpone_reconcile(Instant::now() + wait) {
            let (connection, platforms) = (connection.clone(), self.platforms.clone());
            tokio::spawn(async move {
                while let Some(due) = connection.take_reconcile(Instant::now()) {
                    tokio::time::sleep_until(due).await;
                }
                platforms.wake(platform, "Function");
            });
        }
    }
}

/// Whether a function has to be reconciled for these changes.
pub(crate) fn is_news(changes: &Changes, function: &EdgeFunction) -> bool {
    changes.are_news(&function.slug(), function.spec.mode != Mode::Observe)
}
