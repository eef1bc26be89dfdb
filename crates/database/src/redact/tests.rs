use super::{LOGGED, ServerMessage, Text, catalogue};

const FILE: [&str; 2] = [
    "SELECT Absent, 10, 0, 1 FROM app.\"T\" WHERE n = 'bob@example.com' OR n = 'Ann of Aachen'",
    "DO $$ BEGIN RAISE 'row % isn''t there', (SELECT n FROM app.\"T\"); END $$",
];

fn own(message: &str) -> ServerMessage {
    ServerMessage {
        message: message.to_owned(),
        names: Some(vec!["t_n_check".to_owned()]),
    }
}

fn raised(message: &str) -> ServerMessage {
    let names = None;
    ServerMessage { names, ..own(message) }
}

#[test]
fn of_the_servers_messages_names_are_shown_that_the_file_or_the_catalogue_has() {
    for (message, shown) in [
        ("column \"absent\" does not exist", "column \"absent\" does not exist"),
        ("relation \"app.T\" does not exist", "relation \"app.T\" does not exist"),
        (
            "check constraint \"t_n_check\" is violated\nby some row",
            "check constraint \"t_n_check\" is violated by some row",
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
        (
            "improper qualified name (too many dotted names): a.b.c.d",
            "improper qualified name (too many dotted names): …",
        ),
    ] {
        assert_eq!(Text::of(FILE).redacted(&own(message), 300), shown);
    }
}

#[test]
fn a_sign_that_nobody_sees_is_shown_by_its_number() {
    let file = Text::of(["SELECT 1 AS a, \u{feff}FROM\u{a0}t"]);
    for (message, shown) in [
        (
            "syntax error at or near \"\u{feff}FROM\u{a0}t\"",
            "syntax error at or near \"<U+FEFF>FROM<U+00A0>t\"",
        ),
        (
            "syntax error at or near \"\u{feff}secret\"",
            "syntax error at or near \"…\"",
        ),
    ] {
        assert_eq!(file.redacted(&own(message), 300), shown);
    }
}

#[test]
fn a_value_is_not_shown_because_its_parts_are_known() {
    let invalid = "invalid input syntax for type integer: ";
    for (value, shown) in [
        ("\"4111\"", "\"…\""),
        ("\"4\" 11\"11\"", "\"…\""),
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

/// Each conversion of a message replaced by what `fill` gives.
fn filled(form: &str, mut fill: impl FnMut(usize) -> String) -> String {
    let mut pieces = form.split(catalogue::is_sign);
    let mut message = pieces.next().unwrap_or_default().to_owned();
    for (number, piece) in pieces.enumerate() {
        message += &fill(number);
        message += piece;
    }
    message
}

/// One sign may stand for several values.
fn collapsed(shown: &str) -> String {
    let mut collapsed = shown.replace("… …", "…");
    while collapsed.contains("……") {
        collapsed = collapsed.replace("……", "…");
    }
    collapsed
}

/// Whether all fixed text of a message is shown.
fn in_order(form: &str, shown: &str) -> bool {
    let mut rest = shown;
    form.trim_end().split(catalogue::is_sign).all(|piece| {
        let after = rest.split_once(piece.trim()).map(|(_, after)| after);
        rest = after.unwrap_or_default();
        after.is_some()
    })
}

#[test]
fn of_every_message_of_postgresql_the_fixed_words_are_shown_and_no_value() {
    let text = Text::of(FILE);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for form in catalogue::messages() {
        seen += 1;
        let expected = collapsed(filled(form, |_| "…".to_owned()).trim_end());
        // A name nobody knows, a sentence of common words, and a number.
        for value in ["canary@example.com", "the canary is available", "4711"] {
            let message = filled(form, |_| value.to_owned());
            let shown = text.redacted(&own(&message), 10_000);
            if collapsed(&shown) != expected {
                wrong.push(format!("{message}\n  {shown}\n  {expected}"));
            }
        }
        let shown = text.redacted(&own(&filled(form, |_| "canary \"4711\" canary".to_owned())), 10_000);
        if ["canary", "4711"].iter().any(|value| shown.contains(value)) || !in_order(form, &shown) {
            wrong.push(format!("{form}\n  {shown}"));
        }
    }
    assert!(seen > 5_000, "{seen} messages");
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_the_system_says_of_an_error_is_shown_where_postgresql_puts_it_and_nowhere_else() {
    let text = Text::of(FILE);
    let full = "No space left on device";
    for (message, shown) in [
        (
            "could not extend file \"base/5/16401\": No space left on device",
            "could not extend file \"…\": No space left on device",
        ),
        (
            "could not open file \"/etc/absent\" for reading: Permission denied",
            "could not open file \"…\" for reading: Permission denied",
        ),
        (
            "could not write to file \"base/pgsql_tmp/1.2\": No space left on device, said Zoe",
            "could not write to file \"…\": … on …",
        ),
        (
            "invalid input syntax for type integer: \"No space left on device\"",
            "invalid input syntax for type integer: \"…\"",
        ),
    ] {
        assert_eq!(text.redacted(&own(message), 300), shown);
    }
    assert_eq!(text.redacted(&raised(full), 300), LOGGED);
    let mut places = 0;
    for form in catalogue::messages().filter(|form| form.contains('§')) {
        places += 1;
        let message = filled(&form.replace('§', full), |_| "canary".to_owned());
        let shown = text.redacted(&own(&message), 10_000);
        assert!(
            shown.contains(full) && !shown.contains("canary"),
            "{message}\n  {shown}"
        );
    }
    assert!(places > 200, "{places} messages");
}

#[test]
fn of_the_commonest_messages_no_word_is_lost() {
    let file = Text::of([
        "CREATE EXTENSION vector; INSERT INTO app.bins VALUES (1); ALTER TABLE storage.objects ADD x; SELECT 1 FRM y",
    ]);
    for message in [
        "null value in column \"n\" of relation \"bins\" violates not-null constraint",
        "value too long for type character varying(1)",
        "extension \"vector\" is not available",
        "must be owner of table objects",
        "unsafe use of new value \"x\" of enum type y",
        "syntax error at or near \"FRM\"",
        "permission denied for schema app",
        "column \"n\" cannot be cast automatically to type integer",
        "cannot drop table app.bins because other objects depend on it",
        "there is no unique constraint matching given keys for referenced table \"bins\"",
        "tuple concurrently updated",
    ] {
        let said = ServerMessage {
            message: message.to_owned(),
            names: Some(vec!["n".to_owned()]),
        };
        assert_eq!(file.redacted(&said, 300), message);
    }
}

#[test]
fn of_what_is_no_message_of_postgresql_only_common_words_are_shown() {
    for (message, shown) in [
        ("expected 3 dimensions, not 4", "expected … not …"),
        (
            "Geometry type (Point) does not match column type (Polygon) of Zoe",
            "… type (Point) does not match column type … of …",
        ),
        ("the secret 4711 is not allowed", "the … is not allowed"),
    ] {
        assert_eq!(Text::of(FILE).redacted(&own(message), 300), shown, "{message}");
    }
}
