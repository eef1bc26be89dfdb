//! Notifications: what is posted to a channel, and what its reply means.
//!
//! Everything but [`deliver`] and [`mail`] is pure: times and ids are arguments, and a message has the same id and body at each attempt.
//! Nothing is repeated here: one delivery is one request, and the [`Outcome`] says whether another one is due.

#![cfg_attr(not(test), deny(clippy::string_slice, clippy::indexing_slicing))]

mod email;
mod message;
mod news;
mod outcome;
mod pagerduty;
mod slack;
mod text;
mod webhook;

use std::time::Duration;

use ace_egress::{HttpClient, Mail, Post, Reply, RequestError, SecretUrl, SmtpClient};
use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;

pub use email::Email;
pub use message::{Content, Message, MessageId};
pub use news::{Alert, Change, Contact, News, Severity};
pub use outcome::Outcome;
pub use pagerduty::{PATH as PAGERDUTY_PATH, RoutingKey, RoutingKeyError};
pub use webhook::{SigningSecret, SigningSecretError};

/// How a channel is spoken to, with what that takes besides its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    Slack,
    /// Standard Webhooks 1.0.0, signed with a symmetric secret.
    Webhook(SigningSecret),
    /// PagerDuty's Events API v2.
    PagerDuty(RoutingKey),
}

/// What is posted to a channel's URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `Content-Type` among them.
    pub headers: HeaderMap,
    /// JSON in UTF-8.
    pub body: Bytes,
}

impl Format {
    /// What an attempt to deliver a message posts that is made `now`: receivers refuse a signature whose time is five minutes off
    /// their own clock.
    pub fn request(&self, message: &Message, now: Timestamp) -> Request {
        match self {
            Self::Slack => slack::request(message),
            Self::Webhook(secret) => webhook::request(message, now, secret),
            Self::PagerDuty(key) => pagerduty::request(message, key),
        }
    }

    /// What became of an attempt.
    pub fn outcome(&self, result: &Result<Reply, RequestError>) -> Outcome {
        match (self, result) {
            (_, Err(error)) => outcome::unanswered(*error),
            (Self::Slack, Ok(reply)) => slack::outcome(reply),
            (Self::Webhook(_), Ok(reply)) => webhook::outcome(reply),
            (Self::PagerDuty(key), Ok(reply)) => pagerduty::outcome(reply, key),
        }
    }
}

/// Posts a request, once. `deadline` is for the whole call; see [`Post::deadline`].
pub async fn deliver(
    http: &HttpClient,
    url: &SecretUrl,
    request: Request,
    deadline: Duration,
) -> Result<Reply, RequestError> {
    let Request { headers, body } = request;
    let post = Post {
        url,
        headers,
        body,
        deadline,
    };
    http.post(post).await
}

/// Hands a message over to a mail server, once. `deadline` is for the whole dialogue; see [`Mail::deadline`].
pub async fn mail(smtp: &SmtpClient, email: &Email, message: &Message, deadline: Duration) -> Outcome {
    let Some(content) = email.content(message) else {
        return email::not_built();
    };
    let mail = Mail {
        server: &email.server,
        from: &email.from,
        to: &email.to,
        content: &content,
        deadline,
    };
    email.outcome(&smtp.send(mail).await)
}
