/// Why a scan ends early, and where: an offset in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) struct Fault {
    pub(in super::super) offset: usize,
    pub(in super::super) problem: Problem,
}

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

/// What is said where nothing more exact can be.
pub(super) const UNEXPECTED: &str = "Unexpected token";
