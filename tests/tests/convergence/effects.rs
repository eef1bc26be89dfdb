//! What a step of the loop does to the platform and to the archives.

use ace_api::EdgeFunction;
use ace_domain::{
    kinds::edge_function::{self, CheckAnswer, State, Step, StepResult, archive_name},
    reconcile::decision::StepError,
    reconcile::dependency::Dependency,
    reconcile::timing::Timing,
};

use ace_runtime::index::ObjectId;

use super::{
    fleet::Fleet,
    index::id,
    outside::{FAILING, PROJECT, Request, content, text_with},
};

impl Fleet {
    pub(crate) fn act(
        &mut self,
        at: usize,
        object: &EdgeFunction,
        state: &State,
        step: &Step,
    ) -> Result<StepResult, StepError> {
        let slug = object.slug();
        let outcome = self.effect(object, state, step, &slug, &id(&self.objects[at]));
        if step.needs_platform() {
            match &outcome {
                Err(StepError::Unanswered(_)) => self.observation.failed("503".to_owned()),
                Err(StepError::Deferred(_)) => {}
                _ => self.observation.answered(),
            }
        }
        if self.observation.failing().is_some() {
            let (now, key) = (self.outside.now, edge_function::platform_key(object));
            let reachability = Dependency::Reachability(key.clone());
            self.index.dependents.unsettle(&id(&self.platform), &reachability);
            let outage = Dependency::Outage(key);
            self.index.changes_within(Timing::default().probe(), outage, now);
        }
        outcome
    }

    fn effect(
        &mut self,
        object: &EdgeFunction,
        state: &State,
        step: &Step,
        slug: &str,
        by: &ObjectId,
    ) -> Result<StepResult, StepError> {
        match step {
            Step::List { not_before } => {
                if self.observation.listed().is_none_or(|listed| listed < *not_before) {
                    let changes = self.list()?;
                    let is_count = |change: &Dependency| matches!(change, Dependency::LiveFunctions(_));
                    let (counted, entries): (Vec<_>, Vec<_>) = changes.into_iter().partition(is_count);
                    self.index.dependents.changed(&entries, Some(by));
                    for change in counted {
                        let now = self.outside.now;
                        self.index.changes_within(Timing::default().recount(), change, now);
                    }
                }
                Ok(StepResult::Listed(self.observation.listing(slug).unwrap()))
            }
            Step::Get => {
                self.outside.request(Request::Get)?;
                Ok(StepResult::Got(self.outside.get(slug)))
            }
            Step::ReadBody(stamp) => {
                self.outside.request(Request::Body)?;
                let expected = content(slug, 0).entrypoint().clone();
                self.outside.body(slug, stamp, &expected).map(StepResult::Body)
            }
            Step::LoadArchive(name) => {
                let archive = self
                    .archives
                    .get(name)
                    .map(|data| edge_function::read_proven_archive(data).unwrap());
                Ok(StepResult::Archive(archive))
            }
            Step::ArchiveForeign(body) => {
                edge_function::foreign_archive(body).unwrap();
                self.foreign.push(body.stamp.clone());
                Ok(StepResult::Archived("foreign".to_owned()))
            }
            Step::ArchiveProven { content, verify_jwt } => {
                let name = archive_name(object, content.revision().as_str());
                let data = edge_function::proven_archive(content, *verify_jwt).unwrap();
                self.archives.entry(name.clone()).or_insert(data);
                Ok(StepResult::Archived(name))
            }
            Step::Deploy {
                content,
                verify_jwt,
                intent,
                ..
            } => {
                assert_eq!(
                    object_intent(self, object),
                    Some(intent.source_digest.clone()),
                    "recorded before it is sent"
                );
                self.outside.request(Request::Deploy)?;
                self.judge_overwrite(slug, state);
                let wrote = self.now();
                self.observation.wrote(slug, wrote);
                let answer = self.outside.deploy(slug, content, *verify_jwt);
                let wrote = self.now();
                self.observation.wrote(slug, wrote);
                answer.map(StepResult::Deployed)
            }
            Step::PatchJwt(verify_jwt) => {
                self.outside.request(Request::Patch)?;
                let done = self.outside.patch(slug, *verify_jwt);
                let wrote = self.now();
                self.observation.wrote(slug, wrote);
                if done {
                    Ok(StepResult::Patched)
                } else {
                    Err(StepError::Failed("Function not found".to_owned()))
                }
            }
            Step::Probe(_) => {
                let live = self.outside.truth(slug).map(|(text, ..)| text);
                let status = if live == Some(FAILING) && !self.outside.healed {
                    500
                } else {
                    200
                };
                Ok(StepResult::Probed(CheckAnswer::Status(status)))
            }
            Step::Delete => {
                self.outside.request(Request::Delete)?;
                let live = self.outside.truth(slug).map(|(text, ..)| text);
                let applied = state
                    .memo
                    .applied
                    .as_ref()
                    .and_then(|applied| text_with(slug, &applied.source_digest));
                if self.outside.stale.is_none() && live.is_some() && applied != live {
                    self.outside.faults.push(format!("{slug}: deleted what is not its own"));
                }
                let _ = self.outside.state.delete(PROJECT, slug);
                let wrote = self.now();
                self.observation.wrote(slug, wrote);
                Ok(StepResult::Deleted)
            }
        }
    }
}

fn object_intent(fleet: &Fleet, object: &EdgeFunction) -> Option<String> {
    let at = fleet.find(object.metadata.name.as_deref()?)?;
    let status = fleet.objects[at].object.status.as_ref()?;
    status.intent.as_ref().map(|intent| intent.source_digest.clone())
}
