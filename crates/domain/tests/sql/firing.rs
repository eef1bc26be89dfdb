//! Triggers of a plan run when their own tables are written, where the plan knows what writes to them.

use ace_domain::sql::Catalogue;
use ace_domain::sql::RiskClass::{DataLoss, Opaque};

use crate::support::said;

/// A function that empties a table which was there before.
const WIPES: &str = "create function wipe() returns trigger language plpgsql as $$ begin delete from public.victim; return new; end $$;";

fn wipes(texts: &[&str]) -> bool {
    let text = [&[WIPES], texts].concat().join(";\n");
    !said(&Catalogue::default(), &[&text], DataLoss).is_empty()
}

/// A trigger on a table, and what is written then.
fn written(definitions: &str, on: &str, write: &str) -> bool {
    let trigger =
        format!("create trigger t after insert or update or delete on {on} for each row execute function wipe()");
    wipes(&[definitions, &trigger, write])
}

#[test]
fn a_trigger_runs_when_a_write_reaches_its_table() {
    let two = "create table a (n int); create table b (n int)";
    let child = "create table a (n int primary key); create table b (n int references a on delete cascade)";
    let part =
        "create table a (n int) partition by range (n); create table b partition of a for values from (1) to (9)";
    for (definitions, on, write) in [
        (two, "a", "insert into a values (1)"),
        (two, "public.a", "insert into a values (1)"),
        (two, "a", "update public.a set n = 1"),
        (two, "a", "delete from a"),
        (two, "a", "truncate a"),
        (
            two,
            "a",
            "merge into a using b on a.n = b.n when matched then update set n = 1",
        ),
        (two, "a", "alter table a rename to c; insert into c values (1)"),
        (two, "a", "alter table a set schema app; insert into app.a values (1)"),
        (two, "a", "create view v as select * from a; insert into v values (1)"),
        (
            two,
            "a",
            "create rule r as on insert to b do also insert into public.a values (1); insert into b values (1)",
        ),
        (child, "b", "delete from a"),
        (
            child,
            "b",
            "insert into a values (1) on conflict (n) do update set n = 2",
        ),
        (
            "create table a (n int primary key); create table b (n int); \
          alter table b add foreign key (n) references a on delete set null",
            "b",
            "delete from a",
        ),
        (part, "b", "insert into a values (1)"),
        // A partition has the triggers of what it is a part of.
        (part, "a", "insert into b values (1)"),
        (
            "create table a (n int); create table b () inherits (a)",
            "b",
            "update a set n = 1",
        ),
        (
            "create table a (n int) partition by range (n); create table b (n int); \
          alter table a attach partition b for values from (1) to (9)",
            "b",
            "insert into a values (1)",
        ),
        (
            "create table a (n int) partition by range (n); create table b (n int); \
          alter table a attach partition b for values from (1) to (9)",
            "a",
            "insert into b values (1)",
        ),
        (
            "create table a (n int primary key); create table b (n int references a)",
            "b",
            "truncate a cascade",
        ),
        (two, "a", "do $$ begin insert into public.a values (1); end $$"),
        (
            two,
            "a",
            "create function g() returns void language sql as 'insert into public.a values (1)'; select g()",
        ),
    ] {
        assert!(written(definitions, on, write), "{definitions}; {write}");
    }
}

#[test]
fn a_trigger_does_not_run_when_another_table_of_the_plan_is_written() {
    let two = "create table a (n int); create table b (n int)";
    let child = "create table a (n int primary key); create table b (n int references a on delete cascade)";
    for (definitions, on, write) in [
        (two, "a", "insert into b values (1)"),
        (two, "a", "update b set n = 1; delete from public.b; truncate b"),
        (
            two,
            "a",
            "alter table a rename to c; create table a (n int); insert into a values (1)",
        ),
        (child, "b", "insert into a values (1)"),
        (child, "a", "delete from b"),
        (
            "create table a (n int primary key); create table b (n int references a)",
            "b",
            "delete from a",
        ),
        (
            two,
            "a",
            "create trigger t after insert on b for each row execute function other(); insert into b values (1)",
        ),
        (two, "public.a", "do $$ begin insert into public.b values (1); end $$"),
    ] {
        assert!(!written(definitions, on, write), "{definitions}; {write}");
    }
    assert!(!wipes(&["create table a (n int); insert into a values (1)"]));
}

