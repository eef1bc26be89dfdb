//! A database in which a lesser role has made something that suits better than what PostgreSQL has.

use ace_database::{Change, Connection, Fingerprint, Locked, RunError, Session, Settings};
use ace_domain::{
    kinds::migration_set::{ReferenceState, StoredPlan},
    sql::{Alone, ReindexTarget, Segment},
};

use crate::bed::{Bed, create_index, file, migration, owner, segments, settings, statement, statements};

/// Functions, operators and types of `pg_catalog` once more in `public`, which is before it on the path of this database. Each
/// notes that it was used, by a sequence: that is not rolled back, and is an error in a read-only session. What has a type that
/// only the server's own functions may have can't be shadowed.
const SHADOWS: &str = r"
CREATE SEQUENCE public.noted;
GRANT ALL ON public.noted TO PUBLIC;
CREATE FUNCTION public.note() RETURNS pg_catalog.bool LANGUAGE plpgsql AS
  $f$ BEGIN PERFORM pg_catalog.nextval('public.noted'); RETURN true; END $f$;
CREATE TABLE public.shadowed (what pg_catalog.text);
DO $do$
DECLARE made record; parameters pg_catalog.text; returned pg_catalog.text;
BEGIN
  FOR made IN SELECT o.oprname AS name, o.oprleft AS l, o.oprright AS r, o.oprresult AS result FROM pg_operator o
      WHERE o.oprnamespace = 'pg_catalog'::regnamespace LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', 'of ' || made.name,
        concat_ws(', ', nullif(made.l, 0)::regtype, made.r::regtype), made.result::regtype,
        'BEGIN PERFORM public.note(); RETURN NULL; END');
      EXECUTE format('CREATE OPERATOR public.%s (FUNCTION = public.%I, %s RIGHTARG = %s)', made.name, 'of ' || made.name,
        'LEFTARG = ' || nullif(made.l, 0)::regtype || ',', made.r::regtype);
      INSERT INTO public.shadowed VALUES ('operator');
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  FOR made IN SELECT p.proname AS name, pg_get_function_identity_arguments(p.oid) AS arguments, p.proretset AS many,
        p.prorettype AS result, p.proargmodes AS modes FROM pg_proc p
      WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION public.%I(%s) %s LANGUAGE plpgsql AS %L', made.name, made.arguments,
        CASE WHEN made.modes IS NULL THEN 'RETURNS ' || CASE WHEN made.many THEN 'SETOF ' ELSE '' END || made.result::regtype ELSE '' END,
        'BEGIN PERFORM public.note(); RETURN; END');
      INSERT INTO public.shadowed VALUES ('function');
    EXCEPTION WHEN OTHERS THEN
      BEGIN
        EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', made.name, made.arguments,
          made.result::regtype, 'BEGIN PERFORM public.note(); RETURN NULL; END');
        INSERT INTO public.shadowed VALUES ('function');
      EXCEPTION WHEN OTHERS THEN NULL;
      END;
    END;
  END LOOP;
  FOR made IN SELECT t.typname AS name FROM pg_type t
      WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b' AND t.typelem = 0 LOOP
    BEGIN
      EXECUTE format('CREATE DOMAIN public.%I AS pg_catalog.%I CHECK (public.note())', made.name, made.name);
      INSERT INTO public.shadowed VALUES ('type');
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
END $do$;
";

#[tokio::test]
async fn nothing_that_a_lesser_role_made_runs_as_the_operator() {
    let bed = Bed::new().await;
    let superuser = bed.superuser().await;
    superuser.batch_execute(SHADOWS).await.unwrap();
    let counts = bed
        .column(
            "SELECT pg_catalog.concat(what, ' ', pg_catalog.count(*)) FROM public.shadowed GROUP BY what ORDER BY what",
        )
        .await;
    let shadowed: usize = counts
        .iter()
        .map(|count| count.rsplit(' ').next().unwrap().parse::<usize>().unwrap())
        .sum();
    assert!(counts.len() == 3 && shadowed > 2_500, "{counts:?}");
    let first = format!("ALTER DATABASE {} SET search_path = public, pg_catalog", bed.database);
    superuser.batch_execute(&first).await.unwrap();
    // The other way round it would be noted: this is what a careless statement does.
    let careless = bed.superuser().await;
    careless
        .batch_execute("SELECT 'a' || pg_catalog.current_database()")
        .await
        .unwrap();
    let used = "SELECT CASE WHEN is_called THEN 'noted' ELSE 'nothing' END FROM public.noted";
    assert_eq!(bed.column(used).await, ["noted"]);
    // The platform's own triggers run by the path of whoever changes a schema, and in a file that is the file's.
    careless
        .batch_execute(
            "ALTER EVENT TRIGGER pgrst_ddl_watch DISABLE; ALTER EVENT TRIGGER pgrst_drop_watch DISABLE; \
             ALTER SEQUENCE public.noted RESTART",
        )
        .await
        .unwrap();

    everything(&bed).await;
    assert_eq!(bed.column(used).await, ["nothing"]);
}

/// Every statement of ours.
async fn everything(bed: &Bed) {
    let connection = Connection::open(&bed.access()).await.unwrap();
    connection.identify().await.unwrap();
    connection.gate().await.unwrap();
    connection.fingerprint(&["public".to_owned()]).await.unwrap();
    let mut session = bed.session().await;
    let looker = Session::open_read_only(&bed.access(), &settings()).await.unwrap();
    assert!(matches!(looker.try_lock().await.unwrap(), Locked::Held(Some(_))));
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
    for session in [&session, &looker] {
        session.target().await.unwrap();
        session.ledgers().await.unwrap();
        session.reference().await.unwrap();
        session.large_tables(0).await.unwrap();
        session.exclusive_holders(&["public".to_owned()]).await.unwrap();
        session.parses("SELECT 1 FROM made WHERE n = 1").await.unwrap();
    }
    // A lock that is waited for, so that the watchdog asks for whom.
    let holder = bed.superuser().await;
    holder.batch_execute("BEGIN; LOCK TABLE public.made").await.unwrap();
    session.close().await;
    let hasty = Settings {
        lock_timeout: std::time::Duration::from_millis(700),
        ..settings()
    };
    let mut session = bed.session_with(&bed.access(), &hasty).await;
    let waits = migration("5", &["ALTER TABLE public.made ADD COLUMN m integer"])
        .run(&mut session)
        .await;
    assert!(
        matches!(&waits, Err(RunError::LockTimeout { blockers }) if !blockers.is_empty()),
        "{waits:?}"
    );
    session.give_up(&owner()).await.unwrap();
}
