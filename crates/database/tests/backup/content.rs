//! From a live database to a restored one: what is equal, and what is told.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ace_database::{Detail, Difference, Omission, Scope, TableName, check_archive};

use crate::bed::{APPLICATION, Bed, Cluster, everything, programs};

/// What a project has: rows that refer to users, row security, triggers, partitions, odd names.
const PROJECT: &str = r#"
    CREATE TYPE public.mood AS ENUM ('low', 'high');
    CREATE TABLE public.profiles (
      id uuid PRIMARY KEY REFERENCES auth.users, name text NOT NULL CHECK (name <> ''), mood public.mood DEFAULT 'low',
      upper_name text GENERATED ALWAYS AS (upper(name)) STORED
    );
    ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;
    ALTER TABLE public.profiles FORCE ROW LEVEL SECURITY;
    CREATE POLICY own ON public.profiles TO authenticated USING (id = auth.uid());
    CREATE TABLE public.items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, dropped text, note text, at timestamptz DEFAULT now());
    ALTER TABLE public.items DROP COLUMN dropped;
    ALTER TABLE public.items ADD CONSTRAINT later CHECK (length(note) < 100000) NOT VALID;
    INSERT INTO public.items (note) SELECT repeat(md5(n::text), 3) FROM generate_series(1, 20000) n;
    CREATE TABLE public.events (at date NOT NULL, n int) PARTITION BY RANGE (at);
    CREATE TABLE public.events_1 PARTITION OF public.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    INSERT INTO public.events SELECT '2026-01-01'::date + n, n FROM generate_series(1, 300) n;
    CREATE SCHEMA "Schéma mit ü.";
    CREATE TABLE "Schéma mit ü."."t ""x"" *?.;" ("a b" int, "ü" text);
    INSERT INTO "Schéma mit ü."."t ""x"" *?.;" VALUES (1, 'x'), (2, NULL);
    CREATE TABLE public."p*" (a int);
    INSERT INTO public."p*" VALUES (1);
    CREATE TABLE public.pages (a int);
    INSERT INTO public.pages VALUES (1), (2);
    CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.at = now(); RETURN NEW; END';
    CREATE TRIGGER touched BEFORE UPDATE ON public.items FOR EACH ROW EXECUTE FUNCTION public.touch();
    CREATE MATERIALIZED VIEW public.totals AS SELECT count(*) FROM public.items;
    CREATE PUBLICATION ours FOR TABLE public.items;
    GRANT SELECT ON public.items TO anon;
    SELECT lo_from_bytea(0, '\x00ff');
"#;

fn table(name: &str) -> TableName {
    TableName::new("public", name)
}

#[tokio::test]
async fn a_restored_backup_has_every_row_of_its_snapshot_while_the_source_went_on() {
    let bed = Arc::new(Bed::new(PROJECT).await);
    bed.as_superuser(
        "INSERT INTO auth.users (id) VALUES ('00000000-0000-0000-0000-000000000001'); \
         INSERT INTO public.profiles (id, name) VALUES ('00000000-0000-0000-0000-000000000001', 'ü')",
    )
    .await;
    let ended = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (bed, ended) = (bed.clone(), ended.clone());
        async move {
            let client = bed.superuser().await;
            while !ended.load(Ordering::Relaxed) {
                let writes = "INSERT INTO public.items (note) VALUES ('new'); DELETE FROM public.items WHERE id % 7 = 0; \
                     UPDATE public.items SET note = note || '.' WHERE id = 1";
                client.batch_execute(writes).await.unwrap();
            }
        }
    });
    let scope = Scope::without(&[], [table("p*")]);
    let snapshot = bed.snapshot_of(&scope).await;
    bed.until(
        "SELECT (note LIKE '%..')::text FROM public.items WHERE id = 1",
        &["true"],
    )
    .await;
    let proof = snapshot.prove(&bed.access(), APPLICATION, Detail::Rows).await.unwrap();
    let archive = bed.dump(&snapshot).await;
    snapshot.prove_held().await.unwrap();
    let point = snapshot.point().clone();
    snapshot.release().await;
    ended.store(true, Ordering::Relaxed);
    writer.await.unwrap();

    let contents = check_archive(&programs().clients, archive.as_slice()).await.unwrap();
    assert_eq!(contents.omissions(&proof), []);
    assert_eq!(contents.server_version, point.server_version);

    let cluster = Cluster::new().await;
    let scratch = cluster.scratch().await;
    let restored = scratch
        .restore(&programs().clients, archive.as_slice(), &point.roles)
        .await
        .unwrap();
    assert_eq!(restored.not_valid, ["public.items.later"]);
    let copy = scratch.prove(&scope, Detail::Rows).await.unwrap();
    assert_eq!(proof.differences(&copy), []);
    assert_eq!(scratch.schema_digest(&scope).await.unwrap(), Some(point.schema_digest));
    assert_eq!(copy.rows_of(&TableName::new("Schéma mit ü.", "t \"x\" *?.;")), Some(2));
    assert_eq!(copy.tables[&TableName::new("pg_catalog", "pg_largeobject")].rows, 1);
    // Only the table that was named was left out: its name is no pattern.
    assert_eq!(
        (copy.rows_of(&table("p*")), copy.rows_of(&table("pages"))),
        (None, Some(2))
    );
    let superuser = cluster.superuser_of(scratch.name()).await;
    let left_out: i64 = superuser
        .query_one("SELECT count(*) FROM public.\"p*\"", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(left_out, 0);

    // What is lost or changed after that is told by name.
    superuser
        .batch_execute(
            "SET ROLE scratch; ALTER TABLE public.profiles DISABLE ROW LEVEL SECURITY; DROP TABLE public.pages; \
             DELETE FROM public.events_1; UPDATE public.profiles SET mood = 'high'; \
             CREATE TABLE public.surplus (a int)",
        )
        .await
        .unwrap();
    let damaged = scratch.prove(&scope, Detail::Rows).await.unwrap();
    let differences = [
        Difference::Rows {
            table: table("events_1"),
            source: 300,
            restored: 0,
        },
        Difference::Missing(table("pages")),
        Difference::Content(table("profiles")),
        Difference::Unexpected(table("surplus")),
    ];
    assert_eq!(proof.differences(&damaged), differences);
    let digest = scratch.schema_digest(&scope).await.unwrap();
    superuser
        .batch_execute("ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY")
        .await
        .unwrap();
    assert_ne!(scratch.schema_digest(&scope).await.unwrap(), digest);
    cluster.left(superuser, scratch.name()).await;
    scratch.remove().await.unwrap();
}

