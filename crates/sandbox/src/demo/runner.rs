//! Plays step files: shows each command, runs it, and waits for what must be seen.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::environment::Environment;
use super::error::DemoError;
use super::expectation::{Expectation, Path, Seen, Unmet, judge, objects};
use super::screen::Screen;
use super::steps::{Action, Chapter, Part, Step};

/// Between two runs of a command while the viewer waits.
const PAUSE: Duration = Duration::from_millis(500);

/// For one run of a command. Measured: the slowest, a deploy by the official CLI, takes 3 s.
const DEADLINE: Duration = Duration::from_mins(2);

/// The screen and what commands run with.
pub(super) struct Runner<'a> {
    pub(super) screen: &'a Screen,
    pub(super) environment: Environment,
}

impl Runner<'_> {
    /// Plays a chapter. Fails with the first step that does not show what it must.
    pub(super) async fn play(&mut self, chapter: &Chapter) -> Result<(), DemoError> {
        self.screen.chapter(&chapter.title);
        if let Some(condition) = &chapter.condition
            && self.environment.value(&condition.name) != Some(&condition.value)
        {
            self.screen.note(&condition.otherwise);
            return Ok(());
        }
        for part in &chapter.parts {
            match part {
                Part::Note(note) => self.screen.note(self.environment.expand(note)),
                Part::Step(step) => self.step(step).await?,
            }
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), DemoError> {
        let began = Instant::now();
        match &step.action {
            Action::Edit { path, diff } => {
                self.screen.note(path);
                self.screen.answer(diff);
                edit(&self.environment.directory().join(path), diff)
                    .map_err(|instead| failed(step, path, "the lines that are changed", instead))?;
            }
            Action::Command(command) => self.command(step, command).await?,
        }
        if let Some(done) = &step.done {
            self.screen.done(self.environment.expand(done), began);
        }
        Ok(())
    }

    async fn command(&mut self, step: &Step, command: &str) -> Result<(), DemoError> {
        let show = |screen: &Screen| {
            if !step.quiet {
                screen.command(command);
            }
        };
        // What is waited for is shown when it is there, with its command.
        if step.within.is_none() {
            show(self.screen);
        }
        let mut board = self.screen.live();
        let (seen, kept) = loop {
            let mut seen = Seen::default();
            let unmet = match self.observe(step, command, &mut seen).await {
                Ok(kept) => break (seen, kept),
                Err(unmet) => unmet,
            };
            if board.elapsed() >= step.within.unwrap_or_default() {
                return Err(failed(step, command, &unmet.expected, unmet.instead));
            }
            if self.screen.is_terminal() && seen.output.is_empty() {
                seen.output = self.run(command).await.unwrap_or_default().0;
            }
            let headline = format!("{}: {}", unmet.expected, unmet.instead).replace('\n', " ");
            board.draw(&headline, &seen.output);
            tokio::time::sleep(PAUSE).await;
        };
        board.clear();
        if step.within.is_some() {
            show(self.screen);
        }
        if !step.quiet {
            self.screen
                .answer(format!("{}  {}", seen.status, seen.output.trim()).trim_start());
        }
        for (name, value) in kept {
            if !step.quiet {
                self.screen.note(format_args!("{name}={value}"));
            }
            self.environment.keep(&name, value)?;
        }
        Ok(())
    }

    /// Runs a command once and judges what it shows; returns what is kept of it.
    async fn observe(&self, step: &Step, command: &str, seen: &mut Seen) -> Result<Vec<(String, String)>, Unmet> {
        let (of_objects, others): (Vec<&Expectation>, Vec<&Expectation>) =
            (step.expectations.iter()).partition(|expectation| expectation.is_of_objects());
        let about_objects = !of_objects.is_empty() || step.keeps.iter().any(|(_, path)| path.is_some());
        let json = json_of(command).filter(|_| about_objects);
        // Before the table: what is shown is not older than what was judged, and shown only when that is well.
        if let Some(json) = &json {
            seen.objects = objects(&self.run(json).await?.0)?;
            judge(&of_objects, seen, &self.environment)?;
        }
        let is_read = !others.is_empty() || step.keeps.iter().any(|(_, path)| path.is_none());
        if json.is_none() || is_read || !step.quiet {
            (seen.output, seen.status) = self.run(command).await?;
        }
        if json.is_none() && about_objects {
            seen.objects = objects(&seen.output)?;
            judge(&of_objects, seen, &self.environment)?;
        }
        judge(&others, seen, &self.environment)?;
        let keep = |(name, path): &(String, Option<_>)| {
            let value = match (path, seen.objects.first()) {
                (None, _) => seen.output.trim().to_owned(),
                (Some(path), Some(object)) => Path::find(path, object),
                (Some(_), None) => String::new(),
            };
            let unmet = || Unmet {
                expected: format!("a value for {name}"),
                instead: seen.output.trim().to_owned(),
            };
            (!value.is_empty()).then(|| (name.clone(), value)).ok_or_else(unmet)
        };
        step.keeps.iter().map(keep).collect()
    }

    /// What a command prints, and the HTTP status where it calls curl.
    async fn run(&self, command: &str) -> Result<(String, String), Unmet> {
        let instead = |instead: String| Unmet {
            expected: "the command succeeds".to_owned(),
            instead,
        };
        let mut shell = self.environment.shell(command);
        shell.stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(DEADLINE, shell.output()).await;
        let output = output.map_err(|_| instead(format!("it did not end within {} s", DEADLINE.as_secs())))?;
        let output = output.map_err(|error| instead(error.to_string()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        let (printed, said) = (text(&output.stdout), text(&output.stderr));
        if !output.status.success() {
            let last = if said.is_empty() { &printed } else { &said };
            return Err(instead(format!("{}: {last}", output.status)));
        }
        let status = said.lines().last().filter(|line| is_status(line));
        Ok((printed, status.unwrap_or_default().to_owned()))
    }
}

fn is_status(line: &str) -> bool {
    line.len() == 3 && line.bytes().all(|digit| digit.is_ascii_digit())
}

/// The command that prints the same objects as JSON, where the one that is shown prints a table.
pub(super) fn json_of(command: &str) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let prints_table = words.first() == Some(&"kubectl") && words.contains(&"get") && !words.contains(&"-o");
    prints_table.then(|| format!("{command} -o json"))
}

fn edit(path: &std::path::Path, diff: &str) -> Result<(), String> {
    let marked = |mark: char| {
        diff.lines()
            .filter_map(move |line| line.strip_prefix(mark))
            .collect::<Vec<_>>()
    };
    let (from, to) = (marked('-').join("\n"), marked('+').join("\n"));
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    match text.matches(&from).count() {
        1 => fs::write(path, text.replacen(&from, &to, 1)).map_err(|error| error.to_string()),
        count => Err(format!("the file has them {count} times")),
    }
}

fn first_line(command: &str) -> String {
    let (first, rest) = command.split_once('\n').unwrap_or((command, ""));
    format!("{first}{}", if rest.is_empty() { "" } else { " …" })
}

fn failed(step: &Step, command: &str, expected: &str, instead: String) -> DemoError {
    DemoError::Step {
        place: step.place.clone(),
        command: first_line(command),
        expected: expected.to_owned(),
        within: step.within,
        instead,
    }
}
