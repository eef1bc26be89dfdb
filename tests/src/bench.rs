/// Runs what a bench does to its end.
///
/// # Panics
/// If no threads can be started.
pub fn block_on<F: Future>(work: F) -> F::Output {
    // Only one of several crates that set the process's provider finds none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    runtime.block_on(work)
}
