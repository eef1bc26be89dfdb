//! The variables that `env(NAME)` in a configuration stands for.

mod dotenv;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::{env, fs};

/// Names the files that are read besides `.env`.
const STAGE: &str = "SUPABASE_ENV";
/// The stage of somebody who works on a project.
const DEFAULT_STAGE: &str = "development";

/// Variables of the process, and of the project's `.env` files where the process has none, as Supabase's CLI 3.1.0 reads them
/// (measured): the files beside the configuration before those of the repository's root, and in both `.env.STAGE.local`,
/// `.env.local`, `.env.STAGE`, `.env`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    process: BTreeMap<String, String>,
    /// The first that has a name decides.
    files: Vec<File>,
}

#[derive(Clone, Debug)]
struct File {
    name: String,
    variables: Result<BTreeMap<String, String>, Unreadable>,
}

/// What of a file can't be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unreadable {
    /// From 1.
    Line(usize),
    File(ErrorKind),
}

/// What a name stands for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Variable<'e> {
    Value(&'e str),
    /// Set nowhere, or empty, which is the same to the CLI.
    Unset,
    /// A file that may set it can't be read.
    Unread {
        file: &'e str,
        what: Unreadable,
    },
}

impl Environment {
    /// Of this process and of the files in `folders`, the first before the others. A folder comes with how its files are named.
    pub(crate) fn read(folders: &[(PathBuf, &str)]) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let process: BTreeMap<_, _> = env::vars_os().filter_map(text).collect();
        let stage = process.get(STAGE).filter(|stage| !stage.is_empty());
        let names = names(stage.map_or(DEFAULT_STAGE, String::as_str));
        let read = |(folder, prefix): &(PathBuf, &str), name: &String| {
            let variables = match fs::read(folder.join(name)) {
                Ok(content) => variables(&content),
                Err(error) if error.kind() == ErrorKind::NotFound => return None,
                Err(error) => Err(Unreadable::File(error.kind())),
            };
            let name = format!("{prefix}{name}");
            Some(File { name, variables })
        };
        let files = folders
            .iter()
            .flat_map(|folder| names.iter().filter_map(move |name| read(folder, name)));
        Self {
            files: files.collect(),
            process,
        }
    }

    /// What a name stands for.
    pub(crate) fn get(&self, name: &str) -> Variable<'_> {
        if let Some(value) = self.process.get(name) {
            return found(value);
        }
        for file in &self.files {
            match &file.variables {
                Ok(variables) => {
                    if let Some(value) = variables.get(name) {
                        return found(value);
                    }
                }
                Err(what) => {
                    return Variable::Unread {
                        file: &file.name,
                        what: *what,
                    };
                }
            }
        }
        Variable::Unset
    }
}

fn variables(content: &[u8]) -> Result<BTreeMap<String, String>, Unreadable> {
    let text = str::from_utf8(content).map_err(|error| {
        let (valid, _) = content.split_at(error.valid_up_to());
        let lines = valid.split(|byte| *byte == b'\n');
        Unreadable::Line(lines.count())
    });
    dotenv::parse(text?).map_err(Unreadable::Line)
}

fn found(value: &str) -> Variable<'_> {
    match value {
        "" => Variable::Unset,
        value => Variable::Value(value),
    }
}

/// The files of one folder, the first before the others. Local ones are nobody's in a test.
fn names(stage: &str) -> Vec<String> {
    let local = (stage != "test").then(|| ".env.local".to_owned());
    std::iter::once(format!(".env.{stage}.local"))
        .chain(local)
        .chain([format!(".env.{stage}"), ".env".to_owned()])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Environment, File, Unreadable, Variable, names, variables};

    fn environment(process: &[(&str, &str)], files: &[(&str, &str)]) -> Environment {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let file = |(name, text): &(&str, &str)| File {
            name: (*name).to_owned(),
            variables: variables(text.as_bytes()),
        };
        Environment {
            process: process.iter().map(own).collect(),
            files: files.iter().map(file).collect(),
        }
    }

    #[test]
    fn the_process_comes_before_the_files_even_if_its_value_is_empty() {
        let files = [("supabase/.env.local", "A=1\n"), ("supabase/.env", "A=2\nB=2\nC=2\n")];
        let read = environment(&[("B", "0"), ("C", "")], &files);
        let seen = ["A", "B", "C", "D"].map(|name| read.get(name));
        let expected = [
            Variable::Value("1"),
            Variable::Value("0"),
            Variable::Unset,
            Variable::Unset,
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_file_that_can_t_be_read_is_named_for_what_it_may_have_set() {
        let read = environment(&[], &[(".env.local", "A=1\n"), (".env", "# x\nno assignment\n")]);
        assert_eq!(read.get("A"), Variable::Value("1"));
        let what = Unreadable::Line(2);
        assert_eq!(read.get("B"), Variable::Unread { file: ".env", what });
    }

    #[test]
    fn the_stage_names_two_more_files_and_a_test_has_no_local_one() {
        let development = [".env.development.local", ".env.local", ".env.development", ".env"];
        assert_eq!(names("development"), development);
        assert_eq!(names("test"), [".env.test.local", ".env.test", ".env"]);
    }
}
