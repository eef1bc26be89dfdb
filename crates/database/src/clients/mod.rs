//! PostgreSQL's own programs: `pg_dump`, whose output is streamed, and `pg_restore`, which is fed a stream. Each is of exactly
//! the major that is asked for; it reaches a database as our own sessions do, its password is in no argument and no file, and
//! what it says is redacted. What is dropped is killed.

mod archive;
mod contents;
mod dump;
mod environment;
mod error;
mod feed;
mod handed;
mod process;

use std::path::PathBuf;

pub use archive::{ArchiveError, Omission, check_archive};
pub use contents::{Contents, ContentsError};
pub use dump::Dump;
pub use error::{Cause, ClientError};

pub(crate) use contents::Entry;
pub(crate) use environment::Environment;
pub(crate) use feed::Head;
pub(crate) use handed::Handed;
pub(crate) use process::{Input, Program, major};

/// Stands for the major version in the path of the programs.
const MAJOR: &str = "<major>";

/// Majors that are looked for, to say which there are.
const MAJORS: std::ops::RangeInclusive<u32> = 9..=40;

/// Where PostgreSQL's programs are, by major version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clients {
    template: String,
}

/// Why a text does not say where the programs are.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("write an absolute directory with `<major>` in it, such as /usr/lib/postgresql/<major>/bin")]
pub struct ClientsError;

impl Clients {
    /// A directory with `<major>` in the place of the version: `/usr/lib/postgresql/<major>/bin`.
    pub fn new(template: &str) -> Result<Self, ClientsError> {
        if !template.starts_with('/') || !template.contains(MAJOR) {
            return Err(ClientsError);
        }
        Ok(Self {
            template: template.to_owned(),
        })
    }

    /// A program of exactly this major, and its whole version: the name of a directory proves nothing.
    pub(crate) async fn program(&self, name: &'static str, major: u32) -> Result<Program, ClientError> {
        let program = Program {
            name,
            path: self.directory(major).join(name),
            version: String::new(),
        };
        if !program.path.is_file() {
            return Err(self.unavailable(name, major));
        }
        let version = process::version(&program).await?;
        if process::major(&version) != Some(major) {
            return Err(self.unavailable(name, major));
        }
        Ok(Program { version, ..program })
    }

    fn directory(&self, major: u32) -> PathBuf {
        PathBuf::from(self.template.replace(MAJOR, &major.to_string()))
    }

    fn unavailable(&self, name: &str, wanted: u32) -> ClientError {
        let there = |major: &u32| *major != wanted && self.directory(*major).join(name).is_file();
        ClientError::VersionUnavailable {
            wanted,
            found: MAJORS.filter(there).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Clients, ClientsError};

    #[test]
    fn where_programs_are_is_a_directory_for_each_major() {
        assert!(Clients::new("/usr/lib/postgresql/<major>/bin").is_ok());
        for refused in ["", "/usr/bin", "postgresql/<major>"] {
            assert_eq!(Clients::new(refused), Err(ClientsError), "{refused}");
        }
    }
}
