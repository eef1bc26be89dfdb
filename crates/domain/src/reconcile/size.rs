//! What a status may hold.

use serde::Serialize;

/// Most bytes that a status takes as JSON: thousands of objects share one API server and its watchers.
const STATUS_BYTES: usize = 12 * 1024;

/// Shortens a status until it fits; the counts beside what it names still have everything. `shorten` drops the one thing that is
/// missed least, and says whether there was one.
pub(crate) fn bounded<S: Serialize>(mut status: S, shorten: impl Fn(&mut S) -> bool) -> S {
    while serde_json::to_string(&status).is_ok_and(|text| text.len() > STATUS_BYTES) && shorten(&mut status) {}
    status
}
