//! What is lost by effect, and what is not.

use ace_domain::sql::Catalogue;

use crate::support::{losses, losses_in};

#[test]
fn dropping_what_the_same_plan_made_is_no_loss() {
    for texts in [
        &["create table t (a int)", "drop table t"][..],
        &[
            "create table app.t (a int); insert into app.t values (1), (2)",
            "drop table app.t cascade",
        ],
        &["create table t (a int); delete from t; truncate t; alter table t drop column a"],
        &["create table t as select generate_series(1, 9) a; alter table t alter a type smallint; drop table t"],
        &[
            "create table t (a int references old); alter table t rename to u",
            "drop table u",
        ],
        &["create table t (a int); create table u as select a from t; insert into u select a from t; drop table u, t"],
        &["create type mood as enum ('a')", "drop type mood"],
        &["create sequence s; drop sequence s"],
        &["create schema app; create table app.t (a int); drop schema app cascade"],
        &["create temp table kept as select * from old; drop table kept"],
        &[
            "create table t (a int); create function f() returns int language sql as 'select 1'; select f(); drop table t",
        ],
        &["create schema app; create view app.v as select * from old; drop schema app cascade"],
    ] {
        assert_eq!(losses(texts), Vec::<String>::new(), "{texts:?}");
    }
}

#[test]
fn dropping_it_is_a_loss_when_rows_from_before_the_plan_are_in_it() {
    for (texts, says) in [
        (
            &["create table t as select * from old", "drop table t"][..],
            "drops table t",
        ),
        (
            &["create table t (a int); insert into t select a from old; drop table t"],
            "drops table t",
        ),
        (
            &["create table t (a int); insert into t values ((select max(a) from old)); truncate t"],
            "empties table t",
        ),
        (
            &["create table t (a int); copy t from '/tmp/x'; drop table t"],
            "drops table t",
        ),
        (
            &["create table t (a int); do $$ begin insert into t select a from old; end $$; drop table t"],
            "drops table t",
        ),
        (
            &[
                "create table t (a int); create table u as select * from old; insert into t select * from u; delete from t",
            ],
            "deletes from t",
        ),
        (
            &["create table t (a int)", "drop table t; drop table t"],
            "drops table t",
        ),
        (&["create table app.t (a int)", "drop table t"], "drops table t"),
        (
            &["create table t (a int); set search_path = other; drop table t"],
            "drops table t",
        ),
        (
            &["set search_path = other; create table t (a int); drop table public.t"],
            "drops table public.t",
        ),
        (
            &["create temp table t (a int); drop table t; drop table t"],
            "drops table t",
        ),
        (
            &["create schema app; alter table public.old set schema app; drop schema app cascade"],
            "drops schema app",
        ),
        (
            &["create type mood as enum ('a'); drop type mood cascade"],
            "drops type mood",
        ),
        (
            &["create table t (a int); alter table old rename to u; drop table u"],
            "drops table u",
        ),
    ] {
        assert_eq!(losses(texts), [says], "{texts:?}");
    }
}

#[test]
fn a_files_search_path_is_not_the_next_files() {
    for path in [
        "set search_path = other",
        "select pg_catalog.set_config('search_path', '', false)",
    ] {
        let made = format!("create table public.t (a int); {path}; insert into public.t values (1)");
        assert_eq!(losses(&[&made, "drop table t"]), Vec::<String>::new(), "{path}");
        assert_eq!(losses(&[&format!("{made}; drop table t")]), ["drops table t"], "{path}");
        let elsewhere = format!("{path}; create table t (a int)");
        assert_eq!(losses(&[&elsewhere, "drop table t"]), ["drops table t"], "{path}");
    }
    let renamed = [
        "create table t (a int); alter schema public rename to past",
        "drop table t",
    ];
    assert_eq!(losses(&renamed), ["drops table t"]);
}

#[test]
fn a_table_that_may_have_been_there_is_not_the_plans() {
    let old = [(("public".to_owned(), "t".to_owned()), true)].into();
    let catalogue = Catalogue {
        relations: old,
        ..Catalogue::default()
    };
    let text = "create table if not exists t (a int); drop table t";
    assert_eq!(losses_in(&catalogue, &[text]), ["drops table t"]);
    assert_eq!(losses(&[text]), Vec::<String>::new());
}

#[test]
fn an_extension_is_lost_with_the_rows_of_its_tables() {
    let catalogue = Catalogue {
        extensions: ["pg_cron".to_owned(), "pgmq".to_owned()].into(),
        ..Catalogue::default()
    };
    for (text, expected) in [
        (
            "drop extension if exists pg_cron",
            vec!["drops extension pg_cron with its tables and their rows"],
        ),
        (
            "drop extension \"pgmq\" restrict",
            vec!["drops extension pgmq with its tables and their rows"],
        ),
        (
            "drop extension pg_trgm, pgmq",
            vec!["drops extension pgmq with its tables and their rows"],
        ),
        (
            "drop extension pg_trgm cascade",
            vec!["drops extension pg_trgm with what depends on it"],
        ),
        ("drop extension pg_trgm", vec![]),
        (
            "alter extension pg_trgm add table victim; drop extension pg_trgm",
            vec!["drops extension pg_trgm with its tables and their rows"],
        ),
        (
            "alter extension pg_trgm add function f(int); drop extension pg_trgm",
            vec![],
        ),
    ] {
        assert_eq!(losses_in(&catalogue, &[text]), expected, "{text}");
    }
}

