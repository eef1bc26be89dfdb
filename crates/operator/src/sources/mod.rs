//! Where code comes from: one reader of trees, two carriers (Flux sources and ConfigMaps).
//!
//! ```text
//! artifact_state(key) ─▶ memo ─▶ read: object ─▶ artifact ─▶ archive ─▶ tree   one per key at a time, shared by all callers
//!                 ▲                                                │
//! watches, retries ─▶ the same read in the background ─────────────┴─▶ changes()   only if the state has changed
//! ```
//! Only sources that are used are read or watched: the watch of a Flux kind begins with the first key of that kind, so a
//! cluster without Flux costs no request.

mod backoff;
mod cache;
mod changes;
mod closures;
mod entry;
mod failure;
mod fetch;
mod flux;
mod read;
mod reader;
mod room;
mod settings;
mod unused;
mod watch;

#[cfg(test)]
mod tests;

pub use reader::{Sources, SourcesError};
pub use settings::Settings;
