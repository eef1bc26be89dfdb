//! Productions of SQL.

use super::{Production, Shape};

/// Of migrations.
pub(super) const STATEMENTS: &[Shape] = &[
    ("", "select 1;\n", "", ""),
    ("", ";", "", ""),
    ("", "\n", "", ""),
    ("", "-- a\n", "", ""),
    ("", "/* ", "", " */"),
    ("", "/* ", "", ""),
    ("", "/**/ ", "", ""),
    ("select ", "(", "1", ")"),
    ("select ", "(", "", ""),
    ("select ", "(select ", "1", ")"),
    ("select ", "array[", "1", "]"),
    ("select ", "row(", "1", ")"),
    ("select ", "f(", "1", ")"),
    ("select ", "1 + ", "1", ""),
    ("select ", "- ", "1", ""),
    ("select ", "not ", "true", ""),
    ("select ", "a and ", "b", ""),
    ("select ", "a.", "b", ""),
    ("select a", "[1]", "", ""),
    ("select a", "::text", "", ""),
    ("select a", " is null", "", ""),
    ("select a", " collate \"C\"", "", ""),
    ("select ", "case when a then ", "1", " end"),
    ("select ", "case ", "", ""),
    ("select ", "cast(", "1", " as text)"),
    ("select ", "exists (select ", "1", ")"),
    ("select ", "1, ", "1", ""),
    ("select ", "'a' || ", "'b'", ""),
    ("select '", "''", "'", ""),
    ("select e'", "\\\\", "'", ""),
    ("select u&'", "\\0061", "'", ""),
    ("select ", "'", "", ""),
    ("select \"", "\"\"", "\"", ""),
    ("select ", "$$", "", ""),
    ("select ", "$a$ $$ ", "", ""),
    ("select $", "a", "$", ""),
    ("select 'a'\n", "'b'\n", "", ""),
    ("select 1", "0", "", ""),
    ("select ", "<", "1", ""),
    ("", "with a as (", "select 1", ") select 1"),
    ("with ", "a as (select 1), ", "b as (select 1) select 1", ""),
    ("", "select 1 union ", "select 1", ""),
    ("", "(select 1) union all ", "select 1", ""),
    ("select * from a", " join b using (c)", "", ""),
    ("select * from ", "(a join ", "b", " using (c))"),
    ("select * from ", "(select * from ", "a", ") b"),
    ("select * from ", "a, ", "b", ""),
    ("select 1 where a in (", "1, ", "1)", ""),
    ("insert into a values ", "(1), ", "(1)", ""),
    ("create table a (", "b int, ", "c int)", ""),
    ("create table a (b int ", "check (b > 0) ", ")", ""),
    ("create table a (b int default ", "(", "1", "))"),
    ("", "create table a (b int);\n", "", ""),
    ("", "drop table a;\n", "", ""),
    ("", "create index on a (b);\n", "", ""),
    ("", "do $$ begin null; end $$;\n", "", ""),
    ("do $$ begin ", "begin ", "null;", " end;"),
    ("do $$ begin ", "if a then ", "null;", " end if;"),
    ("do $$ begin ", "loop ", "null;", " end loop;"),
    ("do $$ begin ", "execute 'select 1';\n", "end $$", ""),
    ("do $$ declare ", "a int;\n", "begin end $$", ""),
    (
        "",
        "create function f() returns int language sql as 'select 1';\n",
        "",
        "",
    ),
    (
        "create function f() returns int language sql as $$ ",
        "select 1;\n",
        "$$; select f();",
        "",
    ),
    (
        "create function f() returns int language plpgsql as $$ begin ",
        "perform g();\n",
        "end $$; select f();",
        "",
    ),
    (
        "",
        "create procedure p() language sql begin atomic select 1; end;\n",
        "",
        "",
    ),
    ("", "grant select on a to b;\n", "", ""),
    ("", "set a = b;\n", "", ""),
    ("", "begin;\n", "", ""),
    ("", "copy a from stdin;\n", "", ""),
    ("", "prepare a as ", "select 1", ""),
    ("", "explain ", "select 1", ""),
    ("", "alter table a ", "", ""),
    ("alter table a ", "drop column b, ", "drop column c", ""),
    ("", ")", "", ""),
    ("", "\\", "", ""),
    ("", "\u{fc}", "", ""),
    ("", "\0", "", ""),
];

/// Functions that call the next, and what calls the first.
pub(super) fn functions_in_turn() -> [Production; 2] {
    let production = |name, call: &'static str| Production {
        reader: "1_a.sql",
        name,
        input: Box::new(move |times| {
            let function = |at: usize| {
                format!(
                    "create function f{at}() returns int language sql as 'select f{}()';\n",
                    (at + 1) % times
                )
            };
            let functions: String = (0..times).map(function).collect();
            (functions + call).into_bytes()
        }),
    };
    [
        production("functions that call the next", "select f0();"),
        production(
            "functions that call the next, called often",
            "select f0(), f1(), f2(), f3();",
        ),
    ]
}

/// What a plan makes, under as many names, and what makes the rest of it run.
pub(super) fn many_of_each() -> [Production; 8] {
    let production = |name, statements: fn(usize) -> String| Production {
        reader: "1_a.sql",
        name,
        input: Box::new(move |times| (0..times).map(statements).collect::<String>().into_bytes()),
    };
    [
        production("tables and what is copied into them", |at| {
            format!("create table t{at} (a int);\ninsert into t{at} select * from u;\n")
        }),
        production("triggers of one table, each with a write", |at| {
            format!(
                "create trigger g{at} before insert on t for each row execute function f();\n\
                 insert into t values (1);\n"
            )
        }),
        production("triggers of many tables, each with a write", |at| {
            format!(
                "create table t{at} (a int);\ncreate trigger g after insert on t{at} execute function f();\n\
                 insert into u values (1);\n"
            )
        }),
        production("policies", |at| {
            format!(
                "create policy p{at} on t as restrictive using (a = 1);\nalter policy p{at} on t rename to q{at};\n"
            )
        }),
        production("parts of one table, each with a write", |at| {
            let whole = if at == 0 {
                "create table t (a int) partition by list (a);\n"
            } else {
                ""
            };
            format!("{whole}create table t{at} partition of t for values in ({at});\ninsert into t values (1);\n")
        }),
        production("a table that is called something else, with its foreign keys", |at| {
            let (first, next) = (if at == 0 { "create table t0 (a int);\n" } else { "" }, at + 1);
            format!(
                "{first}create table u{at} (a int references t{at} on delete cascade);\n\
                 alter table t{at} rename to t{next};\n"
            )
        }),
        production("a function that is defined and called again", |at| {
            format!("create or replace function f() returns int language sql as 'delete from t{at}';\nselect f();\n")
        }),
        production("functions of their owner's rights that are opened and closed", |at| {
            format!(
                "create or replace function f() returns int security definer language sql as 'select {at}';\n\
                 alter function f() security definer;\nrevoke all on function f() from public, anon;\n"
            )
        }),
    ]
}
