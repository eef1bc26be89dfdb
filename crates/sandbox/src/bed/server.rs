//! The PostgreSQL that is installed: its version, and where it has its files.

use std::path::PathBuf;
use std::process::Command;

use super::tools::{self, ToolError};

/// What `pg_config` says of it.
pub(super) struct Server {
    /// As in `PostgreSQL 15.18 (Debian 15.18-0+deb12u1)`.
    pub(super) version: String,
    pub(super) programs: PathBuf,
    pub(super) shared: PathBuf,
    pub(super) libraries: PathBuf,
}

impl Server {
    pub(super) fn find() -> Result<Server, ToolError> {
        let mut command = Command::new(tools::postgres_bin_dir()?.join("pg_config"));
        command.args(["--version", "--bindir", "--sharedir", "--pkglibdir"]);
        let output = tools::run(&mut command)?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let [version, programs, shared, libraries] = text.lines().collect::<Vec<_>>()[..] else {
            return Err(ToolError::Failed {
                command: tools::line_of(&command),
                output: text,
            });
        };
        Ok(Server {
            version: version.to_owned(),
            programs: PathBuf::from(programs),
            shared: PathBuf::from(shared),
            libraries: PathBuf::from(libraries),
        })
    }
}

/// `15` of `PostgreSQL 15.18 (Debian 15.18-0+deb12u1)`, and of what `postgres --version` prints.
pub(super) fn major(version: &str) -> &str {
    let mut words = version.split_whitespace();
    let number = words.find(|word| word.starts_with(|letter: char| letter.is_ascii_digit()));
    number.and_then(|number| number.split('.').next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_and_a_package_are_of_the_servers_major_version() {
        assert_eq!(major("PostgreSQL 15.18 (Debian 15.18-0+deb12u1)"), "15");
        assert_eq!(major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), "15");
        assert_eq!(major("PostgreSQL 18beta1"), "18beta1");
    }
}
