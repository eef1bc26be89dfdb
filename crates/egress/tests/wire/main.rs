//! Requests against servers of our own: who is connected to, what is sent, and what each answer, cut or silence becomes.

#![expect(
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and their helpers have none"
)]

mod mails;
mod posts;
mod requests;
mod server;
