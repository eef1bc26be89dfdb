//! What the carrying out of a pass adds to its decisions: deadlines, what is kept when a write fails, echoes.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use ace_api::{EdgeFunction, EdgeFunctionStatus, FunctionReason};
use ace_domain::reconcile::{
    decision::{self, Requeue},
    event::Event,
    key::Key,
    kind::{self, Kind},
    timing::Timing,
};
use jiff::Timestamp;
use kube::{core::DeserializeGuard, runtime::controller::Action};
use serde_json::{Value, json};

use super::{
    Controller, Tools,
    pass::pass,
    queue::{Context, Queue},
};
use crate::{
    events::Events,
    index::Dependents,
    metrics::Metrics,
    testing::{Answer, Received, Server, api_server},
};

type Decision = decision::Decision<Step, FunctionReason>;

#[derive(Clone, Debug)]
struct Step;

impl kind::Step for Step {
    fn name(&self) -> &'static str {
        "Try"
    }
}

#[derive(Debug)]
struct TimedOut;

impl kind::StepError for TimedOut {}

/// How many steps were cut off, as this pass and those before it have seen.
#[derive(Clone, Debug, Default)]
struct Known {
    cut_off: usize,
    tried: bool,
    memo: EdgeFunctionStatus,
}

/// A kind with one step, which never ends.
#[derive(Debug)]
enum Hanging {}

impl Kind for Hanging {
    const NAME: &'static str = "Hanging";

    type Object = EdgeFunction;
    type Status = EdgeFunctionStatus;
    type State = Known;
    type Step = Step;
    type StepResult = ();
    type StepError = TimedOut;
    type Reason = FunctionReason;
    type Memory = usize;

    fn decide(_: &EdgeFunction, state: &Known, _: Timestamp) -> Decision {
        if state.tried {
            Decision::Settled(Requeue::OnChange)
        } else {
            Decision::Do(Step)
        }
    }

    fn update(_: &EdgeFunction, state: &mut Known, _: &Step, outcome: Result<(), TimedOut>, _: Timestamp) {
        state.tried = true;
        state.cut_off += usize::from(outcome.is_err());
    }

    fn status(object: &EdgeFunction, state: &Known, _: &Decision, _: Timestamp) -> EdgeFunctionStatus {
        EdgeFunctionStatus {
            url: Some(format!("cut off {} times", state.cut_off)),
            ..object.status.clone().unwrap_or_default()
        }
    }

    fn memo(state: &mut Known) -> &mut EdgeFunctionStatus {
        &mut state.memo
    }

    fn into_memory(state: Known, _: &Decision) -> usize {
        state.cut_off
    }

    fn events(_: &EdgeFunctionStatus, _: &EdgeFunctionStatus) -> Vec<Event> {
        Vec::new()
    }

    fn is_suspended(object: &EdgeFunction) -> bool {
        object.spec.suspend
    }

    fn step_deadline(_: &Step, _: Timing) -> Duration {
        Duration::from_millis(10)
    }

    fn timed_out(_: &Step, _: Duration) -> TimedOut {
        TimedOut
    }
}

/// What was kept at each observation.
#[derive(Default)]
struct Observing(Mutex<Vec<usize>>);

impl Controller for Observing {
    type Kind = Hanging;
    type Context = ();

    async fn observe(&self, _: &EdgeFunction, memory: usize, _: u32, _: Timestamp) -> (Known, ()) {
        self.0.lock().unwrap().push(memory);
        let known = Known {
            cut_off: memory,
            ..Known::default()
        };
        (known, ())
    }

    async fn act(&self, _: &EdgeFunction, _: &Known, (): &(), _: &Step) -> Result<(), TimedOut> {
        std::future::pending().await
    }
}

struct Fixture {
    context: Arc<Context<Observing>>,
    server: Server,
    metrics: Metrics,
}

