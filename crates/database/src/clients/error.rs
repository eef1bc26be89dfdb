use std::io;

use crate::redact::{LOGGED, MESSAGE, ServerMessage, Text};

/// Why one of PostgreSQL's programs did not do its work.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// There is none of this major; a newer one writes what this server can't load, an older one refuses.
    #[error("there is no client of PostgreSQL {wanted} (there is {}): install postgresql-client-{wanted} in the image", majors(.found))]
    VersionUnavailable { wanted: u32, found: Vec<u32> },
    /// It could not be started.
    #[error("{program} can't be started: {kind}")]
    NotStarted { program: &'static str, kind: io::ErrorKind },
    /// What it needs to know could not be handed to it.
    #[error("{program} can't be given what it needs: {kind}")]
    NotHanded { program: &'static str, kind: io::ErrorKind },
    /// No CA certificate of the system could be read.
    #[error("the system's certificates can't be read")]
    NoAuthorities,
    /// It ended with an error.
    #[error("{program} failed: {message}")]
    Failed {
        program: &'static str,
        cause: Cause,
        /// What may be shown of its error.
        message: String,
    },
    /// A signal ended it.
    #[error("{program} was killed by signal {signal}")]
    Killed { program: &'static str, signal: i32 },
    /// Its output was not read to the end.
    #[error("the output of {program} was cut short")]
    CutShort { program: &'static str },
    /// Its output or its end could not be read.
    #[error("the output of {program} can't be read: {kind}")]
    Unreadable { program: &'static str, kind: io::ErrorKind },
}

/// What the error of a program is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// A table was locked for too long.
    Locked,
    /// The server's disk is full.
    DiskFull,
    /// The role may not do that.
    Denied,
    /// The server was not reached, or the session was lost.
    Connection,
    /// The archive is damaged or cut short.
    Archive,
    /// Anything else.
    Other,
}

impl ClientError {
    /// The variant as a label of bounded cardinality.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::VersionUnavailable { .. } => "ClientVersionUnavailable",
            Self::NotStarted { .. } => "NotStarted",
            Self::NotHanded { .. } => "NotHanded",
            Self::NoAuthorities => "NoAuthorities",
            Self::Failed { cause, .. } => cause.reason(),
            Self::Killed { .. } => "Killed",
            Self::CutShort { .. } => "CutShort",
            Self::Unreadable { .. } => "Unreadable",
        }
    }

    /// From what a program wrote to its standard error. Only the first error is shown, without its details, which have values of
    /// rows. `names`: those that may be shown.
    pub(super) fn failed(program: &'static str, stderr: &str, names: &Text) -> Self {
        let error = stderr.lines().find_map(|line| line.split_once("error: "));
        let error = error.map_or("", |(_, error)| error);
        let server = ["ERROR:  ", "FATAL:  ", "PANIC:  "];
        let server = server
            .iter()
            .find_map(|level| error.split_once(level))
            .map(|(_, said)| said);
        let shown = names.redacted(&ServerMessage::printed(server.unwrap_or(error)), MESSAGE);
        let message = match server {
            None if shown == LOGGED || shown.is_empty() => "it says nothing that may be shown".to_owned(),
            _ => shown,
        };
        Self::Failed {
            program,
            cause: Cause::of(error),
            message,
        }
    }
}

impl Cause {
    fn reason(self) -> &'static str {
        match self {
            Self::Locked => "Locked",
            Self::DiskFull => "DiskFull",
            Self::Denied => "Denied",
            Self::Connection => "Connection",
            Self::Archive => "Archive",
            Self::Other => "Failed",
        }
    }

    fn of(error: &str) -> Self {
        /// What PostgreSQL's programs and server say of each, from 15 to 18.
        const WORDS: &[(&str, Cause)] = &[
            ("due to lock timeout", Cause::Locked),
            ("No space left on device", Cause::DiskFull),
            ("permission denied", Cause::Denied),
            ("must be owner of", Cause::Denied),
            ("must be superuser", Cause::Denied),
            ("must be able to SET ROLE", Cause::Denied),
            ("affected by row-level security", Cause::Denied),
            ("connection to server", Cause::Connection),
            ("server closed the connection", Cause::Connection),
            ("terminating connection", Cause::Connection),
            ("no COPY in progress", Cause::Connection),
            ("could not read from input file", Cause::Archive),
            ("unexpected end of file", Cause::Archive),
            ("did not find magic string", Cause::Archive),
            ("does not appear to be a valid archive", Cause::Archive),
            ("unrecognized data block type", Cause::Archive),
            ("found unexpected block ID", Cause::Archive),
        ];
        let found = WORDS.iter().find(|(words, _)| error.contains(words));
        found.map_or(Self::Other, |(_, cause)| *cause)
    }
}

fn majors(found: &[u32]) -> String {
    if found.is_empty() {
        return "none".to_owned();
    }
    let found: Vec<String> = found.iter().map(u32::to_string).collect();
    found.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Cause, ClientError};
    use crate::redact::Text;

    fn failed(stderr: &str) -> (Cause, String) {
        let names = Text::of(["public.recipients", "recipients_pkey"]);
        match ClientError::failed("pg_restore", stderr, &names) {
            ClientError::Failed { cause, message, .. } => (cause, message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_error_of_a_program_is_told_without_the_values_in_it() {
        for (stderr, cause, message) in [
            (
                "pg_restore: while PROCESSING TOC:\npg_restore: error: COPY failed for table \"recipients\": ERROR:  duplicate key value \
                 violates unique constraint \"recipients_pkey\"\nDETAIL:  Key (phone)=(+491701) already exists.\n",
                Cause::Other,
                "duplicate key value violates unique constraint \"recipients_pkey\"",
            ),
            (
                "pg_dump: error: query failed: ERROR:  canceling statement due to lock timeout\npg_dump: detail: Query was: LOCK …",
                Cause::Locked,
                "canceling statement due to lock timeout",
            ),
            (
                "pg_restore: error: could not execute query: ERROR:  invalid input syntax for type integer: \"canary\"\n",
                Cause::Other,
                "invalid input syntax for type integer: \"…\"",
            ),
            (
                "pg_restore: error: COPY failed for table \"x\": ERROR:  could not extend file \"base/1/2\": No space left on device\n",
                Cause::DiskFull,
                "could not extend file \"…\": No space left on device",
            ),
        ] {
            assert_eq!(failed(stderr), (cause, message.to_owned()));
        }
    }

    #[test]
    fn no_word_of_an_unknown_message_is_shown() {
        let (cause, message) = failed("pg_dump: error: canary-canary swordfish\n");
        assert_eq!(cause, Cause::Other);
        assert!(
            !message.contains("canary") && !message.contains("swordfish"),
            "{message}"
        );
        assert_eq!(failed("").1, "it says nothing that may be shown");
    }
}
