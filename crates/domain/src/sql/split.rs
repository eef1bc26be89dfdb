use std::ops::Range;

use super::lexer::{is_newline, is_space};
use super::text::{byte, bytes, part};

/// The statements of `text` exactly as the official CLI 3.1.0 splits them, as trimmed byte ranges: ordered, disjoint, none
/// of them empty. They are what the CLI's ledger row holds in `statements`.
///
/// A `;` ends a statement but in quotes, comments, parentheses, dollar quotes and `BEGIN ATOMIC` bodies. Comments stay with
/// the statement that follows. Not PostgreSQL's own lexer, and not meant to be: the ledgers have to agree. Its ways that
/// differ: the first `)` closes all open parentheses; a backslash outside of quotes hides the character after it; a dollar
/// quote may be closed by its own opening (`$$$` is empty); `BEGIN` may stand at the end of a comment before `ATOMIC`.
pub fn split(text: &str) -> Vec<Range<usize>> {
    let mut splitter = Splitter {
        bytes: text.as_bytes(),
        start: 0,
        state: State::Ground,
        frames: Vec::new(),
    };
    let mut pieces = Vec::new();
    for at in 0..text.len() {
        if splitter.take(at) {
            pieces.push(splitter.start..at + 1);
            splitter.start = at + 1;
            splitter.state = State::Ground;
        }
    }
    pieces.push(splitter.start..text.len());
    pieces.into_iter().filter_map(|piece| trimmed(text, piece)).collect()
}

/// Without the `;`s at its very end, then without what JavaScript takes for white space; `None` when nothing is left.
fn trimmed(text: &str, piece: Range<usize>) -> Option<Range<usize>> {
    let white = |it: char| (it.is_whitespace() && it != '\u{85}') || it == '\u{feff}';
    let ended = part(text, piece.clone()).trim_end_matches(';').trim_end_matches(white);
    let begun = ended.trim_start_matches(white);
    let start = piece.start + ended.len() - begun.len();
    (!begun.is_empty()).then(|| start..start + begun.len())
}

struct Splitter<'t> {
    bytes: &'t [u8],
    /// Where the current statement begins.
    start: usize,
    state: State,
    frames: Vec<Frame>,
}

/// What the last byte left us in.
#[derive(Clone, Copy)]
enum State {
    Ground,
    Dash,
    LineComment,
    /// A `/` (depth 0) or a comment; `fresh` after a delimiter, whose bytes don't count for the next one.
    Slash {
        depth: usize,
        fresh: bool,
    },
    Quote {
        delimiter: u8,
        escapes: bool,
        step: QuoteStep,
    },
    /// After an `E''` string, which continues after a line break.
    Continuation {
        newline: bool,
        dashes: u8,
    },
    Tag {
        from: usize,
    },
    Body {
        from: usize,
        length: usize,
    },
    Backslash,
}

#[derive(Clone, Copy, PartialEq)]
enum QuoteStep {
    Inside,
    Escaped,
    /// After a delimiter that is either doubled or the last.
    Closed,
}

/// What the ground lies within.
enum Frame {
    Parentheses,
    Atomic {
        /// Where the statement within the body begins.
        from: usize,
        /// Whether an `END` was seen that did not begin it.
        filled: bool,
        /// The last three bytes were the body's `END`, unless a word goes on.
        ending: bool,
    },
}

/// Where one byte led.
#[derive(Clone, Copy, PartialEq)]
enum Led {
    Inside,
    Ground,
    End,
}

