/// Classes in which PostgreSQL quotes names of objects, and never a value of a row in its primary message.
const QUOTE_NAMES: [&str; 15] = [
    "0A", "23", "25", "26", "2B", "2D", "34", "3D", "3F", "40", "42", "53", "54", "55", "57",
];

/// The primary message of an error or a warning with this SQLSTATE, in one line of at most `limit` characters, without the
/// values that it may quote.
pub(crate) fn redacted(state: &str, message: &str, limit: usize) -> String {
    let quotes_names = state.get(..2).is_some_and(|class| QUOTE_NAMES.contains(&class));
    let mut text = message.to_owned();
    if !quotes_names {
        for quote in ['"', '\''] {
            text = without_quoted(&text, quote);
        }
    }
    let line = |character: char| if character.is_control() { ' ' } else { character };
    let mut kept: String = text.chars().take(limit).map(line).collect();
    if kept.len() < text.len() {
        kept.pop();
        kept.push('…');
    }
    kept
}

/// From the first quote to the last: a value may hold quotes of its own. One without its pair takes the rest with it.
fn without_quoted(text: &str, quote: char) -> String {
    let Some((head, rest)) = text.split_once(quote) else {
        return text.to_owned();
    };
    let tail = rest.rsplit_once(quote).map_or("", |(_, tail)| tail);
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn values_that_a_message_quotes_are_left_out_and_names_are_kept() {
        let invalid = "invalid input syntax for type integer: ";
        for (state, message, shown) in [
            ("22P02", format!("{invalid}\"4111\""), format!("{invalid}…")),
            ("22P02", format!("{invalid}\"4\" 1\"1\""), format!("{invalid}…")),
            ("22P02", format!("{invalid}\"4111"), format!("{invalid}…")),
            ("P0001", "no 'a' for \"b\"".to_owned(), "no … for …".to_owned()),
            ("ZZ001", "of 'ann@example.com'".to_owned(), "of …".to_owned()),
            (
                "01000",
                "still 300 policies".to_owned(),
                "still 300 policies".to_owned(),
            ),
            (
                "42P01",
                "relation \"a\" is\nnot".to_owned(),
                "relation \"a\" is not".to_owned(),
            ),
            (
                "23505",
                "constraint \"a_pkey\"".to_owned(),
                "constraint \"a_pkey\"".to_owned(),
            ),
        ] {
            assert_eq!(redacted(state, &message, 300), shown, "{state}");
        }
    }

    #[test]
    fn a_long_message_ends_with_a_sign_that_it_was_longer() {
        assert_eq!(redacted("42601", "äöüäöü", 4), "äöü…");
        assert_eq!(redacted("42601", "äöüä", 4), "äöüä");
    }
}
