//! A database in which a lesser role has made something that suits better than what PostgreSQL has.

mod alerts;

use std::path::Path;

use ace_database::{
    Access, Attempt, Change, Connection, Detail, Fingerprint, Locked, RunError, Scope, Scratch, Session, Settings,
    Snapshot, sweep_scratch,
};
use ace_domain::{
    kinds::migration_set::{ReferenceState, StoredPlan},
    sql::{Alone, ReindexTarget, Segment},
};
use jiff::Timestamp;

use crate::bed::{Bed, column, create_index, file, migration, owner, segments, settings, statement, statements};
use crate::cluster::{Cluster, dump, programs};
use crate::literals::sql_below;
use crate::outside::{object, observed, schema};
use crate::proxy::{Cut, Proxy};

/// What looks like SQL, and is no statement of ours.
const NO_STATEMENTS: [&str; 1] = ["`ace_ops.reference`"];

/// Functions, operators, aggregates, window functions and types of `pg_catalog` once more in `public`, which is before it on the path
/// of this database; an aggregate of any type for the types that our statements have. And a type of the lesser role's own, which
/// becomes any other by a cast. Each notes that it was used, by a sequence: that is not rolled back, and is an error in a
/// read-only session. What can't be made is kept with the reason: it has a type that only the server's own functions may have.
const SHADOWS: &str = include_str!("shadows.sql");

#[tokio::test]
async fn nothing_that_a_lesser_role_made_runs_as_the_operator() {
    let bed = Bed::new().await;
    let superuser = bed.superuser().await;
    superuser.batch_execute(SHADOWS).await.unwrap();
    let of =
        "SELECT pg_catalog.concat(what, ' ', pg_catalog.count(*)) FROM public.shadowed GROUP BY what ORDER BY what";
    let counts = bed.column(of).await;
    let why = "SELECT pg_catalog.concat(what, ' ', why, ' ', pg_catalog.count(*), ': ', pg_catalog.min(name)) \
               FROM public.skipped GROUP BY what, why ORDER BY what, why";
    let skipped = bed.column(why).await;
    // A type that only the server's own functions may have, or only those with another type of its kind.
    let expected = ["function 0A000 ", "function 42P13 "];
    let is_expected = |it: &String| expected.iter().any(|expected| it.starts_with(expected));
    assert!(skipped.iter().all(is_expected), "{skipped:?}");
    let least = [
        ("aggregate", 150),
        ("cast", 50),
        ("function", 2_000),
        ("operator", 750),
        ("type", 60),
        ("window function", 15),
    ];
    for (count, (what, least)) in counts.iter().zip(least) {
        let number = count.strip_prefix(what).unwrap().trim().parse::<usize>().unwrap();
        assert!(number >= least, "{counts:?}");
    }
    assert_eq!(counts.len(), least.len(), "{counts:?}");
    let first = format!("ALTER DATABASE {} SET search_path = public, pg_catalog", bed.database);
    superuser.batch_execute(&first).await.unwrap();
    // The other way round it would be noted: this is what a careless statement of each kind does.
    let careless = bed.superuser().await;
    let used = "SELECT CASE WHEN is_called THEN 'noted' ELSE 'nothing' END FROM public.noted";
    for statement in [
        "SELECT 'a' || pg_catalog.current_database()",
        "SELECT current_database()",
        "SELECT count(*) FROM pg_catalog.pg_class",
        "SELECT max(c.relname::pg_catalog.text) FROM pg_catalog.pg_class c",
        "SELECT pg_catalog.upper(a) FROM public.owned",
        "SELECT 'a'::name",
    ] {
        careless
            .batch_execute("ALTER SEQUENCE public.noted RESTART")
            .await
            .unwrap();
        let _ = careless.batch_execute(statement).await;
        assert_eq!(bed.column(used).await, ["noted"], "{statement}");
    }
    // The platform's own triggers run by the path of whoever changes a schema, and in a file that is the file's.
    careless
        .batch_execute(
            "ALTER EVENT TRIGGER pgrst_ddl_watch DISABLE; ALTER EVENT TRIGGER pgrst_drop_watch DISABLE; \
             ALTER SEQUENCE public.noted RESTART",
        )
        .await
        .unwrap();

    let proxy = Proxy::before(bed.access().port).await;
    Box::pin(everything(&bed, &proxy)).await;
    assert_eq!(bed.column(used).await, ["nothing"]);
    let mut heard = proxy.heard();
    heard.extend(Box::pin(restored(&bed, used)).await);
    assert_everything(&heard);
}

