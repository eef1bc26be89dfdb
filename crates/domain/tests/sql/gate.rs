//! What an approval waits for can't be hidden: in a body, in a string, behind a setting, or in a routine that runs later.

use ace_domain::sql::RiskClass::{self, DataLoss, Exposure, Opaque};
use ace_domain::sql::{Catalogue, Routine, assess};

use crate::support::{risks_of, script, try_script};

fn catalogue() -> Catalogue {
    let routine = |name: &str, volatile| {
        let known = Routine {
            volatile,
            definer: false,
            commits: false,
        };
        (("public".to_owned(), name.to_owned()), known)
    };
    Catalogue {
        routines: [routine("clean_up", true), routine("total", false)].into(),
        ..Catalogue::default()
    }
}

/// The classes that wait by default, with their statements.
fn waits(texts: &[&str]) -> Vec<(RiskClass, String)> {
    let risks = risks_of(&catalogue(), texts).into_iter();
    risks
        .filter(|risk| [DataLoss, Exposure, Opaque].contains(&risk.class))
        .map(|risk| (risk.class, risk.says))
        .collect()
}

fn loses(says: &str) -> Vec<(RiskClass, String)> {
    vec![(DataLoss, says.to_owned())]
}

fn hides(says: &str) -> Vec<(RiskClass, String)> {
    vec![(Opaque, says.to_owned())]
}

#[test]
fn what_is_in_a_do_block_is_read() {
    for (text, expected) in [
        ("do $$ begin drop table victim; end $$", loses("drops table victim")),
        (
            "do language plpgsql 'begin delete from victim where a = ''x''; end'",
            loses("deletes from victim"),
        ),
        (
            "do $$ begin if exists (select from victim) then for i in 1..2 loop truncate victim; end loop; end if; end $$",
            loses("empties table victim"),
        ),
        (
            "do $$ begin begin null; exception when others then alter table victim drop column a; end; end $$",
            loses("drops column victim.a"),
        ),
        (
            "do $o$ begin create function pg_temp.f() returns void language sql as $$ delete from victim $$;\n\
             perform pg_temp.f(); end $o$",
            loses("deletes from victim, by pg_temp.f"),
        ),
        (
            "do $$ begin execute 'drop table victim'; end $$",
            loses("drops table victim"),
        ),
        (
            "do $$ declare n text := 'victim'; begin execute 'drop table ' || n; end $$",
            hides("runs SQL that it puts together itself"),
        ),
        (
            "do $$ declare r record; begin for r in execute format('select %s', 1) loop null; end loop; end $$",
            hides("runs SQL that it puts together itself"),
        ),
        (
            "do $$ begin perform clean_up(); end $$",
            hides("calls function clean_up"),
        ),
        (
            "do $$ begin insert into t values (1); raise notice 'drop table x'; end $$",
            vec![],
        ),
        (
            "do $$ declare n int; m t; begin select count(*) into strict n from t; select into n, m.a 1, 2; \
             insert into t values (1) returning a into n; execute 'select 1' into n; fetch c into n; \
             assert n = 0; end $$",
            vec![],
        ),
        (
            "do $$ declare n int; begin delete from victim returning a, b into n, n; end $$",
            loses("deletes from victim"),
        ),
    ] {
        assert_eq!(waits(&[text]), expected, "{text}");
    }
}

#[test]
fn a_do_block_has_the_line_of_each_of_its_statements() {
    let script = script("select 1;\ndo $$\nbegin\n  drop table victim;\nend $$;");
    assert_eq!(assess(&[&script], &catalogue())[0][0].line, 4);
}

const DELETES: &str = "create function public.f() returns void language sql as 'delete from victim';";

