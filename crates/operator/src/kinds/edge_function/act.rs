use std::{sync::Arc, time::Duration};

use ace_api::{CheckMethod, EdgeFunction, Intent, Mode, Stamp};
use ace_domain::{
    decision::Trouble,
    function::{ArchiveFault, Body, BodyContent, CheckAnswer, Fact, Probe, Step},
    platform::Changes,
    source::{BodyFiles, Closure, TreePath, Upload},
};
use ace_supabase::{CallError, Deploy, DeployFile, Method, Outcome, Priority, ProbeAuth, ProbeError, Slug};
use jiff::Timestamp;
use kube::ResourceExt;
use tokio::time::Instant;

use super::{EdgeFunctions, World, archives, observe::needs_key};
use crate::{
    directory::platform_of,
    driver::Key,
    sites::{Open, Site, entry, stamp, trouble},
};

/// The way to the platform of one pass.
struct Way<'a> {
    site: &'a Arc<Site>,
    open: Open,
    slug: Slug,
    priority: Priority,
}

/// One effect.
pub(super) async fn act(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    world: &World,
    step: &Step,
) -> Result<Fact, Trouble> {
    match step {
        Step::LoadArchive(name) => return archives::load(kind, object, name).await,
        Step::ArchiveForeign(body) => return kept(archives::keep_foreign(kind, object, body).await),
        Step::ArchiveProven { content, verify_jwt } => {
            return kept(archives::keep_proven(kind, object, content, *verify_jwt).await);
        }
        _ => {}
    }
    let way = way(object, world, step)?;
    match step {
        Step::List { not_before } => way.list(kind, object, *not_before).await,
        Step::Get => way.get().await,
        Step::ReadBody(stamp) => way.read_body(world, stamp).await,
        Step::Deploy {
            intent,
            content,
            verify_jwt,
        } => way.deploy(object, intent, content, *verify_jwt).await,
        Step::PatchJwt(verify_jwt) => way.patch(*verify_jwt).await,
        Step::Probe(probe) => way.probe(probe).await,
        Step::Delete => way.delete().await,
        Step::LoadArchive(_) | Step::ArchiveForeign(_) | Step::ArchiveProven { .. } => {
            Err(Trouble::Failed("archives need no platform".to_owned()))
        }
    }
}

fn kept(outcome: Result<Result<String, ArchiveFault>, Trouble>) -> Result<Fact, Trouble> {
    match outcome? {
        Ok(name) => Ok(Fact::Archived(name)),
        Err(ArchiveFault::TooLarge(bytes)) => Ok(Fact::ArchiveTooLarge(bytes)),
        Err(fault) => Err(Trouble::Failed(fault.to_string())),
    }
}

/// Whether the budget has a token for a step.
pub(super) fn admit(world: &World, step: &Step) -> Result<(), Trouble> {
    let deferred = world
        .site
        .as_ref()
        .and_then(|site| site.deferred(priority(world, step)));
    deferred.map_or(Ok(()), |again| Err(Trouble::Deferred(again)))
}

fn priority(world: &World, step: &Step) -> Priority {
    let settled = world.known.memo.intent.is_none();
    match step {
        _ if world.known.recall.failures > 0 => Priority::Retry,
        Step::List { .. } | Step::Get | Step::ReadBody(_) if settled && !world.known.is_wish_pending() => {
            Priority::Look
        }
        _ => Priority::Change,
    }
}

fn way<'a>(object: &EdgeFunction, world: &'a World, step: &Step) -> Result<Way<'a>, Trouble> {
    let unknown = || Trouble::Unanswered("the platform's token is not known".to_owned());
    let site = world.site.as_ref().ok_or_else(unknown)?;
    let open = site.open().ok_or_else(unknown)?;
    let slug = object
        .slug()
        .parse()
        .map_err(|_| Trouble::Failed("the slug is no slug".to_owned()))?;
    let priority = priority(world, step);
    Ok(Way {
        site,
        open,
        slug,
        priority,
    })
}