/// An API server that answers writes of the status with this code, and the object as it then is.
async fn fixture(code: Arc<AtomicU16>) -> Fixture {
    let server = api_server(move |request: Received| {
        let code = code.load(Ordering::SeqCst);
        let written: Value = serde_json::from_slice(&request.body).unwrap();
        if code == 200 {
            Answer::json(&object("8", &written["status"]))
        } else {
            Answer::status(code)
        }
    })
    .await;
    let metrics = Metrics::new("1.2.3");
    let (events, _publisher) = Events::new(server.client(), "test", metrics.clone());
    let tools = Tools {
        client: server.client(),
        metrics: metrics.clone(),
        events,
        timing: Timing::default(),
    };
    let context = Arc::new(Context {
        controller: Arc::new(Observing::default()),
        tools,
        states: Queue::<Observing>::new().states,
        dependents: Dependents::new().0,
    });
    Fixture {
        context,
        server,
        metrics,
    }
}

fn object(version: &str, status: &Value) -> Value {
    json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "EdgeFunction",
        "metadata": { "name": "hello", "namespace": "ace", "uid": "1", "generation": 1, "resourceVersion": version },
        "spec": {
            "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "code" }, "verifyJWT": true,
        },
        "status": status,
    })
}

impl Fixture {
    /// A pass over the object as the cache has it.
    async fn pass(&self, version: &str, status: Value) -> Action {
        let cached: DeserializeGuard<EdgeFunction> = serde_json::from_value(object(version, &status)).unwrap();
        pass::<Observing>(Arc::new(cached), self.context.clone()).await.unwrap()
    }

    fn observed(&self) -> Vec<usize> {
        self.context.controller.0.lock().unwrap().clone()
    }
}

fn answering(code: u16) -> Arc<AtomicU16> {
    Arc::new(AtomicU16::new(code))
}

#[tokio::test]
async fn a_step_that_never_ends_is_cut_off_at_its_deadline_and_the_pass_goes_on() {
    let fixture = fixture(answering(200)).await;
    assert_eq!(fixture.pass("5", json!({})).await, Action::await_change());
    assert_eq!(fixture.server.requests().len(), 1, "the status that says so is written");
    let text = fixture.metrics.text().unwrap();
    let failed = "ace_steps_total{kind=\"Hanging\",step=\"Try\",outcome=\"Failed\"} 1";
    assert!(text.contains(failed), "{text}");
}

#[tokio::test]
async fn what_was_learned_is_kept_when_the_status_can_not_be_written_and_the_pass_is_repeated() {
    let code = answering(500);
    let fixture = fixture(code.clone()).await;
    assert_ne!(fixture.pass("5", json!({})).await, Action::await_change());
    code.store(200, Ordering::SeqCst);
    assert_eq!(fixture.pass("5", json!({})).await, Action::await_change());
    assert_eq!(fixture.observed(), [0, 1]);
}

#[tokio::test]
async fn the_event_of_our_own_write_causes_no_second_pass() {
    let fixture = fixture(answering(200)).await;
    fixture.pass("5", json!({})).await;
    assert_eq!(
        fixture.pass("8", json!({ "url": "cut off 1 times" })).await,
        Action::await_change()
    );
    assert_eq!(fixture.observed(), [0]);
    // Somebody asks for one all the same.
    let key = Key {
        namespace: "ace".to_owned(),
        name: "hello".to_owned(),
    };
    assert!(fixture.context.states.mark(&key));
    fixture.pass("8", json!({ "url": "cut off 1 times" })).await;
    assert_eq!(fixture.observed(), [0, 1]);
}

#[tokio::test]
async fn nothing_of_an_object_is_kept_for_another_one_of_its_name() {
    let fixture = fixture(answering(200)).await;
    fixture.pass("5", json!({})).await;
    let mut another = object("9", &json!({}));
    another["metadata"]["uid"] = json!("2");
    let another: DeserializeGuard<EdgeFunction> = serde_json::from_value(another).unwrap();
    pass::<Observing>(Arc::new(another), fixture.context.clone())
        .await
        .unwrap();
    assert_eq!(fixture.observed(), [0, 0]);
}
