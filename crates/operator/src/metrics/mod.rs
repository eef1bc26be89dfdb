//! What the operator counts beyond what is counted of every kind: requests to platforms, reads of sources, whether databases are
//! recoverable, and what rules measure.

mod platform;
mod reference;
mod schedules;
mod signals;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ace_api::SourceKind;
use ace_domain::kinds::notification_channel::{Failure, StepError};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use ace_runtime::metrics as runtime;
use ace_runtime::metrics::{MetricKind, MetricReference, metric};

pub use platform::PlatformMetrics;
pub use reference::REFERENCE;

use platform::Platforms;
use schedules::Schedules;
use signals::Signals;

/// The handle; cheap to clone, and every clone counts into the same registry.
#[derive(Clone)]
pub struct Metrics {
    /// What is counted of every kind.
    pub runtime: runtime::Metrics,
    platforms: Arc<Platforms>,
    schedules: Arc<Schedules>,
    signals: Arc<Signals>,
    source_reads: Family<ReadLabels, Counter>,
    notifications: Family<DeliveryLabels, Counter>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ReadLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct DeliveryLabels {
    receiver: String,
    outcome: &'static str,
}

impl Metrics {
    /// An empty registry of the operator in this version.
    pub fn new(version: &'static str) -> Self {
        let runtime = runtime::Metrics::new(version);
        let (platforms, schedules, signals, source_reads, notifications) = runtime.register(REFERENCE, |registering| {
            (
                Arc::new(Platforms::register(registering)),
                Arc::new(Schedules::register(registering)),
                Arc::new(Signals::register(registering)),
                registering.add("ace_source_reads", Family::default()),
                registering.add("ace_notifications", Family::default()),
            )
        });
        let budgets = platforms.clone();
        runtime.before_text(move || budgets.read_budgets());
        Self {
            runtime,
            platforms,
            schedules,
            signals,
            source_reads,
            notifications,
        }
    }

    /// Counts a message of a NotificationChannel of this type.
    pub fn delivered(&self, receiver: &str, error: Option<&StepError>) {
        let outcome = match error.map(|error| error.failure) {
            None => "Accepted",
            Some(Failure::Refused) => "Refused",
            Some(Failure::Passing(_)) => "Failed",
            Some(Failure::Unknown) => "Unknown",
        };
        let receiver = receiver.to_owned();
        let labels = DeliveryLabels { receiver, outcome };
        self.notifications.get_or_create(&labels).inc();
    }

    /// Counts a read of a source object.
    pub fn source_read(&self, kind: SourceKind, outcome: &'static str) {
        let kind = match kind {
            SourceKind::GitRepository => "GitRepository",
            SourceKind::OCIRepository => "OCIRepository",
            SourceKind::Bucket => "Bucket",
            SourceKind::ExternalArtifact => "ExternalArtifact",
            SourceKind::ConfigMap => "ConfigMap",
        };
        self.source_reads.get_or_create(&ReadLabels { kind, outcome }).inc();
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}
