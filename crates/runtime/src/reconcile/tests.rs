//! A kind whose steps never end, and what its passes leave on an API server.

use std::{
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use ace_api::{EdgeFunction, EdgeFunctionStatus, FunctionReason};
use ace_domain::reconcile::{
    decision::{self, Requeue},
    dependency::{Dependency, Facts},
    event::Event,
    key::Key,
    kind::{self, Kind},
    timing::Timing,
};
use axum::http::Method;
use jiff::Timestamp;
use kube::core::DeserializeGuard;
use serde_json::{Value, json};

use super::{Context, Controller, Due, Scheduler, Tools, note_places, pass};
use crate::{
    events::Events,
    index::Dependents,
    metrics::Metrics,
    testing::{Answer, Received, Server, api_server},
};

mod outdated;
mod panics;
mod passes;
mod refused;
mod scheduling;
mod unobserved;
mod unreadable;

type Decision = decision::Decision<Step, FunctionReason>;

#[derive(Clone, Debug)]
struct Step {
    records_first: bool,
}

impl kind::Step for Step {
    fn name(&self) -> &'static str {
        "Try"
    }

    fn records_first(&self) -> bool {
        self.records_first
    }
}

#[derive(Debug)]
struct TimedOut;

impl kind::StepError for TimedOut {}

/// How many steps were cut off, as this pass and those before it have seen.
#[derive(Clone, Debug, Default)]
struct Known {
    cut_off: usize,
    name: String,
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

    fn decide(object: &EdgeFunction, state: &Known, _: Timestamp) -> Decision {
        panic_at(name(object), "decide");
        if state.tried {
            Decision::Settled(Requeue::OnChange)
        } else {
            let records_first = ["admit", "announced"].contains(&name(object));
            Decision::Do(Step { records_first })
        }
    }

    fn infer(object: &EdgeFunction, _: &mut Known, _: Timestamp) {
        panic_at(name(object), "infer");
    }

    fn references(object: &EdgeFunction) -> Vec<Dependency> {
        panic_at(name(object), "references");
        vec![Dependency::Platform(key("prod"))]
    }

    fn facts(object: &EdgeFunction) -> Facts {
        panic_at(name(object), "facts");
        Vec::new()
    }

    fn findings(object: &EdgeFunction, _: &Known, _: Option<&Decision>, _: Timestamp) -> Facts {
        panic_at(name(object), "findings");
        Vec::new()
    }

    fn update(object: &EdgeFunction, state: &mut Known, _: &Step, outcome: Result<(), TimedOut>, _: Timestamp) {
        panic_at(name(object), "update");
        state.tried = true;
        state.cut_off += usize::from(outcome.is_err());
    }

    fn status(object: &EdgeFunction, state: &Known, _: &Decision, _: Timestamp) -> EdgeFunctionStatus {
        panic_at(name(object), "status");
        EdgeFunctionStatus {
            url: Some(format!("cut off {} times", state.cut_off)),
            ..object.status.clone().unwrap_or_default()
        }
    }

    fn memo(state: &mut Known) -> &mut EdgeFunctionStatus {
        &mut state.memo
    }

    fn into_memory(state: Known, _: &Decision) -> usize {
        panic_at(&state.name, "into_memory");
        state.cut_off
    }

    fn events(before: &EdgeFunctionStatus, _: &EdgeFunctionStatus) -> Vec<Event> {
        panic_at(before.url.as_deref().unwrap_or_default(), "events");
        Vec::new()
    }

    fn is_suspended(object: &EdgeFunction) -> bool {
        object.spec.suspend
    }

    fn observation_deadline(_: Timing) -> Duration {
        Duration::from_millis(10)
    }

    fn step_deadline(_: &Step, _: Timing) -> Duration {
        Duration::from_millis(10)
    }

    fn timed_out(_: &Step, _: Duration) -> TimedOut {
        TimedOut
    }
}

/// What was kept at each observation; and where an object panics, by its name.
#[derive(Default)]
struct Observing(Mutex<Vec<usize>>);

fn panic_at(name: &str, place: &str) {
    assert!(name != place, "canary");
}

fn key(name: &str) -> Key {
    Key {
        namespace: "ace".to_owned(),
        name: name.to_owned(),
    }
}

fn name(object: &EdgeFunction) -> &str {
    object.metadata.name.as_deref().unwrap()
}

impl Controller for Observing {
    type Kind = Hanging;
    type Context = String;

    async fn observe(&self, object: &EdgeFunction, memory: usize, _: u32, _: Timestamp) -> (Known, String) {
        self.0.lock().unwrap().push(memory);
        panic_at(name(object), "observe");
        if name(object).starts_with("silent") {
            std::future::pending::<()>().await;
        }
        let known = Known {
            cut_off: memory,
            name: name(object).to_owned(),
            memo: object.status.clone().unwrap_or_default(),
            ..Known::default()
        };
        (known, name(object).to_owned())
    }

