//! What a function writes, line by line, bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// The platform cuts log messages at 10,000 characters (functions/limits).
const LINE_CHARACTERS: usize = 10_000;
/// A UTF-8 character takes at most four bytes.
const LINE_BYTES: usize = LINE_CHARACTERS * 4;
/// Lines kept for one function.
const LINES: usize = 1_000;
/// Bytes kept for one function, so that long lines don't fill memory.
const BYTES: usize = 1 << 20;

/// Last lines of one function, over all its processes.
#[derive(Default)]
pub(super) struct Logs {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Logs {
    pub(super) fn push(&self, line: &str) {
        let line: String = line.chars().take(LINE_CHARACTERS).collect();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += line.len();
        kept.lines.push_back(line);
        while kept.lines.len() > LINES || kept.bytes > BYTES {
            let Some(gone) = kept.lines.pop_front() else { break };
            kept.bytes -= gone.len();
        }
    }

    /// Newest last.
    pub(super) fn lines(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.lines.iter().cloned().collect()
    }
}

/// Hands each line of `output` on. A line without an end takes no more memory than the longest that is kept.
pub(super) async fn each_line(mut output: impl AsyncBufRead + Unpin, mut handle: impl FnMut(&str)) {
    let mut line = Vec::new();
    while let Ok(chunk) = output.fill_buf().await {
        if chunk.is_empty() {
            break;
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        line.extend_from_slice(&part[..part.len().min(LINE_BYTES - line.len())]);
        let used = end.map_or(chunk.len(), |end| end + 1);
        output.consume(used);
        if end.is_some() {
            handle(String::from_utf8_lossy(&line).trim_end_matches('\r'));
            line.clear();
        }
    }
    if !line.is_empty() {
        handle(&String::from_utf8_lossy(&line));
    }
}

/// Logs of a function, shared by its processes.
pub(super) type SharedLogs = Arc<Logs>;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_without_an_end_is_cut_and_the_next_one_is_whole() {
        let text = format!("{}\nnext\r\nlast", "a".repeat(LINE_BYTES + 5));
        let logs = Logs::default();
        each_line(text.as_bytes(), |line| logs.push(line)).await;
        assert_eq!(
            logs.lines(),
            ["a".repeat(LINE_CHARACTERS), "next".to_owned(), "last".to_owned()]
        );
    }

    #[test]
    fn the_oldest_lines_go_first() {
        let logs = Logs::default();
        for number in 0..LINES + 2 {
            logs.push(&number.to_string());
        }
        let lines = logs.lines();
        assert_eq!(
            (lines.len(), lines[0].as_str(), lines[LINES - 1].as_str()),
            (LINES, "2", "1001")
        );
    }

    #[test]
    fn long_lines_are_bounded_by_their_bytes() {
        let logs = Logs::default();
        for _ in 0..500 {
            logs.push(&"x".repeat(LINE_CHARACTERS));
        }
        assert_eq!(logs.lines().len(), BYTES / LINE_CHARACTERS);
    }
}
