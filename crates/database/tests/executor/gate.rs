//! What a plan is said to do is what the server makes of it.

use ace_database::{RunError, Session};
use ace_domain::{
    kinds::migration_set::SyntaxCheck,
    sql::{Catalogue, RiskClass, assess, read, used_new_value},
};

use crate::bed::{Bed, Migration, file, migration, run};

const VICTIM: &str = "CREATE TABLE public.victim AS SELECT generate_series(1, 3) AS a";
/// With backslashes as escapes its string ends later, and the table is dropped.
const TWO_READINGS: &str = r"SELECT '\' || '; DROP TABLE public.victim; --'";

async fn rows(bed: &Bed) -> Vec<String> {
    bed.column("SELECT coalesce(string_agg(a::text, ',' ORDER BY a), '') FROM public.victim")
        .await
}

#[tokio::test]
async fn strings_are_read_as_we_read_them_whatever_the_role_the_database_or_the_file_has_set() {
    let bed = Bed::new().await;
    bed.as_superuser(VICTIM).await;
    let default = format!("ALTER DATABASE {} SET standard_conforming_strings = off", bed.database);
    bed.as_superuser(&default).await;
    let mut session = bed.session().await;
    run(&mut session, &[TWO_READINGS]).await.unwrap();
    assert_eq!(rows(&bed).await, ["1,2,3"]);

    for (version, sets) in [
        (
            "2",
            "SELECT set_config('standard_conforming' || '_strings', 'off', false)",
        ),
        (
            "3",
            "DO $$ BEGIN EXECUTE 'SET standard_conforming' || '_strings = off'; END $$",
        ),
        ("4", "SELECT set_config('client' || '_encoding', 'SJIS', true)"),
    ] {
        let migration = crate::bed::migration(version, &[sets, TWO_READINGS]);
        migration.run(&mut session).await.unwrap();
        assert_eq!(rows(&bed).await, ["1,2,3"], "{sets}");
    }
}

#[tokio::test]
async fn the_check_of_a_statement_refuses_several_in_one() {
    let bed = Bed::new().await;
    let session = bed.session().await;
    for (text, parses) in [
        ("SELECT 1; DROP TABLE public.victim", false),
        (TWO_READINGS, true),
        (
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 case; END; DROP TABLE public.victim; \
             SELECT CASE WHEN true THEN 1 END; END",
            false,
        ),
        (
            "CREATE RULE r AS ON DELETE TO public.t DO ALSO (SELECT 1; SELECT 2)",
            true,
        ),
    ] {
        let answer = session.parses(text).await.unwrap();
        assert_eq!(answer == SyntaxCheck::Parses, parses, "{text}: {answer:?}");
    }
}

#[tokio::test]
async fn a_rule_with_several_commands_runs_and_is_recorded_as_the_cli_cuts_it() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let text = "CREATE TABLE public.b (id int);\nCREATE TABLE public.l (id int);\n\
        CREATE RULE gone AS ON DELETE TO public.b DO ALSO (\n  INSERT INTO public.l VALUES (OLD.id);\n\
        \x20 DELETE FROM public.l WHERE id = 0;\n);\n";
    let file = file("1", text);
    let script = read(&file).unwrap();
    let recorded = i32::try_from(script.recorded.len()).unwrap();
    Migration { file, script }.run(&mut session).await.unwrap();
    assert_eq!(
        bed.column("SELECT rulename::text FROM pg_rules").await.last().unwrap(),
        "gone"
    );
    let cut = "SELECT cardinality(statements)::text FROM supabase_migrations.schema_migrations";
    assert_eq!(bed.column(cut).await, [recorded.to_string()]);
}

/// What is done to the table, and what is not.
const DEEDS: [&str; 9] = [
    "DELETE FROM public.victim",
    "TRUNCATE public.victim",
    "UPDATE public.victim SET a = 0",
    "DROP TABLE public.victim",
    "ALTER TABLE public.victim DROP COLUMN a",
    "SELECT public.there_before()",
    "SELECT count(*) FROM public.victim",
    "SELECT 'DROP TABLE public.victim'",
    "CREATE TABLE public.other_things (a int)",
];

