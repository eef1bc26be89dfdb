use super::Scanner;
use super::cursor::begins_name;
use super::fault::Fault;
use super::frame::{Before, Body, Chain, Closed, Kind, Mode};

impl Scanner<'_> {
    pub(super) fn word(&mut self) -> Result<(), Fault> {
        let start = self.cursor.at;
        let name = self.cursor.name();
        if name.is_empty() {
            return Err(self.unexpected());
        }
        if self.top.before == Before::Dot {
            self.top.chain = chain(self.top.chain, name);
            self.top.before = Before::Name;
            return Ok(());
        }
        if name == "import" && self.is_called()? {
            return self.import_call();
        }
        match self.top.mode {
            Mode::Member => {
                if self.uncertain > 0 && self.begins_statement(name)? {
                    // What was taken for a type with members is the body of a function.
                    self.top.kind = Kind::Block(Closed::Body);
                    self.top.base = Mode::Expression;
                    self.top.restart(Before::Statement);
                    return self.word_of_expression(start, name);
                }
                self.ended(Before::Name);
                Ok(())
            }
            Mode::Type => self.word_of_type(start, name),
            Mode::Expression => self.word_of_expression(start, name),
        }
    }

    fn is_called(&self) -> Result<bool, Fault> {
        Ok(self.ahead()?.byte(0) == b'(')
    }

    /// A name is on the same line behind this word, which then is a keyword; `not` are operators.
    fn introduces_name(&self, not: &[&str]) -> Result<bool, Fault> {
        let mut ahead = self.cursor;
        let newline = ahead.skip_space()?;
        Ok(!newline && begins_name(ahead.byte(0)) && !not.contains(&ahead.name()))
    }

    fn begins_statement(&self, name: &str) -> Result<bool, Fault> {
        let statement = matches!(
            name,
            "return"
                | "throw"
                | "if"
                | "for"
                | "while"
                | "do"
                | "switch"
                | "try"
                | "const"
                | "let"
                | "var"
                | "await"
                | "function"
                | "class"
        );
        let member = matches!(self.ahead()?.byte(0), b':' | b'?' | b',' | b'}');
        Ok(statement && self.top.has_members() && !member)
    }

    fn word_of_type(&mut self, start: usize, name: &str) -> Result<(), Fault> {
        if !matches!(name, "extends" | "is" | "in" | "as" | "satisfies" | "implements") {
            let mode = self.top.mode;
            self.operand_begins();
            if self.top.mode != mode {
                // The type ended with its line, or never was one.
                self.cursor.at = start;
                return self.word();
            }
        }
        match name {
            "extends" => {
                self.top.extends = true;
                self.top.hint(false);
                self.top.before = Before::Operator;
            }
            "as" | "satisfies" => {
                self.top.extends = false;
                self.top.before = Before::Operator;
            }
            "keyof" | "typeof" | "readonly" | "unique" | "infer" | "is" | "asserts" | "new" | "abstract" | "in"
            | "out" | "implements" => self.top.before = Before::Operator,
            "const" if matches!(self.top.kind, Kind::Angle { .. }) => self.top.before = Before::Operator,
            // Behind a type stands no `/`: a regular expression does, whose value nobody takes.
            "void" if self.uncertain > 0 && self.ahead()?.byte(0) == b'/' => return self.no_type(start, name),
            "instanceof" | "function" | "class" | "await" | "return" | "delete" | "yield" => {
                return self.no_type(start, name);
            }
            "import" | "export" => {
                self.top.mode = Mode::Expression;
                return self.word_of_expression(start, name);
            }
            _ => {
                self.ended(Before::Name);
                if self.uncertain > 0 {
                    self.top.chain = chain(Chain::Other, name);
                }
            }
        }
        Ok(())
    }

    /// What was taken for a type is an expression.
    fn no_type(&mut self, start: usize, name: &str) -> Result<(), Fault> {
        self.give_up_angles();
        self.top.mode = Mode::Expression;
        self.word_of_expression(start, name)
    }

    fn word_of_expression(&mut self, start: usize, name: &str) -> Result<(), Fault> {
        if !matches!(name, "in" | "instanceof" | "extends" | "implements") {
            let mode = self.top.mode;
            self.operand_begins();
            if self.top.mode != mode {
                self.cursor.at = start;
                return self.word();
            }
        }
        let begins = matches!(self.top.before, Before::Statement | Before::Default);
        let kind = if begins { Closed::Statement } else { Closed::Value };
        let types = self.language.types;
        match name {
            "import" => return self.import_declaration(),
            "export" => return self.export_declaration(),
            "if" | "while" | "for" | "with" | "switch" => self.top.before = Before::Control,
            "await" if self.top.before == Before::Control => {}
            // A mapped type; in an index signature or a computed name there is no such operator.
            "in" if types && self.top.kind == (Kind::Brackets { key: true }) => {
                self.top.mode = Mode::Type;
                self.top.before = Before::Operator;
            }
            "return" | "throw" | "typeof" | "void" | "delete" | "new" | "in" | "instanceof" | "yield" | "await" => {
                self.operand_expected()?;
            }
            "of" if matches!(self.top.kind, Kind::Parens { .. }) && self.top.before.is_operand() => {
                self.operand_expected()?;
            }
            "case" => {
                self.top.case = matches!(self.top.kind, Kind::File | Kind::Block(_));
                self.operand_expected()?;
            }
            "default" => self.top.before = Before::Default,
            "else" | "do" | "try" | "finally" => self.top.restart(Before::Statement),
            "let" | "const" | "var" | "extends" => self.operand_expected()?,
            "function" => {
                self.top.header = Some(Body::Function(kind));
                self.ended(Before::Name);
            }
            "class" => {
                self.top.header = Some(Body::Class(kind));
                self.ended(Before::Name);
            }
            "enum" if types => {
                self.top.header = Some(Body::Enum);
                self.ended(Before::Name);
            }
            "implements" if self.top.header.is_some() => {
                self.top.mode = Mode::Type;
                self.top.before = Before::Operator;
            }
            "interface" if types && begins && self.introduces_name(&[])? => {
                self.top.header = Some(Body::Interface);
                self.top.mode = Mode::Type;
                self.top.before = Before::Operator;
            }
            "type" if types && begins && self.introduces_name(&["in", "instanceof", "as", "satisfies"])? => {
                self.top.alias = true;
                self.top.mode = Mode::Type;
                self.top.before = Before::Operator;
            }
            "declare" | "abstract" | "async" if begins && self.introduces_name(&[])? => {}
            "as" | "satisfies" if types && self.top.before.is_operand() && !self.newline => {
                self.top.mode = Mode::Type;
                self.top.extends = false;
                self.top.before = Before::Operator;
            }
            _ => {
                self.ended(Before::Name);
                self.top.label = begins;
                self.top.chain = chain(Chain::Other, name);
            }
        }
        Ok(())
    }

    fn operand_expected(&mut self) -> Result<(), Fault> {
        self.count()?;
        self.ended(Before::Operator);
        Ok(())
    }
}

/// What `name` makes of the operand that ends with it.
fn chain(before: Chain, name: &str) -> Chain {
    match (before, name) {
        (_, "Deno") => Chain::Deno,
        (Chain::Deno, "env") => Chain::Environment,
        (Chain::Environment, "get" | "has") => Chain::Reader,
        _ => Chain::Other,
    }
}
