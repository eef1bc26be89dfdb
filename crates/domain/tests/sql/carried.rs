//! Which rows of before the plan are in what it made: by functions, variables, triggers, parts and parameters.

use ace_domain::sql::{Catalogue, Routine};

use crate::support::{losses, losses_in};

#[test]
fn rows_that_a_function_copied_are_lost_with_the_table() {
    let routine = Routine {
        volatile: true,
        definer: false,
        commits: false,
    };
    let catalogue = Catalogue {
        routines: [(("public".to_owned(), "all_rows".to_owned()), routine)].into(),
        ..Catalogue::default()
    };
    let text = "create table t (a int); insert into t select all_rows(); drop table t";
    assert_eq!(losses_in(&catalogue, &[text]), ["drops table t"]);
    let rows = "create table t (a int); insert into t values (1), (all_rows()); drop table t";
    assert_eq!(losses_in(&catalogue, &[rows]), ["drops table t"]);
    let planned = "create function f() returns setof int language sql as 'select a from old';\
                   create table t as select f(); drop table t";
    assert_eq!(losses(&[planned]), ["drops table t"]);
    let triggered = "create table t (a int);\
        create function f() returns trigger language plpgsql as $$ begin insert into t values (old.a); return old; end $$;\
        update old set a = 1; drop table t";
    assert_eq!(losses(&[triggered]), ["drops table t"]);
}

#[test]
fn rows_that_a_block_carries_in_its_variables_are_lost_with_the_table() {
    for block in [
        "declare x int; begin select a into x from old; insert into t values (x); end",
        "declare x int := (select a from old); begin insert into t values (x); end",
        "declare r record; begin for r in select * from old loop insert into t values (r.a); end loop; end",
        "declare x int; begin update old set a = 1 returning a into x; insert into t values (x); end",
        "declare x int; begin x := (select max(a) from old); insert into t values (x); end",
        "declare c cursor for select a from old; r record; begin for r in c loop insert into t values (r.a); end loop; end",
        "begin perform 1 from old; if found then insert into t values (1); end if; end",
    ] {
        let text = format!("create table t (a int); do $$ {block} $$; drop table t");
        assert_eq!(losses(&[&text]), ["drops table t"], "{block}");
    }
    for block in [
        "declare x int; begin select count(*) into x from t; insert into t values (x); end",
        "begin insert into old values (1); insert into t values (2); end",
    ] {
        let text = format!("create table t (a int); do $$ {block} $$; drop table t");
        assert_eq!(losses(&[&text]), Vec::<String>::new(), "{block}");
    }
}

#[test]
fn rows_that_triggers_write_are_of_before_the_plan_only_if_something_is_that_they_see() {
    // Writes to `made` run a trigger, which writes to `log`.
    let plan = |body: &str, then: &str| {
        let tables =
            "create table public.made (a int); create table public.log (a int); create table public.more (a int);";
        let function = format!(
            "create function public.f() returns trigger language plpgsql as $$ begin {body} return new; end $$;"
        );
        let trigger =
            "create trigger g after insert or update on public.made for each row execute function public.f();";
        losses(&[&format!("{tables}{function}{trigger}{then}; drop table public.log")])
    };
    let nothing = Vec::<String>::new();
    let lost = ["drops table public.log"];
    let logs = "insert into public.log values (new.a);";
    assert_eq!(plan(logs, "insert into public.made values (1)"), nothing);
    assert_eq!(plan(logs, "insert into public.made select a from old"), lost);
    assert_eq!(
        plan(logs, "insert into public.made values (1); update public.made set a = 2"),
        nothing
    );
    let copies = "insert into public.log select a from old;";
    assert_eq!(plan(copies, "insert into public.made values (1)"), lost);
    let carries = "perform a from old; insert into public.log values (new.a);";
    assert_eq!(plan(carries, "insert into public.made values (1)"), lost);
    let chained = "insert into public.log select a from public.more; insert into public.more select a from old;";
    assert_eq!(plan(chained, "insert into public.made values (1)"), lost);
    // What an unqualified name means within a function depends on who calls it: it may be a table whose rows come back here.
    assert_eq!(
        plan("insert into log values (new.a);", "insert into public.made values (1)"),
        lost
    );
}

