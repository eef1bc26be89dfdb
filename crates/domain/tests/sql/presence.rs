//! What a plan makes only perhaps, and what had its name before.

use ace_domain::sql::RiskClass::Exposure;
use ace_domain::sql::{Catalogue, Qualified};

use crate::support::{losses, losses_in, said};

fn named(schema: &str, name: &str) -> Qualified {
    (schema.to_owned(), name.to_owned())
}

/// A database with `public.t`, `app.t` and `public.s`.
fn catalogue() -> Catalogue {
    Catalogue {
        relations: [(named("public", "t"), true), (named("app", "t"), true)].into(),
        quiet: [named("public", "t"), named("app", "t")].into(),
        sequences: [named("public", "s"), named("counts", "s")].into(),
        ..Catalogue::default()
    }
}

#[test]
fn what_a_block_may_skip_is_not_made_where_something_is() {
    for (text, says) in [
        (
            "do $$ begin if not exists (select from pg_tables) then create table public.t (a int); end if; end $$; \
             drop table public.t",
            "drops table public.t",
        ),
        (
            "do $$ begin create table public.t (a int); exception when duplicate_table then null; end $$; \
             delete from public.t",
            "deletes from public.t",
        ),
        (
            "do $$ begin if false then null; else create table public.t (a int); end if; end $$; truncate public.t",
            "empties table public.t",
        ),
        (
            "do $$ begin return; create table public.t (a int); end $$; truncate public.t",
            "empties table public.t",
        ),
        (
            "do $$ begin for i in 1..0 loop create table public.t (a int); end loop; end $$; truncate public.t",
            "empties table public.t",
        ),
        (
            "do $$ begin case 1 when 2 then create table public.t (a int); else null; end case; end $$; truncate public.t",
            "empties table public.t",
        ),
        (
            "do $$ begin if false then create temp table t (a int); end if; end $$; drop table t",
            "drops table t",
        ),
        (
            "do $$ begin if false then create schema app; end if; end $$; drop schema app cascade",
            "drops schema app",
        ),
        (
            "create table public.n (a int); do $$ begin alter table public.n rename to t; \
             exception when others then null; end $$; drop table public.t",
            "drops table public.t",
        ),
        (
            "do $$ begin if false then create sequence public.s; end if; end $$; drop sequence public.s",
            "drops sequence public.s",
        ),
    ] {
        assert_eq!(losses_in(&catalogue(), &[text]), [says], "{text}");
    }
}

