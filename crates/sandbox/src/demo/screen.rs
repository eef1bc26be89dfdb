//! What the viewer sees: chapters, commands, answers, and on a terminal a board that is redrawn in place.

use std::cell::RefCell;
use std::fmt::Display;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Columns and lines of a terminal that does not say how many it has.
const SIZE: (usize, usize) = (80, 24);
/// Column at which times stand.
const TIMES: usize = 64;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// Where the viewer looks.
#[derive(Clone)]
pub(super) struct Screen {
    out: Rc<RefCell<dyn Write>>,
    terminal: bool,
    colour: bool,
}

impl Screen {
    pub(super) fn new(out: Rc<RefCell<dyn Write>>, terminal: bool) -> Screen {
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Screen { out, terminal, colour }
    }

    /// Whether what was drawn can be drawn again.
    pub(super) fn is_terminal(&self) -> bool {
        self.terminal
    }

    pub(super) fn chapter(&self, title: &str) {
        self.say(format_args!("\n{}", self.styled(BOLD, title)));
    }

    /// Something that was done, and how long it took since `began`.
    pub(super) fn done(&self, what: impl Display, began: Instant) {
        let what = what.to_string();
        let gap = TIMES.saturating_sub(what.chars().count()).max(2);
        let took = format!("{:>6.1} s", began.elapsed().as_secs_f64());
        self.say(format_args!(
            "  {} {what}{:gap$}{}",
            self.styled(GREEN, "✓"),
            "",
            self.styled(DIM, &took)
        ));
    }

    /// A word to the viewer.
    pub(super) fn note(&self, what: impl Display) {
        self.say(format_args!("  {}", self.styled(DIM, &what.to_string())));
    }

    /// A command as the viewer could type it.
    pub(super) fn command(&self, command: &str) {
        for (index, line) in command.lines().enumerate() {
            let mark = if index == 0 { "$" } else { " " };
            self.say(format_args!("  {}", self.styled(BOLD, &format!("{mark} {line}"))));
        }
    }

    /// What a command printed. Lines that are too long are cut.
    pub(super) fn answer(&self, text: &str) {
        let width = self.size().0.saturating_sub(4);
        for line in text.trim_end().lines() {
            let line = cut(line.trim_end(), width);
            self.say(if line.is_empty() { line } else { format!("    {line}") });
        }
    }

    pub(super) fn failure(&self, what: &str) {
        self.say(format_args!("\n  {} {what}", self.styled(RED, "✗")));
    }

    /// A piece that is drawn again and again.
    pub(super) fn live(&self) -> Live<'_> {
        Live {
            screen: self,
            began: Instant::now(),
            drawn: 0,
            said: String::new(),
        }
    }

    fn say(&self, line: impl Display) {
        self.print(format_args!("{line}\n"));
    }

    /// A text, at once. A reader that has gone away is no failure.
    fn print(&self, text: impl Display) {
        let mut out = self.out.borrow_mut();
        let _ = write!(out, "{text}").and_then(|()| out.flush());
    }

    fn styled(&self, style: &str, text: &str) -> String {
        if self.colour {
            format!("{style}{text}{PLAIN}")
        } else {
            text.to_owned()
        }
    }

    /// Columns and lines.
    fn size(&self) -> (usize, usize) {
        if !self.terminal {
            // Lines in a file may be as long as they are.
            return (usize::MAX, usize::MAX);
        }
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
        let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
        size.map_or(SIZE, |size| (size.ws_col.into(), size.ws_row.into()))
    }
}

/// A board. It is redrawn on a terminal; elsewhere its headline is said whenever it changes.
pub(super) struct Live<'a> {
    screen: &'a Screen,
    began: Instant,
    /// Lines of it that stand on the terminal.
    drawn: usize,
    said: String,
}

impl Live<'_> {
    /// How long it is there.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Shows a state of things.
    pub(super) fn draw(&mut self, headline: &str, table: &str) {
        let seconds = self.elapsed().as_secs();
        if !self.screen.terminal {
            if self.said != headline {
                self.screen.say(format_args!("  {seconds:>4} s  {headline}"));
                headline.clone_into(&mut self.said);
            }
            return;
        }
        let (columns, rows) = self.screen.size();
        let headline = cut(&format!("{seconds:>4} s  {headline}"), columns.saturating_sub(3));
        let mut lines = vec![format!("  {}", self.screen.styled(BOLD, &headline))];
        let table = table
            .lines()
            .map(|line| format!("    {}", cut(line.trim_end(), columns.saturating_sub(5))));
        // What does not fit could not be taken back.
        lines.extend(table.take(rows.saturating_sub(3)));
        self.clear();
        self.drawn = lines.len();
        self.screen.say(lines.join("\n"));
    }

    /// Takes it off a terminal, for what is to be said in its place.
    pub(super) fn clear(&mut self) {
        if self.drawn > 0 {
            self.screen.print(format_args!("\x1b[{}F\x1b[J", self.drawn));
            self.drawn = 0;
        }
    }
}

/// The first `width` characters, the last of which says so where there are more.
fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_line_is_cut_where_the_terminal_ends() {
        let cases = [("abc", 3), ("abcd", 3), ("äöü", 3), ("", 0)].map(|(line, width)| cut(line, width));
        assert_eq!(cases, ["abc", "ab…", "äöü", ""]);
    }
}
