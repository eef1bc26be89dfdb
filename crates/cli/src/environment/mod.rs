//! The variables that `env(NAME)` in a configuration stands for.

mod dotenv;

use std::collections::BTreeMap;
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
    /// Or the line, from 1, that can't be read.
    variables: Result<BTreeMap<String, String>, usize>,
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
        line: usize,
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
            let text = fs::read_to_string(folder.join(name)).ok()?;
            Some(File {
                name: format!("{prefix}{name}"),
                variables: dotenv::parse(&text),
            })
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
                Err(line) => {
                    return Variable::Unread {
                        file: &file.name,
                        line: *line,
                    };
                }
            }
        }
        Variable::Unset
    }
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
    use super::{Environment, File, Variable, dotenv, names};

    fn environment(process: &[(&str, &str)], files: &[(&str, &str)]) -> Environment {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let file = |(name, text): &(&str, &str)| File {
            name: (*name).to_owned(),
            variables: dotenv::parse(text),
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
        assert_eq!(read.get("B"), Variable::Unread { file: ".env", line: 2 });
    }

    #[test]
    fn the_stage_names_two_more_files_and_a_test_has_no_local_one() {
        let development = [".env.development.local", ".env.local", ".env.development", ".env"];
        assert_eq!(names("development"), development);
        assert_eq!(names("test"), [".env.test.local", ".env.test", ".env"]);
    }
}
