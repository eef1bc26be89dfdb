use crate::support::try_script;

fn refusal(text: &str) -> (String, &'static str) {
    let error = try_script(text)
        .err()
        .unwrap_or_else(|| panic!("{text} is not refused"));
    (error.to_string(), error.reason())
}

const UNDO: &str = "ROLLBACK, which would undo the migration";
const SAVEPOINT: &str = "leave it out, or roll back to a savepoint";
const OWN: &str = "leave it out: every file runs in a transaction of its own";
const HAND: &str = "run it by hand, outside of migrations";

#[test]
fn what_ends_the_transaction_or_gives_up_the_lock_is_refused() {
    for (text, place, refused, instead) in [
        (
            "select 1;\n  commit;",
            "line 2, column 3",
            "COMMIT, without a BEGIN as the file's first statement",
            OWN,
        ),
        (
            "create f begin atomic select 1; commit; end",
            "line 1, column 33",
            "COMMIT, without a BEGIN as the file's first statement",
            OWN,
        ),
        (
            "select begin atomic from t; commit; end",
            "line 1, column 29",
            "COMMIT, without a BEGIN as the file's first statement",
            OWN,
        ),
        (
            "select 1; end",
            "line 1, column 11",
            "COMMIT, without a BEGIN as the file's first statement",
            OWN,
        ),
        (
            "-- why\nbegin; select 1",
            "line 2, column 1",
            "BEGIN, without a COMMIT as the file's last statement",
            OWN,
        ),
        (
            "begin",
            "line 1, column 1",
            "BEGIN, without a COMMIT as the file's last statement",
            OWN,
        ),
        (
            "begin; select 1; commit; select 2",
            "line 1, column 1",
            "BEGIN, without a COMMIT as the file's last statement",
            OWN,
        ),
        (
            "begin; commit; begin; commit",
            "line 1, column 8",
            "COMMIT, without a BEGIN as the file's first statement",
            OWN,
        ),
        (
            "begin isolation level serializable; commit",
            "line 1, column 1",
            "BEGIN with options",
            OWN,
        ),
        (
            "begin; commit and chain",
            "line 1, column 8",
            "COMMIT with options",
            OWN,
        ),
        ("commit prepared 'x'", "line 1, column 1", "COMMIT with options", OWN),
        (
            "prepare transaction 'x'",
            "line 1, column 1",
            "PREPARE TRANSACTION",
            OWN,
        ),
        ("rollback", "line 1, column 1", UNDO, SAVEPOINT),
        ("abort", "line 1, column 1", UNDO, SAVEPOINT),
        ("rollback prepared 'x'", "line 1, column 1", UNDO, SAVEPOINT),
        (
            "discard all",
            "line 1, column 1",
            "DISCARD ALL, which can't run in a transaction",
            "leave it out: the session is reset after every file",
        ),
        (
            "select 1, pg_catalog.\"pg_advisory_unlock_all\"()",
            "line 1, column 22",
            "pg_advisory_unlock_all, which would give up the lock that migrations run under",
            "unlock the keys that were locked one by one",
        ),
        (
            "begin; vacuum t; commit",
            "line 1, column 8",
            "a statement that can't run in a transaction, between BEGIN and COMMIT",
            "leave BEGIN and COMMIT out, or give the statement a file of its own",
        ),
    ] {
        assert_eq!(
            refusal(text),
            (format!("{place}: {refused}; {instead}"), "TransactionControl"),
            "{text}"
        );
    }
}

#[test]
fn what_changes_the_transaction_itself_is_refused() {
    let message = "SET TRANSACTION, which changes the transaction that the ledger is written in; \
                   leave it out, and LOCK TABLE what must not change meanwhile";
    for text in [
        "set transaction read only",
        "SET LOCAL TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "set session transaction read only",
        "set session characteristics as transaction read only",
        "set session session characteristics as transaction read only",
        "set transaction_read_only = on",
        "set local transaction_isolation to 'serializable'",
    ] {
        assert_eq!(
            refusal(text),
            (format!("line 1, column 1: {message}"), "TransactionControl"),
            "{text}"
        );
    }
    for text in [
        "set session authorization default",
        "set transaction_timeout = 0",
        "set local lock_timeout = 0",
    ] {
        assert!(try_script(text).is_ok(), "{text}");
    }
}

#[test]
fn nothing_hides_in_what_the_cli_does_not_split() {
    let message = "a statement that must stand alone, inside another one; \
                   end the previous statement with a `;` outside of parentheses, and begin a new line";
    for (text, place) in [
        (
            "create function f() begin atomic select 1; commit; end",
            "line 1, column 44",
        ),
        ("select (1; vacuum t)", "line 1, column 12"),
        ("vacuum (a; select 1)", "line 1, column 12"),
    ] {
        assert_eq!(
            refusal(text),
            (format!("{place}: {message}"), "TransactionControl"),
            "{text}"
        );
    }
}

