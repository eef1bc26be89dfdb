use std::sync::Arc;
use std::time::Duration;

use ace_domain::{kinds::backup_schedule::Measured, reconcile::key::Key};
use ace_runtime::{clock, metrics::Registering};
use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ScheduleLabels {
    namespace: String,
    schedule: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct SourceLabels {
    namespace: String,
    schedule: String,
    source: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct LevelLabels {
    namespace: String,
    schedule: String,
    level: &'static str,
}

type Gauges = Family<ScheduleLabels, Gauge>;

/// Gauges of all BackupSchedules. They are made anew of the objects at each reading, so that a restart loses nothing, and what is gone
/// is gone.
pub(super) struct Schedules {
    ages: Family<SourceLabels, Gauge>,
    verified: Family<LevelLabels, Gauge>,
    rpo: Gauges,
    rto: Gauges,
    bytes: Gauges,
    missed: Gauges,
    failures: Gauges,
    took: Gauges,
    predicted: Gauges,
}

impl Metrics {
    /// Has what `measure` finds of all schedules shown at each reading.
    pub fn follow_schedules(&self, measure: impl Fn() -> Vec<(Key, Measured)> + Send + Sync + 'static) {
        let schedules: Arc<Schedules> = self.schedules.clone();
        self.runtime
            .before_text(move || schedules.show(&measure(), clock::now()));
    }
}

impl Schedules {
    pub(super) fn register(registering: &mut Registering<'_>) -> Self {
        Self {
            ages: registering.gauges("ace_backup_recovery_point_age_seconds"),
            verified: registering.gauges("ace_backup_last_verified_timestamp_seconds"),
            rpo: registering.gauges("ace_backup_rpo_seconds"),
            rto: registering.gauges("ace_backup_rto_seconds"),
            bytes: registering.gauges("ace_backup_size_bytes"),
            missed: registering.gauges("ace_backup_missed_slots"),
            failures: registering.gauges("ace_backup_failures"),
            took: registering.gauges("ace_backup_drill_recovery_seconds"),
            predicted: registering.gauges("ace_backup_drill_predicted_seconds"),
        }
    }

    fn show(&self, all: &[(Key, Measured)], now: Timestamp) {
        self.ages.clear();
        self.verified.clear();
        let gauges = [
            &self.rpo,
            &self.rto,
            &self.bytes,
            &self.missed,
            &self.failures,
            &self.took,
            &self.predicted,
        ];
        for family in gauges {
            family.clear();
        }
        for (key, measured) in all {
            let labels = ScheduleLabels {
                namespace: key.namespace.clone(),
                schedule: key.name.clone(),
            };
            let values = [
                Some(seconds(measured.rpo)),
                measured.rto.map(seconds),
                measured.bytes,
                Some(measured.missed),
                Some(measured.failures),
                measured.took.map(seconds),
                measured.predicted.map(seconds),
            ];
            for (family, value) in gauges.into_iter().zip(values) {
                if let Some(value) = value {
                    family.get_or_create(&labels).set(value);
                }
            }
            for (source, time) in &measured.points {
                let age = now.duration_since(*time).as_secs();
                self.ages.get_or_create(&labels.of(source)).set(age);
            }
            for (level, time) in &measured.verified {
                self.verified.get_or_create(&labels.at(level)).set(time.as_second());
            }
        }
    }
}

impl ScheduleLabels {
    fn of(&self, source: &'static str) -> SourceLabels {
        SourceLabels {
            namespace: self.namespace.clone(),
            schedule: self.schedule.clone(),
            source,
        }
    }

    fn at(&self, level: &'static str) -> LevelLabels {
        LevelLabels {
            namespace: self.namespace.clone(),
            schedule: self.schedule.clone(),
            level,
        }
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
