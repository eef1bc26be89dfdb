use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ace_supabase::{Budget, Observer, Priority};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use ace_runtime::metrics::{Durations, Registering, request_histogram};

use super::Metrics;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct RequestLabels {
    platform: String,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct DeferredLabels {
    platform: String,
    operation: &'static str,
    priority: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct PlatformLabels {
    platform: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct OperationLabels {
    operation: &'static str,
}

pub(super) struct Platforms {
    requests: Family<RequestLabels, Counter>,
    durations: Durations<OperationLabels>,
    deferred: Family<DeferredLabels, Counter>,
    available: Family<PlatformLabels, Gauge>,
    blocked: Family<PlatformLabels, Gauge>,
    known: Mutex<BTreeMap<String, Known>>,
}

/// Series that are removed with the Platform.
#[derive(Default)]
struct Known {
    budget: Option<Arc<Mutex<Budget>>>,
    requests: HashSet<RequestLabels>,
    deferred: HashSet<DeferredLabels>,
}

/// Counts the requests to one Platform; hand it to its client as the observer.
#[derive(Clone, Debug)]
pub struct PlatformMetrics {
    metrics: Metrics,
    platform: String,
}

impl Metrics {
    /// The counters of one Platform, called `namespace/name`. Its budget is read whenever metrics are.
    pub fn platform(&self, platform: &str, budget: Arc<Mutex<Budget>>) -> PlatformMetrics {
        self.platforms.known().entry(platform.to_owned()).or_default().budget = Some(budget);
        PlatformMetrics {
            metrics: self.clone(),
            platform: platform.to_owned(),
        }
    }

    /// Removes all series that name this Platform. To be called when it was deleted.
    pub fn forget_platform(&self, platform: &str) {
        let platforms = &self.platforms;
        let Some(known) = platforms.known().remove(platform) else {
            return;
        };
        for labels in &known.requests {
            platforms.requests.remove(labels);
        }
        for labels in &known.deferred {
            platforms.deferred.remove(labels);
        }
        let labels = PlatformLabels {
            platform: platform.to_owned(),
        };
        platforms.available.remove(&labels);
        platforms.blocked.remove(&labels);
    }
}

impl Observer for PlatformMetrics {
    fn request(&self, operation: &'static str, outcome: &'static str, duration: Duration) {
        let platforms = &self.metrics.platforms;
        platforms
            .durations
            .get_or_create(&OperationLabels { operation })
            .observe(duration.as_secs_f64());
        // A call that ends after its Platform was forgotten would leave a series that is never removed.
        if let Some(known) = platforms.known().get_mut(&self.platform) {
            let labels = RequestLabels {
                platform: self.platform.clone(),
                operation,
                outcome,
            };
            platforms.requests.get_or_create(&labels).inc();
            known.requests.insert(labels);
        }
    }

    fn deferred(&self, operation: &'static str, priority: Priority) {
        let priority = match priority {
            Priority::Change => "Change",
            Priority::Retry => "Retry",
            Priority::Poll => "Poll",
        };
        let platforms = &self.metrics.platforms;
        if let Some(known) = platforms.known().get_mut(&self.platform) {
            let labels = DeferredLabels {
                platform: self.platform.clone(),
                operation,
                priority,
            };
            platforms.deferred.get_or_create(&labels).inc();
            known.deferred.insert(labels);
        }
    }
}

impl Platforms {
    pub(super) fn register(registering: &mut Registering<'_>) -> Self {
        Self {
            requests: registering.add("ace_platform_requests", Family::default()),
            durations: registering.seconds("ace_platform_request_duration", request_histogram),
            deferred: registering.add("ace_platform_requests_deferred", Family::default()),
            available: registering.gauges("ace_platform_budget_available"),
            blocked: registering.gauges("ace_platform_budget_blocked"),
            known: Mutex::default(),
        }
    }

    /// Gauges of budgets change with time alone, so they are computed when metrics are read.
    pub(super) fn read_budgets(&self) {
        let now = Instant::now();
        for (platform, known) in &*self.known() {
            let Some(budget) = &known.budget else { continue };
            let (left, blocked) = {
                let budget = budget.lock().unwrap_or_else(PoisonError::into_inner);
                (budget.left(now), budget.blocked_until(now).is_some())
            };
            let labels = PlatformLabels {
                platform: platform.clone(),
            };
            self.available.get_or_create(&labels).set(i64::from(left));
            self.blocked.get_or_create(&labels).set(i64::from(blocked));
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
