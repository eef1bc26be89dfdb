//! PostgreSQL's words, as its lexer reads them with `standard_conforming_strings` on. How a statement runs is decided by them
//! alone, so that it does not depend on what our parser's grammar covers.

use std::ops::Range;

use super::text::{byte, bytes, part};

/// One word or sign; comments and white space are between them.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) kind: Kind,
    /// Byte range in the file.
    pub(super) range: Range<usize>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A keyword or a name without quotes.
    Bare,
    /// `"name"`.
    Quoted,
    /// `U&"name"`, whose escapes are not resolved here.
    Escaped,
    /// A string in single quotes or dollars, with its prefix.
    Text,
    /// One character, or a number's.
    Sign,
}

/// Where a quote or comment begins that does not end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unterminated {
    pub(super) offset: usize,
    pub(super) what: &'static str,
}

/// Longest name in bytes; PostgreSQL cuts longer ones (`NAMEDATALEN` - 1).
pub(super) const NAME_BYTES: usize = 63;

/// The words of `range`.
pub(super) fn words(text: &str, range: Range<usize>) -> Result<Vec<Word>, Unterminated> {
    let mut lexer = Lexer {
        bytes: bytes(text.as_bytes(), 0..range.end),
        at: range.start,
    };
    let mut words = Vec::new();
    loop {
        lexer.skip()?;
        let start = lexer.at;
        let Some(kind) = lexer.word()? else { return Ok(words) };
        words.push(Word {
            kind,
            range: start..lexer.at,
        });
    }
}

impl Word {
    /// As it is written.
    pub(super) fn written<'t>(&self, text: &'t str) -> &'t str {
        part(text, self.range.clone())
    }

    /// Whether it is this keyword.
    pub(super) fn is(&self, text: &str, keyword: &str) -> bool {
        self.kind == Kind::Bare && self.written(text).eq_ignore_ascii_case(keyword)
    }

    /// Whether it is this character.
    pub(super) fn is_sign(&self, text: &str, sign: u8) -> bool {
        self.kind == Kind::Sign && byte(text.as_bytes(), self.range.start) == sign
    }

    /// The name that the server will understand; `None` for what is no name, and for `U&` names.
    pub(super) fn name(&self, text: &str) -> Option<String> {
        let written = self.written(text);
        let name = match self.kind {
            Kind::Bare => written.to_ascii_lowercase(),
            Kind::Quoted => part(written, 1..written.len() - 1).replace("\"\"", "\""),
            Kind::Escaped | Kind::Text | Kind::Sign => return None,
        };
        Some(part(&name, 0..name.floor_char_boundary(NAME_BYTES)).to_owned())
    }
}

