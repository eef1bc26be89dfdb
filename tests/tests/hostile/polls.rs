//! How long one poll keeps a thread of the runtime: nothing else of the operator is served by it meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// The longest poll so far, in microseconds.
static LONGEST: AtomicU64 = AtomicU64::new(0);

/// Runs what the operator runs on its runtime, on one thread, and measures its polls in the processor's time: how busy the machine
/// is otherwise does not count.
pub(crate) fn measured<T>(task: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Timers are looked at behind each poll.
        .event_interval(1)
        .build()
        .unwrap();
    let before = Arc::new(AtomicU64::new(used()));
    let beat = before.clone();
    runtime.spawn(async move {
        // It is polled between the polls of all other tasks, or at most so much later.
        let mut beats = tokio::time::interval(Duration::from_millis(1));
        loop {
            beats.tick().await;
            note(&beat);
        }
    });
    let result = runtime.block_on(task);
    note(&before);
    result
}

/// The longest poll of this process.
pub(crate) fn longest() -> Duration {
    Duration::from_micros(LONGEST.load(Ordering::Relaxed))
}

fn note(before: &AtomicU64) {
    let now = used();
    LONGEST.fetch_max(now - before.swap(now, Ordering::Relaxed), Ordering::Relaxed);
}

/// Processor time of this thread, in microseconds.
fn used() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000).unwrap()
}