#[test]
fn what_a_block_may_skip_is_the_plans_where_nothing_was() {
    for text in [
        "do $$ begin if not exists (select from pg_tables) then create table public.n (a int); end if; end $$; \
         drop table public.n",
        "do $$ begin create table public.n (a int); exception when duplicate_table then null; end $$; delete from public.n",
        "do $$ begin if true then create temp table n (a int); drop table n; end if; end $$",
        "do $$ begin if true then create schema fresh; end if; end $$; drop schema fresh cascade",
        "do $$ begin create table public.n (a int); end $$; drop table public.n",
        "create table public.n (a int); do $$ begin if true then alter table public.n rename to m; end if; end $$; \
         drop table public.m",
        "do $$ begin create type public.mood as enum ('a'); exception when duplicate_object then null; end $$; \
         drop type public.mood",
    ] {
        assert_eq!(losses_in(&catalogue(), &[text]), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn if_not_exists_makes_nothing_of_what_was_there_or_came_there() {
    for (text, says) in [
        (
            "create schema if not exists app; drop schema app cascade",
            "drops schema app",
        ),
        (
            "create schema if not exists counts; drop schema counts cascade",
            "drops schema counts",
        ),
        (
            "create sequence if not exists public.s; drop sequence public.s",
            "drops sequence public.s",
        ),
        (
            "alter table public.t rename to n; create table if not exists public.n (a int); drop table public.n",
            "drops table public.n",
        ),
        (
            "alter schema app rename to past; create table if not exists past.t (a int); drop table past.t",
            "drops table past.t",
        ),
        (
            "create schema n; create table n.t (a int); alter schema n rename to m; alter schema app rename to n; \
             drop table n.t",
            "drops table n.t",
        ),
        (
            "create sequence public.n; alter sequence public.n rename to m; alter sequence public.s rename to n; \
             drop sequence public.n",
            "drops sequence public.n",
        ),
        (
            "alter sequence public.s rename to n; create sequence if not exists public.n; drop sequence public.n",
            "drops sequence public.n",
        ),
        (
            "create schema fresh; create table fresh.n as select * from public.t; create schema if not exists fresh; \
             drop schema fresh cascade",
            "drops schema fresh",
        ),
        (
            "create extension pgmq schema pgmq; alter table public.t set schema pgmq; delete from pgmq.t",
            "deletes from pgmq.t",
        ),
        (
            "set search_path = app; alter table t rename to n; create table if not exists app.n (a int); \
             drop table app.n",
            "drops table app.n",
        ),
    ] {
        assert_eq!(losses_in(&catalogue(), &[text]), [says], "{text}");
    }
    for text in [
        "create schema if not exists fresh; drop schema fresh cascade",
        "create sequence if not exists public.n; drop sequence public.n",
        "create sequence public.n; alter sequence public.n rename to m; drop sequence public.m",
        "alter schema app owner to postgres; create table if not exists app.n (a int); drop table app.n",
    ] {
        assert_eq!(losses_in(&catalogue(), &[text]), Vec::<String>::new(), "{text}");
    }
    assert_eq!(
        losses(&["create schema if not exists app; drop schema app cascade"]),
        Vec::<String>::new()
    );
}

#[test]
fn row_security_counts_where_it_surely_is_enabled() {
    let exposed = |texts: &[&str]| said(&catalogue(), texts, Exposure);
    let open = |table: &str| vec![format!("creates table {table} without row level security")];
    let made = "create table public.n (a int);";
    let secures = "alter table public.n enable row level security;";
    for text in [
        format!("{made} do $$ begin {secures} end $$"),
        format!("do $$ begin if true then {made} {secures} end if; end $$"),
        format!("do $$ begin {made} {secures} exception when duplicate_table then null; end $$"),
        format!("do $$ begin if true then {made} end if; end $$; {secures}"),
        format!("do $$ begin if true then {made} drop table public.n; end if; end $$"),
        format!("create function f() returns void language plpgsql as $$ begin {made} {secures} end $$; select f()"),
    ] {
        assert_eq!(exposed(&[&text]), Vec::<String>::new(), "{text}");
    }
    for text in [
        format!("{made} do $$ begin if false then {secures} end if; end $$"),
        format!("{made} do $$ begin return; {secures} end $$"),
        format!("{made} do $$ begin {secures} raise 'x'; exception when others then null; end $$"),
        format!("do $$ begin if true then {made} else {secures} end if; end $$"),
        format!("do $$ begin if true then {made} end if; if false then {secures} end if; end $$"),
        format!("do $$ begin if true then {made} end if; end $$; do $$ begin if true then {secures} end if; end $$"),
        format!("{made} create function f() returns void language plpgsql as $$ begin {secures} end $$; select f()"),
        format!("{made} do $$ begin if false then drop table public.n; end if; end $$"),
    ] {
        let told = exposed(&[&text]);
        let told: Vec<_> = told.iter().map(|says| says.trim_end_matches(", by public.f")).collect();
        assert_eq!(told, open("public.n"), "{text}");
    }
    for text in [
        "drop table public.t; create table if not exists public.t (a int)",
        "alter table public.t rename to m; create table if not exists public.t (a int)",
        "do $$ begin if true then drop table public.t; end if; end $$; create table if not exists public.t (a int)",
        "drop schema public cascade; create schema public; create table if not exists public.t (a int)",
    ] {
        assert_eq!(exposed(&[text]), open("public.t"), "{text}");
    }
}