impl Way<'_> {
    async fn list(&self, kind: &EdgeFunctions, object: &EdgeFunction, not_before: Timestamp) -> Result<Fact, Trouble> {
        let changes = self
            .site
            .list(&self.open.client, self.priority, not_before)
            .await
            .map_err(|error| trouble(&error))?;
        kind.tell_others(object, self.site, &changes);
        let look = self.site.look(self.slug.as_str());
        look.map(Fact::Listed)
            .ok_or_else(|| Trouble::Failed("the list is not there".to_owned()))
    }

    async fn get(&self) -> Result<Fact, Trouble> {
        let function = self.open.client.get_function(self.priority, &self.slug).await;
        self.site.note(function.as_ref().err());
        let function = function.map_err(|error| trouble(&error))?;
        let live = function.filter(|function| function.status != ace_supabase::FunctionStatus::Removed);
        Ok(Fact::Got(live.map(|function| entry(&function))))
    }

    async fn read_body(&self, world: &World, stamp: &Stamp) -> Result<Fact, Trouble> {
        let body = self.open.client.function_body(self.priority, &self.slug).await;
        self.site.note(body.as_ref().err());
        let content = match body {
            Ok(ace_supabase::Body::Files { files, entrypoint }) => {
                let expected = world.known.expected_entrypoint().unwrap_or_else(|| {
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
            Err(error) => return Err(trouble(&error)),
        };
        Ok(Fact::Body(Body {
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
    ) -> Result<Fact, Trouble> {
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
        self.outcome(outcome).map(|function| Fact::Deployed(stamp(&function)))
    }

    async fn patch(&self, verify_jwt: bool) -> Result<Fact, Trouble> {
        let outcome = self
            .write(self.open.client.patch_verify_jwt(self.priority, &self.slug, verify_jwt))
            .await;
        self.outcome(outcome).map(|_| Fact::Patched)
    }

    async fn delete(&self) -> Result<Fact, Trouble> {
        let outcome = self
            .write(self.open.client.delete_function(self.priority, &self.slug))
            .await;
        self.outcome(outcome).map(|_| Fact::Deleted)
    }

    async fn write<T>(&self, request: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        let _writing = self.site.write(self.slug.as_str());
        request.await
    }

    fn outcome<T>(&self, outcome: Outcome<T>) -> Result<T, Trouble> {
        match outcome {
            Outcome::Done(value) => {
                self.site.note(None);
                Ok(value)
            }
            Outcome::Failed(error) => {
                self.site.note(Some(&error));
                Err(trouble(&error))
            }
            Outcome::Unknown(lost) => {
                tracing::warn!(slug = self.slug.as_str(), %lost, "the answer to a change was lost");
                Err(Trouble::OutcomeUnknown)
            }
        }
    }

    async fn probe(&self, probe: &Probe) -> Result<Fact, Trouble> {
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
            Ok(status) => Ok(Fact::Probed(CheckAnswer::Status(i32::from(status)))),
            Err(ProbeError::Timeout) => Ok(Fact::Probed(CheckAnswer::TimedOut)),
            Err(ProbeError::Connect | ProbeError::Transport) => Ok(Fact::GatewayUnreachable),
            Err(error @ (ProbeError::HostNotAllowed | ProbeError::Path)) => Err(Trouble::Failed(error.to_string())),
        }
    }
}

impl EdgeFunctions {
    /// A list that one function asked for is news for others, too: at once for the functions whose entry changed, and a
    /// little later for the Platform, which counts them: after a roll-out of many, and not after each.
    fn tell_others(&self, object: &EdgeFunction, site: &Arc<Site>, changes: &Changes) {
        let (platform, own) = (platform_of(object), object.uid());
        let others = |other: &EdgeFunction| other.uid() != own && is_news(changes, other);
        for key in self.directory.on_platform(&platform, others) {
            self.functions.wake(key, "Drift");
        }
        if changes.comings {
            self.have_platform_look(site, platform, self.pace.recount());
        }
    }

    /// Has the Platform take a pass once nobody has asked for one for `wait`: it costs a request for its Secret, and a status.
    pub(super) fn have_platform_look(&self, site: &Arc<Site>, platform: Key, wait: Duration) {
        if site.put_off_look(Instant::now() + wait) {
            let (site, platforms) = (site.clone(), self.platforms.clone());
            tokio::spawn(async move {
                while let Some(due) = site.take_look(Instant::now()) {
                    tokio::time::sleep_until(due).await;
                }
                platforms.wake(platform, "Function");
            });
        }
    }
}

/// Whether a list is news for a function.
pub(crate) fn is_news(changes: &Changes, function: &EdgeFunction) -> bool {
    changes.are_news(&function.slug(), function.spec.mode != Mode::Observe)
}
