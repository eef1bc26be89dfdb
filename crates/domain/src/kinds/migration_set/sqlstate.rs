//! What an error of the server means for the file that met it: whether it may pass by itself, and what a person does about it.

use ace_api::ANNOTATION_RECONCILE_AT;

/// The same statement may succeed next time: rollbacks for concurrency, exhausted resources, a server that is read-only for now
/// (hosts set that when the disk is full), and races in the catalogue. A file can raise all of these by itself, so it is not
/// retried for ever. `race`: two sessions have changed one row of the catalogue, which has no state of its own.
pub fn may_pass(state: &str, race: bool) -> bool {
    race || state == "25006" || ["08", "40", "53", "57P"].iter().any(|class| state.starts_with(class))
}

/// What a person does about an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Advice {
    /// In the file; `None` where it is surely not the cause.
    pub file: Option<&'static str>,
    /// Outside of it; `None` where only the file can be the cause.
    pub elsewhere: Option<&'static str>,
}

const FILE: Option<&str> = Some("correct the file");
const LOG: &str = "repair the server, whose log has the cause,";

impl Advice {
    /// For an error of the server. `message` is its primary message.
    pub fn of(state: &str, message: &str) -> Self {
        let (file, elsewhere) = match state {
            "0A000" if is_extension_missing(message) => {
                (Some("leave the extension out"), Some("install it on the server"))
            }
            // Without a word of what is missing: the control file of an extension, a library.
            "58P01" => (
                Some("leave out what needs the missing file"),
                Some("install the extension on the server"),
            ),
            "25006" => (
                FILE,
                Some("let the server accept writes, for which its disk may be too full,"),
            ),
            "42501" => (
                Some("leave the statement out"),
                Some("give the right to the user in `spec.database` of the Platform"),
            ),
            "53100" => (None, Some("free disk space on the server")),
            "53200" => (
                Some("split the file"),
                Some("raise the server's memory or `max_locks_per_transaction`"),
            ),
            "53300" => (None, Some("free connections of the server")),
            "53400" => (FILE, Some("raise the limit that the message names")),
            "55006" => (None, Some("end the sessions that use the object")),
            "55P04" => (Some("use the new value in a later file"), None),
            "57014" => (None, Some("find out who cancelled the statement")),
            _ => match state.get(..2).unwrap_or_default() {
                "08" => (FILE, Some("let the server reach what the statement connects to")),
                "22" | "23" => (FILE, Some("correct the rows that it meets")),
                "40" => (None, Some("let the sessions end that it conflicts with")),
                "53" => (None, Some("give the server more resources")),
                "54" => (Some("split the statement"), None),
                "57" => (None, Some("let the server accept sessions")),
                "58" | "F0" | "XX" => (None, Some(LOG)),
                "HV" => (FILE, Some("let the foreign server answer")),
                // Else it is an error of SQL that checks something, a state of its own, or a missing prerequisite.
                class if is_standard(class) => (FILE, None),
                _ => (FILE, Some("change what it checks")),
            },
        };
        Self { file, elsewhere }
    }

    /// For an error of which the file is no cause.
    pub fn outside(state: &str) -> Self {
        Self {
            file: None,
            elsewhere: Self::of(state, "").elsewhere.or(Some(LOG)),
        }
    }

    /// The instruction. `begun`: a part of the file has run, and only the same file can be continued.
    pub fn says(self, begun: bool) -> String {
        let again = format!("change the annotation `{ANNOTATION_RECONCILE_AT}`");
        if begun {
            return continued(self.elsewhere.unwrap_or("fix its cause in the database"));
        }
        let mend = self.elsewhere.map(|mend| format!("{mend} and {again}"));
        match (self.file, mend) {
            (Some(file), Some(mend)) => format!("{file}, or {mend}"),
            (None, Some(mend)) => mend,
            (file, None) => file.unwrap_or_default().to_owned(),
        }
    }
}

/// What to do about a file of which a part has run: `mend` its cause, and leave the file.
pub fn continued(mend: &str) -> String {
    // One that ends with a relative clause brings its comma along.
    let mend = mend.trim_end_matches(',');
    format!(
        "a part of the file has run: {mend}, leave the file as it is, and change the annotation `{ANNOTATION_RECONCILE_AT}`"
    )
}

/// A class in which the server reports what is wrong with a statement.
fn is_standard(class: &str) -> bool {
    let begins = ["0", "2", "3", "42", "44"]
        .iter()
        .any(|begins| class.starts_with(begins));
    // Routines outside of SQL raise what they like.
    begins && !matches!(class, "38" | "39")
}

fn is_extension_missing(message: &str) -> bool {
    message.starts_with("extension ") && message.ends_with(" is not available")
}
