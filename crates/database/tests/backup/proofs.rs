use ace_database::{Attempt, Detail, Difference, ProofError, Requirement, Scope, Snapshot, TableName, Unmet};
use jiff::Timestamp;

use crate::bed::{APPLICATION, Bed};

/// Twenty types and more, of which settings change how most are written.
const TYPES: &str = r#"
    CREATE TYPE public.mood AS ENUM ('low', 'high');
    CREATE TYPE public.pair AS (a int, b text);
    CREATE DOMAIN public.code AS text CHECK (VALUE <> '');
    CREATE TABLE public.types (
      t boolean, i smallint, big bigint, n numeric, r real, d double precision, m money, x text, c char(5), b bytea,
      at timestamptz, ts timestamp, day date, clock time, tz timetz, span interval, id uuid, j json, jb jsonb, ip inet,
      net cidr, mac macaddr, bits bit(3), v varbit, p point, box box, words tsvector, q tsquery, range int4range,
      spans tstzrange, many int4multirange, list text[], moods public.mood[], pair public.pair, code public.code, oid oid,
      class regclass, lsn pg_lsn, path jsonpath, "t." text, made text GENERATED ALWAYS AS (lower(x)) STORED
    );
    INSERT INTO public.types VALUES (
      true, -1, 9223372036854775807, 'NaN', 0.1, 0.1::float8 + 0.2::float8, 12.34, E'ü\n"\\', 'ab', '\x00ff5c',
      '2026-03-29 02:30:00+02', '0044-03-15 12:00 BC', 'infinity', '23:59:60', '12:00+05:30', '1 year -2 mons 3.5 secs',
      '00000000-0000-0000-0000-000000000001', '{"a" : 1}', '{"b": [1, null]}', '::1/128', '10.0.0.0/8', '08:00:2b:01:02:03',
      B'101', B'1', '(1.5,-0)', '(1,1),(0,0)', 'a:1 fat:2', 'fat & rat', '[1,5)', '["2026-01-01 00:00+00",)',
      '{[1,2),[5,8)}', ARRAY['a,b', NULL, '"'], ARRAY['high']::public.mood[], ROW(1, 'x, y'), 'c', 7, 'pg_class', '16/B374D848',
      '$.a[*]', 'x'
    );
    INSERT INTO public.types (t) VALUES (NULL);
"#;

fn table(name: &str) -> TableName {
    TableName::new("public", name)
}

/// What is in `public`.
fn own() -> Scope {
    Scope::without(
        &["auth", "storage", "supabase_functions", "supabase_migrations"].map(str::to_owned),
        [],
    )
}

#[tokio::test]
async fn a_proof_is_the_same_whatever_settings_role_and_database_have() {
    let bed = Bed::new(TYPES).await;
    let snapshot = bed.snapshot().await;
    let proof = snapshot.prove(&bed.access(), APPLICATION, Detail::Rows).await.unwrap();
    snapshot.release().await;
    let database = &bed.database;
    bed.as_superuser(&format!(
        "ALTER DATABASE {database} SET DateStyle = 'German'; ALTER DATABASE {database} SET TimeZone = 'Asia/Tokyo'; \
         ALTER DATABASE {database} SET IntervalStyle = 'iso_8601'; ALTER DATABASE {database} SET extra_float_digits = -5; \
         ALTER DATABASE {database} SET bytea_output = 'escape'; ALTER DATABASE {database} SET search_path = 'auth'; \
         ALTER DATABASE {database} SET row_security = 'on'; ALTER DATABASE {database} SET quote_all_identifiers = on"
    ))
    .await;
    let snapshot = bed.snapshot().await;
    let again = snapshot.prove(&bed.access(), APPLICATION, Detail::Rows).await.unwrap();
    assert_eq!(proof.differences(&again), []);
    assert_eq!(proof.tables[&table("types")].rows, 2);

    // One value of one row is enough.
    for change in ["d = 0.3", "b = '\\x00ff5d'", "pair = ROW(1, 'x,y')", "\"t.\" = NULL"] {
        bed.run(&format!("UPDATE public.types SET {change} WHERE t")).await;
        snapshot.prove_held().await.unwrap();
    }
    snapshot.release().await;
    let snapshot = bed.snapshot().await;
    let changed = snapshot.prove(&bed.access(), APPLICATION, Detail::Rows).await.unwrap();
    assert_eq!(proof.differences(&changed), [Difference::Content(table("types"))]);
}