#[test]
fn a_cascade_is_a_loss_where_data_depends_on_what_is_dropped() {
    let dependant = |name: &str, lost: &str| (("public".to_owned(), name.to_owned()), lost.to_owned());
    let catalogue = Catalogue {
        dependants: [
            dependant("sales", "materialized view public.totals"),
            dependant("rounded", "column public.t.b"),
            dependant("orders_pkey", "materialized view public.totals"),
            dependant("remote_orders", "materialized view public.totals"),
            (
                (String::new(), "files".to_owned()),
                "materialized view public.totals".to_owned(),
            ),
        ]
        .into(),
        ..Catalogue::default()
    };
    for (text, expected) in [
        (
            "drop view sales cascade",
            vec!["drops view sales with what depends on it: materialized view public.totals"],
        ),
        (
            "drop function if exists public.rounded(numeric) cascade",
            vec!["drops function public.rounded with what depends on it: column public.t.b"],
        ),
        (
            "drop routine rounded cascade",
            vec!["drops routine rounded with what depends on it: column public.t.b"],
        ),
        (
            "drop collation german cascade",
            vec!["drops with CASCADE what depends on german"],
        ),
        (
            "drop operator class app.oc using btree cascade",
            vec!["drops with CASCADE what depends on app.oc"],
        ),
        (
            "drop access method heap2 cascade",
            vec!["drops with CASCADE what depends on heap2"],
        ),
        (
            "alter table orders add note text, drop constraint if exists orders_pkey cascade",
            vec!["drops constraint orders_pkey of orders with what depends on it: materialized view public.totals"],
        ),
        (
            "drop foreign table public.remote_orders cascade",
            vec!["drops foreign table public.remote_orders with what depends on it: materialized view public.totals"],
        ),
        (
            "drop server if exists other, files cascade",
            vec!["drops server files with what depends on it: materialized view public.totals"],
        ),
        (
            "drop foreign data wrapper files cascade",
            vec!["drops foreign data wrapper files with what depends on it: materialized view public.totals"],
        ),
        ("alter table orders drop constraint orders_pkey", vec![]),
        ("alter table orders drop constraint orders_place_fkey cascade", vec![]),
        ("drop server sales cascade", vec![]),
        ("drop foreign table remote_orders", vec![]),
        ("drop collation german", vec![]),
        ("drop policy if exists p on t cascade", vec![]),
        ("select lo_unlink(a) from t", vec!["deletes a large object"]),
        ("drop view sales", vec![]),
        ("drop view other cascade", vec![]),
        ("drop function app.rounded(int) cascade", vec![]),
    ] {
        assert_eq!(losses_in(&catalogue, &[text]), expected, "{text}");
    }
}

#[test]
fn what_a_routine_deletes_of_a_table_that_the_plan_made_is_no_loss() {
    let made = "create table app.log (n int); insert into app.log values (1)";
    let routine =
        |body: &str| format!("create function f() returns void language plpgsql as $$ begin {body} end $$; select f()");
    assert_eq!(losses(&[made, &routine("delete from app.log;")]), Vec::<String>::new());
    // By the search path of whoever calls it, or of the function, it may be another table.
    let unqualified = ["create table log (n int)", &routine("delete from log;")];
    assert_eq!(losses(&unqualified), ["deletes from log, by public.f"]);
    let copied = [
        made,
        "insert into app.log select n from old",
        &routine("truncate app.log;"),
    ];
    assert_eq!(losses(&copied), ["empties table app.log, by public.f"]);
    // Whether it does so is not certain.
    let dropped = [made, &routine("drop table app.log;"), "drop table app.log"];
    assert_eq!(losses(&dropped), ["drops table app.log"]);
}

#[test]
fn a_type_that_the_plan_made_is_its_own_under_another_name() {
    for text in [
        "create type mood as enum ('a'); alter type mood rename to old_mood; drop type old_mood",
        "create type mood as enum ('a'); alter type mood set schema app; drop type app.mood",
    ] {
        assert_eq!(losses(&[text]), Vec::<String>::new(), "{text}");
    }
    let other = "create type mood as enum ('a'); alter type mood rename to old_mood; drop type mood";
    assert_eq!(losses(&[other]), ["drops type mood"]);
    let theirs = "alter type mood rename to old_mood; drop type old_mood";
    assert_eq!(losses(&[theirs]), ["drops type old_mood"]);
}

#[test]
fn a_name_that_a_search_path_moves_may_be_any_table_of_that_name() {
    let filled = "create table app.t (n int); set search_path = app; insert into t select n from old; drop table app.t";
    assert_eq!(losses(&[filled]), ["drops table app.t"]);
    for (kind, what) in [("table t (n int)", "table"), ("type t as enum ('a')", "type")] {
        let renamed = format!("create {kind}; set search_path = app; alter {what} t rename to u");
        let dropped = format!("drop {what} u");
        assert_eq!(losses(&[&renamed, &dropped]), [format!("drops {what} u")]);
    }
}
