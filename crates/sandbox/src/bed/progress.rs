//! What a person in front of the terminal is told.

use std::fmt::Display;
use std::time::Instant;

/// Where news of a start goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Progress {
    /// Nowhere: for tests.
    #[default]
    Silent,
    /// A line each on standard error.
    Lines,
}

impl Progress {
    pub fn say(self, line: impl Display) {
        if self == Progress::Lines {
            eprintln!("{line}");
        }
    }

    /// Says that a part is there, and how long it took since `started`.
    pub(super) fn took(self, part: &str, started: Instant, detail: impl Display) {
        self.say(format_args!(
            "  {part:<18} {:>6.2} s   {detail}",
            started.elapsed().as_secs_f64()
        ));
    }
}
