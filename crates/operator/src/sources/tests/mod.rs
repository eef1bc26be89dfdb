//! Sources against servers that are played here.

mod changes;
mod config_map;
mod fixture;
mod flux;
