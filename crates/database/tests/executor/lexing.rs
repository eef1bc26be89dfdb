//! Where a statement ends for us is where it ends for the server, whatever is set on it.
//!
//! The statements here are one for each rule of PostgreSQL's lexer. `LEXING_STATEMENTS` names a file with more, a JSON string on
//! each line: such as those that psql sends for PostgreSQL's regression suite, from a log in JSON.

use std::{collections::BTreeMap, env, fs};

use ace_database::Session;
use ace_domain::{kinds::migration_set::SyntaxCheck, sql::read};

use crate::bed::{Bed, file};

/// What changes how the server reads a text, as defaults of a database.
const SETTINGS: [&str; 6] = [
    "standard_conforming_strings = off",
    "backslash_quote = on",
    "backslash_quote = off",
    "escape_string_warning = off",
    "client_encoding = 'SJIS'",
    "transform_null_equals = on",
];

/// Stands behind each statement; a statement that swallows it, or is cut by us, is read otherwise than by the server.
const NEXT: &str = "SELECT 'the next statement'";

const STATEMENTS: [&str; 43] = [
    r"SELECT '\'",
    r"SELECT '\' || '; SELECT 2; --'",
    r"SELECT 'a;b' AS c",
    "SELECT 'a'\n  'b;'",
    "SELECT 'a' -- ;\n  'b;'",
    "SELECT 'it''s; here'",
    r"SELECT E'\'; \\'",
    r"SELECT E'\\'",
    "SELECT E'a'\n'\\';'",
    r"SELECT e'\047; '';'",
    r"SELECT U&'\0061; \\'",
    r"SELECT U&'!0061;' UESCAPE '!'",
    r#"SELECT 1 AS U&"d!0061t;" UESCAPE '!'"#,
    r#"SELECT 1 AS "a;""b\""#,
    "SELECT B'01', X'1F'",
    "SELECT N'a;'",
    "SELECT $$a;b$$",
    "SELECT $a$ $$ ; $b$ ; $a$",
    "SELECT $ä$ ; $ä$",
    "SELECT 1 AS a$b$c",
    "SELECT $_1$;$_1$",
    "PREPARE p AS SELECT $1, $2",
    "SELECT 1 /* ; */ + 1",
    "SELECT 1 /* /* ; */ ; */ + 1",
    "SELECT 1 /* ' */ + 1",
    "SELECT 1 -- ';\n + 1",
    "SELECT 1 --/* ;\n + 1",
    "SELECT 1 +-- ;\n 1",
    "SELECT 1 /**/ - /* -- */ 1",
    "SELECT 2 @- 1, @ - 1",
    "SELECT 1.5e-3, .5, 5., 1e5",
    "SELECT 1::text::varchar",
    "SELECT (ARRAY[1,2])[1:2]",
    "SELECT (SELECT ';')",
    "CREATE RULE r AS ON DELETE TO public.t DO ALSO (SELECT 1; SELECT 2)",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 AS case; END",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1; select 2;'",
    "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN PERFORM $$;$$; END; $f$",
    "DO $do$ BEGIN EXECUTE 'select '';'''; END $do$",
    "COMMENT ON TABLE t IS 'a; b -- c /* d'",
    "SELECT 'ä; \u{3000}', 'ソ;'",
];

/// Nothing of these is a statement.
const EMPTY: [&str; 4] = ["/* ; */", "-- ';", ";", "/* a */ ; -- b"];

/// How somebody cuts a text.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Cut {
    Nothing,
    One,
    Several,
    /// A syntax error, or a text that we refuse: why.
    Refused(String),
}

/// The text as the first statement of a file.
fn ours(text: &str) -> Cut {
    match read(&file("1", &format!("{text};\n{NEXT};\n"))) {
        Err(error) => Cut::Refused(error.refusal.refused.to_owned()),
        Ok(script) => {
            let statements: Vec<_> = script.executable_statements().collect();
            match statements[..] {
                [next] if next.text == NEXT => Cut::Nothing,
                [_, next] if next.text == NEXT => Cut::One,
                _ => Cut::Several,
            }
        }
    }
}

/// The server takes one statement for one, and none for one, too: then another fits behind it.
async fn servers(session: &Session, text: &str) -> Cut {
    if parses(session, text).await == Cut::One && parses(session, &format!("{text}\nSELECT 1")).await == Cut::One {
        return Cut::Nothing;
    }
    parses(session, text).await
}

async fn parses(session: &Session, text: &str) -> Cut {
    match session.parses(text).await.unwrap() {
        SyntaxCheck::Parses => Cut::One,
        SyntaxCheck::Fault { message, .. } if message.contains("multiple commands") => Cut::Several,
        SyntaxCheck::Fault { message, .. } => Cut::Refused(message),
    }
}

fn more() -> Vec<String> {
    let Some(path) = env::var_os("LEXING_STATEMENTS") else {
        return Vec::new();
    };
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_statement_ends_for_us_where_it_ends_for_the_server_whatever_is_set() {
    let bed = Bed::new().await;
    let usual = bed.session().await;
    let mut others = Vec::new();
    for setting in SETTINGS {
        let other = Bed::new().await;
        let default = format!("ALTER DATABASE {} SET {setting}", other.database);
        other.superuser().await.batch_execute(&default).await.unwrap();
        let session = other.session().await;
        others.push((setting, other, session));
    }
    let own: BTreeMap<_, _> = STATEMENTS
        .map(|text| (text, Cut::One))
        .into_iter()
        .chain(EMPTY.map(|text| (text, Cut::Nothing)))
        .collect();
    let more = more();
    let (mut findings, mut tally) = (Vec::new(), BTreeMap::<_, usize>::new());
    for text in own.keys().copied().chain(more.iter().map(String::as_str)) {
        let (ours, servers_cut) = (ours(text), servers(&usual, text).await);
        if !matches!(
            (&ours, &servers_cut),
            (Cut::Nothing, Cut::Nothing)
                | (Cut::One, Cut::One)
                | (Cut::Several, Cut::Several)
                | (Cut::Refused(_), _)
                | (_, Cut::Refused(_))
        ) {
            findings.push(format!("{ours:?} by us, {servers_cut:?} by the server: {text}"));
        }
        for (setting, _, session) in &others {
            let other = servers(session, text).await;
            if other != servers_cut {
                findings.push(format!("{setting}: {other:?} instead of {servers_cut:?}: {text}"));
            }
        }
        if own.get(text).is_some_and(|cut| ours != *cut || servers_cut != *cut) {
            findings.push(format!("{ours:?} by us, {servers_cut:?} by the server: {text}"));
        }
        let refused = match (&ours, &servers_cut) {
            (Cut::Refused(why), Cut::One) => format!("refused by us alone: {why}"),
            (Cut::One, Cut::Refused(_)) => "refused by the server alone".to_owned(),
            (ours, _) => format!("{ours:?}"),
        };
        *tally.entry(refused).or_default() += 1;
    }
    println!("{tally:#?}");
    assert!(findings.is_empty(), "{}\n{}", findings.len(), findings.join("\n"));
}