    fn admit(&self, name: &String, _: &Known, _: &Step) -> Result<(), TimedOut> {
        panic_at(name, "admit");
        Ok(())
    }

    async fn act(&self, object: &EdgeFunction, _: &Known, _: &String, _: &Step) -> Result<(), TimedOut> {
        panic_at(name(object), "act");
        panic_at(name(object), "announced");
        std::future::pending().await
    }

    fn release(&self, object: &EdgeFunction, _: String) {
        panic_at(name(object), "release");
    }
}

struct Fixture {
    context: Arc<Context<Observing>>,
    written: Arc<Mutex<Vec<EdgeFunctionStatus>>>,
    server: Server,
    metrics: Metrics,
}

/// An API server that answers writes of the status with this code, and the object as it then is.
async fn fixture(code: Arc<AtomicU16>) -> Fixture {
    fixture_with(move |_| match code.load(Ordering::SeqCst) {
        200 => None,
        code => Some(Answer::status(code)),
    })
    .await
}

fn places_are_noted() {
    static PLACES: Once = Once::new();
    PLACES.call_once(note_places);
}

/// An API server that refuses those writes of a status for which there is a refusal.
async fn fixture_with(refusal: impl Fn(&Value) -> Option<Answer> + Clone + Send + Sync + 'static) -> Fixture {
    let statuses = Arc::<Mutex<Vec<EdgeFunctionStatus>>>::default();
    let noted = statuses.clone();
    let fixture = fixture_of(move |request: Received| {
        if request.method == Method::GET {
            return Answer::json(&list(&[]));
        }
        let written: Value = serde_json::from_slice(&request.body).unwrap();
        if let Some(refused) = refusal(&written["status"]) {
            return refused;
        }
        let status = serde_json::from_value(written["status"].clone()).unwrap();
        noted.lock().unwrap().push(status);
        let name = written["metadata"]["name"].as_str().unwrap();
        Answer::json(&named(name, "8", &written["status"]))
    })
    .await;
    Fixture {
        written: statuses,
        ..fixture
    }
}

/// An API server that answers so.
async fn fixture_of(answer: impl Fn(Received) -> Answer + Clone + Send + Sync + 'static) -> Fixture {
    places_are_noted();
    let server = api_server(answer).await;
    let metrics = Metrics::new("1.2.3");
    let (events, _publisher) = Events::new(server.client(), "test", metrics.clone());
    let tools = Tools {
        client: server.client(),
        metrics: metrics.clone(),
        events,
        timing: Timing::default(),
    };
    let dependents = Dependents::new().0;
    let context = Arc::new(Context {
        controller: Arc::new(Observing::default()),
        tools,
        states: Arc::default(),
        scheduler: Scheduler::new(dependents.clone(), Timing::default()),
        dependents,
    });
    Fixture {
        context,
        written: Arc::default(),
        server,
        metrics,
    }
}

fn list(items: &[Value]) -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": items })
}

fn object(version: &str, status: &Value) -> Value {
    named("hello", version, status)
}

fn named(name: &str, version: &str, status: &Value) -> Value {
    json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "EdgeFunction",
        "metadata": { "name": name, "namespace": "ace", "uid": "1", "generation": 1, "resourceVersion": version },
        "spec": {
            "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "code" }, "verifyJWT": true,
        },
        "status": status,
    })
}

impl Fixture {
    /// A pass over the object as the cache has it.
    async fn pass(&self, version: &str, status: Value) -> Due {
        self.pass_over(object(version, &status)).await
    }

    async fn pass_over(&self, cached: Value) -> Due {
        let cached: DeserializeGuard<EdgeFunction> = serde_json::from_value(cached).unwrap();
        pass::<Observing>(Arc::new(cached), self.context.clone()).await
    }

    /// The statuses that were written.
    fn written(&self) -> Vec<EdgeFunctionStatus> {
        self.written.lock().unwrap().clone()
    }

    /// How passes have ended.
    fn passes(&self, outcome: &str) -> String {
        let text = self.metrics.text().unwrap();
        let counter = format!("ace_passes_total{{kind=\"Hanging\",outcome=\"{outcome}\"}} ");
        let count = text.lines().find_map(|line| line.strip_prefix(&counter));
        count.unwrap_or("0").to_owned()
    }

    fn observed(&self) -> Vec<usize> {
        self.context.controller.0.lock().unwrap().clone()
    }
}

fn answering(code: u16) -> Arc<AtomicU16> {
    Arc::new(AtomicU16::new(code))
}
