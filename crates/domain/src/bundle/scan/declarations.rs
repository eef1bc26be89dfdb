use super::Scanner;
use super::cursor::{begins_name, unescaped};
use super::fault::Fault;
use super::frame::Before;
use crate::bundle::module::Import;

/// What an import or export names between its braces.
#[derive(Clone, Copy, Default)]
struct Named {
    all: usize,
    types: usize,
}

impl Scanner<'_> {
    /// `import` was read, and it is not called.
    pub(super) fn import_declaration(&mut self) -> Result<(), Fault> {
        let ahead = self.ahead()?;
        match ahead.byte(0) {
            b'.' => return self.import_member(),
            b'"' | b'\'' | b'{' | b'*' => {}
            byte if begins_name(byte) => {}
            _ => {
                // A name of something else: `{ import: 1 }`.
                self.ended(Before::Name);
                return Ok(());
            }
        }
        self.cursor = ahead;
        let mut type_only = self.type_modifier()?;
        self.phase()?;
        let (mut named, mut others) = (Named::default(), false);
        loop {
            self.cursor.skip_space()?;
            match self.cursor.byte(0) {
                b'"' | b'\'' => break,
                b'{' => named = self.named()?,
                b'*' | b',' => {
                    others |= self.cursor.byte(0) == b'*';
                    self.cursor.at += 1;
                }
                b'=' => {
                    self.cursor.at += 1;
                    self.top.restart(Before::Operator);
                    return self.required(type_only);
                }
                byte if begins_name(byte) => {
                    let is_from = self.cursor.name() == "from";
                    let source = matches!(self.ahead()?.byte(0), b'"' | b'\'');
                    others |= !(is_from && source);
                }
                _ => return Err(self.unexpected()),
            }
        }
        type_only |= !others && named.all > 0 && named.all == named.types;
        self.source(type_only)
    }

    /// `export` was read.
    pub(super) fn export_declaration(&mut self) -> Result<(), Fault> {
        let ahead = self.ahead()?;
        let mut type_only = false;
        match ahead.byte(0) {
            b'*' | b'{' => self.cursor = ahead,
            byte if begins_name(byte) => {
                let behind = self.cursor;
                self.cursor = ahead;
                type_only = self.language.types && self.type_modifier()?;
                self.cursor.skip_space()?;
                if !type_only || !matches!(self.cursor.byte(0), b'{' | b'*') {
                    // A declaration, which the word behind this one begins.
                    self.cursor = behind;
                    self.top.restart(Before::Statement);
                    return Ok(());
                }
            }
            _ => {
                self.ended(Before::Name);
                return Ok(());
            }
        }
        if self.cursor.byte(0) == b'{' {
            let named = self.named()?;
            type_only |= named.all > 0 && named.all == named.types;
        } else {
            self.cursor.at += 1;
            let mut ahead = self.ahead()?;
            if ahead.name() == "as" {
                ahead.skip_space()?;
                match ahead.byte(0) {
                    b'"' | b'\'' => drop(ahead.string()?),
                    _ => drop(ahead.name()),
                }
                self.cursor = ahead;
            }
        }
        self.cursor.skip_space()?;
        let behind = self.cursor;
        let is_from = self.cursor.name() == "from";
        self.cursor.skip_space()?;
        if is_from && matches!(self.cursor.byte(0), b'"' | b'\'') {
            return self.source(type_only);
        }
        self.cursor = behind;
        self.top.restart(Before::Statement);
        Ok(())
    }

    /// Takes a `type` that makes the whole declaration one of types, and is not a name.
    fn type_modifier(&mut self) -> Result<bool, Fault> {
        let mut ahead = self.cursor;
        if ahead.name() != "type" {
            return Ok(false);
        }
        ahead.skip_space()?;
        let behind = ahead;
        let is_modifier = match ahead.byte(0) {
            b'{' | b'*' => true,
            byte if begins_name(byte) => {
                let is_from = ahead.name() == "from";
                ahead.skip_space()?;
                !is_from || !matches!(ahead.byte(0), b'"' | b'\'')
            }
            _ => false,
        };
        if is_modifier {
            self.cursor = behind;
        }
        Ok(is_modifier)
    }

    /// Takes `defer` of `import defer * as`, `source` of `import source x from`.
    fn phase(&mut self) -> Result<(), Fault> {
        let mut ahead = self.cursor;
        let word = ahead.name();
        ahead.skip_space()?;
        let behind = ahead;
        let is_phase = match word {
            "defer" => ahead.byte(0) == b'*',
            "source" => {
                let is_from = ahead.name() == "from";
                ahead.skip_space()?;
                begins_name(behind.byte(0)) && !(is_from && matches!(ahead.byte(0), b'"' | b'\''))
            }
            _ => false,
        };
        if is_phase {
            self.cursor = behind;
        }
        Ok(())
    }

    /// Takes `{ a, type B as C, "d" as e }`.
    fn named(&mut self) -> Result<Named, Fault> {
        let opened = self.cursor.at;
        let mut named = Named::default();
        let (mut words, mut typed) = (0, false);
        self.cursor.at += 1;
        loop {
            self.cursor.skip_space()?;
            match self.cursor.byte(0) {
                byte @ (b',' | b'}') => {
                    named.all += usize::from(words > 0);
                    // `type` is a name by itself, and in `type as x`.
                    named.types += usize::from(typed && matches!(words, 2 | 4));
                    (words, typed) = (0, false);
                    self.cursor.at += 1;
                    if byte == b'}' {
                        return Ok(named);
                    }
                }
                b'"' | b'\'' => {
                    self.cursor.string()?;
                    words += 1;
                }
                byte if begins_name(byte) => {
                    let word = self.cursor.name();
                    typed |= words == 0 && word == "type";
                    words += 1;
                }
                _ if self.cursor.is_at_end() => {
                    return Err(Fault::syntax(opened, "what is opened here is never closed"));
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    /// Takes the module's string with its attributes, which end the declaration.
    fn source(&mut self, type_only: bool) -> Result<(), Fault> {
        let offset = self.cursor.at;
        let inner = self.cursor.string()?;
        let mut ahead = self.cursor;
        let newline = ahead.skip_space()?;
        let word = ahead.name();
        ahead.skip_space()?;
        let mut data = false;
        if (word == "with" || word == "assert" && !newline) && ahead.byte(0) == b'{' {
            self.cursor = ahead;
            data = self.attributes()?;
        }
        let import = Import {
            specifier: unescaped(inner),
            line: self.line(offset),
            type_only,
            data,
            dynamic: false,
        };
        self.import(offset, import)?;
        self.top.restart(Before::Statement);
        Ok(())
    }

    /// Takes `{ type: "json" }`; says whether there is a `type`.
    fn attributes(&mut self) -> Result<bool, Fault> {
        let mut data = false;
        self.cursor.at += 1;
        loop {
            self.cursor.skip_space()?;
            let key = match self.cursor.byte(0) {
                b'}' => {
                    self.cursor.at += 1;
                    return Ok(data);
                }
                b',' | b':' => {
                    self.cursor.at += 1;
                    continue;
                }
                b'"' | b'\'' => self.cursor.string()?,
                byte if begins_name(byte) => self.cursor.name(),
                _ => return Err(self.unexpected()),
            };
            data |= key == "type" && self.ahead()?.byte(0) == b':';
        }
    }

    /// `import x =` was read: `require("...")` may come.
    fn required(&mut self, type_only: bool) -> Result<(), Fault> {
        let mut ahead = self.ahead()?;
        if ahead.name() != "require" {
            return Ok(());
        }
        ahead.skip_space()?;
        if ahead.byte(0) != b'(' {
            return Ok(());
        }
        ahead.at += 1;
        ahead.skip_space()?;
        if !matches!(ahead.byte(0), b'"' | b'\'') {
            return Ok(());
        }
        let offset = ahead.at;
        let import = Import {
            specifier: unescaped(ahead.string()?),
            line: self.line(offset),
            type_only,
            data: false,
            dynamic: false,
        };
        self.import(offset, import)
    }

    /// `import.meta`, or `import.defer("...")` and `import.source("...")`.
    fn import_member(&mut self) -> Result<(), Fault> {
        let mut ahead = self.ahead()?;
        ahead.at += 1;
        ahead.skip_space()?;
        let word = ahead.name();
        ahead.skip_space()?;
        if matches!(word, "defer" | "source") && ahead.byte(0) == b'(' {
            self.called(false, ahead)?;
        }
        self.operand_begins();
        self.ended(Before::Name);
        Ok(())
    }
}
