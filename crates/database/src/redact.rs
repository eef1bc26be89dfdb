//! What may be shown of the server's messages. A SQLSTATE does not decide that: what a cast, dynamic SQL or `current_setting`
//! takes for a name may be a row's value, and `RAISE` may use any state. So a word is shown only if it occurs in the file that
//! ran, in PostgreSQL's own messages, or as the name of an object in the catalogue.

use tokio_postgres::error::DbError;

/// Words of PostgreSQL's commonest messages.
const OWN: &str = "\
    a access aggregate already alter ambiguous an and any appear applied are argument arguments array as at attempting attribute \
    because been before between bigint block boolean bound but by bytea call called can cannot cast change changed character check \
    clause code coerced collation column columns command concurrently configuration conflict constraint contain contains conversion convert \
    converted could create created current cyclic data database date deadlock default deferred defined definition deleted denied \
    depend depends detected different dimensions distinct division do does domain double drop dropped duplicate each element empty \
    encoding end enum error exactly exceeded exceeds exclusion exist existing exists expected expression expressions extension failed \
    field for foreign format from function functions generated grantor group grouping has have identity if immutable implicitly improper \
    implemented in index infinite inherit inheritance input insert integer interval into invalid is it its join json jsonb key \
    language length limit literal lock malformed many mark match matching materialized maximum may memory missing more most multiple must name \
    names near new no nonexistent not null number numeric object objects of on one only operator option or order other out outer overlapping \
    owned owner parameter parameters partition partitioned permission policy positive precision prepared primary privilege \
    privileges procedure publication qualified query range read-only real record recursion reference referenced references referencing \
    relation replace requested required requires return returned returning returns rewrite role row row-level rows rule run schema \
    security select sequence serial server set shared should side size smallint some specification specified statement string subquery \
    supported syntax system table tables target temporary text than that the there time timestamp to token too transaction trigger tuple \
    type types unable undefined unexpected unique unknown unlogged unrecognized unsupported unterminated update updated use used \
    using uuid value values varying version view violated violates violation was were when where which while will window with \
    within without would xml zero zone";

/// Most characters of the server's message that are shown.
pub(crate) const MESSAGE: usize = 300;
/// Shown instead of a message of which too little may be shown.
const LOGGED: &str = "the server's log has the message";

/// How much of a message is kept until it is shown, in characters.
const KEPT: usize = 1_000;

/// A message of the server. It may have values of rows, so it can't be printed: see [`Text::redacted`].
pub(crate) struct Said {
    message: String,
    /// Names of the catalogue that it is about. `None`: SQL raised it, so it is not a message of PostgreSQL.
    names: Option<Vec<String>>,
}

impl Said {
    pub(crate) fn of(error: &DbError) -> Self {
        // `RAISE` and `ASSERT` may have any text, under any SQLSTATE.
        let raised = |routine| ["exec_stmt_raise", "exec_stmt_assert"].contains(&routine);
        let names = [
            error.schema(),
            error.table(),
            error.column(),
            error.datatype(),
            error.constraint(),
        ];
        Self {
            message: error.message().chars().take(KEPT).collect(),
            names: error
                .routine()
                .is_some_and(|routine| !raised(routine))
                .then(|| names.into_iter().flatten().map(str::to_owned).collect()),
        }
    }
}

/// A file's text in which words are looked up: in lower case, as names are read, and without what quotes need.
pub(crate) struct Text(String);

impl Text {
    pub(crate) fn of<'a>(statements: impl IntoIterator<Item = &'a str>) -> Self {
        let read = |statement: &str| statement.to_lowercase().replace('"', "").replace("''", "'");
        let statements: Vec<String> = statements.into_iter().map(read).collect();
        Self(statements.join("\n"))
    }

    /// The part of a message that may be shown, in one line of at most `limit` characters; … replaces the rest.
    pub(crate) fn redacted(&self, said: &Said, limit: usize) -> String {
        let mut shown = String::new();
        let (mut kept, mut hidden) = (0, 0);
        for (number, part) in said.message.split('"').enumerate() {
            if number > 0 {
                shown.push('"');
            }
            // Between two quotes is one name, or one value.
            let quoted = number % 2 == 1;
            let end = |character: char| !quoted && character.is_whitespace();
            for word in part.split_inclusive(end) {
                let known = if quoted {
                    said.names(word) || self.has(word)
                } else {
                    self.knows(said, word)
                };
                if known {
                    kept += usize::from(word.contains(char::is_alphanumeric));
                    shown.push_str(word);
                } else if !shown.trim_end().ends_with('…') {
                    hidden += 1;
                    shown.push('…');
                    shown.extend(word.ends_with(end).then_some(' '));
                }
            }
        }
        if kept < hidden {
            return LOGGED.to_owned();
        }
        line(shown.trim_end(), limit)
    }

    fn knows(&self, said: &Said, word: &str) -> bool {
        word.split(['(', ')']).all(|part| {
            let part = part.trim_matches(|edge: char| edge.is_whitespace() || ",;:.'!?[]".contains(edge));
            part.is_empty() || said.is_own(part) || self.has(part)
        })
    }

    /// Whether this stands in the file, and not as a part of a longer word.
    fn has(&self, words: &str) -> bool {
        let words = words.to_lowercase();
        let inside = |one: Option<char>, other: Option<char>| {
            [one, other]
                .iter()
                .all(|end| end.is_some_and(|end| end.is_alphanumeric() || end == '_'))
        };
        self.0.match_indices(&words).any(|(at, found)| {
            let (before, rest) = self.0.split_at_checked(at).unwrap_or_default();
            let behind = rest.strip_prefix(found).unwrap_or_default();
            !inside(before.chars().next_back(), words.chars().next())
                && !inside(words.chars().next_back(), behind.chars().next())
        })
    }
}

