use super::Scanner;
use super::cursor::{Cursor, TemplateEnd, unescaped};
use super::defaults::Behind;
use super::fault::Fault;
use super::frame::{Before, Mode};
use crate::bundle::module::{Import, TemplateImport};

/// The first argument of a call, at whose `(` a cursor is.
enum Argument<'t> {
    /// A string that is known without running anything, raw, and the byte behind the argument.
    Constant {
        inner: &'t str,
        offset: usize,
        next: u8,
        /// Where `next` is.
        end: usize,
    },
    /// A template literal with something to put in.
    Template {
        beginning: &'t str,
        offset: usize,
    },
    Other,
}

impl Scanner<'_> {
    /// `import(` was read up to its parenthesis: of a module, or of a type.
    pub(super) fn import_call(&mut self) -> Result<(), Fault> {
        if self.top.mode != Mode::Expression && self.newline && self.top.before.may_end() {
            self.operand_begins();
        }
        let of_type = self.top.mode == Mode::Type;
        self.called(of_type, self.ahead()?)?;
        self.operand_begins();
        self.ended(if of_type { Before::ImportType } else { Before::Name });
        Ok(())
    }

    pub(super) fn called(&mut self, type_only: bool, parens: Cursor<'_>) -> Result<(), Fault> {
        match argument(parens)? {
            Argument::Constant {
                inner, offset, next, ..
            } => {
                let import = Import {
                    specifier: unescaped(inner),
                    line: self.line(offset),
                    type_only,
                    // The second argument has no other use than `with`.
                    data: next == b',' && (!type_only || self.uncertain > 0),
                    dynamic: true,
                };
                self.import(offset, import)
            }
            Argument::Template { beginning, offset } if !type_only => {
                let (line, beginning) = (self.line(offset), unescaped(beginning));
                self.module.templates.insert(TemplateImport::new(line, beginning));
                Self::check_bound(offset, self.module.templates.len())
            }
            Argument::Template { .. } | Argument::Other => Ok(()),
        }
    }

    /// `Deno.env.get` was read, and its parenthesis comes.
    pub(super) fn variable(&mut self) -> Result<(), Fault> {
        // The name after which this one is read has taken it.
        let is_taken = self.cursor.at <= self.read_until;
        let (mut names, mut ahead) = (Vec::new(), self.cursor);
        let has_default = loop {
            let Argument::Constant {
                inner,
                offset,
                next,
                end,
            } = argument(ahead)?
            else {
                break false;
            };
            let name = unescaped(inner);
            if names.is_empty() {
                self.module.variables.insert(name.clone());
                Self::check_bound(offset, self.module.variables.len())?;
            }
            names.push(name);
            if is_taken || next != b')' {
                break false;
            }
            ahead.at = end + 1;
            match self.behind(ahead) {
                Behind::Default => break true,
                Behind::Read(other) => ahead = other,
                Behind::Other => break false,
            }
            self.read_until = ahead.at;
        };
        if !is_taken && !names.is_empty() {
            self.module.reads.add(names, has_default);
            Self::check_bound(self.cursor.at, self.module.reads.len())?;
        }
        Ok(())
    }
}

fn argument(mut ahead: Cursor<'_>) -> Result<Argument<'_>, Fault> {
    let mut parens = 0_usize;
    while ahead.byte(0) == b'(' {
        parens += 1;
        ahead.at += 1;
        ahead.skip_space()?;
    }
    let offset = ahead.at;
    let inner = match ahead.byte(0) {
        b'"' | b'\'' => ahead.string()?,
        b'`' => {
            ahead.at += 1;
            let end = ahead.template(offset)?;
            let inner = ahead.since(offset + 1);
            match end {
                TemplateEnd::Quote => inner.strip_suffix('`').unwrap_or(inner),
                TemplateEnd::Substitution => {
                    let beginning = inner.strip_suffix("${").unwrap_or(inner);
                    return Ok(Argument::Template { beginning, offset });
                }
            }
        }
        _ => return Ok(Argument::Other),
    };
    ahead.skip_space()?;
    while parens > 1 && ahead.byte(0) == b')' {
        parens -= 1;
        ahead.at += 1;
        ahead.skip_space()?;
    }
    let next = match ahead.byte(0) {
        b',' if parens == 1 => {
            ahead.at += 1;
            ahead.skip_space()?;
            if ahead.byte(0) == b')' { b')' } else { b',' }
        }
        byte => byte,
    };
    let cast = next == b'!' && ahead.byte(1) != b'=' || matches!(ahead.name(), "as" | "satisfies");
    if !cast && !matches!(next, b')' | b',') {
        return Ok(Argument::Other);
    }
    Ok(Argument::Constant {
        inner,
        offset,
        next,
        end: ahead.at,
    })
}
