//! A settled function, and what can be changed of it.

use std::time::Duration;

use ace_api::{ANNOTATION_RECONCILE_AT, AdoptionPolicy, DeletionPolicy, EdgeFunction, EdgeFunctionStatus, Mode};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::{
    super::{
        Archived, Claim, Decision, Kind, Listing, LiveFunction, Memory, PlatformFacts, PlatformState, SourceState,
        State, Step, StepResult, decide, status,
    },
    values::{A, applied, archive, body, check, content, entry, listing, proven},
};
use crate::reconcile::{
    decision::{Requeue, StepError},
    fixture::at,
    kind::Kind as _,
    timing::Timing,
};

pub(super) const PROJECT: &str = "abcdefghijklmnopqrst";

/// One object, what is known of it, and the time.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub object: EdgeFunction,
    pub state: State,
    pub now: Timestamp,
}

/// `A` is desired, applied, proven and live as version 3, as a list of this reconcile shows; nothing is left to do.
pub(super) fn settled() -> Case {
    let content = content(A);
    let state = State {
        timing: Timing::default(),
        began: at(-60),
        memo: EdgeFunctionStatus {
            applied: Some(applied(A, 3)),
            proven: Some(proven(A)),
            ..EdgeFunctionStatus::default()
        },
        platform: PlatformState::Present(platform()),
        claim: Claim::Owned,
        source: SourceState::Ready {
            content,
            artifact_revision: "main@sha1:4f2c".to_owned(),
            secret_files: None,
        },
        blockers: Vec::new(),
        listing: Some(listing(Some(entry(A, 3)))),
        secrets: Some(["RESEND_API_KEY".to_owned()].into()),
        migrations: None,
        memory: Memory::default(),
        step_error: None,
    };
    let mut case = Case {
        object: object(),
        state,
        now: at(0),
    };
    case.state.memo = status(
        &case.object,
        &case.state,
        &Decision::Settled(Requeue::OnChange),
        at(-3600),
    );
    case
}

impl Case {
    /// The settled function with one change.
    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn mode(self, mode: Mode) -> Self {
        self.with(|case| case.object.spec.mode = mode)
    }

    /// Status was wiped, or the object is new.
    pub(super) fn forgotten(self) -> Self {
        self.with(|case| case.state.memo = EdgeFunctionStatus::default())
    }

    /// The source wants something else.
    pub(super) fn wants(self, text: &str) -> Self {
        self.with(|case| {
            case.state.source = SourceState::Ready {
                content: content(text),
                artifact_revision: "main@sha1:99aa".to_owned(),
                secret_files: None,
            };
        })
    }

    /// The list shows this, and has shown it for a minute.
    pub(super) fn sees(self, entry: Option<LiveFunction>) -> Self {
        self.with(|case| case.state.listing = Some(listing(entry)))
    }

    /// The body of what the list shows was read.
    pub(super) fn read(self, text: &str) -> Self {
        self.with(|case| {
            let entry = case
                .state
                .listing
                .as_ref()
                .and_then(|listing| listing.entry.clone())
                .unwrap();
            case.state.memory.body = Some(body(text, &entry.stamp));
        })
    }

    pub(super) fn asks(self, value: &str) -> Self {
        self.with(|case| {
            let annotations = case.object.metadata.annotations.get_or_insert_default();
            annotations.insert(ANNOTATION_RECONCILE_AT.to_owned(), value.to_owned());
            case.state.began = case.now;
        })
    }

    pub(super) fn always(self) -> Self {
        self.with(|case| case.object.spec.adoption_policy = AdoptionPolicy::Always)
    }

    pub(super) fn checks(self, names: &[&str]) -> Self {
        self.with(|case| case.object.spec.checks = names.iter().map(|name| check(name)).collect())
    }

    pub(super) fn platform(self, change: impl FnOnce(&mut PlatformFacts)) -> Self {
        self.with(|case| match &mut case.state.platform {
            PlatformState::Present(platform) => change(platform),
            PlatformState::Absent => unreachable!("the settled function has a platform"),
        })
    }

