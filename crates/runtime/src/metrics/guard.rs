//! Guards that record themselves, so that an early return, a `?`, a cancelled future and a panic are counted alike.

use std::time::Instant;

use super::Metrics;

macro_rules! outcomes {
    ($(#[$doc:meta])* $name:ident { $($(#[$says:meta])* $outcome:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum $name {
            $($(#[$says])* $outcome,)*
        }

        impl $name {
            /// The value of the label `outcome`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$outcome => stringify!($outcome),)*
                }
            }
        }
    };
}

outcomes! {
    /// How a reconcile ended, as a dashboard shows it.
    PassOutcome {
        /// Nothing is left to do.
        Settled,
        /// A dependency is not ready.
        Waiting,
        /// A person has to act.
        Refused,
        /// The object changed meanwhile, so the reconcile starts over.
        StartedOver,
        /// The object was deleted, or its finalizer was removed.
        Gone,
        /// A step failed; it is retried.
        Failed,
        /// It panicked: the object is put aside.
        InternalError,
        /// The API server refused the status: another one says so.
        StatusRefused,
        /// The definition is older than the operator: it has no field for a part of the status.
        DefinitionOutdated,
        /// This version can't read the object.
        ObjectUnreadable,
        /// The reconcile was aborted: a deadline, a shutdown.
        Abandoned,
    }
}

outcomes! {
    /// How a step ended.
    StepOutcome {
        Done,
        /// It had no effect.
        Failed,
        /// The response was lost.
        Unknown,
        /// It was aborted before its outcome was known.
        Abandoned,
    }
}

/// One reconcile of an object. Dropped unfinished it counts as [`PassOutcome::Abandoned`].
#[derive(Debug)]
#[must_use = "a reconcile that is dropped counts as abandoned"]
pub struct Pass {
    metrics: Metrics,
    kind: &'static str,
    outcome: PassOutcome,
    began: Instant,
}

impl Pass {
    pub(super) fn begin(metrics: Metrics, kind: &'static str) -> Self {
        Self {
            metrics,
            kind,
            outcome: PassOutcome::Abandoned,
            began: Instant::now(),
        }
    }

    pub fn finish(mut self, outcome: PassOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.metrics
            .passed(self.kind, self.outcome.as_str(), self.began.elapsed().as_secs_f64());
    }
}

/// One step. Dropped unfinished it counts as [`StepOutcome::Abandoned`].
#[derive(Debug)]
#[must_use = "a step that is dropped counts as abandoned"]
pub struct Step {
    metrics: Metrics,
    kind: &'static str,
    name: &'static str,
    outcome: StepOutcome,
    began: Instant,
}

impl Step {
    pub(super) fn begin(metrics: Metrics, kind: &'static str, name: &'static str) -> Self {
        Self {
            metrics,
            kind,
            name,
            outcome: StepOutcome::Abandoned,
            began: Instant::now(),
        }
    }

    pub fn finish(mut self, outcome: StepOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.metrics.stepped(
            self.kind,
            self.name,
            self.outcome.as_str(),
            self.began.elapsed().as_secs_f64(),
        );
    }
}
