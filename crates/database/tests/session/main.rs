//! Sessions with a real PostgreSQL, and with servers that are none.

mod pooler;
mod refusals;
mod server;
mod sessions;
mod tls;