/// A copy of this database, restored by a role whose path begins with what came along; answers with every statement that was asked
/// for it.
async fn restored(bed: &Bed, used: &str) -> Vec<String> {
    bed.as_superuser(
        "CREATE ROLE auditor; CREATE EXTENSION citext SCHEMA public; CREATE TABLE public.read (a pg_catalog.text); \
         ALTER TABLE public.read FORCE ROW LEVEL SECURITY; CREATE POLICY read ON public.read TO auditor USING (true); \
         ALTER TABLE public.read OWNER TO postgres",
    )
    .await;
    let worker = "ace-worker/ace/scratch";
    let scope = Scope::without(&[], []);
    let attempt = Snapshot::take(&bed.access(), worker, &scope, Timestamp::now())
        .await
        .unwrap();
    let Attempt::Taken(snapshot) = attempt else {
        panic!("the lock is free");
    };
    let archive = dump(&bed.access(), &snapshot).await;
    let roles = snapshot.point().roles.clone();
    snapshot.release().await;

    let cluster = Cluster::new().await;
    let administrator = cluster.superuser_of("postgres").await;
    administrator.batch_execute(SHADOWS).await.unwrap();
    let first = "ALTER ROLE scratch SET search_path = public, pg_catalog; ALTER SEQUENCE public.noted RESTART";
    administrator.batch_execute(first).await.unwrap();
    let proxy = Proxy::before(cluster.access().port).await;
    let access = Access {
        port: proxy.port,
        ..cluster.access()
    };
    let scratch = Scratch::create(&access, worker, "shadows", "1").await.unwrap();
    scratch
        .restore(&programs().clients, archive.as_slice(), &roles)
        .await
        .unwrap();
    let copy = cluster.superuser_of(scratch.name()).await;
    copy.batch_execute("ALTER SEQUENCE public.noted RESTART").await.unwrap();
    for detail in [Detail::Counts, Detail::Rows] {
        scratch.prove(&scope, detail).await.unwrap();
    }
    assert!(scratch.schema_digest(&scope).await.unwrap().is_some());
    // Somebody's own statement, without a schema but for tables.
    let owned = "SELECT count(*) = 1 AND upper('a') || 'b' = 'A' || 'b' FROM public.owned";
    assert!(scratch.assert(owned, "t").await.unwrap().passed);
    for client in [&copy, &administrator] {
        assert_eq!(column(client, used).await, ["nothing"]);
    }
    cluster.left(copy, scratch.name()).await;
    scratch.remove().await.unwrap();
    sweep_scratch(&access, worker).await.unwrap();
    assert_eq!(column(&administrator, used).await, ["nothing"]);
    proxy.heard()
}

/// Nothing that is written down in this crate was left out, and the operator has no SQL of its own.
fn assert_everything(heard: &[String]) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let ours = sql_below(&sources);
    assert!(ours.len() > 60, "{}", ours.len());
    let left_out: Vec<_> = ours
        .iter()
        .filter(|literal| !NO_STATEMENTS.iter().any(|other| literal.text.contains(other)))
        .filter(|literal| !heard.iter().any(|statement| literal.is_in(statement)))
        .map(|literal| format!("{}: {}", literal.file, literal.text))
        .collect();
    assert!(left_out.is_empty(), "{left_out:#?}");
    let operators = sql_below(&sources.join("../../operator/src"));
    assert!(operators.is_empty(), "{}", operators[0].text);
}

