//! Finds what a module imports, without a tree of it.
//!
//! What a closure needs of a file is its imports and the names of its environment. A parser builds a tree for that: it
//! descends by recursion, and where a text can be read in two ways it tries both, which costs memory and time in the square
//! of `(a = (a = ...` (measured: 20 kB, 1 GB). This goes through the text once, keeps one [`Frame`] for each thing that is
//! open, and never goes back: time and memory grow with the text for every production of the grammar, and the bounds below
//! hold them.
//!
//! Where a text can be read in two ways, what stands before it decides:
//! - A `/` divides what has ended, and begins a regular expression elsewhere.
//! - A `<` behind an operand may be "less than". It is taken as type arguments until something comes that no type has; then
//!   what was found since counts as running. So a file can be taken as running that is only a type, never the other way.
//! - A `<` elsewhere is JSX in files of JSX, unless a type is expected or type parameters are certain (`<T,`,
//!   `<T extends`). A wrong guess leaves a tag or a `<` open, which is refused, not passed over.
//!
//! It checks that everything that opens closes, and that no operator lacks its operand. What else a program must be, the
//! platform says at the deploy. A test compares with a parser on everything that the grammar has.

mod angles;
mod brackets;
mod calls;
mod cursor;
mod declarations;
mod defaults;
mod fault;
mod frame;
mod jsx;
mod operators;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashSet;

use self::cursor::{Cursor, TemplateEnd, begins_name};
use self::fault::UNEXPECTED;
use self::frame::{Before, Body, Chain, Frame, Kind, Mode};
use super::module::{Import, Language, Module};

pub(super) use self::fault::{Fault, Problem};

/// Most brackets, tags and templates that are open at once. A bundle made by a machine has some hundred.
const NESTING: usize = 20_000;
/// Most operators of one expression, between two commas, semicolons or brackets: its tree is as deep.
const OPERATORS: u32 = 100_000;
/// Most imports of one module that differ, and most names of its environment. A closure has 2,000 files at most.
pub(super) const IMPORTS: usize = 10_000;

pub(super) fn scan(text: &str, language: Language) -> Result<Module, Fault> {
    let mut scanner = Scanner {
        cursor: Cursor::new(text),
        line: (0, 1),
        language,
        frames: Vec::new(),
        top: Frame::new(Kind::File, 0, Mode::Expression, Before::Statement),
        newline: false,
        uncertain: 0,
        seen: HashSet::new(),
        read_until: 0,
        module: Module::default(),
    };
    scanner.run()?;
    Ok(scanner.module)
}

struct Scanner<'t> {
    cursor: Cursor<'t>,
    /// An offset, and the line in which it is.
    line: (usize, usize),
    language: Language,
    /// What encloses `top`, the outermost first.
    frames: Vec<Frame>,
    top: Frame,
    /// A line end is before the current token.
    newline: bool,
    /// How many frames are a `<` that may be "less than".
    uncertain: usize,
    seen: HashSet<Import>,
    /// The last parenthesis of a read that one before it has looked at.
    read_until: usize,
    module: Module,
}

impl<'t> Scanner<'t> {
    fn run(&mut self) -> Result<(), Fault> {
        if self.cursor.rest().starts_with("#!") {
            self.cursor.skip_line();
        }
        if self.language.jsx {
            self.pragma();
        }
        loop {
            if self.top.kind == Kind::Children {
                if self.cursor.is_at_end() {
                    return Err(self.unclosed());
                }
                self.child()?;
                continue;
            }
            self.newline = self.cursor.skip_space()?;
            if self.cursor.is_at_end() {
                return self.finish();
            }
            if let Kind::Tag { value } = self.top.kind {
                self.attribute(value)?;
            } else {
                self.token()?;
            }
        }
    }

    fn finish(&mut self) -> Result<(), Fault> {
        self.give_up_angles();
        if self.top.before == Before::Binary {
            return Err(self.unexpected());
        }
        match self.top.kind {
            Kind::File => Ok(()),
            _ => Err(self.unclosed()),
        }
    }

    fn token(&mut self) -> Result<(), Fault> {
        match (self.cursor.byte(0), self.cursor.byte(1)) {
            (b'"' | b'\'', _) => {
                self.operand_begins();
                self.cursor.string()?;
                self.ended(Before::Value);
                Ok(())
            }
            (b'`', _) => self.template(),
            (b'0'..=b'9', _) | (b'.', b'0'..=b'9') => {
                self.operand_begins();
                self.cursor.number();
                self.ended(Before::Value);
                Ok(())
            }
            (b'(', _) => self.open_parens(),
            (b'[', _) => self.open_brackets(),
            (b'{', _) => self.open_braces(),
            (bracket @ (b')' | b']' | b'}'), _) => self.close(bracket),
            (b'<', _) => self.less(),
            (b'>', _) => self.greater(),
            (b'/', _) if !self.top.before.is_operand() && self.top.mode != Mode::Member => {
                // No type has one.
                self.give_up_angles();
                self.top.mode = Mode::Expression;
                self.cursor.regular_expression()?;
                self.ended(Before::Value);
                Ok(())
            }
            (b'#', _) => {
                self.cursor.at += 1;
                self.word()
            }
            (byte, _) if begins_name(byte) => self.word(),
            _ => self.operator(),
        }
    }

