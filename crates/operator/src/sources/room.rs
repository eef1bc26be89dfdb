//! Room for archives: how many bytes of them are in memory at one time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room is counted in KiB.
const KIB: usize = 1 << 10;

/// So many bytes, which are waited for in turn.
#[derive(Debug)]
pub(super) struct Room {
    free: Arc<Semaphore>,
    whole: usize,
}

/// Room that is taken, until it is dropped; `None` only of a room that was closed, which none is.
pub(super) type Taken = Option<OwnedSemaphorePermit>;

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        let whole = bytes.div_ceil(KIB);
        Self {
            free: Arc::new(Semaphore::new(whole)),
            whole,
        }
    }

    /// Whether so many bytes are free now.
    pub(super) fn has(&self, bytes: usize) -> bool {
        self.free.available_permits() >= self.part(bytes)
    }

    /// Waits for so many bytes; of more than there are, for all.
    pub(super) async fn take(&self, bytes: usize) -> Taken {
        let part = u32::try_from(self.part(bytes)).unwrap_or(u32::MAX);
        self.free.clone().acquire_many_owned(part).await.ok()
    }

    fn part(&self, bytes: usize) -> usize {
        bytes.div_ceil(KIB).min(self.whole)
    }
}
