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
    /// How a pass ended. What is chosen here is what a dashboard shows.
    PassOutcome {
        /// The wish is live, or was looked at; nothing is left to do.
        Settled,
        /// The world is not there yet.
        Waiting,
        /// A person must act.
        Refused,
        /// The object changed meanwhile, so the pass starts over.
        StartedOver,
        /// The object is gone, or the operator has let go of it.
        Gone,
        /// An effect did not work; it is repeated.
        Failed,
        /// The pass was cut off: a deadline, a panic, the end of the process.
        Abandoned,
    }
}

outcomes! {
    /// How a step ended.
    StepOutcome {
        /// It took effect.
        Done,
        /// It had no effect.
        Failed,
        /// The answer was lost.
        Unknown,
        /// It was cut off before it was known.
        Abandoned,
    }
}

/// One pass over an object. Dropped unfinished it counts as [`PassOutcome::Abandoned`].
#[derive(Debug)]
#[must_use = "a pass that is dropped counts as abandoned"]
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

    /// Ends the pass.
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

/// One effect. Dropped unfinished it counts as [`StepOutcome::Abandoned`].
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

    /// Ends the step.
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
