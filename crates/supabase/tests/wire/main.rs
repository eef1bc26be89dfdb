//! Every call against a server of our own: what is sent, byte for byte, and what each answer becomes.

#![expect(
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and their helpers have none"
)]

mod changes;
mod connections;
mod gateway;
mod openapi;
mod outcomes;
mod reads;
mod server;
