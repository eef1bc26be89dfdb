//! Looks after one process until it is gone: limits, idleness, the farewell.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Limits;
use super::load::Load;
use super::logs::SharedLogs;
use super::usage;

/// How often a process is looked at: a memory hog has grown by some hundred MB until then, which a machine can bear.
const LOOK: Duration = Duration::from_millis(250);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It took more than it may.
    Limit,
    /// It went by itself, or was told to.
    Exited,
}

/// What the watcher of one process needs.
pub(super) struct Watcher {
    pub(super) child: Child,
    /// Held open: its end tells the process that its parent is gone. `None` after the farewell could not be said.
    pub(super) stdin: Option<ChildStdin>,
    pub(super) load: Arc<Load>,
    pub(super) limits: Limits,
    pub(super) idle: Duration,
    pub(super) logs: SharedLogs,
    pub(super) stop: CancellationToken,
    pub(super) end: watch::Sender<Option<End>>,
}

impl Watcher {
    /// Returns when the process is gone and reaped.
    pub(super) async fn watch(mut self) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut budget = Budget::default();
        let mut farewell: Option<Instant> = None;
        let mut killed = None;
        let status = loop {
            tokio::select! {
                status = self.child.wait() => break status,
                () = self.stop.cancelled(), if killed.is_none() => killed = Some(self.kill(End::Exited)),
                () = self.load.changed.notified() => {}
                _ = looks.tick(), if killed.is_none() => {
                    if let Some(why) = self.excess(&mut budget, farewell) {
                        self.logs.push(why);
                        killed = Some(self.kill(End::Limit));
                    }
                    self.load.retire_if_quiet(self.idle);
                }
            }
            if killed.is_none() && farewell.is_none() && self.load.is_over() {
                farewell = Some(Instant::now());
                self.say_farewell().await;
            }
        };
        let end = killed.unwrap_or_else(|| status.map_or(End::Exited, |status| self.judge(status)));
        self.load.retire();
        // Nobody waits any more when the process was forgotten.
        let _ = self.end.send(Some(end));
    }

    /// Why it may not go on, in the platform's words.
    fn excess(&self, budget: &mut Budget, farewell: Option<Instant>) -> Option<&'static str> {
        let usage = usage::of(self.child.id()?)?;
        let oldest = self.load.oldest().max(farewell.map(|since| since.elapsed()));
        if usage.memory > self.limits.memory {
            Some("Memory limit exceeded")
        } else if budget.used(usage.cpu, self.load.progress()) > self.limits.cpu {
            Some("CPU time limit reached")
        } else if oldest.is_some_and(|age| age > self.limits.wall) {
            Some("Wall clock time limit reached")
        } else {
            None
        }
    }

    fn kill(&mut self, end: End) -> End {
        // It fails only for a process that is gone already.
        let _ = self.child.start_kill();
        end
    }

    /// Asks it to finish its background tasks and go.
    async fn say_farewell(&mut self) {
        if let Some(stdin) = &mut self.stdin
            && stdin.write_all(b"leave\n").await.is_err()
        {
            self.stdin = None;
        }
    }

    /// V8 traps or aborts when its heap is full.
    fn judge(&self, status: ExitStatus) -> End {
        const ILLEGAL_INSTRUCTION: i32 = 4;
        const TRAP: i32 = 5;
        const ABORT: i32 = 6;
        if matches!(status.signal(), Some(ILLEGAL_INSTRUCTION | TRAP | ABORT)) {
            self.logs.push("Memory limit exceeded");
            return End::Limit;
        }
        End::Exited
    }
}

/// CPU time since a request last ended (or the first one came after a quiet time): what the platform allows for one
/// request, measured on a process that answers many at once.
#[derive(Default)]
struct Budget {
    progress: u64,
    spent: Duration,
}

impl Budget {
    fn used(&mut self, cpu: Duration, progress: u64) -> Duration {
        if progress != self.progress {
            *self = Budget { progress, spent: cpu };
        }
        cpu.saturating_sub(self.spent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_budget_starts_anew_with_each_request_that_ends() {
        let mut budget = Budget::default();
        let seconds = Duration::from_secs;
        let used = [
            budget.used(seconds(1), 0),
            budget.used(seconds(2), 1),
            budget.used(seconds(5), 1),
        ];
        assert_eq!(used, [seconds(1), seconds(0), seconds(3)]);
    }
}
