use ace_domain::sql::{Alone, ReindexTarget, Segment, Statement, Unread};

use crate::support::{script, sent};

fn alone(text: &str) -> Alone {
    match script(text).segments.as_slice() {
        [Segment::Alone(_, alone)] => alone.clone(),
        segments => panic!("{text}: {segments:?}"),
    }
}

#[test]
fn statements_run_in_written_order_in_as_few_transactions_as_they_can() {
    let text =
        "select 1;\n-- why\nselect 2;\ncreate index concurrently i on t (a);\nvacuum t;\nselect 3;\n-- the end\n";
    let statement = |text: &str, offset, line| Statement {
        text: text.to_owned(),
        offset,
        line,
    };
    let script = script(text);
    assert_eq!(
        script.segments,
        [
            Segment::Together(vec![statement("select 1", 0, 1), statement("select 2", 17, 3)]),
            Segment::Alone(
                statement("create index concurrently i on t (a)", 27, 4),
                Alone::CreateIndex {
                    schema: None,
                    name: "i".to_owned(),
                    table: "t".to_owned(),
                    if_not_exists: false,
                }
            ),
            Segment::Alone(statement("vacuum t", 65, 5), Alone::Vacuum),
            Segment::Together(vec![statement("select 3", 75, 6)]),
        ]
    );
    assert_eq!(script.recorded[1], "-- why\nselect 2");
    assert_eq!(script.recorded.last().unwrap(), "-- the end");
}

#[test]
fn what_can_not_run_in_a_transaction_is_known_by_what_proves_it() {
    let name = |name: &str| name.to_owned();
    let index = |schema: Option<&str>, index: &str, table: &str, if_not_exists| Alone::CreateIndex {
        schema: schema.map(name),
        name: name(index),
        table: name(table),
        if_not_exists,
    };
    let reindex = |target, schema: Option<&str>, of: &str| Alone::Reindex {
        target,
        schema: schema.map(name),
        name: name(of),
    };
    let drop = |schema: Option<&str>, index: &str, if_exists| Alone::DropIndex {
        schema: schema.map(name),
        name: name(index),
        if_exists,
    };
    let long = "n".repeat(70);
    for (text, expected) in [
        ("create index concurrently I on T (a)", index(None, "i", "t", false)),
        (
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"I\"\"x\" ON ONLY app.\"T\" (a)",
            index(Some("app"), "I\"x", "T", true),
        ),
        (
            "create /* why */ index -- not\n concurrently i on d.s.t using gin (a)",
            index(Some("s"), "i", "t", false),
        ),
        (
            &format!("create index concurrently {long} on t (a)"),
            index(None, &long[..63], "t", false),
        ),
        ("drop index concurrently i", drop(None, "i", false)),
        (
            "drop index concurrently if exists s.i cascade",
            drop(Some("s"), "i", true),
        ),
        (
            "reindex index concurrently s.i",
            reindex(ReindexTarget::Index, Some("s"), "i"),
        ),
        (
            "reindex (verbose) table concurrently t",
            reindex(ReindexTarget::Table, None, "t"),
        ),
        (
            "reindex (verbose, concurrently true) table t",
            reindex(ReindexTarget::Table, None, "t"),
        ),
        ("vacuum (full, analyze) t", Alone::Vacuum),
        ("alter system set work_mem = '1MB'", Alone::AlterSystem),
    ] {
        assert_eq!(alone(text), expected, "{text}");
    }
}

#[test]
fn what_can_run_in_a_transaction_does() {
    for text in [
        "create index i on t (a)",
        "drop index a, b",
        "reindex table t",
        "reindex (concurrently off) table t",
        "cluster t",
        "cluster (verbose) t using i",
        "savepoint a",
        "rollback to savepoint a",
        "rollback work to a",
        "release a",
        "set role postgres",
        "discard temp",
        "prepare q as select 1",
        "alter table t detach partition p",
        "create subscription s connection '' publication p with (connect = false)",
        "select begin from t",
        "comment on table t is 'commit; vacuum'",
        "create function f() returns int begin atomic select 1; select 2; end",
        "create procedure f() language sql begin atomic insert into t values (1); end",
        "create rule r as on insert to t do also (select 1; delete from u)",
    ] {
        assert!(
            matches!(script(text).segments.as_slice(), [Segment::Together(one)] if one.len() == 1),
            "{text}"
        );
    }
}

#[test]
fn one_outer_pair_is_the_files_own_transaction() {
    for (begin, commit) in [
        ("begin", "commit"),
        ("BEGIN TRANSACTION", "END"),
        ("start transaction", "commit work and no chain"),
        ("-- why\nbegin work", "end transaction"),
    ] {
        let script = script(&format!("-- first\n;{begin};\nselect 1;\n{commit};\n-- last"));
        assert_eq!(sent(&script), ["select 1"], "{begin}");
        assert_eq!(script.recorded, ["-- first", begin, "select 1", commit, "-- last"]);
    }
}

#[test]
fn files_without_a_statement_have_nothing_to_run() {
    for (text, recorded) in [
        ("", vec![]),
        (" \r\n ;\n", vec![]),
        ("-- a; b\n/* c */", vec!["-- a; b\n/* c */"]),
    ] {
        let script = script(text);
        assert_eq!(
            (script.segments, script.recorded, script.unread),
            (vec![], recorded.into_iter().map(str::to_owned).collect(), vec![])
        );
    }
}

#[test]
fn the_servers_position_leads_to_the_line_of_the_file() {
    let script = script("select 1;\r\n\r\n-- ä\r\nselect 'ö',\r\n  x;");
    let last = script.executable_statements().last().unwrap();
    assert_eq!(
        (
            last.line,
            last.line_at(1),
            last.line_at(11),
            last.line_at(14),
            last.line_at(u32::MAX)
        ),
        (4, 4, 4, 5, 5)
    );
}

#[test]
fn what_the_parser_does_not_know_is_named_and_runs() {
    let script = script("select 1;\ncreate table t (a int);\n\n  create frobnicator ä with 'secret';");
    assert_eq!(
        script.unread,
        [Unread {
            range: 37..72,
            line: 4,
            column: 3,
            message: "expected command, found CREATE_KW".to_owned()
        }]
    );
    assert_eq!(sent(&script).len(), 3);
}
