//! What could not run, or not as it is meant, is said before anything runs.

use ace_domain::bundle::{Tree, TreePath};
use ace_domain::sql::{Catalogue, File, Routine, Script, committing_call, read, read_folder, used_new_value};

use crate::support::{file, script, sent, try_script};

fn refusal(text: &str) -> (u32, String) {
    let error = try_script(text)
        .err()
        .unwrap_or_else(|| panic!("{text} is not refused"));
    (error.line, error.refusal.to_string())
}

#[test]
fn a_file_of_another_tool_is_refused_where_it_undoes_itself() {
    for (text, line, tool) in [
        (
            "-- migrate:up\ncreate view v as select 1;\n\n-- migrate:down\ndrop view v;",
            4,
            "dbmate",
        ),
        ("-- +goose Up\nselect 1;\r\n--  +goose Down\r\nselect 2;", 3, "goose"),
        (
            "-- +migrate Up\nselect 1;\n-- +migrate Down\nselect 2;",
            3,
            "sql-migrate",
        ),
        ("select 1;\n-- rambler down\nselect 2;", 2, "rambler"),
        ("select 1;\n-- //@UNDO\nselect 2;", 2, "MyBatis"),
    ] {
        let expected = format!(
            "a mark of {tool}: the rest of the file undoes what is before it; \
             remove the mark and all that follows it: every statement of a file is run"
        );
        assert_eq!(refusal(text), (line, expected), "{text}");
    }
    for text in [
        "-- migrate:up\nselect 1",
        "-- why we migrate:down\nselect 1",
        "select '\n migrate:down'",
    ] {
        assert!(try_script(text).is_ok(), "{text}");
    }
}

#[test]
fn a_file_that_undoes_a_migration_by_its_name_is_refused() {
    for name in [
        "2_stamps.down.sql",
        "2_stamps.DOWN.sql",
        "2_x.undo.sql",
        "2_x.rollback.sql",
    ] {
        let undo = File {
            file_name: name.to_owned(),
            ..file("drop table t")
        };
        assert_eq!(
            read(&undo).unwrap_err().to_string(),
            "line 1, column 1: a file that undoes a migration, by its name; \
             remove it from the folder: every file there is run",
            "{name}"
        );
    }
    for name in ["2_stamps.up.sql", "2_slow_down.sql", "2_undo.sql"] {
        let other = File {
            file_name: name.to_owned(),
            ..file("select 1")
        };
        assert!(read(&other).is_ok(), "{name}");
    }
}

fn folder_of(paths: &[&str]) -> Result<Vec<(String, &'static str)>, String> {
    let files = paths.iter().map(|path| (TreePath::new(*path).unwrap(), "".into()));
    let folder = read_folder(&Tree::from_files(files).unwrap(), None).map_err(|error| error.to_string())?;
    Ok(folder
        .skipped
        .into_iter()
        .map(|skipped| (skipped.file_name, skipped.why))
        .collect())
}

#[test]
fn of_a_pair_the_file_that_undoes_the_other_is_named() {
    for (paths, undo, first) in [
        (["1_a.up.sql", "1_a.down.sql"], "1_a.down.sql", "1_a.up.sql"),
        (["1_a.sql", "1_a.undo.sql"], "1_a.undo.sql", "1_a.sql"),
        (["1_z.sql", "1_a.rollback.sql"], "1_a.rollback.sql", "1_z.sql"),
    ] {
        let message = format!(
            "{undo} has the version of {first} and undoes it; remove it from the folder: every file there is run"
        );
        assert_eq!(folder_of(&paths), Err(message));
    }
}

#[test]
fn folders_below_the_path_and_undo_files_of_flyway_are_named_as_skipped() {
    let folder = "a folder: migrations are read from the top level only; move its files there";
    let undo = "a file that undoes a migration; remove it from the folder";
    let other = "migrations are named <digits>_<name>.sql";
    let found = folder_of(&[
        "1_a.sql",
        "2026-02/1_b.sql",
        "2026-02/deep/2_c.sql",
        "20260101_x/migration.sql",
        "docs/readme.md",
        "U2__x.sql",
        "V2__x.sql",
        "Undo_x.sql",
    ]);
    let expected = [
        ("2026-02/", folder),
        ("20260101_x/", folder),
        ("U2__x.sql", undo),
        ("Undo_x.sql", other),
        ("V2__x.sql", other),
    ];
    assert_eq!(found, Ok(expected.map(|(name, why)| (name.to_owned(), why)).to_vec()));
}

const NEW_VALUE: &str = "a new enum value in the transaction that adds it, or a COMMIT after that; \
     put what follows ALTER TYPE … ADD VALUE into the next file: a value can be used when its file is committed";