/// The ways in which a file may have a statement run; `$` stands for it.
const WAYS: [&str; 18] = [
    "$",
    "DO $$ BEGIN PERFORM 1; IF true THEN $; END IF; END $$",
    "DO $$ BEGIN EXECUTE '$'; END $$",
    "DO $$ DECLARE s text := '$'; BEGIN EXECUTE s; END $$",
    "CREATE FUNCTION public.f() RETURNS void LANGUAGE sql AS $b$ $; $b$; SELECT public.f()",
    "CREATE FUNCTION public.f() RETURNS void LANGUAGE sql AS $b$ $; $b$; INSERT INTO public.log SELECT 1 WHERE f() IS NULL",
    "CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $b$ BEGIN $; END $b$; SELECT U&\"\\0066\"()",
    "CREATE PROCEDURE public.f() LANGUAGE plpgsql AS $b$ BEGIN $; END $b$; CALL f()",
    "CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE plpgsql AS $b$ BEGIN $; END $b$; SELECT pg_temp.f()",
    "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $b$ BEGIN $; RETURN NEW; END $b$; \
     CREATE TRIGGER t BEFORE INSERT ON public.log FOR EACH ROW EXECUTE FUNCTION public.f(); INSERT INTO public.log VALUES (1)",
    "CREATE FUNCTION public.g() RETURNS int LANGUAGE plpgsql AS $b$ BEGIN $; RETURN 1; END $b$; \
     CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS $b$ SELECT g() $b$; SELECT 1 FROM f()",
    "CREATE FUNCTION public.f() RETURNS int LANGUAGE plpgsql AS $b$ BEGIN $; RETURN 1; END $b$; \
     ALTER TABLE public.log ADD COLUMN b int DEFAULT public.f()",
    "CREATE FUNCTION public.f() RETURNS int LANGUAGE plpgsql AS $b$ BEGIN $; RETURN 1; END $b$; \
     CREATE VIEW public.v WITH (security_invoker) AS SELECT public.f(); SELECT * FROM public.v",
    "CREATE FUNCTION public.f(int, int) RETURNS bool LANGUAGE plpgsql AS $b$ BEGIN $; RETURN true; END $b$; \
     CREATE OPERATOR public.=== (leftarg = int, rightarg = int, function = public.f); SELECT 1 OPERATOR(public.===) 2",
    "CREATE FUNCTION public.f() RETURNS int LANGUAGE plpgsql AS $b$ BEGIN $; RETURN 1; END $b$; \
     INSERT INTO public.log VALUES (1), (2), (f())",
    "CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $b$ BEGIN $; END $b$; ALTER FUNCTION public.f() RENAME TO h; \
     SELECT h()",
    "PREPARE p AS $; EXECUTE p",
    "EXPLAIN ANALYZE $",
];

async fn intact(bed: &Bed) -> bool {
    let there = "SELECT 1::text FROM pg_attribute WHERE attrelid = to_regclass('public.victim') AND attname = 'a' \
                 AND NOT attisdropped";
    !bed.column(there).await.is_empty() && rows(bed).await == ["1,2,3"]
}

/// The classes of a file as a set would see it; `None` if it is refused.
async fn classes(session: &Session, catalogue: &Catalogue, migration: &Migration) -> Option<Vec<RiskClass>> {
    for unread in &migration.script.unread {
        if session
            .parses(&migration.file.text[unread.range.clone()])
            .await
            .unwrap()
            != SyntaxCheck::Parses
        {
            return None;
        }
    }
    let risks = assess(&[&migration.script], catalogue).remove(0);
    Some(risks.iter().map(|risk| risk.class).collect())
}

#[tokio::test]
async fn the_rows_of_a_table_are_what_they_were_unless_a_class_was_named() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let (mut harmed, mut unharmed) = (0, 0);
    for (number, (way, deed)) in WAYS
        .iter()
        .flat_map(|way| DEEDS.iter().map(move |deed| (way, deed)))
        .enumerate()
    {
        bed.as_superuser(&format!(
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO PUBLIC; {VICTIM}; \
                 CREATE TABLE public.log (a int); ALTER TABLE public.log OWNER TO postgres; \
                 ALTER TABLE public.victim OWNER TO postgres; \
                 CREATE FUNCTION public.there_before() RETURNS bigint LANGUAGE sql AS \
                 'WITH gone AS (DELETE FROM public.victim RETURNING 1) SELECT count(*) FROM gone'"
        ))
        .await;
        let in_plpgsql = way.contains("BEGIN");
        let deed = if in_plpgsql && !way.contains("EXECUTE") {
            deed.replace("SELECT", "PERFORM")
        } else {
            (*deed).to_owned()
        };
        let deed = if way.contains("'$'") {
            deed.replace('\'', "''")
        } else {
            deed
        };
        let text = way.replace("$b$", "\u{1}").replace("$$", "\u{2}").replace('$', &deed);
        let text = text.replace('\u{1}', "$b$").replace('\u{2}', "$$");
        let file = file(&(number + 1).to_string(), &text);
        let script = read(&file).unwrap_or_else(|error| panic!("{text}: {error}"));
        let migration = Migration { file, script };
        let catalogue = session.catalogue(1_000).await.unwrap();
        let Some(classes) = classes(&session, &catalogue, &migration).await else {
            continue;
        };
        // Some are no valid SQL; those change nothing.
        let ran = migration.run(&mut session).await.is_ok();
        let named = classes.iter().any(|class| {
            matches!(class, RiskClass::DataLoss | RiskClass::Opaque)
                || (*class == RiskClass::DataChange && text.contains("UPDATE"))
        });
        let intact = intact(&bed).await;
        assert!(intact || named, "{text}: {classes:?}");
        harmed += usize::from(!intact);
        unharmed += usize::from(intact && ran && !named);
    }
    // It tells apart: a gate that names everything, or lets nothing run, shows nothing.
    assert!(harmed > 60 && unharmed > 25, "{harmed} {unharmed}");
}