    pub(super) fn deleted(self) -> Self {
        self.with(|case| {
            case.object.metadata.deletion_timestamp = Some(Time(at(-1)));
            case.object.spec.deletion_policy = DeletionPolicy::Delete;
            case.state.began = case.now;
        })
    }

    pub(super) fn later(self, seconds: i64) -> Self {
        self.with(|case| case.now += SignedDuration::from_secs(seconds))
    }

    pub(super) fn decide(&mut self) -> Decision {
        Kind::infer(&self.object, &mut self.state, self.now);
        decide(&self.object, &self.state, self.now)
    }

    /// The next step is this one, and it ends so.
    #[allow(clippy::needless_pass_by_value, reason = "a table reads better without borrows")]
    pub(super) fn does(&mut self, step: Step, outcome: Result<StepResult, StepError>) {
        assert_eq!(self.decide(), Decision::Do(step.clone()));
        Kind::update(&self.object, &mut self.state, &step, outcome, self.now);
    }

    /// A request for the function alone confirms that it does not exist.
    pub(super) fn is_gone(&mut self) {
        self.does(Step::Get, Ok(StepResult::Got(None)));
    }

    /// The archive of this content is read, and holds that.
    pub(super) fn loads_archive(&mut self, text: &str, archived: Option<Archived>) {
        self.does(Step::LoadArchive(archive(text)), Ok(StepResult::Archive(archived)));
    }

    /// The foreign body is archived before it is overwritten.
    pub(super) fn archives_foreign(&mut self) {
        let body = self.state.memory.body.clone().unwrap();
        let archived = StepResult::Archived("hello-foreign".to_owned());
        self.does(Step::ArchiveForeign(body), Ok(archived));
    }

    /// A list that is requested now shows this.
    pub(super) fn lists(&mut self, not_before: Timestamp, entry: Option<LiveFunction>) {
        let shown = self.shown(entry);
        self.does(Step::List { not_before }, Ok(StepResult::Listed(shown)));
    }

    /// The listing after a list that is requested now.
    pub(super) fn shown(&self, entry: Option<LiveFunction>) -> Listing {
        let before = self.state.listing.clone();
        let same = before.as_ref().filter(|listing| listing.entry == entry);
        let mut lists = same.map(|listing| listing.lists.clone()).unwrap_or_default();
        lists.push(self.now);
        Listing {
            first: before.as_ref().map_or(self.now, |listing| listing.first),
            started: self.now,
            since: same.map_or(self.now, |listing| listing.since),
            last_write: before.and_then(|listing| listing.last_write),
            lists,
            entry,
        }
    }

    /// The status after the decision that is due.
    pub(super) fn status(&mut self) -> EdgeFunctionStatus {
        let decision = self.decide();
        status(&self.object, &self.state, &decision, self.now)
    }

    /// The status was written; this is the next reconcile.
    pub(super) fn written(mut self) -> Self {
        self.state.memo = self.status();
        self
    }

    /// The operator was killed: what only it knew is lost.
    pub(super) fn restarted(self) -> Self {
        self.with(|case| {
            case.state.memory = Memory::default();
            case.state.step_error = None;
            if let Some(listing) = &mut case.state.listing {
                *listing = Listing {
                    first: case.now,
                    started: case.now,
                    since: case.now,
                    lists: vec![case.now],
                    last_write: None,
                    entry: listing.entry.clone(),
                };
            }
        })
    }
}

fn object() -> EdgeFunction {
    let object = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "EdgeFunction",
        "metadata": { "name": "hello", "namespace": "ace", "generation": 4 },
        "spec": {
            "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "functions" },
            "verifyJWT": false, "mode": "Enforce",
        },
    });
    serde_json::from_value(object).unwrap()
}

fn platform() -> PlatformFacts {
    PlatformFacts {
        project: PROJECT.to_owned(),
        gateway: format!("https://{PROJECT}.supabase.co"),
        requests_per_minute: 60,
        interval: Duration::from_mins(5),
        suspended: false,
        leaving: false,
        seen: at(-60),
        first_check_done: true,
        listed: true,
        answering: true,
        down: None,
        refusing: None,
        message: "the platform answers".to_owned(),
        anon_key: true,
    }
}
