use ace_domain::sql::RiskClass::{self, DataChange, DataLoss, Exposure, LongLock, Opaque};
use ace_domain::sql::{Catalogue, Risk, assess};

use crate::support::script;

/// `public.big` and `app.wide` are large.
fn catalogue() -> Catalogue {
    let table = |schema: &str, name: &str| (schema.to_owned(), name.to_owned());
    Catalogue {
        large: [table("public", "big"), table("app", "wide")].into(),
        ..Catalogue::default()
    }
}

fn plan(texts: &[&str]) -> Vec<Vec<Risk>> {
    let scripts: Vec<_> = texts.iter().map(|text| script(text)).collect();
    assess(&scripts.iter().collect::<Vec<_>>(), &catalogue())
}

fn risks(text: &str) -> Vec<(RiskClass, String, Option<&'static str>)> {
    let script = script(text);
    assert_eq!(script.unread, [], "{text}");
    assess(&[&script], &catalogue())
        .remove(0)
        .into_iter()
        .map(|risk| (risk.class, risk.says, risk.lock))
        .collect()
}

#[test]
fn statements_that_lose_data_are_known() {
    for (text, says) in [
        ("drop table public.old_codes", "drops table public.old_codes"),
        (
            "drop table if exists \"Old \"\"Codes\" cascade",
            "drops table Old \"Codes",
        ),
        ("alter table t drop column if exists C cascade", "drops column t.c"),
        ("alter type pair drop attribute a", "drops attribute a of a type"),
        ("drop schema app", "drops schema app"),
        ("drop type s.mood", "drops type s.mood"),
        ("drop domain d cascade", "drops domain d with the columns that use it"),
        ("drop materialized view m", "drops materialized view m"),
        ("drop sequence s", "drops sequence s"),
        (
            "drop extension postgis cascade",
            "drops extension postgis with what depends on it",
        ),
        ("drop owned by anon", "drops everything that a role owns"),
        ("truncate only public.a restart identity", "empties table public.a"),
        ("delete from a where b = 'secret'", "deletes from a"),
        (
            "with gone as (delete from a returning *) select * from gone",
            "deletes from a",
        ),
        ("explain analyze delete from a", "deletes from a"),
        (
            "alter table t alter column c type varchar(10)",
            "changes the type of column t.c",
        ),
        (
            "alter table t alter c set data type text using left(c, 1)",
            "changes the type of column t.c",
        ),
    ] {
        assert_eq!(risks(text), [(DataLoss, says.to_owned(), None)], "{text}");
    }
}

#[test]
fn statements_that_expose_change_or_hide_something_are_known() {
    for (text, class, says) in [
        (
            "alter table t disable row level security",
            Exposure,
            "disables row level security on t",
        ),
        (
            "alter table t no force row level security",
            Exposure,
            "no longer forces row level security on t",
        ),
        (
            "create table t (a int)",
            Exposure,
            "creates table t without row level security",
        ),
        (
            "create table app.t as select 1 as a",
            Exposure,
            "creates table app.t without row level security",
        ),
        (
            "select 1 as a into t",
            Exposure,
            "creates table t without row level security",
        ),
        (
            "create foreign table t (a int) server s",
            Exposure,
            "creates table t without row level security",
        ),
        (
            "create schema s create table t (a int)",
            Exposure,
            "creates table t without row level security",
        ),
        (
            "create role r login bypassrls",
            Exposure,
            "role r may bypass row level security",
        ),
        ("alter user r with superuser", Exposure, "role r is a superuser"),
        (
            "grant service_role to authenticated",
            Exposure,
            "grants role service_role to authenticated",
        ),
        ("update a set b = 'secret'", DataChange, "updates a"),
        ("insert into a values ('secret')", DataChange, "inserts into a"),
        (
            "merge into a using b on a.x = b.x when matched then update set y = 1",
            DataChange,
            "merges into a",
        ),
        ("copy a (b) from '/tmp/file'", DataChange, "copies into a"),
        (
            "do language plpython3u $$ plpy.execute('drop table x') $$",
            Opaque,
            "runs a DO block",
        ),
        ("call s.p(1)", Opaque, "calls procedure s.p"),
        ("execute q(1)", Opaque, "executes prepared statement q"),
    ] {
        assert_eq!(risks(text), [(class, says.to_owned(), None)], "{text}");
    }
}

