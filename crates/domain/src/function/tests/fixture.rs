//! A settled function, and what can be changed of it.

use std::time::Duration;

use ace_api::{
    ANNOTATION_RECONCILE_AT, AdoptionPolicy, DeletionPolicy, EdgeFunction, EdgeFunctionSpec, EdgeFunctionStatus,
    LocalReference, Mode, Rollback, Source, SourceKind,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    super::{
        Claim, Decision, Entry, Fact, Look, PlatformFacts, PlatformSight, Recall, SourceSight, Step, World, decide,
        learn, status, understand,
    },
    words::{A, applied, body, check, content, entry, look, proven},
};
use crate::{
    decision::{Again, Trouble},
    pace::Pace,
};

pub(super) const PROJECT: &str = "abcdefghijklmnopqrst";

/// One object, what is known of it, and the time.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub object: EdgeFunction,
    pub world: World,
    pub now: Timestamp,
}

/// `A` is wanted, applied, proven and live as version 3, as a list of this pass shows; nothing is left to do.
pub(super) fn settled() -> Case {
    let content = content(A);
    let object = EdgeFunction {
        metadata: kube::core::ObjectMeta {
            name: Some("hello".to_owned()),
            namespace: Some("ace".to_owned()),
            generation: Some(4),
            ..Default::default()
        },
        spec: spec(),
        status: None,
    };
    let world = World {
        pace: Pace::default(),
        began: at(-60),
        memo: EdgeFunctionStatus {
            applied: Some(applied(A, 3)),
            proven: Some(proven(A)),
            ..EdgeFunctionStatus::default()
        },
        platform: PlatformSight::Present(platform()),
        claim: Claim::Owned,
        source: SourceSight::Ready {
            content,
            artifact_revision: "main@sha1:4f2c".to_owned(),
        },
        blockers: Vec::new(),
        look: Some(look(Some(entry(A, 3)))),
        secrets: Some(["RESEND_API_KEY".to_owned()].into()),
        migrations: None,
        recall: Recall::default(),
        trouble: None,
    };
    let mut case = Case {
        object,
        world,
        now: at(0),
    };
    case.world.memo = status(&case.object, &case.world, &Decision::Settled(Again::OnWake), at(-3600));
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
        self.with(|case| case.world.memo = EdgeFunctionStatus::default())
    }

    /// The source wants something else.
    pub(super) fn wants(self, text: &str) -> Self {
        self.with(|case| {
            case.world.source = SourceSight::Ready {
                content: content(text),
                artifact_revision: "main@sha1:99aa".to_owned(),
            };
        })
    }

    /// The list shows this, and has shown it for a minute.
    pub(super) fn sees(self, entry: Option<Entry>) -> Self {
        self.with(|case| case.world.look = Some(look(entry)))
    }

    /// The body of what the list shows was read.
    pub(super) fn read(self, text: &str) -> Self {
        self.with(|case| {
            let entry = case.world.look.as_ref().and_then(|look| look.entry.clone()).unwrap();
            case.world.recall.body = Some(body(text, &entry.stamp));
        })
    }

    pub(super) fn asks(self, value: &str) -> Self {
        self.with(|case| {
            let annotations = case.object.metadata.annotations.get_or_insert_default();
            annotations.insert(ANNOTATION_RECONCILE_AT.to_owned(), value.to_owned());
            case.world.began = case.now;
        })
    }

    pub(super) fn always(self) -> Self {
        self.with(|case| case.object.spec.adoption_policy = AdoptionPolicy::Always)
    }

    pub(super) fn checks(self, names: &[&str]) -> Self {
        self.with(|case| case.object.spec.checks = names.iter().map(|name| check(name)).collect())
    }

    pub(super) fn platform(self, change: impl FnOnce(&mut PlatformFacts)) -> Self {
        self.with(|case| match &mut case.world.platform {
            PlatformSight::Present(platform) => change(platform),
            PlatformSight::Absent => unreachable!("the settled function has a platform"),
        })
    }

    pub(super) fn deleted(self) -> Self {
        self.with(|case| {
            case.object.metadata.deletion_timestamp = Some(Time(at(-1)));
            case.object.spec.deletion_policy = DeletionPolicy::Delete;
            case.world.began = case.now;
        })
    }

    pub(super) fn later(self, seconds: i64) -> Self {
        self.with(|case| case.now += SignedDuration::from_secs(seconds))
    }

    pub(super) fn decide(&mut self) -> Decision {
        understand(&self.object, &mut self.world, self.now);
        decide(&self.object, &self.world, self.now)
    }

    /// The next step is this one, and it ends so.
    #[allow(clippy::needless_pass_by_value, reason = "a table reads better without borrows")]
    pub(super) fn does(&mut self, step: Step, outcome: Result<Fact, Trouble>) {
        assert_eq!(self.decide(), Decision::Do(step.clone()));
        learn(&self.object, &mut self.world, &step, outcome, self.now);
    }

    /// The function is asked for alone and is not there.
    pub(super) fn is_gone(&mut self) {
        self.does(Step::Get, Ok(Fact::Got(None)));
    }

    /// The foreign body is archived before it is overwritten.
    pub(super) fn archives_foreign(&mut self) {
        let body = self.world.recall.body.clone().unwrap();
        let archived = Fact::Archived("hello-foreign".to_owned());
        self.does(Step::ArchiveForeign(body), Ok(archived));
    }

    /// What is asked for now shows this.
    pub(super) fn lists(&mut self, not_before: Timestamp, entry: Option<Entry>) {
        let shown = self.shown(entry);
        self.does(Step::List { not_before }, Ok(Fact::Listed(shown)));
    }

    /// What a list shows that is asked for now, as the view remembers it.
    pub(super) fn shown(&self, entry: Option<Entry>) -> Look {
        let before = self.world.look.clone();
        let same = before.as_ref().filter(|look| look.entry == entry);
        let mut lists = same.map(|look| look.lists.clone()).unwrap_or_default();
        lists.push(self.now);
        Look {
            started: self.now,
            since: same.map_or(self.now, |look| look.since),
            last_write: before.and_then(|look| look.last_write),
            lists,
            entry,
        }
    }

    /// The status after the decision that is due.
    pub(super) fn status(&mut self) -> EdgeFunctionStatus {
        let decision = self.decide();
        status(&self.object, &self.world, &decision, self.now)
    }

    /// The status was written; this is the next pass.
    pub(super) fn written(mut self) -> Self {
        self.world.memo = self.status();
        self
    }

    /// The operator was killed: what only it knew is lost.
    pub(super) fn restarted(self) -> Self {
        self.with(|case| {
            case.world.recall = Recall::default();
            case.world.trouble = None;
            if let Some(look) = &mut case.world.look {
                *look = Look {
                    started: case.now,
                    since: case.now,
                    lists: vec![case.now],
                    last_write: None,
                    entry: look.entry.clone(),
                };
            }
        })
    }
}

fn spec() -> EdgeFunctionSpec {
    EdgeFunctionSpec {
        platform_ref: LocalReference {
            name: "prod".to_owned(),
        },
        slug: None,
        source: Source {
            kind: SourceKind::ConfigMap,
            name: "functions".to_owned(),
            path: None,
            digest: None,
        },
        entrypoint: None,
        import_map: None,
        static_files: Vec::new(),
        verify_jwt: false,
        requires: None,
        checks: Vec::new(),
        rollback: Rollback::OnFailedChecks,
        wave: 0,
        mode: Mode::Enforce,
        adoption_policy: AdoptionPolicy::IfIdentical,
        deletion_policy: DeletionPolicy::Retain,
        suspend: false,
    }
}

fn platform() -> PlatformFacts {
    PlatformFacts {
        project: PROJECT.to_owned(),
        gateway: format!("https://{PROJECT}.supabase.co"),
        interval: Duration::from_mins(5),
        suspended: false,
        leaving: false,
        seen: at(-60),
        looked: true,
        listed: true,
        answering: true,
        message: "the platform answers".to_owned(),
        anon_key: true,
    }
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}