#[test]
fn a_new_enum_value_and_its_use_need_two_files() {
    for (text, line) in [
        (
            "alter type vehicle add value 'bike' after 'van';\n\ncreate table t (a vehicle default 'bike')",
            3,
        ),
        (
            "alter type vehicle add value 'bike';\nalter table t add a public.vehicle not null default 'bike'",
            2,
        ),
        (
            "alter type vehicle add value 'bike';\n\nCOMMIT;\nBEGIN;\nupdate fleet set kind = 'bike'",
            3,
        ),
        (
            "begin; alter type a.vehicle add value 'bike'; select cast('bike' as a.vehicle); commit",
            1,
        ),
        (
            "create type other as enum ('bike'); alter type vehicle add value 'x';\nselect 'x'::vehicle",
            2,
        ),
    ] {
        assert_eq!(refusal(text), (line, NEW_VALUE.to_owned()), "{text}");
    }
    for text in [
        "alter type vehicle add value 'bike'; update fleet set kind = 'van'",
        "alter type vehicle add value 'bike'; alter type vehicle add value 'tram' after 'bike'",
        "create type vehicle as enum ('van'); alter type vehicle add value 'bike'; select 'bike'::vehicle",
        "alter type vehicle add value 'bike'; create index concurrently i on t (a); select 'bike'::vehicle",
        "begin; alter type vehicle add value 'bike'; commit",
        "alter type a.vehicle add value 'bike'; select 'bike'::b.vehicle",
        // Of what else the literal is, the server knows.
        "alter type vehicle add value 'bike'; insert into labels (name) values ('bike')",
        "alter type vehicle add value 'bike'; select 'bike', 'bike'::text; comment on type vehicle is 'bike'",
        "alter type vehicle add value 'bike'; create table t (kind vehicle, name text default 'bike')",
    ] {
        assert!(try_script(text).is_ok(), "{text}");
    }
}

#[test]
fn the_use_of_a_new_enum_value_in_a_column_is_foreseen_where_the_catalogue_has_the_column_of_that_type() {
    let named = |schema: &str, name: &str| (schema.to_owned(), name.to_owned());
    let mut catalogue = Catalogue::default();
    for (schema, table) in [("public", "fleet"), ("public", "labels"), ("app", "labels")] {
        catalogue.relations.insert(named(schema, table), true);
    }
    let columns = |column: &str, of: &str| [(column.to_owned(), named("public", of))].into();
    catalogue
        .enum_columns
        .insert(named("public", "fleet"), columns("kind", "vehicle"));
    catalogue
        .enum_columns
        .insert(named("app", "labels"), columns("name", "vehicle"));
    let values = ["van", "tram"].map(str::to_owned);
    catalogue.enums.insert(named("public", "vehicle"), values.into());
    let foreseen = |texts: &[&str]| {
        let scripts: Vec<_> = texts.iter().map(|text| script(text)).collect();
        let (number, error) = used_new_value(&scripts.iter().collect::<Vec<_>>(), &catalogue)?;
        assert_eq!(error.refusal.to_string(), NEW_VALUE);
        Some((number, error.line))
    };
    let add = "alter type vehicle add value 'bike';\n";
    for text in [
        "update fleet set kind = 'bike'",
        "update only public.fleet f set n = 1, kind = 'bike' where n = 2",
        "insert into fleet (n, kind) values (1, 'van'), (2, 'bike')",
        "insert into fleet (kind) values ('bike') on conflict do nothing",
        "alter table fleet alter column kind set default 'bike'",
        "insert into app.labels (name) values ('bike')",
    ] {
        let used = format!("{add}{text}");
        // A change of the table before it may have given the column another type.
        let changed = format!("alter table fleet alter kind type text; alter table labels add n int; {used}");
        assert_eq!(foreseen(&["select 1", &used]), Some((1, 2)), "{text}");
        assert_eq!(foreseen(&[&changed]), None, "{text}");
    }
    for text in [
        "insert into labels (name) values ('bike')",
        "update labels set name = 'bike'",
        "update fleet set name = 'bike'",
        "insert into fleet (kind, name) values ('van', 'bike')",
        "insert into fleet (name, kind) values (lower('bike'), 'van'), ('bike', 'van')",
        "update fleet set n = (select 1 from labels where name = 'bike')",
        "insert into elsewhere (kind) values ('bike')",
    ] {
        assert_eq!(foreseen(&[&format!("{add}{text}")]), None, "{text}");
    }
    // What was there before can be used.
    let again =
        |value: &str| format!("alter type vehicle add value if not exists '{value}';\nselect '{value}'::vehicle");
    assert_eq!(foreseen(&[&again("tram")]), None);
    assert_eq!(foreseen(&[&again("bike")]), Some((0, 2)));
    let two = [add, "update fleet set kind = 'bike'"];
    assert_eq!(foreseen(&two), None, "two files");
}

