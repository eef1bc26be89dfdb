//! The thinking: worlds, decisions, closures, digests. No client, no clock, no await.

pub mod source;
