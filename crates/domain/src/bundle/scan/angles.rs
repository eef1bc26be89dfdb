use super::Scanner;
use super::fault::Fault;
use super::frame::{Before, Kind, Mode};

impl Scanner<'_> {
    pub(super) fn less(&mut self) -> Result<(), Fault> {
        let operand = self.top.before.is_operand();
        let types = self.language.types;
        // Within what may be no type, nothing is certain.
        let certain = self.uncertain == 0;
        if self.newline && operand && self.top.mode == Mode::Type && self.top.has_members() {
            self.top.restart(Before::Statement);
            return self.angle(true, true);
        }
        match self.top.mode {
            Mode::Member => return self.angle(true, false),
            Mode::Type if operand => return self.angle(certain, false),
            Mode::Type if !self.language.jsx || self.begins_parameters(true)? => return self.angle(certain, true),
            _ => {}
        }
        if !operand {
            return match (self.language.jsx, types) {
                (true, _) if !types || !self.begins_parameters(false)? => self.open_tag(),
                (_, true) => self.angle(true, true),
                (_, false) => self.binary(1),
            };
        }
        if types && self.top.header.is_some() {
            return self.angle(true, false);
        }
        match [1, 2].map(|ahead| self.cursor.byte(ahead)) {
            [b'<', next] => self.binary(2 + usize::from(next == b'=')),
            [b'=', _] => self.binary(2),
            _ if types => {
                self.count()?;
                self.angle(false, false)
            }
            _ => self.binary(1),
        }
    }

    pub(super) fn angle(&mut self, certain: bool, leading: bool) -> Result<(), Fault> {
        self.top.hint(false);
        let imports = self.module.imports.len();
        let kind = Kind::Angle {
            certain,
            leading,
            imports,
        };
        self.push(kind, Mode::Type, Before::Operator)?;
        self.uncertain += usize::from(!certain);
        self.cursor.at += 1;
        Ok(())
    }

    /// In a file with JSX: whether this `<` begins type parameters, as TypeScript decides it. In a type
    /// they may be `<T>(`.
    fn begins_parameters(&self, in_type: bool) -> Result<bool, Fault> {
        let mut ahead = self.cursor;
        ahead.at += 1;
        ahead.skip_space()?;
        let mut name = ahead.name();
        ahead.skip_space()?;
        if name == "const" {
            name = ahead.name();
            ahead.skip_space()?;
        }
        if name.is_empty() {
            return Ok(false);
        }
        Ok(match ahead.byte(0) {
            b',' | b'=' => true,
            b'>' => {
                ahead.at += 1;
                ahead.skip_space()?;
                in_type && ahead.byte(0) == b'('
            }
            _ if ahead.name() == "extends" => {
                ahead.skip_space()?;
                !matches!(ahead.byte(0), b'=' | b'>' | b'/')
            }
            _ => false,
        })
    }

    pub(super) fn greater(&mut self) -> Result<(), Fault> {
        if let Kind::Angle {
            certain,
            leading,
            imports,
        } = self.top.kind
        {
            if certain || self.closes_arguments()? {
                self.uncertain -= usize::from(!certain);
                for import in self.module.imports.iter_mut().skip(imports) {
                    import.data &= !import.type_only;
                }
                self.pop();
                self.cursor.at += 1;
                match self.top.kind {
                    Kind::Tag { .. } => {}
                    _ if leading => self.ended(Before::Operator),
                    _ => self.ended(Before::Value),
                }
                return Ok(());
            }
            self.give_up_angles();
        }
        let length = (1..4)
            .take_while(|ahead| self.cursor.byte(ahead - 1) == b'>')
            .last()
            .unwrap_or(1);
        self.binary(length + usize::from(self.cursor.byte(length) == b'='))
    }

    /// Whether a `>` closes type arguments: something follows that can't be compared.
    fn closes_arguments(&self) -> Result<bool, Fault> {
        let nested = matches!(self.frames.last().map(|outer| outer.kind), Some(Kind::Angle { .. }));
        let mut ahead = self.cursor;
        ahead.at += 1;
        match ahead.byte(0) {
            b'>' => return Ok(nested),
            b'=' => return Ok(false),
            _ => {}
        }
        let newline = ahead.skip_space()?;
        Ok(match ahead.byte(0) {
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b',' | b';' | b':' | b'.' | b'?' | b'`' | b'&' | b'|' | b'='
            | b'!' => true,
            _ if newline || ahead.is_at_end() => true,
            b'>' => nested,
            _ => matches!(
                ahead.name(),
                "as" | "satisfies" | "in" | "of" | "instanceof" | "extends" | "implements"
            ),
        })
    }

    /// Takes each open `<` that may be "less than" for that: what was found since then runs.
    pub(super) fn give_up_angles(&mut self) {
        while let Kind::Angle {
            certain: false,
            imports,
            ..
        } = self.top.kind
        {
            let angle = self.pop();
            self.uncertain -= 1;
            self.top.before = match angle.before {
                Before::TypeParens(_) => Before::Parens,
                before => before,
            };
            for import in self.module.imports.iter_mut().skip(imports) {
                import.type_only = false;
            }
        }
    }
}
