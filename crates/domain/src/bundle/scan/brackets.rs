use super::Scanner;
use super::fault::Fault;
use super::frame::{Before, Body, Chain, Closed, Kind, Mode};

impl Scanner<'_> {
    pub(super) fn open_parens(&mut self) -> Result<(), Fault> {
        if self.top.mode == Mode::Type && self.top.before.is_operand() && self.top.before != Before::ImportType {
            self.give_up_angles();
            self.type_ends();
        }
        let before = self.top.before;
        let (closed, base) = match (before, self.top.mode) {
            (Before::ImportType, _) => (Closed::Value, Mode::Type),
            (_, Mode::Member) => (Closed::Call, Mode::Expression),
            (_, Mode::Type) => (Closed::TypeParens, Mode::Type),
            (Before::Control, _) => (Closed::Statement, Mode::Expression),
            (Before::Dot, _) => (Closed::Call, Mode::Expression),
            (before, _) if before.is_operand() => (Closed::Call, Mode::Expression),
            _ => (Closed::Group, Mode::Expression),
        };
        if closed == Closed::Call && self.top.chain == Chain::Reader {
            self.variable()?;
        }
        self.top.hint(false);
        let kind = Kind::Parens {
            closed,
            parameters: None,
        };
        self.push(kind, base, Before::Operator)?;
        self.cursor.at += 1;
        Ok(())
    }

    pub(super) fn open_brackets(&mut self) -> Result<(), Fault> {
        if self.newline && self.top.mode == Mode::Type && self.top.before.is_operand() && self.top.has_members() {
            self.top.restart(Before::Statement);
        }
        let key = self.top.mode == Mode::Member;
        let base = if key { Mode::Expression } else { self.top.mode };
        if self.top.before.is_operand() {
            self.top.hint(false);
        }
        self.push(Kind::Brackets { key }, base, Before::Operator)?;
        self.cursor.at += 1;
        Ok(())
    }

    pub(super) fn open_braces(&mut self) -> Result<(), Fault> {
        let operand = self.top.before.is_operand();
        if operand {
            self.give_up_angles();
        }
        let (kind, base, before) = match (self.top.header, self.top.mode) {
            (Some(body), _) if operand => {
                self.top.header = None;
                self.top.mode = self.top.base;
                body_of(body)
            }
            (_, Mode::Type) if !operand => (Kind::Members(Closed::Value), Mode::Member, Before::Statement),
            (_, Mode::Type) => {
                self.type_ends();
                BLOCK
            }
            (_, Mode::Member) => BLOCK,
            (_, Mode::Expression) => match self.top.before {
                Before::Arrow => (Kind::Block(Closed::Body), Mode::Expression, Before::Statement),
                Before::Operator | Before::Binary | Before::Default => {
                    (Kind::Object, Mode::Expression, Before::Operator)
                }
                _ => BLOCK,
            },
        };
        self.push(kind, base, before)?;
        self.cursor.at += 1;
        Ok(())
    }

    pub(super) fn close(&mut self, bracket: u8) -> Result<(), Fault> {
        self.give_up_angles();
        let fits = match self.top.kind {
            Kind::Parens { .. } => bracket == b')',
            Kind::Brackets { .. } => bracket == b']',
            Kind::Block(_) | Kind::Object | Kind::Members(_) | Kind::Enum | Kind::Substitution(_) | Kind::Container => {
                bracket == b'}'
            }
            Kind::File | Kind::Angle { .. } | Kind::Tag { .. } | Kind::Children => false,
        };
        if !fits || self.top.before == Before::Binary {
            return Err(self.unexpected());
        }
        let inner = self.pop();
        self.cursor.at += 1;
        match inner.kind {
            Kind::Substitution(start) => return self.rest_of_template(start),
            Kind::Container => {
                if let Kind::Tag { value } = &mut self.top.kind {
                    *value = false;
                }
            }
            Kind::Parens { closed, parameters } => match closed {
                Closed::TypeParens => self.ended(Before::TypeParens(parameters.unwrap_or(true))),
                Closed::Group => {
                    self.ended(Before::Parens);
                    if inner.operators == 0 {
                        self.top.chain = inner.chain;
                    }
                }
                closed => self.closed(closed),
            },
            Kind::Block(closed) | Kind::Members(closed) => self.closed(closed),
            Kind::Enum => self.closed(Closed::Statement),
            _ => self.ended(Before::Value),
        }
        Ok(())
    }

    fn closed(&mut self, closed: Closed) {
        match closed {
            Closed::Statement => self.top.restart(Before::Statement),
            Closed::Value => self.ended(Before::Value),
            Closed::Body => self.ended(Before::Body),
            Closed::Call | Closed::Group | Closed::TypeParens => self.ended(Before::Parens),
        }
    }

    /// What comes belongs to no type: the type has ended, and what contains it goes on.
    pub(super) fn type_ends(&mut self) {
        self.top.mode = match self.top.base {
            Mode::Type => Mode::Expression,
            base => base,
        };
        self.top.extends = false;
        self.top.conditions = 0;
    }
}

const BLOCK: (Kind, Mode, Before) = (Kind::Block(Closed::Statement), Mode::Expression, Before::Statement);

fn body_of(body: Body) -> (Kind, Mode, Before) {
    match body {
        Body::Class(closed) => (Kind::Members(closed), Mode::Member, Before::Statement),
        Body::Interface => (Kind::Members(Closed::Statement), Mode::Member, Before::Statement),
        Body::Function(closed) => (Kind::Block(closed), Mode::Expression, Before::Statement),
        Body::Enum => (Kind::Enum, Mode::Expression, Before::Operator),
    }
}