#[test]
fn what_can_not_be_proved_afterwards_is_refused() {
    let plain = "write plain names, without U&";
    let names = "a CONCURRENTLY statement whose names can't be read, so that its outcome could not be verified";
    for (text, refused, instead) in [
        (
            "create database d",
            "CREATE or DROP DATABASE, which can't run in a transaction",
            HAND,
        ),
        (
            "drop database if exists d",
            "CREATE or DROP DATABASE, which can't run in a transaction",
            HAND,
        ),
        (
            "create tablespace s location ''",
            "a statement about tablespaces that can't run in a transaction",
            HAND,
        ),
        (
            "drop tablespace s",
            "a statement about tablespaces that can't run in a transaction",
            HAND,
        ),
        (
            "alter database d set tablespace s",
            "a statement about tablespaces that can't run in a transaction",
            HAND,
        ),
        (
            "create subscription s connection '' publication p",
            "CREATE SUBSCRIPTION, which creates a replication slot outside of any transaction",
            "create the slot by hand and write WITH (create_slot = false)",
        ),
        (
            "alter table if exists t detach partition p concurrently",
            "DETACH PARTITION … CONCURRENTLY, which can't run in a transaction",
            "leave CONCURRENTLY out",
        ),
        (
            "cluster",
            "CLUSTER of all tables, which can't run in a transaction",
            "name the table",
        ),
        (
            "cluster verbose",
            "CLUSTER of all tables, which can't run in a transaction",
            "name the table",
        ),
        (
            "reindex schema concurrently s",
            "REINDEX of a schema or database, which can't run in a transaction",
            "write REINDEX TABLE CONCURRENTLY for each table",
        ),
        (
            "reindex (verbose) database d",
            "REINDEX of a schema or database, which can't run in a transaction",
            "write REINDEX TABLE CONCURRENTLY for each table",
        ),
        (
            "create index concurrently on t (a)",
            "CREATE INDEX CONCURRENTLY without a name: repeated, it would create a second index",
            "name it",
        ),
        (
            "drop index concurrently a, b",
            "DROP INDEX CONCURRENTLY of several indexes, which the server does not do",
            "write a statement for each",
        ),
        ("drop index concurrently U&\"a\"", names, plain),
        ("reindex table concurrently", names, plain),
    ] {
        assert_eq!(
            refusal(text),
            (format!("line 1, column 1: {refused}; {instead}"), "NotProvable"),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_sql_is_refused_where_it_begins() {
    let psql = "a backslash outside of quotes: psql commands are not SQL; leave it out";
    let copy = "COPY with the rows in the file or on the terminal, which needs psql; write the rows as INSERT … VALUES";
    for (text, message) in [
        ("select 1;\n\\connect db\n", format!("line 2, column 1: {psql}")),
        ("copy t (a) from stdin;\n1\n\\.\n", format!("line 1, column 1: {copy}")),
        (
            "select 1; COPY t FROM STDIN WITH (format csv)",
            format!("line 1, column 11: {copy}"),
        ),
        ("copy t to stdout", format!("line 1, column 1: {copy}")),
        (
            "select 1;\nselect 'a;\nselect 2;\n",
            "line 2, column 8: a string that does not end; close it".to_owned(),
        ),
        (
            "select 'it\\'s'",
            "line 1, column 14: a string that does not end; close it".to_owned(),
        ),
        (
            "select \"ä",
            "line 1, column 8: a quoted name that does not end; close it".to_owned(),
        ),
        (
            "ä $a$ select $b$",
            "line 1, column 3: a dollar-quoted string that does not end; close it".to_owned(),
        ),
        (
            "select 1 /* /* */",
            "line 1, column 10: a comment that does not end; close it".to_owned(),
        ),
        (
            "select 1;\r\n-- \0",
            "line 2, column 4: a NUL character, which PostgreSQL does not accept; remove it, or save the file as UTF-8 if it is \
             UTF-16"
                .to_owned(),
        ),
    ] {
        assert_eq!(refusal(text), (message, "NotSql"), "{text}");
    }
}

#[test]
fn a_sign_that_nobody_sees_is_named_where_it_makes_a_statement_wrong() {
    let does = "delete it: it is taken for a letter of the word that follows";
    let mark = "U+FEFF (byte order mark), which can't be seen and stays where files were joined";
    for (text, place, what) in [
        ("select 1;\n\u{feff}create table t ();", "line 2, column 1", mark),
        (
            "select 1;\n\n \u{feff}-- the second file\ncreate table t ();",
            "line 3, column 2",
            mark,
        ),
        ("\u{feff}select 1", "line 1, column 1", mark),
        ("select 1;\u{feff}", "line 1, column 10", mark),
        (
            "select 1;\n\u{a0}\u{a0}select 2",
            "line 2, column 1",
            "U+00A0 (no-break space), which looks like a space and comes from web pages",
        ),
        (
            "create\u{200b} table t ()",
            "line 1, column 7",
            "U+200B (zero width space), which can't be seen and comes from web pages",
        ),
        (
            "\u{3000}select 1",
            "line 1, column 1",
            "a sign that can't be seen or looks like a space, and is neither space nor line end",
        ),
    ] {
        assert_eq!(
            refusal(text),
            (format!("{place}: {what}; {does}"), "NotSql"),
            "{text:?}"
        );
    }
    for runs in [
        "select '\u{feff}', $$\u{feff}$$",
        "-- \u{feff}\nselect 1 /* \u{a0} */",
        "create table \"\u{feff}t\" (\u{feff}n int)",
    ] {
        assert!(try_script(runs).is_ok(), "{runs:?}");
    }
}