#[test]
fn what_one_trigger_fills_another_may_have_read() {
    let text = "create table public.made (a int); create table public.log (a int); create table public.more (a int);\
        create function public.f() returns trigger language plpgsql as $$ begin \
            insert into public.log select a from public.more; return new; end $$;\
        create function public.h() returns trigger language plpgsql as $$ begin \
            insert into public.more select a from old; return new; end $$;\
        create trigger a after insert on public.made for each row execute function public.f();\
        create trigger b after insert on public.made for each row execute function public.h();\
        insert into public.made values (1); drop table public.log";
    assert_eq!(losses(&[text]), ["drops table public.log"]);
}

#[test]
fn what_a_function_of_the_plan_returns_is_what_it_reads() {
    let with = |body: &str| {
        losses(&[&format!(
            "create table public.t (a int); create table public.u (a int);\
             create function public.f() returns setof int language sql as '{body}';\
             insert into public.t select public.f(); drop table public.t"
        )])
    };
    assert_eq!(with("select 1"), Vec::<String>::new());
    assert_eq!(with("select a from public.u"), Vec::<String>::new());
    assert_eq!(with("select a from public.old"), ["drops table public.t"]);
}

#[test]
fn rows_of_before_are_in_what_a_table_is_a_part_of_and_in_its_parts() {
    let parts =
        "create table a (n int) partition by range (n); create table b partition of a for values from (1) to (9)";
    for (write, drop, says) in [
        ("insert into a select n from old", "drop table b", "drops table b"),
        ("insert into b select n from old", "drop table a", "drops table a"),
        ("insert into b select n from old", "truncate a", "empties table a"),
    ] {
        assert_eq!(losses(&[parts, write, drop]), [says], "{write}; {drop}");
    }
    assert_eq!(losses(&[parts, "drop table a, b"]), Vec::<String>::new());
}

#[test]
fn what_a_routine_is_given_is_of_before_the_plan_only_if_something_is_that_is_named_with_the_call() {
    let with = |call: &str| {
        losses(&[&format!(
            "create table public.t (a int); create table public.u (a int);\
             create function public.keep(x int) returns int language plpgsql as $$ begin \
                insert into public.t values (x); return x; end $$;\
             create function public.first() returns int language sql as 'select a from public.old';\
             create procedure public.keep_all(x int) language plpgsql as $$ begin insert into public.t values (x); end $$;\
             {call}; drop table public.t"
        )])
    };
    for call in [
        "select public.keep(1)",
        "select public.keep(a) from public.u",
        "call public.keep_all(2)",
        "update public.u set a = public.keep(a)",
        "do $$ declare r record; begin for r in select a from public.u loop perform public.keep(r.a); end loop; end $$",
    ] {
        assert_eq!(with(call), Vec::<String>::new(), "{call}");
    }
    for call in [
        "select public.keep(a) from public.old",
        "select public.keep(public.first())",
        "with x as (select a from public.old) select public.keep(a) from x",
        "call public.keep_all((select max(a) from public.old))",
        "update public.old set a = public.keep(a)",
        "delete from public.u where public.keep((select a from public.old)) = 1",
        "merge into public.old o using public.u on true when matched then update set a = public.keep(o.a)",
        "insert into public.u values (1), (public.keep((select a from public.old)))",
        "insert into public.old values (1) on conflict (a) do update set a = public.keep(old.a)",
        "alter table public.old alter a type int using public.keep(a)",
        "create index on public.old (public.keep(a))",
        "do $$ declare r record; begin for r in select a from public.old loop perform public.keep(r.a); end loop; end $$",
        "do $$ declare x int; begin select a into x from public.old; execute 'select public.keep($1)' using x; end $$",
    ] {
        let last = with(call).pop();
        assert_eq!(last.as_deref(), Some("drops table public.t"), "{call}");
    }
}

