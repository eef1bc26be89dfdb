//! Single requests to the API server.

use std::time::Duration;

/// Deadline of one request: kube's client has none.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The answer to a request; `None` when it did not come within the deadline.
pub async fn answer<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Option<Result<T, kube::Error>> {
    tokio::time::timeout(DEADLINE, request).await.ok()
}
