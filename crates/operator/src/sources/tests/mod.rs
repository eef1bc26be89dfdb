//! Sources against fake servers.

mod changes;
mod closures;
mod config_map;
mod fixture;
mod flux;
#[cfg(target_os = "linux")]
mod polls;
mod room;
mod unreached;
