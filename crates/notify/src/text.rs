//! Texts of others: bounded, without control characters.

/// Bytes of a reply that are quoted.
const LONGEST_QUOTE: usize = 200;

/// What an omitted rest is shown as.
const REST: char = '…';

/// `text` without control characters but line feeds, with each character that `escape` knows in its escaped form, cut to
/// `limit` UTF-16 units. That is never more than `limit` characters, however a receiver counts, and no escape is cut in two.
pub(crate) fn fitted(text: &str, limit: usize, escape: impl Fn(char) -> Option<&'static str>) -> String {
    let (mut fitted, mut used, mut cut) = (String::new(), 0, 0);
    for character in text.trim().chars().filter_map(visible) {
        let mut buffer = [0; 4];
        let piece = escape(character).unwrap_or_else(|| character.encode_utf8(&mut buffer));
        used += piece.encode_utf16().count();
        if used > limit {
            fitted.truncate(cut);
            fitted.push(REST);
            break;
        }
        fitted.push_str(piece);
        if used < limit {
            cut = fitted.len();
        }
    }
    fitted
}

/// `text` on one line, cut to `limit` UTF-16 units: nothing in it begins another line.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    fitted(&words.join(" "), limit, |_| None)
}

fn visible(character: char) -> Option<char> {
    match character {
        '\n' => Some('\n'),
        // They make a line read as another one.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
        _ if character.is_control() => character.is_whitespace().then_some(' '),
        _ => Some(character),
    }
}

/// The beginning of a receiver's words on one line.
pub(crate) fn quoted(words: &str) -> String {
    let words: Vec<&str> = words
        .split(|character: char| character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let mut line = words.join(" ");
    if line.len() > LONGEST_QUOTE {
        line.truncate(line.floor_char_boundary(LONGEST_QUOTE - REST.len_utf8()));
        line.push(REST);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{fitted, quoted};

    fn plain(_: char) -> Option<&'static str> {
        None
    }

    fn html(character: char) -> Option<&'static str> {
        (character == '&').then_some("&amp;")
    }

    #[test]
    fn a_text_is_cut_where_it_fits_and_says_so() {
        assert_eq!(fitted("abcde", 5, plain), "abcde");
        assert_eq!(fitted("abcdef", 5, plain), "abcd…");
        assert_eq!(fitted(&"é".repeat(6), 5, plain), "éééé…");
        // Each is two units: three would be six.
        assert_eq!(fitted("𝄞𝄞𝄞", 5, plain), "𝄞𝄞…");
        assert_eq!(fitted("𝄞𝄞𝄞", 6, plain), "𝄞𝄞𝄞");
    }

    #[test]
    fn an_escape_is_whole_or_absent() {
        assert_eq!(fitted("a&b", 7, html), "a&amp;b");
        assert_eq!(fitted("a&bc", 7, html), "a&amp;…");
        assert_eq!(fitted("ab&", 6, html), "ab…");
        assert_eq!(fitted("&&", 9, html), "&amp;…");
    }

    #[test]
    fn of_control_characters_only_the_line_feed_is_kept() {
        assert_eq!(fitted(" a\r\nb\tc\u{0}\u{1b}[31m\n", 99, plain), "a \nb c[31m");
    }

    #[test]
    fn what_a_receiver_says_is_one_line_of_at_most_200_bytes() {
        assert_eq!(quoted(" not\r\n\tyet\0\x1b[31m \u{fffd}"), "not yet [31m \u{fffd}");
        assert_eq!(quoted(" \n"), "");
        assert_eq!(quoted(&"x".repeat(200)), "x".repeat(200));
        assert_eq!(quoted(&"x".repeat(201)), format!("{}…", "x".repeat(197)));
        assert_eq!(quoted(&"é".repeat(101)), format!("{}…", "é".repeat(98)));
    }
}