#[test]
fn a_function_of_the_plan_is_read_where_it_is_called() {
    let says = "deletes from victim, by public.f";
    for call in [
        "select public.f();",
        "select f();",
        "select 1 from t where f() is null;",
        "select * from public.f();",
        "select * from t, lateral f() x;",
        "insert into t values (f());",
        "insert into t values (1), (2), ((select f()));",
        "update t set a = f();",
        "alter table t add column a int default f();",
        "create view v with (security_invoker) as select f(); select * from v;",
        "create table app.x as select f();",
        "create operator === (leftarg = int, rightarg = int, function = f); select 1 === 2;",
        "create aggregate g(int) (sfunc = f, stype = int);",
        "create event trigger e on ddl_command_end execute function f();",
        "values (f());",
        "do $$ begin perform public.f(); end $$;",
        "select cron.schedule('x', '* * * * *', 'select public.f()');",
        "set search_path = other; select f();",
    ] {
        let found = waits(&[DELETES, call]);
        assert!(found.contains(&(DataLoss, says.to_owned())), "{call}: {found:?}");
    }
    assert_eq!(waits(&[DELETES]), []);
    assert_eq!(waits(&[DELETES, "select other.f(), pg_catalog.now()"]), []);
}

#[test]
fn routines_that_call_each_other_are_read_to_the_end() {
    let chain = "create function a() returns void language plpgsql as $$ begin perform b(); end $$;\n\
                 create procedure b() language plpgsql as $$ begin perform a(); delete from victim; end $$;";
    assert_eq!(waits(&[chain, "call a()"]), loses("deletes from victim, by public.b"));
    let atomic = "create function a() returns int begin atomic delete from victim; select 1; end; select a();";
    assert_eq!(waits(&[atomic]), loses("deletes from victim, by public.a"));
    let default = "create function a(n int default clean_up()) returns int return 1; select a();";
    assert_eq!(waits(&[default]), hides("calls function clean_up, by public.a"));
}

#[test]
fn a_trigger_or_rule_of_the_plan_is_read_when_rows_are_written() {
    let function = "create function public.f() returns trigger language plpgsql as $$ begin delete from victim; return new; end $$;";
    assert_eq!(
        waits(&[
            function,
            "create trigger x after insert on t for each row execute function f()"
        ]),
        []
    );
    for write in ["insert into t values (1)", "update t set a = 1", "copy t from '/tmp/x'"] {
        assert_eq!(
            waits(&[function, write]),
            loses("deletes from victim, by public.f"),
            "{write}"
        );
    }
    let rule = "create rule r as on update to t do also (insert into log values (1); delete from victim);";
    assert_eq!(waits(&[rule]), []);
    assert_eq!(waits(&[rule, "update t set a = 1"]), loses("deletes from victim"));
    let trigger = "create trigger x before insert on t for each row execute function clean_up();";
    assert_eq!(
        waits(&[trigger, "insert into t values (1)"]),
        hides("calls function clean_up")
    );
}

#[test]
fn a_function_that_nobody_has_read_is_opaque() {
    for (text, expected) in [
        ("select public.clean_up()", hides("calls function public.clean_up")),
        ("select clean_up(a) from t", hides("calls function clean_up")),
        ("select \"clean_up\"()", hides("calls function clean_up")),
        (
            "select U&\"clean\\005fup\"()",
            hides("has a name that is written with U& escapes"),
        ),
        (
            "insert into t values (1), (clean_up())",
            hides("calls function clean_up"),
        ),
        (
            "alter function clean_up() rename to tidy; select tidy()",
            hides("calls function tidy, which this plan renames, by public.tidy"),
        ),
        (
            "create function h() returns trigger language plpgsql as $$ begin return new; end $$; \
             create trigger clean_up before insert on t for each row execute function h(); select clean_up()",
            hides("calls function clean_up"),
        ),
        (
            "create function f() returns void language c as 'lib', 'f'; select f()",
            hides("calls f, whose body can't be read, by public.f"),
        ),
        (
            "select dblink_exec('c', 'drop ' || 'table x')",
            hides("runs SQL by dblink_exec"),
        ),
        (
            "select query_to_xml(q, true, true, '') from t",
            hides("runs SQL by query_to_xml"),
        ),
        (
            "select set_config('standard_conforming' || '_strings', 'off', false)",
            hides("computes which setting it sets"),
        ),
        (
            "update pg_settings set setting = 'off' where name like 'standard%'",
            hides("changes settings by their view"),
        ),
        ("call public.p()", hides("calls procedure public.p")),
        (
            "select total(), now(), count(*), gen_random_uuid(), auth.uid() from t",
            vec![],
        ),
        ("create policy p on t for select using (clean_up() is null)", vec![]),
        (
            "create table app.t (a int default clean_up()); alter table app.t enable row level security",
            vec![],
        ),
    ] {
        assert_eq!(waits(&[text]), expected, "{text}");
    }
}

