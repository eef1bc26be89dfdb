//! What is counted, as typed handles: a call site chooses among values, never among label texts of its own. Crates above add
//! what only they know of by [`Metrics::register`].
//!
//! Names, labels and help texts are in [`REFERENCE`]. No label has a digest, a path or a message; series that name an object
//! are removed with the object.

mod guard;
mod object;
mod reference;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

pub use guard::{Pass, PassOutcome, Step, StepOutcome};
pub use object::ObjectState;
pub use reference::{MetricKind, MetricReference, REFERENCE, metric};

use object::Objects;

/// The handle; cheap to clone, and every clone counts into the same registry.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

pub type Durations<S> = Family<S, Histogram, fn() -> Histogram>;

struct Inner {
    registry: Mutex<Registry>,
    before_text: Mutex<Vec<Box<dyn Fn() + Send + Sync>>>,
    passes: Family<PassLabels, Counter>,
    pass_durations: Durations<KindLabels>,
    steps: Family<StepLabels, Counter>,
    step_durations: Durations<StepKindLabels>,
    objects: Mutex<Objects>,
    status_writes: Family<KindLabels, Counter>,
    enqueued: Family<EnqueuedLabels, Counter>,
    waiting: Gauge,
    leader: Gauge,
    shards: Gauge,
    events_dropped: Family<DropLabels, Counter>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct PassLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct StepLabels {
    kind: &'static str,
    step: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct StepKindLabels {
    kind: &'static str,
    step: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct EnqueuedLabels {
    kind: &'static str,
    cause: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct DropLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct BuildLabels {
    version: &'static str,
}

/// A reconcile without changes takes a few milliseconds, a deploy with its checks seconds, and its deadline is 60 s.
fn pass_histogram() -> Histogram {
    Histogram::new([0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 180.0])
}

/// A read of the platform takes some 100 ms and may take 30 s; a deploy may take 60.
pub fn request_histogram() -> Histogram {
    Histogram::new([0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0])
}

impl Metrics {
    /// An empty registry of the operator in this version.
    pub fn new(version: &'static str) -> Self {
        let mut registry = Registry::default();
        let mut registering = Registering {
            registry: &mut registry,
            reference: REFERENCE,
        };
        let build = Info::new(BuildLabels { version });
        registering
            .registry
            .register("ace_build", help(REFERENCE, "ace_build"), build);
        let inner = Inner {
            passes: registering.add("ace_passes", Family::default()),
            pass_durations: registering.seconds("ace_pass_duration", pass_histogram),
            steps: registering.add("ace_steps", Family::default()),
            step_durations: registering.seconds("ace_step_duration", request_histogram),
            objects: Mutex::new(Objects::register(&mut registering)),
            status_writes: registering.add("ace_status_writes", Family::default()),
            enqueued: registering.add("ace_enqueued", Family::default()),
            waiting: registering.add("ace_waiting", Gauge::default()),
            leader: registering.add("ace_leader", Gauge::default()),
            shards: registering.add("ace_shards", Gauge::default()),
            events_dropped: registering.add("ace_events_dropped", Family::default()),
            registry: Mutex::new(registry),
            before_text: Mutex::default(),
        };
        Self(Arc::new(inner))
    }

    /// Adds metrics of a crate above, under the help texts of its own `reference`.
    pub fn register<T>(
        &self,
        reference: &'static [MetricReference],
        register: impl FnOnce(&mut Registering<'_>) -> T,
    ) -> T {
        let mut registry = self.0.registry.lock().unwrap_or_else(PoisonError::into_inner);
        register(&mut Registering {
            registry: &mut registry,
            reference,
        })
    }

    /// Has `refresh` called before each reading: for gauges that change by time alone.
    pub fn before_text(&self, refresh: impl Fn() + Send + Sync + 'static) {
        let mut before = self.0.before_text.lock().unwrap_or_else(PoisonError::into_inner);
        before.push(Box::new(refresh));
    }

    /// Begins a reconcile of one object of `kind`; see [`Pass`].
    pub fn pass(&self, kind: &'static str) -> Pass {
        Pass::begin(self.clone(), kind)
    }

    /// Begins a step; see [`Step`].
    pub fn step(&self, kind: &'static str, step: &'static str) -> Step {
        Step::begin(self.clone(), kind, step)
    }

    /// Counts a status that was written to the API server.
    pub fn status_written(&self, kind: &'static str) {
        self.0.status_writes.get_or_create(&KindLabels { kind }).inc();
    }

    /// Counts an object that was enqueued, by cause: the name of a `Dependency`, or `Task`.
    pub fn enqueued(&self, kind: &'static str, cause: &'static str) {
        self.0.enqueued.get_or_create(&EnqueuedLabels { kind, cause }).inc();
    }

    /// How many objects wait for their turn now.
    pub fn set_waiting(&self, waiting: usize) {
        self.0.waiting.set(waiting.try_into().unwrap_or(i64::MAX));
    }

    /// How many shards this process acts on from now on.
    pub fn set_shards(&self, shards: usize) {
        self.0.leader.set(i64::from(shards > 0));
        self.0.shards.set(shards.try_into().unwrap_or(i64::MAX));
    }

    /// Counts an event that was not created.
    pub fn event_dropped(&self, reason: &'static str) {
        self.0.events_dropped.get_or_create(&DropLabels { reason }).inc();
    }

    /// Records the status of an object, in place of the one before.
    pub fn observe_object(&self, kind: &'static str, namespace: &str, name: &str, state: ObjectState) {
        self.objects().observe(kind, namespace, name, state);
    }

    /// Removes an object from all gauges. To be called when it was deleted.
    pub fn forget_object(&self, kind: &'static str, namespace: &str, name: &str) {
        self.objects().forget(kind, namespace, name);
    }

    /// All metrics in the text format of `OpenMetrics`.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let before = self.0.before_text.lock().unwrap_or_else(PoisonError::into_inner);
        for refresh in before.iter() {
            refresh();
        }
        let mut text = String::new();
        encode(
            &mut text,
            &self.0.registry.lock().unwrap_or_else(PoisonError::into_inner),
        )?;
        Ok(text)
    }

    fn objects(&self) -> std::sync::MutexGuard<'_, Objects> {
        self.0.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passed(&self, kind: &'static str, outcome: &'static str, seconds: f64) {
        self.0.passes.get_or_create(&PassLabels { kind, outcome }).inc();
        self.0
            .pass_durations
            .get_or_create(&KindLabels { kind })
            .observe(seconds);
    }

    fn stepped(&self, kind: &'static str, step: &'static str, outcome: &'static str, seconds: f64) {
        self.0.steps.get_or_create(&StepLabels { kind, step, outcome }).inc();
        self.0
            .step_durations
            .get_or_create(&StepKindLabels { kind, step })
            .observe(seconds);
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// Registers metrics under the help texts of a reference.
pub struct Registering<'a> {
    registry: &'a mut Registry,
    reference: &'static [MetricReference],
}

impl Registering<'_> {
    /// `name` without the suffix that the text format adds by itself.
    ///
    /// # Panics
    /// If the reference does not have the metric.
    pub fn add<M: Metric + Clone>(&mut self, name: &'static str, metric: M) -> M {
        self.registry.register(name, help(self.reference, name), metric.clone());
        metric
    }

    /// Durations in seconds, `name` without that unit.
    ///
    /// # Panics
    /// If the reference does not have the metric.
    pub fn seconds<S>(&mut self, name: &'static str, buckets: fn() -> Histogram) -> Durations<S>
    where
        S: EncodeLabelSet + Clone + Eq + std::hash::Hash + fmt::Debug + Send + Sync + 'static,
    {
        let durations = Durations::<S>::new_with_constructor(buckets);
        let help = help(self.reference, name);
        self.registry
            .register_with_unit(name, help, Unit::Seconds, durations.clone());
        durations
    }

    /// Gauges by labels.
    ///
    /// # Panics
    /// If the reference does not have the metric.
    pub fn gauges<S>(&mut self, name: &'static str) -> Family<S, Gauge>
    where
        S: EncodeLabelSet + Clone + Eq + std::hash::Hash + fmt::Debug + Send + Sync + 'static,
    {
        self.add(name, Family::default())
    }
}

/// Labels by the name of an object.
type ByName<T> = HashMap<(&'static str, String, String), T>;

/// The help text of a metric, by its name without the suffix that the text format adds.
fn help(reference: &'static [MetricReference], name: &str) -> &'static str {
    reference
        .iter()
        .find(|metric| {
            metric
                .name
                .strip_prefix(name)
                .is_some_and(|suffix| matches!(suffix, "" | "_total" | "_info" | "_seconds"))
        })
        .map(|metric| metric.help)
        .expect("every registered metric is in the reference; a test registers them all")
}