impl Splitter<'_> {
    /// Takes the byte at `at`; whether it ends the statement.
    fn take(&mut self, at: usize) -> bool {
        let byte = byte(self.bytes, at);
        let ended = match self.frames.last_mut() {
            Some(Frame::Atomic { ending, .. }) => std::mem::take(ending) && !is_word(byte),
            _ => false,
        };
        let led = if ended {
            self.frames.pop();
            self.ground(at)
        } else {
            self.step(at)
        };
        self.leave_frames(at, led) == Led::End
    }

    /// What the frames make of it, from the innermost outwards.
    fn leave_frames(&mut self, at: usize, mut led: Led) -> Led {
        while led != Led::Inside
            && let Some(frame) = self.frames.last_mut()
        {
            match (frame, led) {
                (Frame::Parentheses, Led::Ground) if byte(self.bytes, at) == b')' => {
                    self.frames.pop();
                    continue;
                }
                (Frame::Parentheses, _) => {}
                (Frame::Atomic { from, filled, .. }, Led::End) => (*from, *filled) = (at + 1, false),
                (Frame::Atomic { from, filled, ending }, _) => {
                    if !*filled && ends_with_word(self.bytes, self.start, at + 1, b"END") {
                        *ending = is_blank(bytes(self.bytes, *from..at - 2));
                        *filled = !*ending;
                    }
                }
            }
            if led == Led::End {
                self.state = State::Ground;
            }
            led = Led::Inside;
        }
        led
    }

    fn step(&mut self, at: usize) -> Led {
        let byte = byte(self.bytes, at);
        self.state = match self.state {
            State::Dash if byte == b'-' => State::LineComment,
            State::LineComment if is_newline(byte) => return self.back(),
            State::Backslash => return self.back(),
            State::Slash { depth, fresh } => {
                let pair = bytes(self.bytes, at - 1..at + 1);
                match (pair, depth) {
                    (b"/*", _) if !fresh => State::Slash {
                        depth: depth + 1,
                        fresh: true,
                    },
                    (b"*/", 1) if !fresh => return self.back(),
                    (b"*/", 2..) if !fresh => State::Slash {
                        depth: depth - 1,
                        fresh: true,
                    },
                    (_, 0) => return self.ground(at),
                    _ => State::Slash { depth, fresh: false },
                }
            }
            State::Quote {
                delimiter,
                escapes,
                step,
            } => {
                let step = match step {
                    QuoteStep::Closed if byte == delimiter => QuoteStep::Inside,
                    QuoteStep::Closed if escapes => {
                        self.state = State::Continuation {
                            newline: false,
                            dashes: 0,
                        };
                        return self.step(at);
                    }
                    QuoteStep::Closed => return self.ground(at),
                    QuoteStep::Inside if escapes && byte == b'\\' => QuoteStep::Escaped,
                    QuoteStep::Inside if byte == delimiter => QuoteStep::Closed,
                    QuoteStep::Inside | QuoteStep::Escaped => QuoteStep::Inside,
                };
                State::Quote {
                    delimiter,
                    escapes,
                    step,
                }
            }
            State::Continuation { newline, dashes } => match (byte, dashes) {
                (_, 2) if is_newline(byte) => State::Continuation {
                    newline: true,
                    dashes: 0,
                },
                (_, 2) => self.state,
                (b'-', _) => State::Continuation {
                    newline,
                    dashes: dashes + 1,
                },
                (_, 0) if is_space(byte) => State::Continuation {
                    newline: newline || is_newline(byte),
                    dashes,
                },
                (b'\'', 0) if newline => State::quote(byte, true),
                _ => return self.ground(at),
            },
            State::Tag { from } if byte == b'$' => State::Body {
                from,
                length: at + 1 - from,
            },
            State::Tag { .. } if is_word(byte) => self.state,
            State::Body { from, length } => {
                // The tag has two bytes at least, and the body may begin with its second `$`.
                let last = bytes(self.bytes, at + 1 - length..at + 1);
                if byte == b'$' && last == bytes(self.bytes, from..from + length) {
                    return self.back();
                }
                self.state
            }
            State::Ground | State::Dash | State::Tag { .. } => return self.ground(at),
            State::LineComment => State::LineComment,
        };
        Led::Inside
    }

    fn back(&mut self) -> Led {
        self.state = State::Ground;
        Led::Ground
    }

    /// A byte outside of everything but frames.
    fn ground(&mut self, at: usize) -> Led {
        let byte = byte(self.bytes, at);
        self.state = match byte {
            b'$' if !follows_word(self.bytes, self.start, at) => State::Tag { from: at },
            b'\'' => State::quote(byte, ends_with_word(self.bytes, self.start, at, b"E")),
            b'"' => State::quote(byte, false),
            b'-' => State::Dash,
            b'/' => State::Slash { depth: 0, fresh: false },
            b'\\' => State::Backslash,
            b';' => return Led::End,
            b'(' => {
                // One frame stands for all open parentheses, since one `)` closes them all.
                if !matches!(self.frames.last(), Some(Frame::Parentheses)) {
                    self.frames.push(Frame::Parentheses);
                }
                State::Ground
            }
            b'c' | b'C' if self.begins_atomic(at + 1) => {
                self.frames.push(Frame::Atomic {
                    from: at + 1,
                    filled: false,
                    ending: false,
                });
                State::Ground
            }
            _ => return self.back(),
        };
        Led::Inside
    }

    /// Whether the statement up to `end` ends in `BEGIN ATOMIC`.
    fn begins_atomic(&self, end: usize) -> bool {
        let word = b"ATOMIC";
        ends_with_word(self.bytes, self.start, end, word) && {
            let before = bytes(self.bytes, self.start..end - word.len());
            let length = before
                .iter()
                .rposition(|byte| !is_space(*byte))
                .map_or(0, |last| last + 1);
            ends_with_word(self.bytes, self.start, self.start + length, b"BEGIN")
        }
    }
}

impl State {
    fn quote(delimiter: u8, escapes: bool) -> Self {
        Self::Quote {
            delimiter,
            escapes,
            step: QuoteStep::Inside,
        }
    }
}

/// Whether there is nothing but white space and comments.
fn is_blank(mut left: &[u8]) -> bool {
    loop {
        left = match left {
            [] => return true,
            [byte, rest @ ..] if is_space(*byte) => rest,
            [b'-', b'-', rest @ ..] => match rest.iter().position(|byte| is_newline(*byte)) {
                Some(end) => bytes(rest, end..rest.len()),
                None => return true,
            },
            [b'/', b'*', rest @ ..] => after_comment(rest),
            _ => return false,
        };
    }
}

/// What follows a comment, whose `/*` is before it; nothing when it does not end.
fn after_comment(mut left: &[u8]) -> &[u8] {
    let mut depth = 1_usize;
    while depth > 0 {
        left = match left {
            [b'/', b'*', rest @ ..] => {
                depth += 1;
                rest
            }
            [b'*', b'/', rest @ ..] => {
                depth -= 1;
                rest
            }
            [_, rest @ ..] => rest,
            [] => break,
        };
    }
    left
}

/// Whether the bytes from `start` to `end` end in `word`, and no longer word does.
fn ends_with_word(all: &[u8], start: usize, end: usize, word: &[u8]) -> bool {
    (end - start).checked_sub(word.len()).is_some_and(|before| {
        let begin = start + before;
        bytes(all, begin..end).eq_ignore_ascii_case(word) && !follows_word(all, start, begin)
    })
}

fn follows_word(all: &[u8], start: usize, at: usize) -> bool {
    at > start && is_word(byte(all, at - 1))
}

/// Letters, digits, `_`, `$` and everything that is not ASCII.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}
