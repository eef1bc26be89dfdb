use std::{collections::BTreeSet, time::Duration};

use crate::bed::{Bed, public, taken, texts};
use ace_database::{Connection, Fingerprint, ObjectClass, Reading, differences};
use tokio::time::timeout;

#[tokio::test]
async fn a_table_that_somebody_holds_makes_the_schema_unknown_and_leaves_the_session_usable() {
    let bed = Bed::start("CREATE TABLE public.t (a integer DEFAULT 1, CHECK (a > 0))").await;
    let before = bed.fingerprint().await;
    bed.run("BEGIN; LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE").await;
    assert_eq!(bed.look().await, Reading::Busy);
    let gate = bed.connection.gate().await.unwrap();
    bed.run("ROLLBACK").await;
    assert_eq!(bed.fingerprint().await, before);
    assert_eq!(bed.connection.gate().await.unwrap(), gate);
}

#[tokio::test]
async fn a_table_that_the_role_may_not_read_is_seen() {
    let mut bed = Bed::start("").await;
    let superuser = bed.server.superuser().await;
    let hidden =
        "CREATE TABLE public.hidden (a integer DEFAULT 1 CHECK (a > 0)); REVOKE ALL ON public.hidden FROM postgres";
    superuser.batch_execute(hidden).await.unwrap();
    let classes: BTreeSet<_> = bed
        .fingerprint()
        .await
        .objects()
        .filter(|it| it.name.contains("hidden"))
        .map(|it| it.class)
        .collect();
    let expected = [
        ObjectClass::Table,
        ObjectClass::Column,
        ObjectClass::Constraint,
        ObjectClass::Grant,
    ];
    assert_eq!(classes, BTreeSet::from(expected));
}

