use std::ops::Range;

use super::fault::Fault;

/// A place in a text, with what can be read there without knowing the grammar around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    pub(super) at: usize,
}

/// What ends a stretch of a template literal.
pub(super) enum TemplateEnd {
    Quote,
    Substitution,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The byte `ahead` of the place; 0 behind the end, which no rule takes for anything.
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// The text from `start` to the place.
    pub(super) fn since(&self, start: usize) -> &'t str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// How many lines end in a range of the text.
    pub(super) fn lines(&self, range: Range<usize>) -> usize {
        self.text.get(range).unwrap_or_default().matches('\n').count()
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn character(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes one whole character, of which `at` is the first byte.
    pub(super) fn skip_character(&mut self) {
        self.at += self.character().map_or(1, char::len_utf8);
    }

    /// Goes to the next byte that `stops`, or to the end.
    pub(super) fn skip_until(&mut self, stops: impl Fn(u8) -> bool) {
        self.at = self
            .rest()
            .bytes()
            .position(stops)
            .map_or(self.text.len(), |ahead| self.at + ahead);
    }

    /// Skips spaces, line ends and comments; says whether there was a line end among them.
    pub(super) fn skip_space(&mut self) -> Result<bool, Fault> {
        let mut newline = false;
        loop {
            match self.byte(0) {
                b'\n' | b'\r' => {
                    newline = true;
                    self.at += 1;
                }
                b' ' | b'\t' | 0x0b | 0x0c => self.at += 1,
                b'/' if self.byte(1) == b'/' => self.skip_line(),
                b'/' if self.byte(1) == b'*' => {
                    let start = self.at;
                    self.at += 2;
                    let Some(length) = self.rest().find("*/") else {
                        return Err(Fault::syntax(start, "the comment has no end"));
                    };
                    self.at += length + 2;
                    newline |= self.since(start).contains(is_line_end);
                }
                byte if !byte.is_ascii() => match self.character() {
                    Some(character) if character.is_whitespace() || character == '\u{feff}' => {
                        newline |= is_line_end(character);
                        self.at += character.len_utf8();
                    }
                    _ => return Ok(newline),
                },
                _ => return Ok(newline),
            }
        }
    }

    /// Skips what is left of a line, without its end.
    pub(super) fn skip_line(&mut self) {
        self.at += self.rest().find(is_line_end).unwrap_or(self.rest().len());
    }

    /// Takes a name; empty when there is none. A name with an escape is no keyword, and keeps its backslash.
    pub(super) fn name(&mut self) -> &'t str {
        let start = self.at;
        loop {
            match self.byte(0) {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'$' => self.at += 1,
                // Whatever is escaped: each name that `begins_name` announces has to get on.
                b'\\' => {
                    self.at += 1 + usize::from(self.byte(1) == b'u');
                    if self.byte(0) == b'{' && self.since(start).ends_with('u') {
                        self.at += 1;
                        while self.byte(0).is_ascii_hexdigit() {
                            self.at += 1;
                        }
                        self.at += usize::from(self.byte(0) == b'}');
                    }
                }
                byte if !byte.is_ascii() => match self.character() {
                    Some(character) if !character.is_whitespace() && character != '\u{feff}' => {
                        self.at += character.len_utf8();
                    }
                    _ => break,
                },
                _ => break,
            }
        }
        self.since(start)
    }

    /// Takes a number that begins with a digit, or with a point and a digit.
    pub(super) fn number(&mut self) {
        let radix = self.byte(0) == b'0' && matches!(self.byte(1) | 0x20, b'x' | b'o' | b'b');
        let mut point = radix;
        loop {
            match self.byte(0) {
                b'.' if !point => {
                    point = true;
                    self.at += 1;
                }
                b'e' | b'E' if !radix && matches!(self.byte(1), b'+' | b'-') => {
                    point = true;
                    self.at += 2;
                }
                b'e' | b'E' if !radix => {
                    point = true;
                    self.at += 1;
                }
                byte if byte.is_ascii_alphanumeric() || byte == b'_' => self.at += 1,
                _ => return,
            }
        }
    }

    /// Takes a string literal, at whose quote the place is; gives what stands between the quotes.
    pub(super) fn string(&mut self) -> Result<&'t str, Fault> {
        let (start, quote) = (self.at, self.byte(0));
        self.at += 1;
        loop {
            self.skip_until(|byte| byte == quote || matches!(byte, b'\\' | b'\n' | b'\r'));
            match self.byte(0) {
                b'\\' => self.skip_escape(),
                byte if byte == quote && !self.is_at_end() => {
                    let inner = self.since(start + 1);
                    self.at += 1;
                    return Ok(inner);
                }
                _ => return Err(Fault::syntax(start, "the string has no end in its line")),
            }
        }
    }

