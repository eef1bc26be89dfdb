//! A panic in one object's pass is that object's trouble.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind, set_hook, take_hook},
};

use futures::FutureExt;
use tokio::task::spawn_blocking;

thread_local! {
    /// Where this thread panicked last: what is caught has the words, which may be foreign, and not the place.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Notes the place of every panic from now on, beside what the process does about it. To be called once, before any pass.
pub fn note_places() {
    let before = take_hook();
    set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
        PLACE.set(
            panic
                .location()
                .map(|place| format!("{}:{}", place.file(), place.line())),
        );
        before(panic);
    }));
}

/// The output of a future, or where it panicked.
pub async fn caught<T>(future: impl Future<Output = T>) -> Result<T, String> {
    // What a pass shares is behind mutexes that are taken poisoned, too; what it owns is dropped.
    let output = AssertUnwindSafe(Box::pin(future)).catch_unwind().await;
    // The panic was on this thread: it is caught by the poll in which it happened.
    output.map_err(|_| place())
}

/// Where this thread has just panicked.
fn place() -> String {
    PLACE.take().unwrap_or_else(|| "an unknown place".to_owned())
}

/// The result of work that waits for nothing, or where it panicked.
pub fn caught_now<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| place())
}

/// The output of work that takes a thread of its own for a while. If it panics, so does this, at the place of the work.
pub async fn on_own_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // As in `caught`: what it owns is dropped.
    let work = move || catch_unwind(AssertUnwindSafe(work)).map_err(|panic| (panic, PLACE.take()));
    match spawn_blocking(work).await {
        Ok(Ok(output)) => output,
        Ok(Err((panic, place))) => {
            PLACE.set(place);
            resume_unwind(panic)
        }
        // It was not begun, because the process ends.
        Err(_) => std::future::pending().await,
    }
}
