//! Who can read or change more than before waits for an approval, however it is written.

use ace_domain::sql::RiskClass::Exposure;
use ace_domain::sql::{Catalogue, Routine};

use crate::support::said;

pub fn name(schema: &str, name: &str) -> (String, String) {
    (schema.to_owned(), name.to_owned())
}

/// `auth.users`, `public.open` and `internal.keys` have no row security, `public.orders` and `internal.safe` have it.
pub fn catalogue() -> Catalogue {
    let routine = |definer| Routine {
        volatile: false,
        definer,
        commits: false,
    };
    Catalogue {
        relations: [
            (name("auth", "users"), false),
            (name("public", "open"), false),
            (name("public", "orders"), true),
            (name("internal", "keys"), false),
            (name("internal", "safe"), true),
            (name("public", "plain_view"), false),
        ]
        .into(),
        routines: [
            (name("public", "as_owner"), routine(true)),
            (name("public", "as_caller"), routine(false)),
            (name("internal", "as_admin"), routine(true)),
        ]
        .into(),
        ..Catalogue::default()
    }
}

pub fn exposures_in(catalogue: &Catalogue, text: &str) -> Vec<String> {
    said(catalogue, &[text], Exposure)
}

fn exposures(text: &str) -> Vec<String> {
    exposures_in(&catalogue(), text)
}

/// Each exposes once, in these words.
pub fn expose(cases: &[(&str, &str)]) {
    for (text, says) in cases {
        assert_eq!(exposures(text), [*says], "{text}");
    }
}

