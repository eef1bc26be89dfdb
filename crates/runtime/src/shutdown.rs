//! Shutdown in two steps: first no new work begins, then unfinished work is aborted.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Signals the shutdown to all tasks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shutdown {
    stop: CancellationToken,
    cut: CancellationToken,
    hurry: CancellationToken,
}

/// The work did not end before it was aborted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the work was aborted because the process is shutting down")]
pub struct CutOff;

impl Shutdown {
    /// The first SIGTERM or SIGINT stops, and `grace` later unfinished work is aborted; a second one aborts at once. `grace`
    /// must be shorter than the pod's `terminationGracePeriodSeconds` (30 s by default), or SIGKILL comes first.
    ///
    /// Must be called within a tokio runtime. Fails if the signal handlers can't be installed.
    pub fn on_signals(grace: Duration) -> io::Result<Self> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let shutdown = Self::by_hand();
        tokio::spawn(shutdown.clone().obey(terminate, interrupt, grace));
        Ok(shutdown)
    }

    /// One without signal handlers; see [`Shutdown::begin`].
    pub fn by_hand() -> Self {
        let cut = CancellationToken::new();
        // Aborting also stops.
        Self {
            stop: cut.child_token(),
            cut,
            hurry: CancellationToken::new(),
        }
    }

    /// Stops now, and aborts unfinished work after `grace`. Returns after that.
    pub async fn begin(&self, grace: Duration) {
        self.stop.cancel();
        tokio::select! {
            () = sleep(grace) => self.cut.cancel(),
            () = self.cut.cancelled() => {}
        }
    }

    /// Aborts unfinished work now.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// Cancelled when no new work may begin: for controllers, watches and timers.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Cancelled by a second signal: also what may take longer than the grace is aborted.
    pub fn hurry(&self) -> CancellationToken {
        self.hurry.clone()
    }

    /// Runs work until it ends or is aborted. Meant for single steps and for the wait at the end of `main`.
    pub async fn in_flight<F: Future>(&self, work: F) -> Result<F::Output, CutOff> {
        self.cut.run_until_cancelled(work).await.ok_or(CutOff)
    }

    async fn obey(self, mut terminate: Signal, mut interrupt: Signal, grace: Duration) {
        next(&mut terminate, &mut interrupt).await;
        tracing::info!(grace = ?grace, "shutting down: no new work is started, work in progress may finish");
        tokio::select! {
            () = self.begin(grace) => {
                tracing::warn!("grace period is over: unfinished work was aborted");
                next(&mut terminate, &mut interrupt).await;
                self.hurry.cancel();
            }
            () = next(&mut terminate, &mut interrupt) => {
                tracing::warn!("second signal: unfinished work was aborted");
                self.hurry.cancel();
                self.cut();
            }
        }
    }
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use super::{CutOff, Shutdown};

    const LONG: Duration = Duration::from_hours(1);

    #[tokio::test]
    async fn work_in_flight_may_end_after_the_stop() {
        let shutdown = Shutdown::by_hand();
        let begun = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.begin(LONG).await }
        });
        shutdown.stop().cancelled().await;
        assert_eq!(shutdown.in_flight(ready(7)).await, Ok(7));
        shutdown.cut();
        begun.await.unwrap();
    }

    #[tokio::test]
    async fn work_that_does_not_end_is_cut_off_after_the_grace() {
        let shutdown = Shutdown::by_hand();
        let (cut, ()) = tokio::join!(
            shutdown.in_flight(pending::<()>()),
            shutdown.begin(Duration::from_millis(1))
        );
        assert_eq!(cut, Err(CutOff));
    }

    #[tokio::test]
    async fn a_cut_without_a_stop_stops_too() {
        let shutdown = Shutdown::by_hand();
        shutdown.cut();
        shutdown.stop().cancelled().await;
    }
}