#[test]
fn bodies_that_go_too_deep_are_opaque_and_not_followed() {
    let many = 20_000;
    for body in [
        "begin ".repeat(many),
        "begin if a then x := 1; ".repeat(many),
        format!("begin x := {}1{}; end", "(".repeat(many), ")".repeat(many)),
        format!("begin {} end", "loop null; ".repeat(many)),
    ] {
        assert_eq!(
            waits(&[&format!("do $$ {body} $$")]),
            hides("runs a DO block"),
            "{}",
            &body[..30]
        );
    }
    let nested = (0..9).fold("drop table victim".to_owned(), |inner, depth| {
        format!("do $a{depth}$ begin {inner}; end $a{depth}$")
    });
    assert_eq!(waits(&[&nested]), hides("runs a DO block"));
}

#[test]
fn a_file_that_changes_how_strings_are_read_is_refused() {
    let refused = "a setting by which the server reads strings in another way than this operator; \
                   leave it out, and write E'…' where a backslash is an escape";
    for text in [
        "set standard_conforming_strings = off; select '\\' || '; drop table public.victim; --';",
        "set standard_conforming_strings = off;\nselect 'it\\'s';",
        "SET LOCAL \"standard_conforming_strings\" TO 'off'",
        "set backslash_quote to on",
        "set client_encoding = 'SJIS'",
        "set names 'BIG5'",
        "select set_config('standard_conforming_strings', 'off', false)",
        "select pg_catalog.set_config('client_encoding', x, true) from t",
        "select set_config(N'standard_conforming_strings', 'off', false)",
        "select set_config(E'standard_conforming_strings', N'off', false)",
        "update pg_settings set setting = 'off' where name = 'standard_conforming_strings'",
        "do $$ begin set standard_conforming_strings = off; end $$",
        "do $$ begin perform set_config('standard_conforming_strings', 'off', true); end $$",
        "do $$ begin execute 'set standard_conforming_strings = off'; end $$",
        "create function f() returns int language sql set standard_conforming_strings = off as 'select 1'",
    ] {
        let error = try_script(text).unwrap_err();
        assert_eq!((error.refusal.to_string().as_str(), error.line), (refused, 1), "{text}");
    }
    for text in [
        "set standard_conforming_strings = on; set client_encoding = 'UTF8'; set names 'utf8'",
        "set escape_string_warning = off",
        "select current_setting('standard_conforming_strings')",
        "insert into docs values ('set standard_conforming_strings = off')",
        "alter role app set standard_conforming_strings = off",
        "reset standard_conforming_strings",
        "-- standard_conforming_strings = off\nselect 1",
        "create table names (a int)",
    ] {
        assert!(
            !matches!(try_script(text), Err(error) if error.refusal.to_string() == refused),
            "{text}"
        );
    }
}

#[test]
fn triggers_that_fire_each_other_are_followed_once_each() {
    use std::fmt::Write as _;

    let mut text = "create table log (a int);".to_owned();
    for number in 0..40 {
        write!(
            text,
            "create function f{number}() returns trigger language plpgsql as $$ begin insert into log values (1); return new; end $$;\
             create trigger t{number} after insert on orders for each row execute function f{number}();"
        )
        .unwrap();
    }
    text.push_str("insert into orders values (1);");
    let script = script(&text);
    let risks = assess(&[&script], &Catalogue::default()).remove(0);
    // Each of the forty writes, and each is told once.
    let of_triggers = risks.iter().filter(|risk| risk.says.contains(", by public.f"));
    assert_eq!(of_triggers.count(), 40, "{risks:?}");
}

#[test]
fn a_trigger_runs_its_function_whatever_that_is_called_now() {
    let script = script(
        "create function f() returns trigger language plpgsql as $$ begin delete from old; return new; end $$;\
         create trigger t after insert on log for each row execute function f();\
         alter function f() rename to g; insert into log values (1);",
    );
    let risks = assess(&[&script], &Catalogue::default()).remove(0);
    assert!(risks.iter().any(|risk| risk.class == RiskClass::DataLoss), "{risks:?}");
}
