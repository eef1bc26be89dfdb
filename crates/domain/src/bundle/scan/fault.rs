/// Why a scan ends early, and where: an offset in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) problem: Problem,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum Problem {
    /// It is no program.
    Syntax(&'static str),
    /// It may be one, beyond what is read; the text is half a sentence that says what to do.
    Bound(&'static str),
}

impl Fault {
    pub(super) fn syntax(offset: usize, message: &'static str) -> Self {
        Self {
            offset,
            problem: Problem::Syntax(message),
        }
    }

    pub(super) fn bound(offset: usize, message: &'static str) -> Self {
        Self {
            offset,
            problem: Problem::Bound(message),
        }
    }
}

/// The parser's usual words.
pub(super) const UNEXPECTED: &str = "Unexpected token";
