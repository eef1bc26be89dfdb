use std::ops::Range;

use super::lexer::Word;

/// The statements that the server makes of these words, as ranges of words: one is sent as one message.
///
/// A `;` ends a statement but in parentheses and in the body of a routine between `BEGIN ATOMIC` and `END`, whose `CASE …
/// END` are passed over. Where a label is called `case` or `end` this may end too early, and the server refuses the rest.
pub(super) fn statements(text: &str, words: &[Word]) -> Vec<Range<usize>> {
    let mut statements = Vec::new();
    let (mut start, mut open, mut atomic) = (0, 0_usize, 0_usize);
    for (at, word) in words.iter().enumerate() {
        let is = |keyword| word.is(text, keyword);
        if word.is_sign(text, b'(') {
            open += 1;
        } else if word.is_sign(text, b')') {
            open = open.saturating_sub(1);
        } else if word.is_sign(text, b';') && open == 0 && atomic == 0 {
            statements.push(start..at);
            start = at + 1;
        } else if atomic > 0 && (is("case") || is("end")) && !is_label(text, words, at) {
            atomic = if is("case") { atomic + 1 } else { atomic - 1 };
        } else if atomic == 0
            && open == 0
            && is("atomic")
            && begins_body(text, words.get(start..at).unwrap_or_default())
        {
            atomic = 1;
        }
    }
    statements.push(start..words.len());
    statements.retain(|words| !words.is_empty());
    statements
}

fn is_label(text: &str, words: &[Word], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| words.get(at));
    before.is_some_and(|word| word.is(text, "as") || word.is_sign(text, b'.'))
}

/// Whether the words of a statement before `ATOMIC` are those of a routine whose body begins.
fn begins_body(text: &str, words: &[Word]) -> bool {
    let is = |at: usize, keyword| words.get(at).is_some_and(|word: &Word| word.is(text, keyword));
    let kind = if is(1, "or") { 3 } else { 1 };
    is(0, "create")
        && (is(kind, "function") || is(kind, "procedure"))
        && words.last().is_some_and(|it| it.is(text, "begin"))
}