#[tokio::test]
async fn the_use_of_a_new_enum_value_that_is_foreseen_is_refused_by_the_server_and_a_text_that_is_alike_runs() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let there = [
        "CREATE TYPE vehicle AS ENUM ('van', 'tram')",
        "CREATE TABLE fleet (n int, kind vehicle)",
        "CREATE TABLE labels (name text)",
        "CREATE FUNCTION takes(vehicle) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ];
    migration("1", &there).run(&mut session).await.unwrap();
    let catalogue = session.catalogue(1_000).await.unwrap();
    let version = bed.column("SELECT current_setting('server_version_num')").await;
    let takes_values_of_a_new_type = version[0].parse::<u32>().unwrap() >= 170_000;
    let adds = "ALTER TYPE vehicle ADD VALUE 'bike'";
    for (foreseen, fails, texts) in [
        (true, true, &[adds, "SELECT 'bike'::vehicle"][..]),
        (
            true,
            true,
            &[adds, "CREATE TABLE t (kind vehicle NOT NULL DEFAULT 'bike')"],
        ),
        (true, true, &[adds, "UPDATE fleet SET n = 1, kind = 'bike' WHERE false"]),
        (
            true,
            true,
            &[adds, "INSERT INTO fleet (n, kind) VALUES (1, 'van'), (2, 'bike')"],
        ),
        (true, true, &[adds, "ALTER TABLE fleet ALTER kind SET DEFAULT 'bike'"]),
        // The server knows.
        (false, true, &[adds, "SELECT FROM fleet WHERE kind = 'bike'"]),
        (false, true, &[adds, "SELECT takes('bike')"]),
        (false, true, &[adds, "INSERT INTO fleet VALUES (1, 'bike')"]),
        (
            false,
            false,
            &[
                adds,
                "INSERT INTO labels (name) VALUES ('bike')",
                "UPDATE labels SET name = 'bike'",
            ],
        ),
        (
            false,
            false,
            &[
                "ALTER TYPE vehicle ADD VALUE IF NOT EXISTS 'tram'",
                "SELECT 'tram'::vehicle",
            ],
        ),
        (
            false,
            false,
            &[
                "ALTER TABLE fleet ALTER kind TYPE text",
                adds,
                "UPDATE fleet SET kind = 'bike'",
            ],
        ),
        (
            false,
            !takes_values_of_a_new_type,
            &[
                "CREATE TYPE other AS ENUM ('van')",
                "ALTER TYPE other ADD VALUE 'bike'",
                "SELECT 'bike'::other",
            ],
        ),
    ] {
        let script = read(&file("2", &texts.join(";\n")));
        let is_foreseen = script.map_or(true, |script| used_new_value(&[&script], &catalogue).is_some());
        assert_eq!(is_foreseen, foreseen, "{texts:?}");
        let outcome = migration("2", texts).run(&mut session).await;
        match &outcome {
            Err(RunError::Sql { state, line, .. }) => {
                let last = u32::try_from(texts.len()).ok();
                assert_eq!((state.as_str(), *line, fails), ("55P04", last, true), "{texts:?}");
            }
            outcome => assert_eq!(outcome.is_ok(), !fails, "{texts:?}: {outcome:?}"),
        }
        // As it was before.
        if outcome.is_ok() {
            let again = "DROP TABLE fleet, labels; DROP FUNCTION takes(vehicle); DROP TYPE vehicle; DROP TYPE IF EXISTS other; \
                 DELETE FROM supabase_migrations.schema_migrations; DELETE FROM ace_ops.migration";
            bed.as_superuser(again).await;
            migration("1", &there).run(&mut session).await.unwrap();
        }
    }
}