    fn template(&mut self) -> Result<(), Fault> {
        if self.top.before.is_operand() {
            self.give_up_angles();
        }
        let start = self.cursor.at;
        self.cursor.at += 1;
        self.rest_of_template(start)
    }

    fn rest_of_template(&mut self, start: usize) -> Result<(), Fault> {
        match self.cursor.template(start)? {
            TemplateEnd::Quote => {
                self.ended(Before::Value);
                Ok(())
            }
            TemplateEnd::Substitution => {
                let base = match self.top.mode {
                    Mode::Type => Mode::Type,
                    Mode::Expression | Mode::Member => Mode::Expression,
                };
                self.push(Kind::Substitution(start), base, Before::Operator)
            }
        }
    }

    /// A name or literal comes: behind an operand and a line end it begins a statement or member.
    fn operand_begins(&mut self) {
        if self.top.before.is_operand() {
            self.give_up_angles();
        }
        // A function's body begins with a brace: with a word, it has none.
        let goes_on = !matches!(self.top.header, None | Some(Body::Function(_)));
        let begins = self.newline && self.top.before.may_end() && !goes_on;
        if begins && !matches!(self.top.kind, Kind::Angle { .. }) {
            self.top.restart(Before::Statement);
        }
    }

    /// An operand was read that has nothing to do with the environment.
    fn ended(&mut self, before: Before) {
        self.top.before = before;
        self.top.label = false;
        // `(Deno as any)` is still `Deno`.
        if self.top.mode != Mode::Type || self.uncertain > 0 {
            self.top.chain = Chain::Other;
        }
    }

    fn push(&mut self, kind: Kind, base: Mode, before: Before) -> Result<(), Fault> {
        if self.frames.len() >= NESTING {
            return Err(Fault::bound(
                self.cursor.at,
                "more than 20,000 brackets, tags or templates are open; nest less deeply",
            ));
        }
        let inner = Frame::new(kind, self.cursor.at, base, before);
        self.frames.push(std::mem::replace(&mut self.top, inner));
        Ok(())
    }

    /// Closes the innermost frame; the file itself stays.
    fn pop(&mut self) -> Frame {
        let closed = self.top;
        if let Some(outer) = self.frames.pop() {
            self.top = outer;
        }
        closed
    }

    /// Counts an operator of the current expression.
    fn count(&mut self) -> Result<(), Fault> {
        self.top.operators += 1;
        if self.top.operators > OPERATORS {
            return Err(Fault::bound(
                self.cursor.at,
                "an expression has more than 100,000 operators; divide it",
            ));
        }
        Ok(())
    }

    fn import(&mut self, offset: usize, import: Import) -> Result<(), Fault> {
        // What is read as a type may turn out to run: until then it is not the same as another.
        if self.uncertain == 0 {
            let same = Import {
                line: 0,
                ..import.clone()
            };
            if !self.seen.insert(same) {
                return Ok(());
            }
        }
        self.module.imports.push(import);
        Self::check_bound(offset, self.module.imports.len())
    }

    fn check_bound(offset: usize, found: usize) -> Result<(), Fault> {
        if found > IMPORTS {
            return Err(Fault::bound(
                offset,
                "it has more than 10,000 different imports or names of secrets; divide it",
            ));
        }
        Ok(())
    }

    /// The line of an offset, from 1: counted from the offset that was asked for before, since they grow.
    fn line(&mut self, offset: usize) -> usize {
        let (before, line) = self.line;
        let between = self.cursor.lines(before.min(offset)..before.max(offset));
        let line = if offset < before {
            line - between
        } else {
            line + between
        };
        self.line = (offset, line);
        line
    }

    fn unexpected(&self) -> Fault {
        Fault::syntax(self.cursor.at, UNEXPECTED)
    }

    fn unclosed(&self) -> Fault {
        Fault::syntax(self.top.opened, "what is opened here is never closed")
    }

    /// The place of the next token.
    fn ahead(&self) -> Result<Cursor<'t>, Fault> {
        let mut ahead = self.cursor;
        ahead.skip_space()?;
        Ok(ahead)
    }
}
