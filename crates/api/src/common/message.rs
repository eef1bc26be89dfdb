//! Bounded texts.

/// Longest message of a condition, in bytes (events take 1 kB, and a terminal shows less).
pub const MESSAGE_LIMIT: usize = 1_000;

/// `text` as the one sentence of a condition: a single line without control characters, cut to [`MESSAGE_LIMIT`] bytes.
pub fn message(text: &str) -> String {
    let parts = text.split(|c: char| c.is_control()).filter(|part| !part.is_empty());
    clipped(&parts.collect::<Vec<_>>().join(" "), MESSAGE_LIMIT)
}

/// `text` in at most `bytes`, with an ellipsis where the rest is missing.
pub fn clipped(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes.saturating_sub('…'.len_utf8()));
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE_LIMIT, message};

    #[test]
    fn a_message_is_one_bounded_line() {
        assert_eq!(message("a\r\nb\u{7}c"), "a b c");
        let long = message(&"ü".repeat(900));
        assert!(long.len() <= MESSAGE_LIMIT && long.ends_with('…'), "{}", long.len());
    }
}
