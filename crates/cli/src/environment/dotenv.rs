use std::collections::BTreeMap;

/// Reads a `.env` file; the error is a line, from 1. A line is `NAME=value` or `NAME: value`, with `export` before it or not;
/// a value in quotes may have several lines, and `$NAME` and `${NAME}` stand for what the file has set before, but in single
/// quotes.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>, usize> {
    let text = text.trim_start_matches('\u{feff}');
    let mut variables = BTreeMap::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(variables);
        }
        if rest.starts_with('#') {
            rest = after_line(rest);
            continue;
        }
        let before = text.strip_suffix(rest).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let (name, value) = rest.split_once(['=', ':']).ok_or(line)?;
        let name = name.trim_end();
        let name = name.strip_prefix("export").map_or(name, |bare| {
            if bare.starts_with([' ', '\t']) {
                bare.trim_start()
            } else {
                name
            }
        });
        if name.is_empty() || !name.chars().all(is_of_name) {
            return Err(line);
        }
        let (value, after) = value_of(value, &variables).ok_or(line)?;
        variables.insert(name.to_owned(), value);
        rest = after;
    }
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.')
}

fn after_line(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, rest)| rest)
}

/// A value, and what is behind its line; `None` if its quote never closes.
fn value_of<'t>(text: &'t str, known: &BTreeMap<String, String>) -> Option<(String, &'t str)> {
    let text = text.trim_start_matches([' ', '\t']);
    match text.chars().next() {
        Some('\'') => {
            let (value, behind) = quoted(text, '\'')?;
            Some((value.to_owned(), after_line(behind)))
        }
        Some('"') => {
            let (value, behind) = quoted(text, '"')?;
            Some((expanded(&unescaped(value), known), after_line(behind)))
        }
        _ => {
            let line = text.split('\n').next().unwrap_or_default();
            let comment = [" #", "\t#"].iter().filter_map(|mark| line.find(mark)).min();
            let (value, _) = line.split_at(comment.unwrap_or(line.len()));
            Some((expanded(value.trim(), known), after_line(text)))
        }
    }
}

/// What is within the quotes that `text` begins with, and what is behind them; `None` if they never close.
fn quoted(text: &str, quote: char) -> Option<(&str, &str)> {
    let mut escaped = false;
    text.strip_prefix(quote)?.split_once(|character| {
        let closes = character == quote && !escaped;
        escaped = character == '\\' && !escaped;
        closes
    })
}

/// Keeps the backslash before a `$`, which it takes its meaning.
fn unescaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            value.push(character);
            continue;
        }
        match rest.next() {
            Some('n') => value.push('\n'),
            Some('r') => value.push('\r'),
            Some('$') => value.push_str("\\$"),
            Some(other) => value.push(other),
            None => value.push('\\'),
        }
    }
    value
}

fn expanded(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        if let Some(before) = before.strip_suffix('\\') {
            value.push_str(before);
            value.push('$');
            rest = behind;
            continue;
        }
        value.push_str(before);
        let braced = behind.strip_prefix('{');
        let name_at = braced.unwrap_or(behind);
        let length = name_at.find(|character: char| !matches!(character, 'A'..='Z' | '0'..='9' | '_'));
        let (name, after) = name_at.split_at(length.unwrap_or(name_at.len()));
        if name.is_empty() {
            value.push('$');
            rest = behind;
            continue;
        }
        value.push_str(known.get(name).map_or("", String::as_str));
        rest = if braced.is_some() {
            after.strip_prefix('}').unwrap_or(after)
        } else {
            after
        };
    }
    value.push_str(rest);
    value
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_file_is_read_as_its_writer_means_it() {
        let text = "\u{feff}# comment\nA=1\r\nexport B = two words # comment\nC: 'it # is $A'\nD=\"a\\nb $A ${B} \\$A\" # comment\n\
                    E=\nF=a#b\nG=\"two\nlines\"\nH=$NONE-$A\nexporter=x\n";
        let read = parse(text).unwrap();
        let read: Vec<(&str, &str)> = read
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "it # is $A"),
            ("D", "a\nb 1 two words $A"),
            ("E", ""),
            ("F", "a#b"),
            ("G", "two\nlines"),
            ("H", "-1"),
            ("exporter", "x"),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_no_assignment_is_a_line_that_can_t_be_read() {
        for (text, line) in [
            ("A=1\nnonsense\n", 2),
            ("A=1\n\n\"B\"=1\n", 3),
            ("A='open\n", 1),
            ("A B=1", 1),
            ("=1", 1),
        ] {
            assert_eq!(parse(text), Err(line), "{text}");
        }
    }
}
