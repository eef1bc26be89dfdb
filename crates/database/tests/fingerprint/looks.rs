use std::collections::BTreeSet;

use ace_database::{Connection, Fingerprint, Look, ObjectClass, differences};
use tokio_postgres::SimpleQueryMessage;

use crate::bed::{Bed, public, taken, told};

#[tokio::test]
async fn a_table_that_somebody_holds_makes_the_schema_unknown_and_leaves_the_session_usable() {
    let bed = Bed::start("CREATE TABLE public.t (a integer DEFAULT 1, CHECK (a > 0))").await;
    let before = bed.fingerprint().await;
    bed.run("BEGIN; LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE").await;
    assert_eq!(bed.look().await, Look::Busy);
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
        told(differences(&before, &bed.fingerprint().await)),
        Vec::<[String; 3]>::new()
    );
    let member = "CREATE TABLE public.t (a serial PRIMARY KEY); ALTER EXTENSION hstore ADD TABLE public.t; \
        ALTER EXTENSION hstore ADD SEQUENCE public.t_a_seq";
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
async fn what_a_session_prefers_does_not_change_what_is_seen_and_stays_as_it_was() {
    let bed = Bed::start(
        "CREATE TABLE public.t (at timestamptz DEFAULT '2026-01-01 12:00:00+00', long interval DEFAULT '1 day 2 hours',
           raw bytea DEFAULT '\\x00ff', path text DEFAULT 'a\\b', share double precision DEFAULT 0.1)",
    )
    .await;
    let plain = bed.fingerprint().await;
    let settings = "SET search_path = public; SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'iso_8601'; \
        SET bytea_output = 'escape'; SET standard_conforming_strings = off; SET quote_all_identifiers = on; SET extra_float_digits = -10";
    // For the database, so that the connection that looks begins with them.
    for setting in settings.split("; ") {
        bed.run(&setting.replacen("SET", "ALTER ROLE postgres IN DATABASE postgres SET", 1))
            .await;
    }
    let connection = Connection::open(&bed.server.access()).await.unwrap();
    let peculiar = taken(connection.fingerprint(&public()).await.unwrap());
    assert_eq!(peculiar, plain);
    // Still so in the same session: a second look is like the first.
    assert_eq!(taken(connection.fingerprint(&public()).await.unwrap()), plain);
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
async fn a_look_writes_nothing() {
    let bed = Bed::start("CREATE TABLE public.t (a integer)").await;
    let written = async || -> Option<String> {
        let rows = bed
            .psql
            .simple_query("SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())")
            .await
            .unwrap();
        rows.iter().find_map(|it| match it {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
    };
    bed.fingerprint().await;
    let before = written().await;
    bed.fingerprint().await;
    bed.connection.gate().await.unwrap();
    assert_eq!(written().await, before);
}
