use super::Scanner;
use super::cursor::Cursor;
use super::fault::Fault;
use super::frame::{Closed, Kind};

/// Calls behind `?.` that are passed over on the way to a default; the rest of a longer chain is not looked at.
const CALLS: usize = 4;
/// Most bytes between the parentheses of such a call.
const CALL_BYTES: usize = 200;

/// What stands behind a read of the environment.
pub(super) enum Behind<'t> {
    /// `||`, `??` or a conditional expression: a value for the case that the name is not set.
    Default,
    /// `||` or `??` and another read, whose parenthesis this is at.
    Read(Cursor<'t>),
    Other,
}

impl Scanner<'_> {
    /// What is done with the value of a call that ends before `ahead`. Nothing is refused here: what this can't read, the scan
    /// will read, or refuse.
    pub(super) fn behind<'t>(&self, ahead: Cursor<'t>) -> Behind<'t> {
        self.look_behind(ahead).unwrap_or(Behind::Other)
    }

    fn look_behind<'t>(&self, mut ahead: Cursor<'t>) -> Result<Behind<'t>, Fault> {
        let mut enclosing = std::iter::once(&self.top).chain(self.frames.iter().rev());
        let mut calls = 0;
        loop {
            ahead.skip_space()?;
            match (ahead.byte(0), ahead.byte(1)) {
                (b'|', b'|') | (b'?', b'?') if ahead.byte(2) != b'=' => {
                    ahead.at += 2;
                    return match read(ahead)? {
                        Some(other) => Ok(Behind::Read(other)),
                        None => Ok(Behind::Default),
                    };
                }
                // Only what can be called without a value: `?.trim()`, and what follows it.
                (b'?', b'.') => {
                    ahead.at += 2;
                    calls += 1;
                    if !member(&mut ahead)? {
                        return Ok(Behind::Other);
                    }
                }
                (b'.', _) if calls > 0 => {
                    ahead.at += 1;
                    calls += 1;
                    if !member(&mut ahead)? {
                        return Ok(Behind::Other);
                    }
                }
                (b'?', _) => return Ok(Behind::Default),
                (b'!', next) if next != b'=' => ahead.at += 1,
                (b'a' | b's', _) => {
                    let word = ahead.name();
                    if !matches!(word, "as" | "satisfies") {
                        return Ok(Behind::Other);
                    }
                    ahead.skip_space()?;
                    ahead.name();
                }
                // Parentheses around it, not those of a call that it is an argument of.
                (b')', _) => match enclosing.next().map(|frame| frame.kind) {
                    Some(Kind::Parens {
                        closed: Closed::Group, ..
                    }) => ahead.at += 1,
                    _ => return Ok(Behind::Other),
                },
                _ => return Ok(Behind::Other),
            }
            if calls > CALLS {
                return Ok(Behind::Other);
            }
        }
    }
}

/// Takes the name of a member, and the arguments of its call; false if these are too long to see their end.
fn member(ahead: &mut Cursor<'_>) -> Result<bool, Fault> {
    ahead.name();
    if ahead.byte(0) != b'(' {
        return Ok(true);
    }
    let start = ahead.at;
    let mut open = 0_usize;
    while ahead.at - start < CALL_BYTES && !ahead.is_at_end() {
        match ahead.byte(0) {
            b'"' | b'\'' => {
                ahead.string()?;
                continue;
            }
            b'(' => open += 1,
            b')' => open -= 1,
            _ => {}
        }
        ahead.skip_character();
        if open == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The parenthesis of a read of the environment that comes next.
fn read(mut ahead: Cursor<'_>) -> Result<Option<Cursor<'_>>, Fault> {
    for (number, word) in ["Deno", "env", "get"].into_iter().enumerate() {
        ahead.skip_space()?;
        if number > 0 {
            if ahead.byte(0) != b'.' {
                return Ok(None);
            }
            ahead.at += 1;
            ahead.skip_space()?;
        }
        if ahead.name() != word {
            return Ok(None);
        }
    }
    ahead.skip_space()?;
    Ok((ahead.byte(0) == b'(').then_some(ahead))
}