/// Every statement of ours, by a proxy that listens.
async fn everything(bed: &Bed, proxy: &Proxy) {
    let access = Access {
        port: proxy.port,
        ..bed.access()
    };
    // Where the CLI was never used.
    bed.as_superuser("DROP SCHEMA supabase_migrations CASCADE").await;
    let connection = Connection::open(&access).await.unwrap();
    connection.identify().await.unwrap();
    connection.gate().await.unwrap();
    connection.fingerprint(&["public".to_owned()]).await.unwrap();
    let mut session = bed.session_with(&access, &settings()).await;
    let reader = Session::open_read_only(&access, &settings()).await.unwrap();
    assert!(matches!(reader.try_lock().await.unwrap(), Locked::Held(Some(_))));
    session.adopt(&[file("1", "SELECT 1")]).await.unwrap();
    session.baseline(&[file("2", "SELECT 1")]).await.unwrap();
    let plan = StoredPlan {
        digest: "d".to_owned(),
        system_identifier: "1".to_owned(),
        timeline: 1,
        database_oid: 1,
        items: vec![("3".to_owned(), "sha256:3".to_owned())],
    };
    session.store_plan(&plan).await.unwrap();
    let state = ReferenceState {
        server_major: 15,
        form: 1,
        schemas: vec!["public".to_owned()],
        digest: "d".to_owned(),
        snapshot_pending: false,
    };
    session
        .replace_reference(&Fingerprint::default(), &state, "g")
        .await
        .unwrap();
    let changes: &[Change] = &[];
    session.before_run(changes).await.unwrap();
    let table = migration("3", &["CREATE TABLE public.made (n integer)"]);
    table.run(&mut session).await.unwrap();
    let index = |unique: &str, name: &str| {
        let create = create_index("made", name, true);
        let text = format!("CREATE {unique} INDEX CONCURRENTLY IF NOT EXISTS {name} ON made (n)");
        Segment::Alone(statement(&text), create)
    };
    let reindex = Alone::Reindex {
        target: ReindexTarget::Index,
        schema: None,
        name: "i".to_owned(),
    };
    let drop_index = Alone::DropIndex {
        schema: None,
        name: "i".to_owned(),
        if_exists: false,
    };
    let parts = vec![
        index("", "i"),
        Segment::Together(statements(&["SET lock_timeout = 1000"])),
        Segment::Alone(statement("REINDEX INDEX CONCURRENTLY i"), reindex),
        Segment::Alone(statement("DROP INDEX CONCURRENTLY i"), drop_index),
    ];
    segments("4", parts).run(&mut session).await.unwrap();
    session.after_run(changes, "d", "g").await.unwrap();
    let object = object(&["public"]);
    let (digest, _) = observed(&session, &object).await;
    session.make_reference(&object, &digest, &[]).await.unwrap();
    let version = "6".parse().unwrap();
    session.snapshot_before_run(&object, &version).await.unwrap();
    let outside = migration("6", &["CREATE TABLE IF NOT EXISTS public.more (n integer)"]);
    outside.run(&mut session).await.unwrap();
    session.snapshot_after_run(&object).await.unwrap();
    let forget = "DELETE FROM supabase_migrations.schema_migrations WHERE version OPERATOR(pg_catalog.=) '6'";
    bed.superuser().await.batch_execute(forget).await.unwrap();
    outside.run_again(&mut session).await.unwrap();
    for session in [&session, &reader] {
        schema(session, &object).await;
        session.catalogue(0).await.unwrap();
        let mut ledger = session.ledgers().await.unwrap().ledger;
        let versions: Vec<_> = ledger.keys().cloned().collect();
        session.read_statements(&mut ledger, &versions).await.unwrap();
        session.target().await.unwrap();
        session.ledgers().await.unwrap();
        session.reference().await.unwrap();
        session.large_tables(0).await.unwrap();
        session.exclusive_holders(&["public".to_owned()]).await.unwrap();
        session.parses("SELECT 1 FROM made WHERE n = 1").await.unwrap();
    }
    session.close().await;
    halted(bed, &access).await;
    interrupted(bed, proxy, &access).await;
    backed_up(bed, &access).await;
    alerts::asked(bed, &access).await;
    alerts::paged(bed, &access).await;
}

