//! Sources against fake servers.

mod changes;
mod config_map;
mod fixture;
mod flux;