    /// Takes a stretch of a template literal up to its end or the next `${`, which are taken, too.
    pub(super) fn template(&mut self, start: usize) -> Result<TemplateEnd, Fault> {
        loop {
            self.skip_until(|byte| matches!(byte, b'`' | b'\\' | b'$'));
            match (self.byte(0), self.byte(1)) {
                (b'`', _) => {
                    self.at += 1;
                    return Ok(TemplateEnd::Quote);
                }
                (b'$', b'{') => {
                    self.at += 2;
                    return Ok(TemplateEnd::Substitution);
                }
                (b'$', _) => self.at += 1,
                (b'\\', _) => self.skip_escape(),
                _ => return Err(Fault::syntax(start, "the template literal has no end")),
            }
        }
    }

    /// Takes a regular expression with its flags.
    pub(super) fn regular_expression(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let mut class = false;
        self.at += 1;
        loop {
            self.skip_until(|byte| matches!(byte, b'/' | b'[' | b']' | b'\\' | b'\n' | b'\r'));
            match self.byte(0) {
                b'/' if !class => {
                    self.at += 1;
                    self.name();
                    return Ok(());
                }
                b'/' => self.at += 1,
                bracket @ (b'[' | b']') => {
                    class = bracket == b'[';
                    self.at += 1;
                }
                b'\\' if !matches!(self.byte(1), b'\n' | b'\r') => self.skip_escape(),
                _ => return Err(Fault::syntax(start, "the regular expression has no end in its line")),
            }
        }
    }

    /// Skips a backslash and the character behind it; `\r\n` is one.
    fn skip_escape(&mut self) {
        self.at += 1;
        if self.byte(0) == b'\r' && self.byte(1) == b'\n' {
            self.at += 1;
        }
        self.skip_character();
        self.at = self.at.min(self.text.len());
    }
}

pub(super) fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// Whether a name can begin with this byte.
pub(super) fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$' | b'\\') || !byte.is_ascii()
}

/// The value of what stands between the quotes of a string or template literal.
pub(super) fn unescaped(inner: &str) -> String {
    if !inner.contains('\\') {
        return inner.to_owned();
    }
    let mut value = String::with_capacity(inner.len());
    let mut rest = inner.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '\\' {
            value.push(character);
            continue;
        }
        let Some(escaped) = rest.next() else { break };
        let code = match escaped {
            'n' => '\n'.into(),
            'r' => '\r'.into(),
            't' => '\t'.into(),
            'b' => 8,
            'f' => 12,
            'v' => 11,
            '0' => 0,
            'x' => digits(&mut rest, 2),
            'u' if rest.next_if_eq(&'{').is_some() => {
                let code = digits(&mut rest, 8);
                rest.next_if_eq(&'}');
                code
            }
            'u' => digits(&mut rest, 4),
            '\r' => {
                rest.next_if_eq(&'\n');
                continue;
            }
            end if is_line_end(end) => continue,
            other => other.into(),
        };
        value.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    value
}

fn digits(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, most: u32) -> u32 {
    let mut code = 0_u32;
    for _ in 0..most {
        let Some(digit) = rest.peek().and_then(|character| character.to_digit(16)) else {
            break;
        };
        rest.next();
        code = code.saturating_mul(16).saturating_add(digit);
    }
    code
}
