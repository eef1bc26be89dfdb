//! Parts of text that somebody else wrote: what is not there is empty.

use std::ops::Range;

pub(super) fn part(text: &str, range: Range<usize>) -> &str {
    text.get(range).unwrap_or_default()
}

pub(super) fn bytes(of: &[u8], range: Range<usize>) -> &[u8] {
    of.get(range).unwrap_or_default()
}

/// 0 behind the end.
pub(super) fn byte(of: &[u8], at: usize) -> u8 {
    of.get(at).copied().unwrap_or_default()
}
