//! `EdgeFunction`: one function of one project.

mod act;
mod archives;
mod observe;

use std::sync::Arc;

use ace_api::{DeletionPolicy, EdgeFunction, EdgeFunctionStatus, FunctionReason, Mode};
use ace_domain::{
    decision::{Decision, Trouble},
    function::{self, Fact, PlatformSight, Recall, Step},
    notice::Notice,
    pace::Pace,
    platform::Phase,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

pub(crate) use act::is_news;

use super::platform::Platforms;
use crate::{
    applied::AppliedVersions,
    directory::Directory,
    driver::{Key, Kind, Waker},
    metrics::Metrics,
    sites::{Site, Sites},
    sources::{Identity, Sources},
};

/// The controller's kind.
pub struct EdgeFunctions {
    /// To the API server: for archives.
    pub client: kube::Client,
    /// The caches.
    pub directory: Directory,
    /// The shared observations.
    pub sites: Arc<Sites>,
    /// Where code comes from.
    pub sources: Arc<Sources>,
    /// What sets of migrations have applied.
    pub applied: Arc<AppliedVersions>,
    /// Counts.
    pub metrics: Metrics,
    /// Constants of time.
    pub pace: Pace,
    /// Wakes Platforms.
    pub platforms: Waker<Platforms>,
    /// Wakes functions; this kind's own waker.
    pub functions: Waker<EdgeFunctions>,
    /// Names in the commands that messages offer.
    pub identity: Identity,
}

/// What a pass over a function works on.
pub struct World {
    /// What is known.
    pub known: function::World,
    /// What its Platform's functions share; nothing where there is no Platform.
    pub site: Option<Arc<Site>>,
}

impl Kind for EdgeFunctions {
    const NAME: &'static str = "EdgeFunction";

    type Object = EdgeFunction;
    type Status = EdgeFunctionStatus;
    type World = World;
    type Step = Step;
    type Fact = Fact;
    type Trouble = Trouble;
    type Reason = FunctionReason;
    type Recall = Recall;

    async fn observe(&self, object: &EdgeFunction, recall: Recall, failures: u32, now: Timestamp) -> World {
        observe::observe(self, object, Recall { failures, ..recall }, now).await
    }

    fn admit(&self, world: &World, step: &Step) -> Result<(), Trouble> {
        act::admit(world, step)
    }

    async fn act(&self, object: &EdgeFunction, world: &World, step: &Step) -> Result<Fact, Trouble> {
        act::act(self, object, world, step).await
    }

    fn conclude(&self, object: &EdgeFunction, world: World, decision: &Decision<Step, FunctionReason>) -> Recall {
        self.remember_phase(object, &world);
        let mut recall = world.known.recall;
        recall.absent = None;
        // Bodies and archives are large; whoever needs one after a rest reads it again.
        if matches!(decision, Decision::Settled(_) | Decision::Refuse(..)) {
            recall.body = None;
            recall.archive = None;
        }
        recall
    }

    fn forget(&self, key: &Key) {
        self.functions.forget(key);
        self.metrics.forget_object(Self::NAME, &key.namespace, &key.name);
    }

    fn decide(object: &EdgeFunction, world: &World, now: Timestamp) -> Decision<Step, FunctionReason> {
        function::decide(object, &world.known, now)
    }

    fn learn(object: &EdgeFunction, world: &mut World, step: &Step, outcome: Result<Fact, Trouble>, now: Timestamp) {
        function::learn(object, &mut world.known, step, outcome, now);
    }

    fn understand(object: &EdgeFunction, world: &mut World, now: Timestamp) {
        function::understand(object, &mut world.known, now);
    }

    fn status(
        object: &EdgeFunction,
        world: &World,
        decision: &Decision<Step, FunctionReason>,
        now: Timestamp,
    ) -> EdgeFunctionStatus {
        function::status(object, &world.known, decision, now)
    }

    fn leave_undone(world: &mut World, step: &Step) {
        function::leave_undone(&mut world.known, step);
    }

    fn follow(world: &mut World, shown: &EdgeFunctionStatus) {
        world.known.memo.conditions.clone_from(&shown.conditions);
    }

    fn notices(before: &EdgeFunctionStatus, after: &EdgeFunctionStatus) -> Vec<Notice> {
        function::notices(before, after)
    }

    fn conditions(status: &EdgeFunctionStatus) -> (&[Condition], Option<i32>) {
        let standing = status.drift.as_ref().filter(|drift| drift.corrected_time.is_none());
        (&status.conditions, standing.map(|drift| drift.count))
    }

    fn step_name(step: &Step) -> &'static str {
        step.name()
    }

    fn needs_record(step: &Step) -> bool {
        step.needs_record()
    }

    fn is_unknown(trouble: &Trouble) -> bool {
        *trouble == Trouble::OutcomeUnknown
    }

    fn wants_finalizer(object: &EdgeFunction) -> bool {
        object.spec.deletion_policy == DeletionPolicy::Delete && object.spec.mode != Mode::Observe
    }

    fn is_suspended(object: &EdgeFunction) -> bool {
        object.spec.suspend
    }
}

impl EdgeFunctions {
    /// A function that found its Platform out of sight waits to be woken. The Platform wakes it when its own next phase is a
    /// better one, so it has to know what the function went by: a list may have come between the two.
    fn remember_phase(&self, object: &EdgeFunction, world: &World) {
        let (Some(site), PlatformSight::Present(facts)) = (&world.site, &world.known.platform) else {
            return;
        };
        let lost = Timestamp::now() > facts.seen + self.pace.unseen_after(facts.interval);
        let phase = match (lost, facts.listed, facts.answering) {
            (true, _, _) => Some(Phase::Lost),
            (false, false, _) => Some(Phase::Unlisted),
            (false, true, false) => Some(Phase::Failing),
            (false, true, true) => None,
        };
        let failing = !site.is_answering();
        let Some(phase) = phase.or(failing.then_some(Phase::Failing)) else {
            return;
        };
        if site.told(phase) == Phase::InSight {
            let platform = crate::directory::platform_of(object);
            if failing {
                // The Platform looks by itself while it knows that something is wrong.
                self.have_platform_look(site, platform, self.pace.probe());
            } else {
                self.platforms.wake(platform, "Function");
            }
        }
    }
}