#[test]
fn a_trigger_runs_on_every_write_where_the_plan_does_not_say_what_is_written() {
    let two = "create table a (n int); create table b (n int)";
    for (definitions, on, write) in [
        // Of what was there before nobody knows the triggers, keys and partitions.
        (two, "a", "insert into old values (1)"),
        (
            two,
            "a",
            "alter table old add foreign key (n) references b on delete cascade; delete from b",
        ),
        (two, "a", "set search_path = app; insert into b values (1)"),
        (two, "a", "create temp table b (n int); insert into b values (1)"),
        (
            two,
            "a",
            "create function g() returns void language sql as 'insert into b values (1)'; select g()",
        ),
        (
            "set search_path = app; create table a (n int); create table public.b (n int)",
            "a",
            "insert into public.b values (1)",
        ),
    ] {
        assert!(written(definitions, on, write), "{definitions}; {write}");
    }
}

#[test]
fn a_trigger_that_is_made_by_sql_that_can_not_be_read_is_behind_the_approval_of_that() {
    let unread = "do $$ begin execute format('create trigger t after insert on a for each row execute function %I()', 'wipe'); end $$";
    let plan = [WIPES, "create table a (n int)", unread, "insert into a values (1)"].join(";\n");
    assert_eq!(said(&Catalogue::default(), &[&plan], Opaque).len(), 1);
    assert!(said(&Catalogue::default(), &[&plan], DataLoss).is_empty());
}

#[test]
fn triggers_of_what_triggers_write_run_too() {
    let chain = [
        "create table a (n int); create table b (n int)",
        "create function f() returns trigger language plpgsql as $$ begin insert into public.b values (1); return new; end $$",
        "create trigger one after insert on a for each row execute function f()",
        "create trigger two after insert on b for each row execute function wipe()",
    ];
    let with = |write| wipes(&[&chain[..], &[write]].concat());
    assert!(with("insert into a values (1)"));
    assert!(with("insert into b values (1)"));
    let elsewhere = [
        "create table a (n int); create table b (n int); create table app.b (n int)",
        "create function f() returns trigger language plpgsql set search_path = app as $$ begin insert into b values (1); return new; end $$",
        "create trigger one after insert on a for each row execute function f()",
        "create trigger two after insert on app.b for each row execute function wipe()",
        "insert into a values (1)",
    ];
    assert!(wipes(&elsewhere));
    let of_two = "create table c (n int); insert into c values (1)";
    assert!(!with(of_two));
}

#[test]
fn triggers_of_one_name_on_tables_that_were_called_alike_both_run() {
    let texts = |written: &str| {
        [
            "create table a (n int)",
            "create trigger t after insert on a for each row execute function wipe()",
            "alter table a rename to c; create table a (n int)",
            "create function f() returns trigger language plpgsql as $$ begin return new; end $$",
            "create trigger t after insert on a for each row execute function f()",
            &format!("insert into {written} values (1)"),
        ]
        .map(str::to_owned)
    };
    let runs = |written: &str| wipes(&texts(written).each_ref().map(String::as_str));
    assert!(runs("c"));
}

#[test]
fn nothing_runs_with_a_table_of_before_that_the_catalogue_knows_to_be_quiet_but_what_the_plan_relates_to_it() {
    let catalogue = Catalogue {
        quiet: [("public".to_owned(), "q".to_owned())].into(),
        ..Catalogue::default()
    };
    let wipes = |definitions: &str, write: &str| {
        let text = format!("{WIPES};\ncreate table a (n int); {definitions};\n{write}");
        !said(&catalogue, &[&text], DataLoss).is_empty()
    };
    let on = |table: &str| {
        format!("create trigger t after insert or update or delete on {table} for each row execute function wipe()")
    };
    assert!(!wipes(&on("a"), "insert into q values (1)"));
    assert!(
        wipes(&on("a"), "insert into r values (1)"),
        "of another nothing is known"
    );
    assert!(wipes(&on("q"), "insert into q values (1)"));
    let key = format!(
        "alter table a add foreign key (n) references q on delete cascade; {}",
        on("a")
    );
    assert!(wipes(&key, "delete from q"));
    assert!(wipes(
        &format!("{}; alter table r rename to q", on("a")),
        "insert into q values (1)"
    ));
    assert!(wipes(
        &format!("alter table q rename to s; {}", on("a")),
        "insert into s values (1)"
    ));
}
