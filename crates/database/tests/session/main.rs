//! Sessions with a real PostgreSQL, and with servers that are none.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "clippy knows tests by their attribute, and their helpers have none"
)]

mod floods;
mod pooler;
mod refusals;
mod server;
mod sessions;
mod tls;