pub fn expose_nothing(cases: &[&str]) {
    for text in cases {
        assert_eq!(exposures(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn membership_in_a_callers_role_is_known_in_all_its_spellings() {
    expose(&[
        (
            "alter group service_role add user authenticated",
            "grants role service_role to authenticated",
        ),
        (
            "alter table t owner to authenticated",
            "makes authenticated the owner of t",
        ),
        ("alter function f(int) owner to anon", "makes anon the owner of f"),
        (
            "alter schema internal owner to public",
            "makes public the owner of internal",
        ),
        (
            "reassign owned by postgres to authenticated",
            "makes authenticated the owner of what another role owns",
        ),
        ("create schema s authorization anon", "makes anon the owner of a schema"),
        ("create role boss role anon", "grants role boss to anon"),
        (
            "create role boss nologin admin \"authenticated\"",
            "grants role boss to authenticated",
        ),
        ("alter role anon createrole", "role anon may create roles"),
        ("alter role app replication", "role app may read every change"),
    ]);
    expose_nothing(&[
        "alter group anon add user authenticator",
        "alter table t owner to postgres",
        "reassign owned by authenticated to postgres",
        "create role boss in role anon",
        "grant anon to authenticator",
    ]);
}

#[test]
fn a_view_that_reads_past_row_security_is_known() {
    expose(&[
        (
            "create or replace view public.mail as select id, email from auth.users",
            "creates view public.mail, which shows what row level security hides from its readers",
        ),
        (
            "create materialized view mail as select * from auth.users",
            "creates view mail, which shows what row level security hides from its readers",
        ),
        (
            "create view v with (security_invoker = false) as select * from orders",
            "creates view v, which shows what row level security hides from its readers",
        ),
        (
            "create table s (a int); create view v as select * from s; alter table s enable row level security",
            "creates view v, which shows what row level security hides from its readers",
        ),
        (
            "alter view public.list reset (security_invoker)",
            "lets view public.list show what row level security hides from its readers",
        ),
        (
            "alter view list set (security_invoker = off)",
            "lets view list show what row level security hides from its readers",
        ),
        (
            "alter view internal.v set schema public",
            "moves internal.v into schema public without row level security",
        ),
        (
            "create view internal.v as select * from auth.users; grant select on internal.v to anon",
            "grants anon privileges on internal.v, which has no row level security",
        ),
    ]);
    expose_nothing(&[
        "create view v with (security_invoker = on) as select * from auth.users",
        "create view v with (security_invoker) as select * from orders",
        "create view v as select * from auth.users; alter view v set (security_invoker = on)",
        "create view v as select * from auth.users; drop view v",
        "create view v as select * from open, pg_catalog.pg_class",
        "create view internal.v as select * from auth.users",
        "create view v as select 1 as a, now()",
        "create view internal.v as select 1 as a; grant select on internal.v to anon",
        "create temp view v as select * from auth.users",
    ]);
}

#[test]
fn a_privilege_is_an_exposure_where_row_security_does_not_decide() {
    expose(&[
        (
            "grant usage on schema internal to anon",
            "grants anon privileges on schema internal",
        ),
        (
            "grant select on all tables in schema internal to authenticated",
            "grants authenticated privileges on every table in schema internal",
        ),
        (
            "grant select on internal.keys to anon",
            "grants anon privileges on internal.keys, which has no row level security",
        ),
        (
            "grant all on public.open to public",
            "grants public privileges on public.open, which has no row level security",
        ),
        (
            "grant all on auth.users to anon",
            "grants anon privileges on auth.users, which has no row level security",
        ),
        (
            "grant create on schema public to anon",
            "grants anon privileges on the right to create in schema public",
        ),
        (
            "grant execute on function as_owner(int) to anon",
            "grants anon privileges on function as_owner, which runs with its owner's rights",
        ),
        (
            "create function f() returns int language sql security definer as 'select 1'; grant all on function f() to anon",
            "grants anon privileges on function f, which runs with its owner's rights",
        ),
        (
            "alter default privileges in schema internal grant select on tables to anon",
            "grants anon privileges on what will be created",
        ),
        (
            "alter default privileges grant select on tables to authenticated",
            "grants authenticated privileges on what will be created",
        ),
    ]);
    expose_nothing(&[
        "grant all on all tables in schema public to anon, authenticated",
        "grant all on orders to anon",
        "grant select on internal.safe to anon",
        "grant usage on schema public to anon",
        "grant usage on schema internal to service_role",
        "grant execute on function as_caller(int) to anon",
        "grant usage on all sequences in schema public to anon",
        "alter default privileges in schema public grant all on tables to anon",
        "alter default privileges in schema internal grant all on tables to service_role",
        "create table s (a int); alter table s enable row level security; grant all on s to anon",
        "create function f() returns trigger language plpgsql security definer as $$ begin return new; end $$;\
         grant all on function f() to anon",
    ]);
}

#[test]
fn a_function_by_which_every_caller_has_its_owners_rights_is_known() {
    const F: &str = "create function f() returns setof orders language sql security definer as 'select * from orders'";
    let says = "creates function f, by which every caller has its owner's rights";
    let with = |rest: &str| format!("{F}; {rest}");
    let stays_open = with("revoke all on function f() from public");
    let one_is_left = with("revoke execute on function f() from public, anon");
    let replaced =
        with("create function f(int) returns int language sql as 'select 1'; alter function f() security definer");
    expose(&[
        (F, says),
        (&stays_open, says),
        (&one_is_left, says),
        (&replaced, says),
        (
            "create function public.f() returns int language plpgsql security definer as $$ begin return count(*) from orders; end $$",
            "creates function public.f, by which every caller has its owner's rights",
        ),
        (
            "alter function as_caller(int) security definer",
            "gives every caller of function as_caller its owner's rights",
        ),
        (
            "alter function internal.as_admin(int) set schema public",
            "moves function internal.as_admin into schema public, by which every caller has its owner's rights",
        ),
        (
            "create function internal.f() returns int language sql security definer as 'select 1'; \
             alter function internal.f() set schema public",
            "moves function internal.f into schema public, by which every caller has its owner's rights",
        ),
    ]);
    // What is revoked before does not hold for a function that is made after it.
    let revoked = "revoke all on all functions in schema public from public, anon, authenticated";
    let too_early = format!("{revoked}; {F}");
    let before_it_was_made = format!(
        "{revoked}; create function f() returns int language sql as 'select 1'; alter function f() security definer"
    );
    expose(&[(
        &before_it_was_made,
        "gives every caller of function f its owner's rights",
    )]);
    // Of two functions of one name each is judged by itself.
    let overloaded = with("create function f(int) returns int language sql as 'select 1'");
    let asked_by_another = with(
        "create function f(int) returns int language sql security definer as 'select 1 where auth.uid() is not null'",
    );
    expose(&[(&too_early, says), (&overloaded, says), (&asked_by_another, says)]);
    let closed = with("revoke all on function f() from public, anon, authenticated");
    let before_an_alteration = format!("{revoked}; alter function as_caller(int) security definer");
    let all_closed = with("revoke all on all functions in schema public from public, anon, authenticated");
    expose_nothing(&[
        &closed,
        &all_closed,
        &before_an_alteration,
        "alter procedure p() security definer",
        "create procedure internal.p() language sql security definer as 'select 1'; \
         alter procedure internal.p() set schema public",
        "create function f() returns setof orders language sql security definer as 'select * from orders where a = auth.uid()'",
        "create function f() returns setof orders language sql security definer as \
         $$ select * from orders where a = current_setting('request.jwt.claims', true) $$",
        "create function is_admin() returns bool language sql as 'select auth.uid() is not null'; \
         create function f() returns int language sql security definer as 'select 1 where is_admin()'",
        "create function f() returns trigger language plpgsql security definer as $$ begin return new; end $$",
        "create function f() returns event_trigger language plpgsql security definer as $$ begin end $$",
        "create procedure f() language sql security definer as 'select 1'",
        "create function internal.f() returns int language sql security definer as 'select 1'",
        // It was open before.
        "create or replace function as_owner(int) returns int language sql security definer as 'select 1'",
        "alter function as_owner(int) rename to by_owner",
        "alter function internal.as_caller(int) set schema public",
    ]);
}

#[test]
fn a_setting_by_which_the_api_reaches_more_is_known() {
    expose(&[
        (
            "alter role authenticator set pgrst.db_schemas = 'public, internal'",
            "sets pgrst.db_schemas of role authenticator",
        ),
        ("alter role anon set role to service_role", "sets role of role anon"),
        (
            "alter database d set pgrst.db_schemas = 'internal'",
            "sets pgrst.db_schemas of every role",
        ),
        (
            "alter role all in database d set search_path = internal",
            "sets search_path of every role",
        ),
    ]);
    expose_nothing(&[
        "alter role authenticator set statement_timeout = '8s'",
        "alter role postgres set search_path = public, extensions",
        "set search_path = internal",
    ]);
}

#[test]
fn a_table_that_becomes_reachable_is_known() {
    expose(&[
        (
            "alter table internal.keys set schema public",
            "moves internal.keys into schema public without row level security",
        ),
        (
            "alter materialized view internal.m set schema public",
            "moves internal.m into schema public without row level security",
        ),
        (
            "import foreign schema s from server v into public",
            "imports foreign tables into schema public, which have no row level security",
        ),
        (
            "alter table orders attach partition internal.keys for values in (1)",
            "attaches internal.keys to orders, through which its rows can be read",
        ),
        (
            "alter table internal.keys inherit orders",
            "attaches internal.keys to orders, through which its rows can be read",
        ),
    ]);
    expose_nothing(&[
        "alter table internal.safe set schema public",
        "alter table internal.keys set schema public; alter table keys enable row level security",
        "alter table internal.keys set schema hidden",
        "import foreign schema s from server v into internal",
        "alter table orders attach partition orders_1 for values in (1)",
    ]);
}

#[test]
fn a_table_of_another_schema_is_not_the_one_that_if_not_exists_asks_for() {
    expose(&[
        (
            "create table if not exists users (id int)",
            "creates table users without row level security",
        ),
        (
            "create table if not exists keys as select 1 as a",
            "creates table keys without row level security",
        ),
        (
            "set search_path = internal; create table if not exists orders (id int)",
            "creates table orders without row level security",
        ),
    ]);
    let large = Catalogue {
        large: [name("storage", "objects")].into(),
        ..catalogue()
    };
    let text = "create table if not exists objects (id int)";
    assert_eq!(
        exposures_in(&large, text),
        ["creates table objects without row level security"]
    );
    expose_nothing(&[
        "create table if not exists auth.users (id int)",
        "create table if not exists orders (id int); create table if not exists orders (id int)",
    ]);
}

#[test]
fn a_table_that_is_there_or_is_secured_by_an_event_trigger_is_not_exposed() {
    expose_nothing(&[
        "create table if not exists public.orders (id int); alter table public.orders add column place text",
        "create table if not exists orders (id int)",
        "create table if not exists public.open (id int)",
    ]);
    let secured = Catalogue {
        securing_trigger: Some("ensure_rls".to_owned()),
        ..catalogue()
    };
    for (text, expected) in [
        ("create table public.notes (id int)", vec![]),
        ("create table notes as select 1 as a", vec![]),
        (
            "create table internal.notes (id int)",
            vec!["creates table internal.notes without row level security"],
        ),
        (
            "alter event trigger ensure_rls disable; create table notes (id int)",
            vec![
                "stops event trigger ensure_rls, which enables row level security on new tables",
                "creates table notes without row level security",
            ],
        ),
        ("drop event trigger other", vec![]),
    ] {
        assert_eq!(exposures_in(&secured, text), expected, "{text}");
    }
    assert_eq!(exposures("create table notes (id int)").len(), 1);
}