struct Lexer<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn starts(&self, sign: &[u8]) -> bool {
        bytes(self.bytes, self.at..self.bytes.len()).starts_with(sign)
    }

    fn unterminated(offset: usize, what: &'static str) -> Unterminated {
        Unterminated { offset, what }
    }

    /// Passes over white space and comments; whether there was a line break.
    fn skip(&mut self) -> Result<bool, Unterminated> {
        let mut newline = false;
        loop {
            match self.peek(0) {
                Some(byte) if is_space(byte) => {
                    newline |= is_newline(byte);
                    self.at += 1;
                }
                Some(b'-') if self.starts(b"--") => {
                    while self.peek(0).is_some_and(|byte| !is_newline(byte)) {
                        self.at += 1;
                    }
                }
                Some(b'/') if self.starts(b"/*") => self.comment()?,
                _ => return Ok(newline),
            }
        }
    }

    fn comment(&mut self) -> Result<(), Unterminated> {
        let (start, mut depth) = (self.at, 0_usize);
        loop {
            if self.starts(b"/*") {
                depth += 1;
                self.at += 2;
            } else if self.starts(b"*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return Ok(());
                }
            } else if self.at < self.bytes.len() {
                self.at += 1;
            } else {
                return Err(Self::unterminated(start, "a comment that does not end"));
            }
        }
    }

    fn word(&mut self) -> Result<Option<Kind>, Unterminated> {
        let Some(byte) = self.peek(0) else { return Ok(None) };
        let kind = match byte {
            b'\'' => self.text(self.at, false)?,
            b'"' => self.quoted(Kind::Quoted)?,
            b'$' => self.dollar()?,
            b'0'..=b'9' => {
                while self
                    .peek(0)
                    .is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'_'))
                {
                    self.at += 1;
                }
                Kind::Sign
            }
            _ if begins_name(byte) => self.bare()?,
            _ => {
                self.at += 1;
                Kind::Sign
            }
        };
        Ok(Some(kind))
    }

    fn bare(&mut self) -> Result<Kind, Unterminated> {
        let start = self.at;
        match (byte(self.bytes, start).to_ascii_lowercase(), self.peek(1), self.peek(2)) {
            (prefix @ (b'e' | b'b' | b'x' | b'n'), Some(b'\''), _) => {
                self.at += 1;
                self.text(start, prefix == b'e')
            }
            (b'u', Some(b'&'), Some(b'\'')) => {
                self.at += 2;
                self.text(start, false)
            }
            (b'u', Some(b'&'), Some(b'"')) => {
                self.at += 2;
                self.quoted(Kind::Escaped)
            }
            _ => {
                while self
                    .peek(0)
                    .is_some_and(|byte| begins_name(byte) || byte.is_ascii_digit() || byte == b'$')
                {
                    self.at += 1;
                }
                Ok(Kind::Bare)
            }
        }
    }

    /// A string whose first quote is here, and its continuation after a line break.
    fn text(&mut self, start: usize, escapes: bool) -> Result<Kind, Unterminated> {
        loop {
            self.at += 1;
            loop {
                match self.peek(0) {
                    None => return Err(Self::unterminated(start, "a string that does not end")),
                    Some(b'\\') if escapes && self.at + 1 < self.bytes.len() => self.at += 2,
                    Some(b'\'') if self.peek(1) == Some(b'\'') => self.at += 2,
                    Some(b'\'') => break,
                    Some(_) => self.at += 1,
                }
            }
            self.at += 1;
            let end = self.at;
            // Only in an escape string does it matter whether the next one belongs to it.
            if !(escapes && self.skip()? && self.peek(0) == Some(b'\'')) {
                self.at = end;
                return Ok(Kind::Text);
            }
        }
    }

    fn quoted(&mut self, kind: Kind) -> Result<Kind, Unterminated> {
        let start = self.at;
        loop {
            self.at += 1;
            match (self.peek(0), self.peek(1)) {
                (None, _) => return Err(Self::unterminated(start, "a quoted name that does not end")),
                (Some(b'"'), Some(b'"')) => self.at += 1,
                (Some(b'"'), _) => {
                    self.at += 1;
                    return Ok(kind);
                }
                _ => {}
            }
        }
    }

    /// A dollar quote, or the sign of a parameter.
    fn dollar(&mut self) -> Result<Kind, Unterminated> {
        let start = self.at;
        let tag = bytes(self.bytes, start + 1..self.bytes.len())
            .iter()
            .position(|byte| !is_tag(*byte))
            .map(|length| start + 1 + length);
        let end = match tag {
            Some(end) if byte(self.bytes, end) == b'$' && !byte(self.bytes, start + 1).is_ascii_digit() => end + 1,
            _ => {
                self.at += 1;
                return Ok(Kind::Sign);
            }
        };
        let delimiter = bytes(self.bytes, start..end);
        self.at = end;
        while self.at < self.bytes.len() {
            if self.peek(0) == Some(b'$') && self.starts(delimiter) {
                self.at += delimiter.len();
                return Ok(Kind::Text);
            }
            self.at += 1;
        }
        Err(Self::unterminated(start, "a dollar-quoted string that does not end"))
    }
}

fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | 0x80..)
}

fn is_tag(byte: u8) -> bool {
    begins_name(byte) || byte.is_ascii_digit()
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

pub(super) fn is_newline(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}
