//! Messages to addresses that are secrets.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use reqwest::Method;

use crate::error::RequestError;
use crate::http::{Connection, HttpClient};
use crate::retry_after::retry_after;
use crate::secret_url::SecretUrl;

/// One message to a secret address, such as that of a webhook.
pub struct Post<'a> {
    pub url: &'a SecretUrl,
    /// `Content-Type` among them. One that holds a secret should be marked as sensitive.
    pub headers: HeaderMap,
    /// Sent as it is, so that it can be signed.
    pub body: Bytes,
    /// For the whole call, from the connection to the last byte of the answer. Longer than the deadline for connecting
    /// ([`HttpClient::new`]): else a host that does not answer at all is a [`RequestError::Timeout`], of which nobody knows
    /// whether it was sent.
    pub deadline: Duration,
}

/// What the receiver answered, whatever its status. It has received the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status. A redirect has one of 300 to 399, and was not followed.
    pub status: u16,
    /// From `Retry-After`: at most an hour.
    pub retry_after: Option<Duration>,
    /// At most 4 KiB of the receiver's own words, without the address ([`SecretUrl::remove_from`]), with every other
    /// character that they have; or why they were not taken.
    pub body: Result<String, RequestError>,
}

/// Enough for the words of any receiver, in bytes; an error page is longer, and its status says as much.
const LONGEST_BODY: usize = 4 * 1024;

/// No receiver can silence its sender for longer.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

impl HttpClient {
    /// Sends a message, once, over a connection of its own. An error says whether it may have been received
    /// ([`RequestError::sent`]).
    pub async fn post(&self, post: Post<'_>) -> Result<Reply, RequestError> {
        let request = self.request(Method::POST, post.url.url().clone(), Connection::Fresh)?;
        let response = request
            .headers(post.headers)
            .body(post.body)
            .send(post.deadline)
            .await?;
        Ok(Reply {
            status: response.status(),
            retry_after: retry_after(response.headers(), Timestamp::now(), LONGEST_WAIT),
            body: response
                .body(LONGEST_BODY)
                .await
                .map(|body| post.url.remove_from(&String::from_utf8_lossy(&body))),
        })
    }
}