#[tokio::test]
async fn an_archive_that_is_cut_or_has_other_tables_is_told() {
    let bed = Bed::new(PROJECT).await;
    let snapshot = bed.snapshot().await;
    let proof = snapshot.prove(&bed.access(), APPLICATION, Detail::Rows).await.unwrap();
    let archive = bed.dump(&snapshot).await;
    snapshot.release().await;
    let programs = programs();
    let clients = &programs.clients;
    let cluster = Cluster::new().await;
    for length in [archive.len() / 2, archive.len() - 1, 65_536] {
        let cut = &archive[..length];
        let error = check_archive(clients, cut).await.unwrap_err();
        assert!(error.to_string().starts_with("pg_restore failed: "), "{error}");
        let scratch = cluster.scratch().await;
        let refused = scratch.restore(clients, cut, &[]).await.unwrap_err();
        assert_eq!(refused.reason(), "Archive", "{refused}");
        scratch.remove().await.unwrap();
    }
    assert!(check_archive(clients, &b"-- no dump"[..]).await.is_err());
    assert!(check_archive(clients, &archive[..1000]).await.is_err());

    // An older archive of the same database: tables of now are missing in it.
    bed.run("CREATE TABLE public.newer (a int); DROP TABLE public.pages")
        .await;
    let snapshot = bed.snapshot().await;
    let now = snapshot
        .prove(&bed.access(), APPLICATION, Detail::Counts)
        .await
        .unwrap();
    let contents = check_archive(clients, archive.as_slice()).await.unwrap();
    let omissions = [Omission::Missing(table("newer")), Omission::Unexpected(table("pages"))];
    assert_eq!(contents.omissions(&now), omissions);
    assert_eq!(contents.omissions(&proof), []);
}

#[tokio::test]
async fn the_rows_of_another_moment_are_never_taken_for_the_snapshot() {
    let bed = Bed::new("CREATE TABLE public.items AS SELECT generate_series(1, 10) AS id").await;
    let older = bed.snapshot().await;
    let archive = bed.dump(&older).await;
    let roles = older.point().roles.clone();
    older.release().await;
    bed.run("UPDATE public.items SET id = 11 WHERE id = 10").await;
    let snapshot = bed.snapshot().await;
    let proof = snapshot.prove(&bed.access(), APPLICATION, Detail::Rows).await.unwrap();
    snapshot.release().await;
    let cluster = Cluster::new().await;
    let scratch = cluster.scratch().await;
    scratch
        .restore(&programs().clients, archive.as_slice(), &roles)
        .await
        .unwrap();
    let copy = scratch.prove(&everything(), Detail::Rows).await.unwrap();
    assert_eq!(proof.differences(&copy), [Difference::Content(table("items"))]);
    scratch.remove().await.unwrap();
}
