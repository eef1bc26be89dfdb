//! Bounded texts.

/// Longest message of a condition, in bytes (events take 1 kB, and a terminal shows less).
pub const MESSAGE_LIMIT: usize = 1_000;

/// `text` as the one sentence of a condition: a single line without control characters, also those that turn the direction of what
/// follows, cut to [`MESSAGE_LIMIT`] bytes.
pub fn message(text: &str) -> String {
    let parts = text.split(breaks_a_line).filter(|part| !part.is_empty());
    clipped(&parts.collect::<Vec<_>>().join(" "), MESSAGE_LIMIT)
}

/// Ends a line or turns its direction: the text behind it could stand in front of it.
fn breaks_a_line(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` in at most `bytes`, with an ellipsis where the rest is missing.
pub fn clipped(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes.saturating_sub('…'.len_utf8()));
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE_LIMIT, message};

    #[test]
    fn no_text_turns_the_direction_of_the_line_that_it_stands_in() {
        let turns = "a\u{202e}b\u{2066}c\u{2069}\u{2029}d\u{61c}e\u{200f}f";
        assert_eq!(message(turns), "a b c d e f");
    }

    #[test]
    fn a_message_is_one_bounded_line() {
        assert_eq!(message("a\r\nb\u{7}c"), "a b c");
        let long = message(&"ü".repeat(900));
        assert!(long.len() <= MESSAGE_LIMIT && long.ends_with('…'), "{}", long.len());
    }
}
