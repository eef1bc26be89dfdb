use super::Scanner;
use super::fault::Fault;
use super::frame::{Before, Kind, Mode};

impl Scanner<'_> {
    /// Everything that is neither a word, a literal, a bracket nor an angle.
    pub(super) fn operator(&mut self) -> Result<(), Fault> {
        let bytes = [0, 1, 2].map(|ahead| self.cursor.byte(ahead));
        match bytes {
            [b';', ..] => {
                self.give_up_angles();
                if self.top.before == Before::Binary || matches!(self.top.kind, Kind::Angle { .. }) {
                    return Err(self.unexpected());
                }
                self.top.restart(Before::Statement);
                self.cursor.at += 1;
                Ok(())
            }
            [b',', ..] => self.comma(),
            [b':', ..] => {
                self.colon();
                Ok(())
            }
            [b'?', ..] => self.question(),
            [b'.', b'.', b'.'] => {
                self.top.hint(true);
                self.cursor.at += 3;
                self.ended(Before::Operator);
                Ok(())
            }
            [b'.', ..] => {
                self.top.hint(false);
                self.cursor.at += 1;
                self.top.before = Before::Dot;
                Ok(())
            }
            [b'@', ..] => {
                if self.top.before.may_end() {
                    self.top.restart(Before::Statement);
                }
                self.cursor.at += 1;
                self.ended(Before::Dot);
                Ok(())
            }
            [b'=', b'>', _] => self.arrow(),
            [b'=' | b'!', b'=', next] | [b'&', b'&', next] | [b'|', b'|', next] | [b'*', b'*', next] => {
                self.binary(2 + usize::from(next == b'='))
            }
            [b'=', ..] => self.assignment(),
            [byte @ (b'!' | b'+' | b'-'), next, _] if self.is_mark(byte, next) => {
                self.cursor.at += 1;
                Ok(())
            }
            [b'!' | b'~', ..] => self.prefix(1),
            [b'+', b'+', _] | [b'-', b'-', _] => {
                self.give_up_angles();
                if self.top.before.is_operand() && !self.newline {
                    self.cursor.at += 2;
                    return Ok(());
                }
                self.prefix(2)
            }
            [b'&' | b'|', next, _] if next != b'=' && self.top.mode == Mode::Type => {
                self.top.hint(false);
                self.cursor.at += 1;
                self.ended(Before::Binary);
                Ok(())
            }
            [b'*', next, _] if next != b'=' => self.star(),
            [b'+' | b'-', ..] if !self.top.before.is_operand() => self.prefix(1),
            [b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'&' | b'|', next, _] => {
                self.binary(1 + usize::from(next == b'='))
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Of what is not null, or of what a mapped type adds and takes away: no operator.
    fn is_mark(&self, byte: u8, next: u8) -> bool {
        match byte {
            b'!' => self.top.before.is_operand() && !self.newline,
            _ => next != byte && self.top.mode == Mode::Member,
        }
    }

    /// An operator that no type has, and whose right side has to come.
    pub(super) fn binary(&mut self, length: usize) -> Result<(), Fault> {
        self.give_up_angles();
        if self.top.mode == Mode::Type {
            self.top.mode = Mode::Expression;
        }
        self.count()?;
        self.cursor.at += length;
        self.ended(Before::Binary);
        Ok(())
    }

    fn prefix(&mut self, length: usize) -> Result<(), Fault> {
        if self.top.before.may_end() {
            self.operand_begins();
        }
        self.count()?;
        self.cursor.at += length;
        self.ended(Before::Operator);
        Ok(())
    }

    /// Multiplication, or the mark of a generator or of everything that a module exports.
    fn star(&mut self) -> Result<(), Fault> {
        self.give_up_angles();
        if self.newline && self.top.has_members() && self.top.before.may_end() {
            self.top.restart(Before::Statement);
        }
        self.cursor.at += 1;
        if self.top.mode == Mode::Member {
            return Ok(());
        }
        if self.top.mode == Mode::Type {
            self.top.mode = Mode::Expression;
        }
        self.count()?;
        self.ended(Before::Operator);
        Ok(())
    }

    fn comma(&mut self) -> Result<(), Fault> {
        if self.top.before == Before::Binary {
            return Err(self.unexpected());
        }
        self.top.hint(true);
        self.cursor.at += 1;
        if self.top.header.is_some() || self.top.case {
            self.ended(Before::Operator);
        } else {
            self.top.restart(Before::Operator);
            // A sequence in parentheses is not what its last operand is.
            self.top.operators = 1;
        }
        Ok(())
    }

    fn colon(&mut self) {
        if self.top.conditions == 0 {
            self.give_up_angles();
        }
        let top = &mut self.top;
        self.cursor.at += 1;
        if top.mode == Mode::Type && top.conditions > 0 {
            top.conditions -= 1;
            top.before = Before::Operator;
            return;
        }
        if top.choices > 0 {
            top.choices -= 1;
            top.mode = Mode::Expression;
            self.ended(Before::Operator);
            return;
        }
        let label = top.label && top.before == Before::Name;
        match top.kind {
            Kind::File | Kind::Block(_) if top.case || top.before == Before::Default || label => {
                top.restart(Before::Statement);
                return;
            }
            Kind::Object | Kind::Enum if top.before != Before::Parens => {}
            _ if self.language.types => {
                top.mode = Mode::Type;
                top.extends = false;
                top.hint(true);
            }
            _ => {}
        }
        self.ended(Before::Operator);
    }

    fn question(&mut self) -> Result<(), Fault> {
        match [1, 2].map(|ahead| self.cursor.byte(ahead)) {
            [b'.', digit] if !digit.is_ascii_digit() => {
                self.give_up_angles();
                self.cursor.at += 2;
                self.top.before = Before::Dot;
                return Ok(());
            }
            [b'?', next] => return self.binary(2 + usize::from(next == b'=')),
            _ => {}
        }
        self.cursor.at += 1;
        let next = self.ahead()?.byte(0);
        if self.top.mode == Mode::Member || matches!(next, b':' | b',' | b')' | b'=' | b']' | b';' | b'}') {
            // Of something optional.
            self.top.hint(true);
            return Ok(());
        }
        if self.top.mode == Mode::Type && self.top.extends {
            self.top.conditions += 1;
            self.top.before = Before::Operator;
            return Ok(());
        }
        self.give_up_angles();
        self.top.mode = Mode::Expression;
        self.top.choices += 1;
        self.count()?;
        self.ended(Before::Operator);
        Ok(())
    }

    fn arrow(&mut self) -> Result<(), Fault> {
        let of_type = matches!(self.top.before, Before::TypeParens(true));
        if self.top.mode == Mode::Type && of_type {
            self.top.hint(false);
            self.cursor.at += 2;
            self.ended(Before::Operator);
            return Ok(());
        }
        self.give_up_angles();
        self.top.mode = Mode::Expression;
        self.count()?;
        self.cursor.at += 2;
        self.ended(Before::Arrow);
        Ok(())
    }

    fn assignment(&mut self) -> Result<(), Fault> {
        if matches!(self.top.kind, Kind::Angle { certain: true, .. }) {
            self.cursor.at += 1;
            self.top.before = Before::Operator;
            return Ok(());
        }
        if self.top.alias {
            self.top.alias = false;
            self.cursor.at += 1;
            self.ended(Before::Binary);
            return Ok(());
        }
        self.top.hint(true);
        self.give_up_angles();
        self.top.mode = Mode::Expression;
        self.count()?;
        self.cursor.at += 1;
        self.ended(Before::Binary);
        Ok(())
    }
}
