use super::Scanner;
use super::cursor::begins_name;
use super::fault::Fault;
use super::frame::{Before, Kind, Mode};

impl Scanner<'_> {
    pub(super) fn open_tag(&mut self) -> Result<(), Fault> {
        if let Kind::Tag { value } = &mut self.top.kind {
            *value = false;
        }
        self.push(Kind::Tag { value: false }, Mode::Expression, Before::Operator)?;
        self.cursor.at += 1;
        Ok(())
    }

    /// One piece of a tag.
    pub(super) fn attribute(&mut self, value: bool) -> Result<(), Fault> {
        let byte = self.cursor.byte(0);
        match byte {
            b'>' => {
                self.cursor.at += 1;
                self.top.kind = Kind::Children;
            }
            b'/' => {
                self.cursor.at += 1;
                self.cursor.skip_space()?;
                if self.cursor.byte(0) != b'>' {
                    return Err(self.unexpected());
                }
                self.cursor.at += 1;
                self.close_element();
            }
            b'{' => {
                self.push(Kind::Container, Mode::Expression, Before::Operator)?;
                self.cursor.at += 1;
            }
            b'"' | b'\'' => {
                let start = self.cursor.at;
                self.cursor.at += 1;
                self.cursor.skip_until(|next| next == byte);
                if self.cursor.is_at_end() {
                    return Err(Fault::syntax(start, "the attribute has no end"));
                }
                self.cursor.at += 1;
                self.top.kind = Kind::Tag { value: false };
            }
            b'<' if value => self.open_tag()?,
            b'<' if self.language.types => self.angle(true, false)?,
            b'=' => {
                self.cursor.at += 1;
                self.top.kind = Kind::Tag { value: true };
            }
            b'-' | b'.' | b':' => self.cursor.at += 1,
            byte if begins_name(byte) => {
                if self.cursor.name().is_empty() {
                    return Err(self.unexpected());
                }
            }
            byte if byte.is_ascii_digit() => self.cursor.at += 1,
            _ => return Err(self.unexpected()),
        }
        Ok(())
    }

    /// Text between tags, and what ends it. It has no `>` and no `}`: so a `<T>(a: T) => ...` that was taken for a tag is
    /// refused where its arrow is.
    pub(super) fn child(&mut self) -> Result<(), Fault> {
        self.cursor.skip_until(|byte| matches!(byte, b'<' | b'{' | b'>' | b'}'));
        match self.cursor.byte(0) {
            b'{' => {
                self.push(Kind::Container, Mode::Expression, Before::Operator)?;
                self.cursor.at += 1;
            }
            b'<' => {
                let mut ahead = self.cursor;
                ahead.at += 1;
                ahead.skip_space()?;
                if ahead.byte(0) != b'/' {
                    return self.open_tag();
                }
                ahead.at += 1;
                self.cursor = ahead;
                self.closing_tag()?;
            }
            _ if !self.cursor.is_at_end() => return Err(self.unexpected()),
            _ => {}
        }
        Ok(())
    }

    fn closing_tag(&mut self) -> Result<(), Fault> {
        loop {
            self.cursor.skip_space()?;
            match self.cursor.byte(0) {
                b'>' => {
                    self.cursor.at += 1;
                    self.close_element();
                    return Ok(());
                }
                b'-' | b'.' | b':' => self.cursor.at += 1,
                byte if byte.is_ascii_digit() => self.cursor.at += 1,
                _ => {
                    if self.cursor.name().is_empty() {
                        return Err(self.unexpected());
                    }
                }
            }
        }
    }

    fn close_element(&mut self) {
        self.pop();
        if !matches!(self.top.kind, Kind::Children | Kind::Tag { .. }) {
            self.ended(Before::Value);
        }
    }

    /// `@jsxImportSource` in a block comment before the first token.
    pub(super) fn pragma(&mut self) {
        let mut ahead = self.cursor;
        let start = ahead.at;
        if ahead.skip_space().is_err() {
            return;
        }
        let mut comments = ahead.since(start);
        let mut offset = start;
        while let Some((before, rest)) = comments.split_once('/') {
            offset += before.len() + 1;
            let (comment, behind) = match rest.as_bytes().first() {
                Some(b'*') => (rest.split("*/").next(), "*/"),
                _ => (None, "\n"),
            };
            let length = rest.find(behind).map_or(rest.len(), |end| end + behind.len());
            if let Some((source, at)) = comment.and_then(import_source) {
                let line = self.line(offset + at);
                self.module.jsx_import_source.get_or_insert((source.to_owned(), line));
            }
            comments = rest.get(length..).unwrap_or_default();
            offset += length;
        }
    }
}

/// What the pragma names, and where in the comment.
fn import_source(comment: &str) -> Option<(&str, usize)> {
    const PRAGMA: &str = "@jsximportsource";
    let mut offset = 0;
    for line in comment.split_inclusive('\n') {
        let text = line.trim_start_matches(|character: char| character.is_whitespace() || character == '*');
        let named = text
            .get(..PRAGMA.len())
            .filter(|word| word.eq_ignore_ascii_case(PRAGMA))
            .and_then(|_| text.get(PRAGMA.len()..))
            .filter(|rest| rest.starts_with(char::is_whitespace))
            .and_then(|rest| rest.split_whitespace().next());
        if let Some(source) = named {
            return Some((source, offset + line.len() - text.len()));
        }
        offset += line.len();
    }
    None
}
