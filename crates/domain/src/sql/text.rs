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

/// Also at the beginning of a file, where it says that the file is UTF-8.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Whether nobody sees the sign, or takes it for a space. To the server it is a letter.
pub fn is_unseen(sign: char) -> bool {
    matches!(
        sign,
        BYTE_ORDER_MARK
            | '\u{a0}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{2000}'..='\u{200f}'
            | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}'
            | '\u{3000}'
    )
}