impl Said {
    fn names(&self, name: &str) -> bool {
        self.names.iter().flatten().any(|known| known == name)
    }

    fn is_own(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        self.names.is_some() && OWN.split_whitespace().any(|own| own == word)
    }
}

fn line(text: &str, limit: usize) -> String {
    let line = |character: char| if character.is_control() { ' ' } else { character };
    let mut kept: String = text.chars().take(limit).map(line).collect();
    if kept.len() < text.len() {
        kept.pop();
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{LOGGED, Said, Text};

    const FILE: [&str; 2] = [
        "SELECT Absent, 10, 0, 1 FROM app.\"T\" WHERE n = 'bob@example.com' OR n = 'Ann of Aachen'",
        "DO $$ BEGIN RAISE 'row % isn''t there', (SELECT n FROM app.\"T\"); END $$",
    ];

    fn own(message: &str) -> Said {
        Said {
            message: message.to_owned(),
            names: Some(vec!["t_n_check".to_owned()]),
        }
    }

    fn raised(message: &str) -> Said {
        let names = None;
        Said { names, ..own(message) }
    }

    #[test]
    fn of_the_servers_messages_names_are_shown_that_the_file_or_the_catalogue_has() {
        for (message, shown) in [
            ("column \"absent\" does not exist", "column \"absent\" does not exist"),
            ("relation \"app.T\" does not exist", "relation \"app.T\" does not exist"),
            (
                "check constraint \"t_n_check\" is\nviolated",
                "check constraint \"t_n_check\" is violated",
            ),
            (
                "column \"ann@example.com\" does not exist",
                "column \"…\" does not exist",
            ),
            (
                "schema \"topsecret@example\" does not exist",
                "schema \"…\" does not exist",
            ),
            (
                "operator does not exist: text = secret",
                "operator does not exist: text = …",
            ),
            (
                "function secret(integer, text) does not exist",
                "function … text) does not exist",
            ),
            (
                "function absent(integer) does not exist",
                "function absent(integer) does not exist",
            ),
            ("improper qualified name: a.b.c.d", "improper qualified name: …"),
        ] {
            assert_eq!(Text::of(FILE).redacted(&own(message), 300), shown);
        }
    }

    #[test]
    fn a_value_is_not_shown_because_its_parts_are_known() {
        let invalid = "invalid input syntax for type integer: ";
        for (value, shown) in [
            ("\"4111\"", "\"…\""),
            ("\"4\" 11\"11\"", "\"…\" …\"…\""),
            ("\"4111", "\"…"),
            ("\"not the type\"", "\"…\""),
            ("\"10.0.0.1\"", "\"…\""),
            ("10-0-1", "…"),
            ("\"achen\"", "\"…\""),
            ("\"Ann of Aachen\"", "\"Ann of Aachen\""),
        ] {
            let message = format!("{invalid}{value}");
            assert_eq!(
                Text::of(FILE).redacted(&own(&message), 300),
                format!("{invalid}{shown}")
            );
        }
    }

    #[test]
    fn what_sql_raises_is_shown_as_far_as_its_words_stand_in_the_file() {
        for (message, shown) in [
            ("row ann@example.com isn't there", "row … isn't there"),
            ("row 4111 1111 isn't there", "row … isn't there"),
            ("row does not exist isn't there", "row … isn't there"),
            ("column \"t_n_check\" does not exist", LOGGED),
            ("user 4711 of the row is gone", LOGGED),
            ("", ""),
        ] {
            assert_eq!(Text::of(FILE).redacted(&raised(message), 300), shown, "{message}");
        }
    }

    #[test]
    fn a_long_message_ends_with_a_sign_that_it_was_longer() {
        let text = Text::of(["äöüäöü"]);
        assert_eq!(text.redacted(&raised("äöüäöü"), 4), "äöü…");
        assert_eq!(text.redacted(&raised("äöüäöü"), 6), "äöüäöü");
    }
}
