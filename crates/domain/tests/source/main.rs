//! From files to what a function is.

mod archive;
mod body;
mod closure;
mod digest;
mod import_map;
mod support;