#[tokio::test]
async fn a_proof_has_the_rows_of_its_snapshot_and_none_that_came_later() {
    let bed = Bed::new("CREATE TABLE public.items AS SELECT generate_series(1, 100) AS id").await;
    let snapshot = bed.snapshot().await;
    bed.run("DELETE FROM public.items WHERE id <= 50; INSERT INTO public.items VALUES (1000)")
        .await;
    let proof = snapshot.prove(&bed.access(), APPLICATION, Detail::Rows).await.unwrap();
    assert_eq!(proof.tables[&table("items")].rows, 100);
    snapshot.release().await;
    let later = bed
        .snapshot()
        .await
        .prove(&bed.access(), APPLICATION, Detail::Rows)
        .await
        .unwrap();
    let differs = Difference::Rows {
        table: table("items"),
        source: 100,
        restored: 51,
    };
    assert_eq!(proof.differences(&later), [differs]);
}

#[tokio::test]
async fn row_security_can_not_hide_rows_from_a_proof() {
    let bed = Bed::new(
        "CREATE TABLE public.secrets AS SELECT generate_series(1, 10) AS id; ALTER TABLE public.secrets ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY few ON public.secrets FOR SELECT USING (id <= 3)",
    )
    .await;
    let access = bed.limited("GRANT SELECT ON public.secrets TO {role}").await;
    let scope = own();
    let Attempt::Taken(snapshot) = Snapshot::take(&access, APPLICATION, &scope, Timestamp::now())
        .await
        .unwrap()
    else {
        panic!("not taken");
    };
    let refused = snapshot.prove(&access, APPLICATION, Detail::Rows).await.unwrap_err();
    assert_eq!(refused, ProofError::Hidden(vec![table("secrets")]));
    assert!(refused.to_string().contains("BYPASSRLS"), "{refused}");
    // A role that row security does not bind has all rows of the same snapshot.
    let proof = snapshot.prove(&bed.access(), APPLICATION, Detail::Rows).await.unwrap();
    assert_eq!(proof.rows_of(&table("secrets")), Some(10));
}

#[tokio::test]
async fn a_table_that_may_not_be_read_is_named() {
    let bed = Bed::new("CREATE TABLE public.open (id int); CREATE TABLE public.closed (id int)").await;
    let access = bed.limited("GRANT SELECT ON public.open TO {role}").await;
    let snapshot = bed.snapshot_of(&own()).await;
    let refused = snapshot.prove(&access, APPLICATION, Detail::Counts).await.unwrap_err();
    assert_eq!(refused, ProofError::Unreadable(vec![table("closed")]));
}

#[tokio::test]
async fn partitions_are_counted_and_a_requirement_is_of_exact_names() {
    let bed = Bed::new(
        "CREATE TABLE public.events (at date, n int) PARTITION BY RANGE (at); \
         CREATE TABLE public.events_1 PARTITION OF public.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01'); \
         CREATE TABLE public.events_2 PARTITION OF public.events DEFAULT; \
         INSERT INTO public.events SELECT '2025-12-30'::date + n, n FROM generate_series(1, 5) n; \
         CREATE TABLE public.parent (a int); CREATE TABLE public.child (b int) INHERITS (public.parent); \
         INSERT INTO public.parent VALUES (1); INSERT INTO public.child VALUES (2, 3); \
         CREATE TABLE public.empty (a int); CREATE UNLOGGED TABLE public.fast AS SELECT 1 AS a; \
         CREATE VIEW public.seen AS SELECT 1 AS a; CREATE TABLE public.nothing ()",
    )
    .await;
    let snapshot = bed.snapshot().await;
    let proof = snapshot
        .prove(&bed.access(), APPLICATION, Detail::Counts)
        .await
        .unwrap();
    let rows = |name: &str| proof.rows_of(&table(name));
    assert_eq!(
        [rows("events_1"), rows("events_2"), rows("events")],
        [Some(4), Some(1), Some(5)]
    );
    assert_eq!(
        [rows("parent"), rows("child"), rows("fast"), rows("nothing")],
        [Some(1), Some(1), Some(1), Some(0)]
    );
    assert!(
        !proof.tables.contains_key(&table("events")) && proof.tables.values().all(|counted| counted.hash.is_none())
    );

    let required = |name: &str, min_rows| {
        Requirement {
            table: table(name),
            min_rows,
        }
        .met_by(&proof)
    };
    assert_eq!(required("events", 5), Ok(()));
    assert_eq!(required("empty", 0), Ok(()));
    let too_few = Unmet::TooFewRows {
        table: table("empty"),
        rows: 0,
        min_rows: 1,
    };
    assert_eq!(required("empty", 1), Err(too_few));
    for absent in ["event", "Events", "seen", "sms_opt_ins"] {
        assert_eq!(required(absent, 0), Err(Unmet::Absent(table(absent))), "{absent}");
    }
    snapshot.release().await;
    let scope = Scope::without(&[], [table("events")]);
    let without = bed.snapshot_of(&scope).await;
    let proof = without.prove(&bed.access(), APPLICATION, Detail::Counts).await.unwrap();
    assert_eq!(
        Requirement {
            table: table("events"),
            min_rows: 0
        }
        .met_by(&proof),
        Err(Unmet::Absent(table("events")))
    );
}
