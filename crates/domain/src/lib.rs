//! The thinking: worlds, decisions, closures, digests. No client, no clock, no await.

mod bounds;
pub mod decision;
pub mod function;
#[cfg(test)]
mod kstatus;
pub mod migration;
pub mod names;
pub mod notice;
pub mod pace;
pub mod platform;
pub mod script;
pub mod sight;
pub mod source;
