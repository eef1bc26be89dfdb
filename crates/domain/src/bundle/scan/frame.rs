/// What encloses the place: the file itself, or something that was opened and not closed yet.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "they are read one by one, and none excludes another"
)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// Where it was opened.
    pub(super) opened: usize,
    pub(super) mode: Mode,
    /// The mode in which the next statement, member or list item begins.
    pub(super) base: Mode,
    /// The token before the place.
    pub(super) before: Before,
    /// Operators of the current expression: how deep its tree is at most.
    pub(super) operators: u32,
    /// `?` of conditional expressions whose `:` is to come.
    pub(super) choices: u32,
    /// `?` of conditional types whose `:` is to come.
    pub(super) conditions: u32,
    /// The current type has an `extends`, so that a `?` belongs to it.
    pub(super) extends: bool,
    /// A `type` was read whose `=` is to come.
    pub(super) alias: bool,
    /// A `case` was read whose `:` is to come.
    pub(super) case: bool,
    /// A name began the statement: a `:` makes it a label.
    pub(super) label: bool,
    /// A declaration was read whose body is to come.
    pub(super) header: Option<Body>,
    /// What the last operand is of `Deno.env`.
    pub(super) chain: Chain,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    File,
    Block(Closed),
    /// An object literal, or a pattern that takes one apart.
    Object,
    /// A body of members: of a class, an interface or a type.
    Members(Closed),
    /// The body of an enum.
    Enum,
    Parens {
        closed: Closed,
        /// In a type: whether it holds parameters, as far as that is known.
        parameters: Option<bool>,
    },
    /// `key` when they are the name of a member.
    Brackets {
        key: bool,
    },
    /// `${` in a template literal, which begins at this offset.
    Substitution(usize),
    /// `<` of types. One that may be "less than" is given up when something comes that no type has.
    Angle {
        certain: bool,
        /// Nothing stood before it that could be less than something: type parameters, or an assertion.
        leading: bool,
        /// Number of imports that were found before it.
        imports: usize,
    },
    /// A tag of JSX up to its `>`; `value` when an attribute's value is to come.
    Tag {
        value: bool,
    },
    /// What stands between two tags.
    Children,
    /// `{` in JSX.
    Container,
}

/// What is before the place when a frame has closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Closed {
    Statement,
    Value,
    /// Of an arrow function's body: an expression goes on or ends behind it, and nothing divides it.
    Body,
    /// Of parentheses in a type.
    TypeParens,
    /// Of parentheses that are called or declare parameters.
    Call,
    /// Of parentheses around an expression.
    Group,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    Expression,
    Type,
    /// At the name of a member, where words are names.
    Member,
}

/// The body that a declaration's `{` opens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Body {
    Class(Closed),
    Function(Closed),
    Interface,
    Enum,
}

/// What the token before the place means for the next one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Before {
    /// A statement or member begins.
    Statement,
    /// An operand has to come.
    Operator,
    /// As `Operator`, and nothing may close or end before it has.
    Binary,
    Arrow,
    Dot,
    /// `if`, `while` ...: parentheses come, and behind them a statement.
    Control,
    Default,
    /// `import` of a type.
    ImportType,
    Name,
    Value,
    Body,
    Parens,
    /// Parentheses in a type; whether they can hold parameters.
    TypeParens(bool),
}

/// How much of `Deno.env.get` the last operand is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Chain {
    #[default]
    Other,
    Deno,
    Environment,
    Reader,
}

impl Before {
    /// Whether an operand has ended, so that a `/` divides it and a `<` compares it.
    pub(super) fn is_operand(self) -> bool {
        matches!(self, Self::Name | Self::Value | Self::Parens | Self::TypeParens(_))
    }

    /// Whether something may have ended without a semicolon.
    pub(super) fn may_end(self) -> bool {
        self.is_operand() || self == Self::Body
    }
}

impl Frame {
    pub(super) fn new(kind: Kind, opened: usize, base: Mode, before: Before) -> Self {
        Self {
            kind,
            opened,
            mode: base,
            base,
            before,
            operators: 0,
            choices: 0,
            conditions: 0,
            extends: false,
            alias: false,
            case: false,
            label: false,
            header: None,
            chain: Chain::Other,
        }
    }

    /// The next statement, member or item begins.
    pub(super) fn restart(&mut self, before: Before) {
        *self = Self::new(self.kind, self.opened, self.base, before);
    }

    pub(super) fn has_members(&self) -> bool {
        matches!(self.kind, Kind::Members(_))
    }

    /// In parentheses of a type: the first sign of whether they hold parameters.
    pub(super) fn hint(&mut self, holds: bool) {
        if let Kind::Parens { parameters, .. } = &mut self.kind {
            parameters.get_or_insert(holds);
        }
    }
}