#[tokio::test]
async fn members_of_an_extension_are_left_out_with_all_that_hangs_on_them() {
    let mut bed = Bed::start("").await;
    let superuser = bed.server.superuser().await;
    let before = bed.fingerprint().await;
    // It brings functions, operators, types, casts and a view.
    superuser
        .batch_execute("CREATE EXTENSION hstore SCHEMA public; ALTER EXTENSION pg_stat_statements SET SCHEMA public")
        .await
        .unwrap();
    assert_eq!(
        texts(differences(&before, &bed.fingerprint().await)),
        Vec::<[String; 3]>::new()
    );
    let member = "CREATE TABLE public.t (a serial PRIMARY KEY); ALTER EXTENSION hstore ADD TABLE public.t; \
        ALTER EXTENSION hstore ADD SEQUENCE public.t_a_seq; CREATE DOMAIN public.d AS text CHECK (VALUE <> ''); \
        ALTER EXTENSION hstore ADD DOMAIN public.d";
    superuser.batch_execute(member).await.unwrap();
    let names: Vec<_> = bed
        .fingerprint()
        .await
        .objects()
        .map(|it| it.name)
        .filter(|name| !before.objects().any(|it| it.name == *name))
        .collect();
    assert_eq!(names, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_session_prefers_does_not_change_what_is_seen() {
    let bed = Bed::start(
        "CREATE TABLE public.t (at timestamptz DEFAULT '2026-01-01 12:00:00+00', long interval DEFAULT '1 day 2 hours',
           raw bytea DEFAULT '\\x00ff', path text DEFAULT 'a\\b', share double precision DEFAULT 0.1)",
    )
    .await;
    let plain = bed.fingerprint().await;
    let settings = "SET search_path = public; SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'iso_8601'; \
        SET bytea_output = 'escape'; SET standard_conforming_strings = off; SET quote_all_identifiers = on; SET extra_float_digits = -10";
    // For the database, so that the connection of the fingerprint begins with them.
    for setting in settings.split("; ") {
        bed.run(&setting.replacen("SET", "ALTER ROLE postgres IN DATABASE postgres SET", 1))
            .await;
    }
    let connection = Connection::open(&bed.server.access()).await.unwrap();
    let peculiar = taken(connection.fingerprint(&public()).await.unwrap());
    assert_eq!(peculiar, plain);
}

#[tokio::test]
async fn only_the_named_schemas_are_seen_and_an_absent_one_has_nothing() {
    let bed = Bed::start("CREATE SCHEMA \"Über\"; CREATE TABLE \"Über\".t (a integer)").await;
    let of = async |schemas: &[&str]| -> Fingerprint {
        let schemas: Vec<_> = schemas.iter().map(|&schema| schema.to_owned()).collect();
        taken(bed.connection.fingerprint(&schemas).await.unwrap())
    };
    let names: Vec<_> = of(&["Über", "absent", "x'y\\"])
        .await
        .objects()
        .map(|it| format!("{}/{}", it.class, it.name))
        .collect();
    let expected = [
        "schema/\"Über\"",
        "table/\"Über\".t",
        "column/\"Über\".t.a",
        "grant/schema \"Über\" to postgres",
        "grant/table \"Über\".t to postgres",
    ];
    assert_eq!(names, expected);
    assert!(of(&["absent"]).await.is_empty());
    assert!(of(&[]).await.is_empty());
}

#[tokio::test]
async fn a_fingerprint_writes_nothing_and_leaves_no_transaction() {
    let bed = Bed::start("CREATE TABLE public.t (a integer DEFAULT 1)").await;
    let facts = async || {
        let facts = "SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text || ' ' || state \
            FROM pg_catalog.pg_stat_activity WHERE application_name = 'ace-operator'";
        let row = bed.psql.query_one(facts, &[]).await.unwrap();
        row.get::<_, String>(0)
    };
    bed.fingerprint().await;
    let before = facts().await;
    assert!(before.ends_with(" idle"), "{before}");
    bed.fingerprint().await;
    bed.connection.gate().await.unwrap();
    assert_eq!(facts().await, before);
    bed.run("BEGIN; LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE").await;
    assert_eq!(bed.look().await, Reading::Busy);
    bed.run("COMMIT").await;
    assert!(facts().await.ends_with(" idle"));
}

#[tokio::test]
async fn what_was_half_read_before_a_change_and_half_after_it_is_no_fingerprint() {
    let bed = Bed::start(
        "CREATE TABLE public.t (a text DEFAULT 'one'); CREATE POLICY p ON public.t USING (a = 'one');
         CREATE VIEW public.v AS SELECT a FROM public.t WHERE a < 'one'",
    )
    .await;
    let before = bed.fingerprint().await;
    bed.run(
        "BEGIN; ALTER TABLE public.t ALTER a SET DEFAULT 'two'; ALTER POLICY p ON public.t USING (a = 'two');
         CREATE OR REPLACE VIEW public.v AS SELECT a FROM public.t WHERE a < 'two'",
    )
    .await;
    // The fingerprint has read rows of catalogues, and waits for the table; then it reads the view as it is after the change.
    let commit = async {
        let waits = "SELECT 1 FROM pg_catalog.pg_locks WHERE NOT granted";
        while bed.psql.query(waits, &[]).await.unwrap().is_empty() {}
        bed.run("COMMIT").await;
    };
    let both = async { tokio::join!(bed.look(), commit) };
    let (look, ()) = timeout(Duration::from_mins(1), both).await.unwrap();
    assert_eq!(look, Reading::Busy);
    assert_eq!(differences(&before, &bed.fingerprint().await).len(), 3);
}

#[tokio::test]
async fn what_only_a_superuser_makes_is_seen_and_its_options_are_not_shown() {
    let mut bed = Bed::start("").await;
    bed.psql = bed.server.superuser().await;
    let sql = "CREATE EXTENSION file_fdw SCHEMA extensions; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; \
        CREATE FOREIGN TABLE public.file (a text OPTIONS (force_null 'true')) SERVER files OPTIONS (filename '/canary'); \
        CREATE PUBLICATION everything FOR TABLES IN SCHEMA public; \
        CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql LEAKPROOF AS 'SELECT 1'";
    let changed = bed.change(sql).await;
    assert!(!format!("{changed:?}").contains("canary"));
    let texts = |path: &str| {
        let [_, _, observed] = changed.iter().find(|[it, ..]| it == path).unwrap();
        observed.split_inclusive("sha256:").next().unwrap().to_owned()
    };
    assert_eq!(
        texts("table/public.file"),
        "foreign table, row security disabled, server files, options sha256:"
    );
    assert_eq!(texts("column/public.file.a"), "text options sha256:");
    assert_eq!(texts("publication/everything of schema public"), "all tables");
    assert_eq!(
        texts("function/public.f()"),
        "returns integer, language sql, leakproof, body sha256:"
    );
}
