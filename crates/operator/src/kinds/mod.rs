//! The kinds: for each, what is observed and how effects are made. What is decided is in `ace-domain`.

pub mod edge_function;
pub mod migration_set;
pub mod platform;
