//! The session that asks queries of rules, on a real PostgreSQL: what they answer, and that none of them changes anything. And
//! the one that writes what they find to the platform's own page.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "clippy knows tests by their attribute, and their helpers have none"
)]

mod abuses;
mod answers;
mod bed;
#[path = "../session/database.rs"]
mod database;
mod examples;
mod failures;
mod histories;
mod page;
#[path = "../session/server.rs"]
mod server;