#[test]
fn a_query_of_a_with_hides_a_table_only_where_it_is_meant() {
    let with = |write: &str| losses(&[&format!("create table public.t (a int); {write}; drop table public.t")]);
    for write in [
        "insert into public.t with old as (select 1 as a) select a from old",
        "with old as (select 1 as a), more as (select a from old) insert into public.t select a from more",
        "with recursive old as (select 1 as a union select a from old) insert into public.t select a from old",
    ] {
        assert_eq!(with(write), Vec::<String>::new(), "{write}");
    }
    for write in [
        "insert into public.t with old as (select a from old) select a from old",
        "with more as (select a from old), old as (select 1 as a) insert into public.t select a from more",
        "do $$ declare x int; begin perform (with old as (select 1 as a) select a from old); \
         select a into x from old; insert into public.t values (x); end $$",
    ] {
        assert_eq!(with(write), ["drops table public.t"], "{write}");
    }
}

#[test]
fn the_tables_of_an_extension_that_the_plan_makes_hold_what_the_plan_wrote() {
    let made = "create schema if not exists pgmq; create extension if not exists pgmq with schema pgmq; select pgmq.create('q');\
        create table public.t (a int); create function public.f() returns trigger language plpgsql as $$ begin \
        delete from public.t; return null; end $$;\
        create trigger f after delete on public.u for each statement execute function public.f();";
    let then = |text: &str| losses(&[made, text]);
    for text in [
        "delete from pgmq.meta",
        "do $$ begin truncate pgmq.q_q; end $$",
        "drop table pgmq.a_q",
    ] {
        assert_eq!(then(text), Vec::<String>::new(), "{text}");
    }
    for text in [
        "insert into pgmq.q_q select a from old",
        "select pgmq.send('q', to_jsonb(a)) from old",
        "do $$ declare x int; begin select a into x from old; perform pgmq.send('q', to_jsonb(x)); end $$",
    ] {
        assert_eq!(
            then(&format!("{text}; truncate pgmq.q_q")),
            ["empties table pgmq.q_q"],
            "{text}"
        );
    }
    let old = || ("pgmq".to_owned(), "meta".to_owned());
    let there = Catalogue {
        relations: [(old(), true)].into(),
        quiet: [old()].into(),
        extensions: ["pgmq".to_owned()].into(),
        ..Catalogue::default()
    };
    assert_eq!(
        losses_in(&there, &[made, "delete from pgmq.meta"]),
        ["deletes from pgmq.meta"]
    );
    assert_eq!(
        losses(&["create extension pgmq", "delete from pgmq.meta"]),
        ["deletes from pgmq.meta"]
    );
}

#[test]
fn what_a_view_of_the_plan_shows_is_what_it_reads_when_it_is_read() {
    let then = |text: &str| {
        losses(&[
            "create table public.t (a int); create table public.u (a int);\
             create function public.first() returns int language sql as 'select a from public.old';\
             create view public.v as select a from public.u; create view public.w as select a from public.v",
            &format!("{text}; drop table public.t"),
        ])
    };
    for text in [
        "insert into public.t select a from public.v",
        "insert into public.t select a from public.w",
        "create view public.x as select 1 as a; insert into public.t select a from public.x",
    ] {
        assert_eq!(then(text), Vec::<String>::new(), "{text}");
    }
    for text in [
        "create view public.x as select a from public.old; insert into public.t select a from public.x",
        "create view public.x as select public.first() as a; insert into public.t select a from public.x",
        "insert into public.u select a from public.old; insert into public.t select a from public.w",
        "create materialized view public.x as select a from public.old; insert into public.t select a from public.x",
        "create view public.x as select a from public.t; insert into public.x select a from public.old",
        "do $$ begin if true then create or replace view public.v as select a from public.old; end if; end $$; \
         insert into public.t select a from public.w",
        "drop view public.w; drop view public.v; alter view public.olds rename to v; \
         insert into public.t select a from public.v",
        "create view public.x as select a from old; create temp table old (a int); \
         insert into public.t select a from public.x",
        "alter table public.old rename to past; create view public.x as select a from public.past; \
         alter table public.past rename to old; create table public.past (a int); \
         insert into public.t select a from public.x",
    ] {
        assert_eq!(then(text), ["drops table public.t"], "{text}");
    }
}
