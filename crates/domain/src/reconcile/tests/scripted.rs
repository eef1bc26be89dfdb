//! A kind whose decisions a test writes down, and passes over an object of it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use ace_api::{EdgeFunction, EdgeFunctionStatus, FunctionReason};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};

use crate::reconcile::{
    decision::{self, Requeue},
    event::Event,
    kind::{self, Kind},
    pass::{Effect, End, Outcome, Pass},
};

pub(super) type Decision = decision::Decision<Step, FunctionReason>;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Read,
    Write,
}

impl kind::Step for Step {
    fn name(&self) -> &'static str {
        "Step"
    }

    fn records_first(&self) -> bool {
        *self == Self::Write
    }
}

#[derive(Debug, PartialEq)]
pub(super) struct Failed;

impl kind::StepError for Failed {}

/// Decisions in order; the last one is repeated.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Known {
    pub(super) script: VecDeque<Decision>,
    pub(super) url: Option<String>,
    pub(super) memo: EdgeFunctionStatus,
    pub(super) announces: Vec<Condition>,
    pub(super) log: Vec<String>,
}

#[derive(Debug)]
pub(super) enum Scripted {}

impl Kind for Scripted {
    const NAME: &'static str = "Scripted";
    const MAX_STEPS: usize = 3;

    type Object = EdgeFunction;
    type Status = EdgeFunctionStatus;
    type State = Known;
    type Step = Step;
    type StepResult = &'static str;
    type StepError = Failed;
    type Reason = FunctionReason;
    type Memory = Vec<String>;

    fn decide(_: &EdgeFunction, state: &Known, _: Timestamp) -> Decision {
        state
            .script
            .front()
            .cloned()
            .unwrap_or(Decision::Settled(Requeue::OnChange))
    }

    fn update(_: &EdgeFunction, state: &mut Known, step: &Step, outcome: Result<&'static str, Failed>, _: Timestamp) {
        state.log.push(format!("{step:?}: {outcome:?}"));
        if state.script.len() > 1 {
            state.script.pop_front();
        }
    }

    fn infer(_: &EdgeFunction, state: &mut Known, _: Timestamp) {
        state.log.push("inferred".to_owned());
    }

    fn status(object: &EdgeFunction, state: &Known, decision: &Decision, _: Timestamp) -> EdgeFunctionStatus {
        let url = match decision {
            Decision::Do(step) => Some(format!("{step:?} is next")),
            _ => state.url.clone(),
        };
        let mut status = EdgeFunctionStatus {
            url,
            ..object.status.clone().unwrap_or_default()
        };
        status.common.conditions.extend(state.announces.iter().cloned());
        status
    }

    fn memo(state: &mut Known) -> &mut EdgeFunctionStatus {
        &mut state.memo
    }

    fn skip_step(state: &mut Known, step: &Step) {
        state.log.push(format!("{step:?} was not made"));
    }

    fn into_memory(state: Known, _: &Decision) -> Vec<String> {
        state.log
    }

    fn events(before: &EdgeFunctionStatus, after: &EdgeFunctionStatus) -> Vec<Event> {
        vec![Event::normal("Changed", format!("{:?} to {:?}", before.url, after.url))]
    }

    fn wants_finalizer(object: &EdgeFunction) -> bool {
        object.spec.deletion_policy == ace_api::DeletionPolicy::Delete
    }

    fn is_suspended(object: &EdgeFunction) -> bool {
        object.spec.suspend
    }

    fn timed_out(_: &Step, _: Duration) -> Failed {
        Failed
    }
}

pub(super) const SETTLED: Decision = Decision::Settled(Requeue::OnChange);

pub(super) fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

pub(super) fn object(change: impl FnOnce(&mut Value)) -> Arc<EdgeFunction> {
    let mut value = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "EdgeFunction",
        "metadata": { "name": "hello", "namespace": "ace", "generation": 1 },
        "spec": {
            "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "code" }, "verifyJWT": true,
        },
    });
    change(&mut value);
    Arc::new(serde_json::from_value(value).unwrap())
}

pub(super) fn plain() -> Arc<EdgeFunction> {
    object(|_| ())
}

pub(super) fn leaving(finalizers: &[&str]) -> Arc<EdgeFunction> {
    object(|value| {
        value["metadata"]["deletionTimestamp"] = json!("2026-11-23T10:00:00Z");
        value["metadata"]["finalizers"] = json!(finalizers);
        value["spec"]["deletionPolicy"] = json!("Delete");
    })
}

/// A pass over the plain object that has observed it, and decides this.
pub(super) fn pass(script: &[Decision]) -> Pass<Scripted> {
    pass_over(plain(), script)
}

pub(super) fn pass_over(object: Arc<EdgeFunction>, script: &[Decision]) -> Pass<Scripted> {
    let mut pass = Pass::new(object, now() + Duration::from_mins(1));
    assert!(matches!(pass.next(now()), Effect::Observe));
    pass.observed(known(script), now());
    pass
}

pub(super) fn known(script: &[Decision]) -> Known {
    Known {
        script: script.iter().cloned().collect(),
        ..Known::default()
    }
}

pub(super) fn end(outcome: Outcome, requeue: Requeue) -> End {
    End { outcome, requeue }
}

pub(super) fn ended(pass: &mut Pass<Scripted>) -> End {
    match pass.next(now()) {
        Effect::End(end) => end,
        other => panic!("{other:?}"),
    }
}

/// Lets the pass announce its step, and answers with the object as it is then.
pub(super) fn record(pass: &mut Pass<Scripted>, fresh: &EdgeFunction) {
    assert!(matches!(pass.next(now()), Effect::Admit(Step::Write)));
    pass.admitted(Ok(()), now());
    assert!(matches!(pass.next(now()), Effect::Record(status) if status.url.as_deref() == Some("Write is next")));
    pass.status_written(fresh);
}

pub(super) fn log(pass: Pass<Scripted>) -> Vec<String> {
    let (state, decision) = pass.into_parts().unwrap();
    Scripted::into_memory(state, &decision)
}
