//! The step files of the demo, `crates/sandbox/demo/*.md`: their form, which the README beside them describes, and how it is
//! read. What a file gets wrong is refused with file and line, before anything is run.

use std::collections::BTreeSet;
use std::time::Duration;

use super::error::DemoError;
use super::expectation::{Expectation, Path, Subject, Test};

include!(concat!(env!("OUT_DIR"), "/demo_files.rs"));

#[derive(Debug, PartialEq)]
pub(super) struct Chapter {
    pub(super) title: String,
    pub(super) condition: Option<Condition>,
    pub(super) parts: Vec<Part>,
}

/// When a chapter is played.
#[derive(Debug, PartialEq)]
pub(super) struct Condition {
    /// The value that was kept under this name …
    pub(super) name: String,
    /// … is this one.
    pub(super) value: String,
    /// What the viewer is told when it is not.
    pub(super) otherwise: String,
}

#[derive(Debug, PartialEq)]
pub(super) enum Part {
    /// A line for the viewer.
    Note(String),
    Step(Step),
}

#[derive(Debug, PartialEq)]
pub(super) struct Step {
    /// `file:line`.
    pub(super) place: String,
    pub(super) action: Action,
    /// Neither the command nor what it prints is shown.
    pub(super) quiet: bool,
    /// For how long the command is repeated until everything is seen.
    pub(super) within: Option<Duration>,
    pub(super) expectations: Vec<Expectation>,
    /// Names for the steps that follow: of all that the command prints, or of what a path finds.
    pub(super) keeps: Vec<(String, Option<Path>)>,
    /// What the viewer is told once everything is seen.
    pub(super) done: Option<String>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Action {
    Command(String),
    /// Lines of a file with `-`, which stand there once, and what takes their place with `+`.
    Edit {
        path: String,
        diff: String,
    },
}

/// Reads the files that were built in. `names` are those that commands know from the start.
pub(super) fn read_all<'a>(names: impl Iterator<Item = &'a String>) -> Result<Vec<Chapter>, DemoError> {
    let mut names: BTreeSet<String> = names.cloned().collect();
    FILES.iter().map(|(file, text)| read(file, text, &mut names)).collect()
}

/// Reads one file, and adds what it keeps to the names that the next one may use.
pub(super) fn read(file: &str, text: &str, names: &mut BTreeSet<String>) -> Result<Chapter, DemoError> {
    let mut reader = Reader {
        file,
        names: names.clone(),
        chapter: Chapter {
            title: String::new(),
            condition: None,
            parts: Vec::new(),
        },
    };
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let wrong = |message: &str| reader.wrong(index, message);
        let mut lines_until = |end: fn(&str) -> bool| {
            let mut body = Vec::new();
            loop {
                match lines.next() {
                    Some((_, line)) if end(line) => return Some(body.join("\n")),
                    Some((_, line)) => body.push(line),
                    None => return None,
                }
            }
        };
        if let Some(fence) = line.strip_prefix("```") {
            let body = lines_until(|line| line == "```").ok_or_else(|| wrong("this block has no end"))?;
            let step = reader.block(index, fence, &body)?;
            reader.chapter.parts.push(Part::Step(step));
        } else if let Some(title) = line.strip_prefix("# ") {
            if !reader.chapter.title.is_empty() {
                return Err(wrong("a file has one heading"));
            }
            title.clone_into(&mut reader.chapter.title);
        } else if reader.chapter.title.is_empty() {
            return Err(wrong("a file begins with its heading, `# …`"));
        } else if let Some(item) = line.strip_prefix("- ") {
            reader.item(index, item)?;
        } else if line.starts_with("<!--") {
            if !line.ends_with("-->") {
                lines_until(|line| line.ends_with("-->")).ok_or_else(|| wrong("this comment has no end"))?;
            }
        } else if !line.is_empty() {
            reader.check_names(index, line)?;
            reader.chapter.parts.push(Part::Note(line.to_owned()));
        }
    }
    if reader.chapter.title.is_empty() {
        return Err(reader.wrong(0, "the file is empty"));
    }
    // Nothing is kept by a chapter that is not played.
    if reader.chapter.condition.is_none() {
        *names = reader.names;
    }
    Ok(reader.chapter)
}

struct Reader<'a> {
    file: &'a str,
    names: BTreeSet<String>,
    chapter: Chapter,
}

