//! From files to what a function is.
#![cfg(test)]

mod archive;
mod body;
mod closure;
mod content;
mod defaults;
mod digest;
mod hostile;
mod import_map;
mod left_out;
mod modules;
mod scope;
mod support;
mod wasm;