#[test]
fn statements_that_harm_nobody_have_no_class() {
    for text in [
        "select 1",
        "create index i on small (a)",
        "alter table t alter c type text",
        "alter table t alter c type varchar",
        "alter table small add check (a > 0)",
        "drop extension postgis",
        "drop domain d",
        "drop view v cascade",
        "drop index i",
        "drop policy p on t",
        "drop function f()",
        "create temp table t (a int)",
        "create table pg_temp.t (a int)",
        "create role r nobypassrls nosuperuser",
        "grant all on all tables in schema public to anon",
        "grant anon to authenticator",
        "revoke all on t from anon",
        "create function f() returns void language sql as $$ delete from t; drop table t $$",
        "create function f() returns void language sql begin atomic delete from t; end",
        "create rule r as on insert to t do also delete from u",
        "create policy p on t for delete to service_role using (true)",
        "create trigger x after delete on t for each row execute function f()",
        "prepare q as delete from t",
        "copy a to '/tmp/file'",
        "lock table small",
        "lock table big in row exclusive mode",
        "reindex table concurrently big",
        "refresh materialized view concurrently big",
        "create index concurrently i on big (a)",
    ] {
        assert_eq!(risks(text), [], "{text}");
    }
}

#[test]
fn large_tables_that_are_read_or_rewritten_under_a_lock_are_named() {
    let exclusive = "ACCESS EXCLUSIVE";
    for (text, lock, says) in [
        ("create index i on big (a)", "SHARE", "builds an index on big"),
        (
            "create index i on only app.wide (a)",
            "SHARE",
            "builds an index on app.wide",
        ),
        ("reindex table big", "SHARE", "rebuilds the indexes of big"),
        (
            "alter table big add constraint c check (a > 0)",
            exclusive,
            "adds a check constraint to big",
        ),
        (
            "alter table big add foreign key (a) references t (b)",
            "SHARE ROW EXCLUSIVE",
            "adds a foreign key to big",
        ),
        (
            "alter table big add primary key (a)",
            exclusive,
            "adds a primary key to big",
        ),
        (
            "alter table big add constraint c unique (a)",
            exclusive,
            "adds a unique constraint to big",
        ),
        (
            "alter table big add exclude using gist (a with &&)",
            exclusive,
            "adds an exclusion constraint to big",
        ),
        (
            "alter table big alter a set not null",
            exclusive,
            "sets column big.a not null",
        ),
        (
            "alter table big alter a type text",
            exclusive,
            "changes the type of column big.a",
        ),
        (
            "alter table big add b uuid default gen_random_uuid()",
            exclusive,
            "adds column big.b, which reads or rewrites the table",
        ),
        (
            "alter table big add b bigserial",
            exclusive,
            "adds column big.b, which reads or rewrites the table",
        ),
        (
            "alter table big add b int generated always as (a + 1) stored",
            exclusive,
            "adds column big.b, which reads or rewrites the table",
        ),
        (
            "alter table big add b int unique",
            exclusive,
            "adds column big.b, which reads or rewrites the table",
        ),
        ("alter table big set unlogged", exclusive, "rewrites table big"),
        (
            "alter table t attach partition big for values in (1)",
            exclusive,
            "attaches big to t",
        ),
        ("vacuum full big", exclusive, "rewrites table big"),
        ("vacuum (full) big", exclusive, "rewrites table big"),
        ("cluster big using i", exclusive, "rewrites table big"),
        (
            "refresh materialized view big",
            exclusive,
            "refreshes materialized view big",
        ),
        ("lock big", exclusive, "locks table big"),
        ("lock table only big in share mode", "SHARE", "locks table big"),
    ] {
        assert_eq!(risks(text), [(LongLock, says.to_owned(), Some(lock))], "{text}");
    }
}