const COMMITS: &str = "a DO block or procedure that commits: what it did before it fails or is interrupted could not be known; \
     leave COMMIT and ROLLBACK out, or run it by hand, outside of migrations";

#[test]
fn a_do_block_that_commits_is_refused() {
    for (text, line) in [
        ("select 1;\ndo $$ begin update t set a = 1; commit; end $$", 2),
        (
            "do $$ begin for k in 0..2 loop update t set a = k;\n rollback; end loop; end $$",
            1,
        ),
        ("do $$ begin begin commit; end; end $$", 1),
    ] {
        assert_eq!(refusal(text), (line, COMMITS.to_owned()), "{text}");
    }
    assert!(try_script("do $$ begin null; exception when others then null; end $$").is_ok());
}

/// `public.refill` commits.
fn catalogue() -> Catalogue {
    let routine = |commits| Routine {
        commits,
        ..Routine::default()
    };
    let name = |name: &str| ("public".to_owned(), name.to_owned());
    Catalogue {
        routines: [(name("refill"), routine(true)), (name("tidy"), routine(false))].into(),
        ..Catalogue::default()
    }
}

fn calls(texts: &[&str]) -> Option<(usize, u32)> {
    let scripts: Vec<Script> = texts.iter().map(|text| script(text)).collect();
    let (number, error) = committing_call(&scripts.iter().collect::<Vec<_>>(), &catalogue())?;
    assert_eq!(error.refusal.to_string(), COMMITS);
    Some((number, error.line))
}

#[test]
fn the_call_of_a_procedure_that_commits_is_foreseen() {
    let fill = "create procedure public.fill() language plpgsql as $$ begin update t set a = 1; commit; end $$;";
    assert_eq!(calls(&[fill, "select 1;\ncall public.fill();"]), Some((1, 2)));
    assert_eq!(calls(&[&format!("{fill}\ncall fill()")]), Some((0, 2)));
    let outer = "create procedure outer_fill() language plpgsql as $$ begin call public.fill(); end $$;";
    assert_eq!(calls(&[fill, outer, "call outer_fill()"]), Some((2, 1)));
    assert_eq!(calls(&[fill, "call other.fill(); call public.other()"]), None);
    assert_eq!(calls(&[fill, outer]), None);
    assert_eq!(calls(&["select 1", "call public.refill()"]), Some((1, 1)));
    assert_eq!(calls(&["call refill()"]), Some((0, 1)));
    assert_eq!(calls(&["call tidy(); call app.refill()"]), None);
}

#[test]
fn the_server_gets_whole_statements_where_the_ledger_has_pieces() {
    let rule =
        "create rule r as on delete to basket do also (\n  insert into log values (old.id);\n  delete from seen;\n)";
    let text = format!("select 1;\n{rule};\nselect 2;");
    let read = script(&text);
    assert_eq!(sent(&read), ["select 1", rule, "select 2"]);
    assert_eq!((read.unread.len(), read.recorded.len()), (0, 5));

    // The CLI's first `)` closes all parentheses, and a backslash hides what follows it.
    let nested = "create rule r as on delete to b do also (insert into l values (1); delete from s; select 2)";
    let read = script(&format!("{nested}; select 3"));
    assert_eq!(sent(&read), [nested, "select 3"]);
    assert_ne!(read.recorded.len(), 2);

    let atomic =
        "create function f(a int) returns int begin atomic select case when a = 1 then 2 end; select 1 as \"end\"; end";
    assert_eq!(
        sent(&script(&format!("{atomic}; drop table t"))),
        [atomic, "drop table t"]
    );
    assert_eq!(sent(&script("select begin atomic from t; select 2")).len(), 2);
}

#[test]
fn a_message_of_which_the_server_would_make_several_statements_is_not_read_as_one() {
    // A label without AS that is called `case`: the server's body ends before the second statement.
    let text = "create function f() returns int begin atomic select 1 case; end; drop table victim; \
                select case when true then 1 end; end";
    let read = try_script(text).map(|script| script.unread.len());
    assert!(matches!(read, Ok(1) | Err(_)), "{read:?}");
    // The server finds a syntax error in the whole message, and runs none of it.
    let script = script("create rule r as on insert to t do also (select 1; drop table victim; ");
    assert_eq!(script.unread.len(), 1);
}
