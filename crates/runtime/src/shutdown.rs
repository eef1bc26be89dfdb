//! The end in two steps: first nothing new begins, then what still runs is cut off.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Tells everybody that the process is to end. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shutdown {
    stop: CancellationToken,
    cut: CancellationToken,
}

/// Work that did not end before it was cut off.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the work was cut off, as the process is to end")]
pub struct CutOff;

impl Shutdown {
    /// The first SIGTERM or SIGINT stops, and `grace` later cuts; a second one cuts at once. `grace` must be shorter than
    /// the pod's `terminationGracePeriodSeconds` (30 s by default), or SIGKILL comes first.
    ///
    /// Must be called within a tokio runtime. Fails when the signals can't be listened to.
    pub fn on_signals(grace: Duration) -> io::Result<Self> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let shutdown = Self::by_hand();
        tokio::spawn(shutdown.clone().obey(terminate, interrupt, grace));
        Ok(shutdown)
    }

    /// One that listens to no signal; see [`Shutdown::begin`].
    pub fn by_hand() -> Self {
        let cut = CancellationToken::new();
        // Who listens for the stop hears the cut, too.
        Self {
            stop: cut.child_token(),
            cut,
        }
    }

    /// Stops now, and cuts after `grace`. Returns when it has cut.
    pub async fn begin(&self, grace: Duration) {
        self.stop.cancel();
        tokio::select! {
            () = sleep(grace) => self.cut.cancel(),
            () = self.cut.cancelled() => {}
        }
    }

    /// Cuts now.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// Cancelled when nothing new may begin: for controllers, watches and timers.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Runs what is in flight until it ends or is cut off. Meant for single effects and for the wait at the end of `main`.
    pub async fn in_flight<F: Future>(&self, work: F) -> Result<F::Output, CutOff> {
        self.cut.run_until_cancelled(work).await.ok_or(CutOff)
    }

    async fn obey(self, mut terminate: Signal, mut interrupt: Signal, grace: Duration) {
        next(&mut terminate, &mut interrupt).await;
        tracing::info!(grace = ?grace, "asked to end: nothing new begins, what runs may end");
        tokio::select! {
            () = self.begin(grace) => tracing::warn!("what still ran was cut off"),
            () = next(&mut terminate, &mut interrupt) => {
                tracing::warn!("asked again: what still ran was cut off");
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
    async fn whoever_listens_for_the_stop_hears_a_cut_without_one() {
        let shutdown = Shutdown::by_hand();
        shutdown.cut();
        shutdown.stop().cancelled().await;
    }
}