#[test]
fn large_tables_are_not_locked_for_long_by_what_neither_reads_nor_rewrites_them() {
    for text in [
        "alter table big add constraint c check (a > 0) not valid",
        "alter table big add constraint c foreign key (a) references t (b) not valid",
        "alter table big add constraint c unique using index i",
        "alter table big validate constraint c",
        "alter table big add b int not null default 0",
        "alter table big add b timestamptz default now()",
        "alter table big add b date default current_date",
        "alter table other.big set logged",
        "alter table big alter a drop not null",
    ] {
        assert_eq!(risks(text), [], "{text}");
    }
}

#[test]
fn a_statement_may_have_several_classes() {
    assert_eq!(
        risks("merge into a using b on a.x = b.x when matched then delete when not matched then insert values (1)"),
        [
            (DataLoss, "deletes from a".to_owned(), None),
            (DataChange, "merges into a".to_owned(), None)
        ]
    );
    assert_eq!(
        risks("alter table big alter a type int, drop column b"),
        [
            (DataLoss, "changes the type of column big.a".to_owned(), None),
            (
                LongLock,
                "changes the type of column big.a".to_owned(),
                Some("ACCESS EXCLUSIVE")
            ),
            (DataLoss, "drops column big.b".to_owned(), None)
        ]
    );
}

fn exposed(line: u32, says: &str) -> Risk {
    Risk {
        class: Exposure,
        line,
        says: says.to_owned(),
        lock: None,
    }
}

#[test]
fn a_table_is_exposed_unless_the_plan_enables_row_security_on_it() {
    let create = "select 1;\n\n-- why\ncreate table public.t (a int)";
    let risk = exposed(4, "creates table public.t without row level security");
    for (second, expected) in [
        ("alter table public.t enable row level security", vec![]),
        ("alter table t enable row level security", vec![]),
        (
            "alter table t rename to u; alter table u enable row level security",
            vec![],
        ),
        (
            "alter table t set schema app; alter table app.t enable row level security",
            vec![],
        ),
        ("alter table app.t enable row level security", vec![risk.clone()]),
        ("alter table t force row level security", vec![risk.clone()]),
        ("create table if not exists t (a int)", vec![risk.clone()]),
        ("select 1", vec![risk]),
    ] {
        assert_eq!(plan(&[create, second]), [expected, vec![]], "{second}");
    }
    assert_eq!(plan(&[create, "drop table t"]), [vec![], vec![]]);
}

#[test]
fn row_security_that_was_enabled_before_the_table_was_made_anew_is_none() {
    let text =
        "create table t (a int);\nalter table t enable row level security;\ndrop table t;\ncreate table t (a int);";
    assert_eq!(
        plan(&[text])[0].last(),
        Some(&exposed(4, "creates table t without row level security"))
    );
}

#[test]
fn a_table_that_the_plan_makes_is_not_large() {
    let build = "create index i on big (a)";
    let locks = |first: &str| plan(&[first, build])[1].len();
    assert_eq!(locks("select 1"), 1);
    assert_eq!(locks("create table big (a int)"), 0);
    assert_eq!(locks("create table if not exists big (a int)"), 1);
    assert_eq!(locks("create table app.big (a int)"), 1);
    assert_eq!(
        locks("create table if not exists t (a int); drop table public.big; create table big (a int)"),
        0
    );
}

#[test]
fn what_can_not_be_read_is_opaque_and_more_if_its_words_say_so() {
    let classes = |text: &str| {
        let risks = plan(&[text]).remove(0);
        risks
            .into_iter()
            .map(|risk| (risk.class, risk.line))
            .collect::<Vec<_>>()
    };
    assert_eq!(classes("select 1;\n-- why\nfrobnicate 'delete from t'"), [(Opaque, 3)]);
    assert_eq!(classes("frobnicate and delete from t"), [(Opaque, 1), (DataLoss, 1)]);
    assert_eq!(classes("frobnicate with bypassrls"), [(Opaque, 1), (Exposure, 1)]);
    assert_eq!(classes("frobnicate and insert into t"), [(Opaque, 1), (DataChange, 1)]);
}

#[test]
fn the_description_of_a_risk_is_bounded_and_of_one_line() {
    let name = format!("\"a\nb{}\"", "n".repeat(200));
    let text = format!("alter table {name}.{name} drop column {name}");
    let says = &plan(&[&text])[0][0].says;
    assert_eq!(
        (says.chars().count(), says.starts_with("drops column a b")),
        (120, true)
    );
}
