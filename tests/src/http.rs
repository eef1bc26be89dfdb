//! One HTTP client per call: a connection belongs to the runtime of the test that made it.

/// A client that talks to loopback only.
pub(crate) fn http() -> reqwest::Client {
    // A second test's attempt finds the first one's: the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client without special settings can be made")
}