impl Reader<'_> {
    fn wrong(&self, index: usize, message: impl Into<String>) -> DemoError {
        DemoError::StepFile {
            place: self.place(index),
            message: message.into(),
        }
    }

    fn place(&self, index: usize) -> String {
        format!("{}:{}", self.file, index + 1)
    }

    fn block(&self, index: usize, fence: &str, body: &str) -> Result<Step, DemoError> {
        let action = match fence.split_once(' ').unwrap_or((fence, "")) {
            ("sh", "" | "quiet") => Action::Command(body.to_owned()),
            ("diff", path) if !path.is_empty() => {
                if body.lines().any(|line| !line.starts_with(['-', '+'])) || !body.starts_with('-') {
                    return Err(self.wrong(index, "the lines of an edit begin with `-`, then with `+`"));
                }
                Action::Edit {
                    path: path.to_owned(),
                    diff: body.to_owned(),
                }
            }
            _ => return Err(self.wrong(index, "a block is one of `sh`, `sh quiet` and `diff FILE`")),
        };
        if body.is_empty() {
            return Err(self.wrong(index, "this block is empty"));
        }
        Ok(Step {
            place: self.place(index),
            action,
            quiet: fence.ends_with(" quiet"),
            within: None,
            expectations: Vec::new(),
            keeps: Vec::new(),
            done: None,
        })
    }

    /// An item of a list: of the step above it, or, above all steps, of the chapter.
    fn item(&mut self, index: usize, item: &str) -> Result<(), DemoError> {
        self.check_names(index, item)?;
        let unknown = self.wrong(index, format!("`- {item}` is no item that the README describes"));
        let misplaced = self.wrong(index, "what must be seen stands right below the command that shows it");
        let step = match self.chapter.parts.last_mut() {
            None => {
                self.chapter.condition = Some(condition(item).ok_or(unknown)?);
                return Ok(());
            }
            Some(Part::Step(step)) => step,
            Some(Part::Note(_)) => return Err(misplaced),
        };
        if let Some(done) = item.strip_prefix("✓ ") {
            step.done = Some(done.to_owned());
            return Ok(());
        }
        if matches!(step.action, Action::Edit { .. }) {
            return Err(unknown);
        }
        let pieces: Vec<&str> = item.split('`').map(str::trim).collect();
        let words: Vec<&str> = pieces.iter().step_by(2).copied().collect();
        let values: Vec<&str> = pieces.iter().skip(1).step_by(2).copied().collect();
        // An empty text would be found everywhere.
        if values.contains(&"") {
            return Err(unknown);
        }
        match (&words[..], &values[..]) {
            ([within], []) if within.starts_with("within ") => {
                let seconds = within.strip_prefix("within ").and_then(|rest| rest.strip_suffix(" s"));
                let seconds = seconds.and_then(|seconds| seconds.parse().ok()).ok_or(unknown)?;
                step.within = Some(Duration::from_secs(seconds));
            }
            (["keep", from @ .., ""], [name, path @ ..])
                if matches!(from, [] | ["from"]) && name_at(name) == (*name, "") =>
            {
                let path = path.first().map(|path| Path::parse(path).ok_or(unknown));
                self.names.insert((*name).to_owned());
                step.keeps.push(((*name).to_owned(), path.transpose()?));
            }
            _ => {
                let (subject, test) = expected(&words, &values).ok_or(unknown)?;
                step.expectations.push(Expectation {
                    text: item.to_owned(),
                    subject,
                    test,
                });
            }
        }
        Ok(())
    }

    fn check_names(&self, index: usize, text: &str) -> Result<(), DemoError> {
        let unknown = names_in(text).find(|name| !self.names.contains(*name));
        unknown.map_or(Ok(()), |name| {
            Err(self.wrong(index, format!("nothing above keeps `${name}`")))
        })
    }
}

fn condition(item: &str) -> Option<Condition> {
    let (condition, otherwise) = item.split_once("; else: ")?;
    let pieces: Vec<&str> = condition.split('`').collect();
    let ["only if ", name, " is ", value, ""] = pieces[..] else {
        return None;
    };
    Some(Condition {
        name: name.strip_prefix('$')?.to_owned(),
        value: value.to_owned(),
        otherwise: otherwise.to_owned(),
    })
}

fn expected(words: &[&str], values: &[&str]) -> Option<(Subject, Test)> {
    let one = || values.concat();
    let any = || values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
    Some(match (words, values) {
        (["prints", ""], [_]) => (Subject::Output, Test::Contains(one())),
        (["prints only", ""], [_]) => (Subject::Output, Test::Is(any())),
        (["does not print", ""], [_]) => (Subject::Output, Test::Lacks(one())),
        (["answers", or @ .., ""], _) if are_or(or) => (Subject::Status, Test::Is(any())),
        (["shows", "objects"], [_]) => (Subject::Count, Test::Is(any())),
        (["", ":", words @ ..], [object, values @ ..]) => field(Some((*object).to_owned()), words, values)?,
        (["", words @ ..], values) => field(None, words, values)?,
        _ => return None,
    })
}

/// `words` are those behind the path, which is the first value.
fn field(object: Option<String>, words: &[&str], values: &[&str]) -> Option<(Subject, Test)> {
    let (path, values) = values.split_first()?;
    let path = Path::parse(path)?;
    let test = match words {
        ["is there"] => Test::Exists,
        ["is absent"] => Test::IsAbsent,
        ["is not", ""] => Test::IsNot(values.concat()),
        ["contains", ""] => Test::Contains(values.concat()),
        ["is", or @ .., ""] if are_or(or) => Test::Is(values.iter().map(|&value| value.to_owned()).collect()),
        _ => return None,
    };
    Some((Subject::Field { object, path }, test))
}

fn are_or(words: &[&str]) -> bool {
    words.iter().all(|word| *word == "or")
}

/// Names that stand in a text as `$NAME` or `${NAME}`.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('$')
        .skip(1)
        .map(|rest| name_at(rest).0)
        .filter(|name| !name.is_empty())
}

/// The name behind a `$`, which is empty where there is none, and what comes after it.
pub(super) fn name_at(text: &str) -> (&str, &str) {
    let name = |text: &'_ str| {
        text.find(|letter: char| !letter.is_ascii_uppercase() && letter != '_')
            .unwrap_or(text.len())
    };
    if let Some((inside, after)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}'))
        && name(inside) == inside.len()
    {
        return (inside, after);
    }
    text.split_at(name(text))
}
