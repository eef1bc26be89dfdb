use std::sync::Arc;

use ace_api::{CheckAuth, CheckMethod, EdgeFunction, Intent, Stamp};
use ace_domain::{
    bundle::{BodyFiles, Closure, TreePath, Upload},
    kinds::{
        edge_function::{self, Body, BodyContent, CheckAnswer, Probe, State, Step, StepResult, platform_key},
        platform,
    },
    reconcile::{decision::StepError, dependency::Dependency, key::Key},
};
use ace_egress::Method;
use ace_runtime::{clock, index::ObjectId};
use ace_supabase::{CallError, Deploy, DeployFile, Outcome, Priority, ProbeAuth, ProbeError, Slug};
use jiff::Timestamp;

use super::{EdgeFunctions, archives};
use crate::connections::{Clients, PlatformConnection, limit, live, stamp, step_error};

/// The clients of one step.
struct PlatformAccess<'a> {
    connection: &'a Arc<PlatformConnection>,
    open: Clients,
    slug: Slug,
    priority: Priority,
}

pub(super) async fn act(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    state: &State,
    connection: Option<&Arc<PlatformConnection>>,
    step: &Step,
) -> Result<StepResult, StepError> {
    match step {
        Step::LoadArchive(name) => return archives::load(kind, object, name).await,
        Step::ArchiveForeign(body) => return archives::keep_foreign(kind, object, body).await,
        Step::ArchiveProven { content, verify_jwt } => {
            return archives::keep_proven(kind, object, content, *verify_jwt).await;
        }
        _ => {}
    }
    let access = access(object, state, connection, step)?;
    let refused = access.connection.health().refusal;
    let outcome = access.act(kind, object, state, step).await;
    access.tell_of_outage(kind, object);
    // What a person has to change is shown on the Platform.
    if access.connection.health().refusal != refused {
        let told = Dependency::Outage(platform_key(object));
        kind.caches.dependents.changes_within(kind.timing.shared_list(), told);
    }
    outcome
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
        Step::List { .. } | Step::Get | Step::ReadBody(_) if settled && !state.is_change_pending() => Priority::Poll,
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
    async fn act(
        &self,
        kind: &EdgeFunctions,
        object: &EdgeFunction,
        state: &State,
        step: &Step,
    ) -> Result<StepResult, StepError> {
        match step {
            Step::List { not_before } => self.list(kind, object, *not_before).await,
            Step::Get => self.get().await,
            Step::ReadBody(stamp) => self.read_body(state, stamp).await,
            Step::Deploy {
                intent,
                content,
                verify_jwt,
            } => self.deploy(object, intent, content, *verify_jwt).await,
            Step::PatchJwt(verify_jwt) => self.patch(*verify_jwt).await,
            Step::Probe(probe) => self.probe(probe).await,
            Step::Delete => self.delete().await,
            Step::LoadArchive(_) | Step::ArchiveForeign(_) | Step::ArchiveProven { .. } => Err(StepError::Failed(
                "reading and writing archives needs no platform".to_owned(),
            )),
        }
    }

    /// A request was not answered: the Platform asks again a moment later, and what it finds then enqueues whoever waits for it.
    fn tell_of_outage(&self, kind: &EdgeFunctions, object: &EdgeFunction) {
        if !self.connection.is_answering() {
            let (key, dependents) = (platform_key(object), &kind.caches.dependents);
            dependents.unsettle(
                &ObjectId::of::<platform::Kind>(key.clone()),
                &Dependency::Reachability(key.clone()),
            );
            dependents.changes_within(kind.timing.probe(), Dependency::Outage(key));
        }
    }

    async fn list(
        &self,
        kind: &EdgeFunctions,
        object: &EdgeFunction,
        not_before: Timestamp,
    ) -> Result<StepResult, StepError> {
        let longest = kind.timing.shared_list();
        if let Some(wait) = self.connection.gathers(self.slug.as_str(), longest, clock::now()) {
            return Err(StepError::Shared(wait));
        }
        let changes = self
            .connection
            .list(&self.open.client, self.priority, not_before)
            .await
            .map_err(|error| step_error(&error))?;
        let (changes, dependents) = (changes.of(&platform_key(object)), &kind.caches.dependents);
        // Functions whose entry changed are enqueued at once; the Platform, which counts them, every half
        // minute while many are rolled out.
        let (counted, entries): (Vec<_>, Vec<_>) = changes
            .into_iter()
            .partition(|change| matches!(change, Dependency::LiveFunctions(_)));
        let own = ObjectId::of::<edge_function::Kind>(Key::of(object));
        dependents.changed(&entries, Some(&own));
        for change in counted {
            dependents.changes_within(kind.timing.recount(), change);
        }
        let listing = self.connection.listing(self.slug.as_str());
        listing
            .map(StepResult::Listed)
            .ok_or_else(|| StepError::Failed("the list of functions is missing".to_owned()))
    }

    async fn get(&self) -> Result<StepResult, StepError> {
        let function = self.open.client.get_function(self.priority, &self.slug).await;
        self.connection.note(function.as_ref().err());
        let function = function.map_err(|error| step_error(&error))?;
        Ok(StepResult::Got(function.as_ref().and_then(live)))
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
                let listed = state.listing.as_ref().and_then(|listing| listing.entry.as_ref());
                let listed = listed.and_then(|entry| entry.entrypoint.as_deref());
                let files = BodyFiles::new(parts, entrypoint.as_deref().or(listed), &expected);
                BodyContent::Files {
                    digest: files.digest(),
                    files: Arc::new(files),
                }
            }
            Ok(ace_supabase::Body::Bundle(bytes)) => BodyContent::Bundle(Arc::from(bytes.as_ref())),
            Err(CallError::AnswerTooLarge { .. }) => BodyContent::TooLarge,
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
                self.connection.note_change(None);
                Ok(value)
            }
            Outcome::Failed(error) => {
                self.connection.note(Some(&error));
                self.connection.note_change(Some(&error));
                Err(step_error(&error))
            }
            Outcome::Unknown(lost) => {
                tracing::warn!(slug = self.slug.as_str(), %lost, "outcome of a change is unknown: the response was lost");
                Err(StepError::OutcomeUnknown(lost.says()))
            }
        }
    }

    async fn probe(&self, probe: &Probe) -> Result<StepResult, StepError> {
        let check = &probe.check;
        let auth = match &self.open.anon {
            Some(key) if check.auth == Some(CheckAuth::Anon) => ProbeAuth::Anon(key.clone()),
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
            timeout: check.timeout(),
        };
        match self.open.gateway.probe(&request).await {
            Ok(status) => Ok(StepResult::Probed(CheckAnswer::Status(i32::from(status)))),
            Err(ProbeError::Timeout) => Ok(StepResult::Probed(CheckAnswer::TimedOut)),
            Err(ProbeError::Connect | ProbeError::Transport) => Ok(StepResult::GatewayUnreachable),
            Err(error @ (ProbeError::HostNotAllowed | ProbeError::Path)) => Err(StepError::Failed(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ace_api::{EdgeFunctionStatus, Stamp};
    use ace_domain::{
        kinds::edge_function::{BodyContent, Claim, Memory, PlatformState, SourceState, State, StepResult},
        reconcile::timing::Timing,
    };
    use ace_runtime::testing::{Answer, Server, server};
    use ace_supabase::{Deadlines, Priority};
    use jiff::Timestamp;
    use serde_json::json;

    use super::{PlatformAccess, PlatformConnection};
    use crate::connections::testing::{TOKEN, clients, connection};

    fn access<'a>(connection: &'a Arc<PlatformConnection>, server: &Server) -> PlatformAccess<'a> {
        PlatformAccess {
            open: clients(connection, server, Deadlines::default(), TOKEN, 1),
            connection,
            slug: "hello".parse().unwrap(),
            priority: Priority::Poll,
        }
    }

    #[tokio::test]
    async fn a_removed_function_is_absent_in_an_answer_for_it_alone() {
        for (status, is_there) in [("ACTIVE", true), ("THROTTLED", true), ("REMOVED", false)] {
            let function = json!({
                "id": "5d0e4f60-0000-4000-8000-000000000001", "slug": "hello", "name": "hello", "status": status,
                "version": 1, "created_at": 1, "updated_at": 2,
            });
            let server = server(move |_| Answer::json(&function)).await;
            let connection = Arc::new(connection());
            let Ok(StepResult::Got(found)) = access(&connection, &server).get().await else {
                panic!("{status}")
            };
            assert_eq!(found.is_some(), is_there, "{status}");
        }
    }

    /// What has no files can't be compared: the tables of looks begin with it.
    #[tokio::test]
    async fn an_eszip_is_a_bundle_and_no_file() {
        let state = State {
            timing: Timing::default(),
            began: Timestamp::UNIX_EPOCH,
            memo: EdgeFunctionStatus::default(),
            platform: PlatformState::Absent,
            claim: Claim::Owned,
            source: SourceState::Waiting(String::new()),
            blockers: Vec::new(),
            listing: None,
            secrets: None,
            migrations: None,
            memory: Memory::default(),
            step_error: None,
        };
        let stamp = Stamp {
            id: "5d0e4f60".to_owned(),
            version: 9,
            updated_time: Timestamp::UNIX_EPOCH,
            bundle_digest: None,
        };
        for media_type in ["application/vnd.denoland.eszip", "application/octet-stream"] {
            let server = server(move |_| Answer::bytes("ESZIP2.3").header("content-type", media_type)).await;
            let connection = Arc::new(connection());
            let read = access(&connection, &server).read_body(&state, &stamp).await;
            let Ok(StepResult::Body(body)) = read else {
                panic!("{media_type}: {read:?}")
            };
            assert_eq!(
                body.content,
                BodyContent::Bundle(Arc::from(&b"ESZIP2.3"[..])),
                "{media_type}"
            );
            assert_eq!(body.stamp, stamp);
        }
    }
}