/// A lock that is waited for, so that the watchdog asks for whom.
async fn halted(bed: &Bed, access: &Access) {
    let holder = bed.superuser().await;
    holder.batch_execute("BEGIN; LOCK TABLE public.made").await.unwrap();
    let hasty = Settings {
        lock_timeout: std::time::Duration::from_millis(700),
        ..settings()
    };
    let mut session = bed.session_with(access, &hasty).await;
    let waits = migration("5", &["ALTER TABLE public.made ADD COLUMN m integer"])
        .run(&mut session)
        .await;
    assert!(
        matches!(&waits, Err(RunError::LockTimeout { blockers }) if !blockers.is_empty()),
        "{waits:?}"
    );
    // One that the server itself would not give up.
    let stays = "DO $$ BEGIN SET LOCAL lock_timeout = 0; ALTER TABLE public.made ADD COLUMN m integer; END $$";
    let stopped = migration("5", &[stays]).run(&mut session).await;
    assert!(matches!(stopped, Err(RunError::LockTimeout { .. })), "{stopped:?}");
    drop(holder);
    session.give_up(&owner()).await.unwrap();
    session.close().await;
}

/// What goes on with a file whose part outside of a transaction failed, or was not seen to end.
async fn interrupted(bed: &Bed, proxy: &Proxy, access: &Access) {
    bed.as_superuser("INSERT INTO public.made VALUES (1), (1)").await;
    let build = |version: &str, unique: &str, name: &str| {
        let text = format!("CREATE {unique} INDEX CONCURRENTLY {name} ON public.made (n)");
        segments(
            version,
            vec![Segment::Alone(statement(&text), create_index("made", name, false))],
        )
    };
    let mut session = bed.session_with(access, &settings()).await;
    let fails = build("7", "UNIQUE", "u").run(&mut session).await;
    assert!(matches!(fails, Err(RunError::Sql { .. })), "{fails:?}");
    // The look, the path, what was before, BEGIN, proof, row, COMMIT, its proof, limits, the statement.
    proxy.arm(10, Cut::After);
    let dies = build("8", "", "d");
    let lost = dies.run(&mut session).await;
    assert!(matches!(lost, Err(RunError::Lost { .. })), "{lost:?}");
    let invalid = "UPDATE pg_catalog.pg_index SET indisvalid = false \
                   WHERE indexrelid OPERATOR(pg_catalog.=) 'public.d'::pg_catalog.regclass";
    bed.as_superuser(invalid).await;
    let mut session = bed.session_with(access, &settings()).await;
    dies.run(&mut session).await.unwrap();
    session.give_up(&owner()).await.unwrap();
    session.close().await;
}

/// What a backup reads.
async fn backed_up(bed: &Bed, access: &Access) {
    bed.as_superuser("GRANT SELECT ON ALL TABLES IN SCHEMA public TO postgres")
        .await;
    let worker = "ace-worker/ace/backup";
    let scope = Scope::without(&[], []);
    let attempt = Snapshot::take(access, worker, &scope, Timestamp::now()).await.unwrap();
    let Attempt::Taken(snapshot) = attempt else {
        panic!("the lock is free");
    };
    for detail in [Detail::Counts, Detail::Rows] {
        snapshot.prove(access, worker, detail).await.unwrap();
    }
    snapshot.prove_held().await.unwrap();
    snapshot.release().await;
}
