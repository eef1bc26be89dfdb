use std::collections::{BTreeMap, BTreeSet};

use ace_api::DatabaseStatus;
use ace_database::{Ledgers, Prepared, QueryError, RunError, Session};
use ace_domain::{
    kinds::migration_set::{LedgerRow, OperatorSchema, StoredPlan, SyntaxCheck},
    sql::File,
};

use crate::bed::{Bed, file, operator_schema, owner, run, settings};

fn unrun(version: &str) -> File {
    file(version, "SELECT 1;\n")
}

async fn reader(bed: &Bed) -> Session {
    Session::open_read_only(&bed.access(), &settings()).await.unwrap()
}

#[tokio::test]
async fn what_is_missing_is_a_value() {
    let bed = Bed::new().await;
    let session = reader(&bed).await;
    bed.as_superuser("DROP TABLE supabase_migrations.schema_migrations")
        .await;
    let nothing = Ledgers {
        ledger: BTreeMap::new(),
        operator_schema: None,
    };
    assert_eq!(session.ledgers().await, Ok(nothing));
    assert_eq!(session.reference().await, Ok(None));
}

#[tokio::test]
async fn a_ledger_without_names_and_statements_is_read() {
    let bed = Bed::new().await;
    let session = reader(&bed).await;
    let row = |statements: Option<&[&str]>, name: Option<&str>| {
        let statements = statements.map(|texts| texts.iter().copied().map(str::to_owned).collect());
        let name = name.map(str::to_owned);
        ("10".to_owned(), LedgerRow { statements, name })
    };
    for (change, seen) in [
        (
            "DROP TABLE supabase_migrations.schema_migrations; \
             CREATE TABLE supabase_migrations.schema_migrations (version text PRIMARY KEY); \
             ALTER TABLE supabase_migrations.schema_migrations OWNER TO postgres; \
             INSERT INTO supabase_migrations.schema_migrations VALUES ('10')",
            row(None, None),
        ),
        (
            "ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN name text DEFAULT 'a'",
            row(None, Some("a")),
        ),
        (
            "ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN statements text[] DEFAULT '{b,c}', ADD COLUMN created_by text",
            row(Some(&["b", "c"]), Some("a")),
        ),
        (
            "UPDATE supabase_migrations.schema_migrations SET name = NULL, statements = NULL",
            row(None, None),
        ),
    ] {
        bed.as_superuser(change).await;
        assert_eq!(session.ledgers().await.unwrap().ledger, [seen].into(), "{change}");
    }
}

#[tokio::test]
async fn versions_are_ordered_as_strings() {
    let bed = Bed::new().await;
    let session = bed.session().await;
    let versions = ["20240101", "9", "00000000000000", "10"].map(unrun);
    session.baseline(&versions).await.unwrap();
    let ledger = session.ledgers().await.unwrap().ledger;
    let order: Vec<_> = ledger.keys().collect();
    assert_eq!(order, ["00000000000000", "10", "20240101", "9"]);
}

#[tokio::test]
async fn five_thousand_versions_are_read() {
    let bed = Bed::new().await;
    let session = bed.session().await;
    let fill = "INSERT INTO supabase_migrations.schema_migrations (version, name, statements) \
         SELECT to_char(n, 'FM00000'), 'n', ARRAY[repeat('x', 1000)] FROM generate_series(1, 5000) n";
    bed.as_superuser(fill).await;
    let before = session.ledgers().await.unwrap().ledger;
    let adopted: Vec<_> = before.keys().map(|version| unrun(version)).collect();
    session.adopt(&adopted).await.unwrap();
    let Ledgers {
        ledger,
        operator_schema,
    } = session.ledgers().await.unwrap();
    let bytes = |rows: &BTreeMap<_, LedgerRow>| rows.values().filter_map(|row| row.statements.as_ref()).count();
    assert_eq!((bytes(&before), bytes(&ledger)), (5000, 0));
    assert_eq!((ledger.len(), operator_schema.unwrap().rows.len()), (5000, 5000));
}

#[tokio::test]
async fn a_baseline_writes_only_what_is_absent() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    assert!(run(&mut session, &["CREATE TABLE t ()"]).await.is_ok());
    session.baseline(&["1", "2"].map(unrun)).await.unwrap();
    session.baseline(&["1", "2"].map(unrun)).await.unwrap();
    let kinds = "SELECT kind FROM ace_ops.migration ORDER BY version";
    assert_eq!(bed.column(kinds).await, ["applied", "baseline"]);
    let statements = "SELECT version || statements::text FROM supabase_migrations.schema_migrations ORDER BY 1";
    assert_eq!(
        bed.column(statements).await,
        ["1{\"CREATE TABLE t ()\"}", "2{\"SELECT 1\"}"]
    );
}

#[tokio::test]
async fn a_version_is_adopted_once_and_does_not_touch_the_other_ledger() {
    let bed = Bed::new().await;
    let session = bed.session().await;
    session.adopt(&[unrun("1")]).await.unwrap();
    assert_eq!(
        session.adopt(&[unrun("2"), unrun("1")]).await.unwrap_err().reason(),
        "Refused"
    );
    let seen = "SELECT concat_ws(' ', version, kind, duration_ms) FROM ace_ops.migration";
    assert_eq!(bed.column(seen).await, ["1 adopted 0"]);
    assert_eq!(session.ledgers().await.unwrap().ledger, BTreeMap::new());
}

#[tokio::test]
async fn a_file_that_others_finished_is_not_half_applied_any_more() {
    let bed = Bed::new().await;
    let session = bed.session().await;
    let begun = "INSERT INTO ace_ops.step SELECT version, 0, 'sha256:other', true, '{}', '{}' FROM unnest('{1,2,3}'::text[]) version";
    bed.as_superuser(begun).await;
    session.adopt(&[unrun("1")]).await.unwrap();
    session.baseline(&[unrun("2")]).await.unwrap();
    let left = BTreeMap::from([("3".to_owned(), "sha256:other".to_owned())]);
    assert_eq!(operator_schema(&session).await.half, left);
    // What is refused keeps it.
    assert!(session.adopt(&["3", "2"].map(unrun)).await.is_err());
    assert_eq!(operator_schema(&session).await.half, left);
    assert_eq!(bed.steps().await, ["3 0 t"]);
}

#[tokio::test]
async fn one_plan_is_kept_and_the_next_takes_its_place() {
    let bed = Bed::new().await;
    let session = bed.session().await;
    let plan = |digest: &str, versions: &[&str]| StoredPlan {
        digest: digest.to_owned(),
        system_identifier: "7431200000000000001".to_owned(),
        timeline: 1,
        database_oid: 4_000_000_000,
        items: versions
            .iter()
            .map(|version| ((*version).to_owned(), format!("sha256:{version}")))
            .collect(),
    };
    for plan in [plan("a", &["2", "1"]), plan("b", &[])] {
        session.store_plan(&plan).await.unwrap();
        assert_eq!(operator_schema(&session).await.plan, Some(plan));
    }
}

#[tokio::test]
async fn a_layout_of_a_later_release_is_not_touched() {
    let bed = Bed::new().await;
    let session = bed.session().await;
    bed.as_superuser(
        "UPDATE ace_ops.state SET layout = 2; ALTER TABLE ace_ops.reference REPLICA IDENTITY NOTHING; \
             DROP TABLE ace_ops.standing; DELETE FROM ace_ops.owner",
    )
    .await;
    assert_eq!(session.prepare_operator_schema(&owner()).await, Ok(Prepared::Newer(2)));
    let unreadable = OperatorSchema {
        newer: true,
        ..OperatorSchema::default()
    };
    assert_eq!(operator_schema(&session).await, unreadable);
    let changed = "SELECT relname::text FROM pg_class WHERE relnamespace = 'ace_ops'::regnamespace AND relkind = 'r' AND \
         (relname = 'standing' OR relname = 'reference' AND relreplident <> 'n') UNION ALL SELECT name FROM ace_ops.owner";
    assert!(bed.column(changed).await.is_empty());
}

#[tokio::test]
async fn of_the_tables_of_objects_the_one_that_is_missing_is_named_and_the_other_one_set_up() {
    let bed = Bed::new().await;
    let session = bed.session().await;
    bed.as_superuser("ALTER TABLE ace_ops.reference REPLICA IDENTITY DEFAULT; DROP TABLE ace_ops.standing")
        .await;
    assert_eq!(session.prepare_operator_schema(&owner()).await, Ok(Prepared::Ours));
    let identity = "SELECT relreplident::text FROM pg_class WHERE oid = 'ace_ops.reference'::regclass";
    assert_eq!(bed.column(identity).await, ["f"]);
    let Err(QueryError::Damaged(damage)) = session.reference().await else {
        panic!("nothing is missing");
    };
    assert_eq!(damage.table, "ace_ops.standing");
}

#[tokio::test]
async fn our_schema_is_closed_to_everybody() {
    let bed = Bed::new().await;
    let superuser = bed.superuser().await;
    // Rights that new tables would get anywhere.
    let defaults = "ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT ALL ON TABLES TO anon, PUBLIC; \
         ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT ALL ON SCHEMAS TO anon, PUBLIC";
    superuser.batch_execute(defaults).await.unwrap();
    let mut session = bed.session().await;
    assert!(run(&mut session, &["SELECT 1"]).await.is_ok());
    let open = "SELECT c.relname::text FROM pg_class c WHERE relnamespace = 'ace_ops'::regnamespace AND relkind = 'r' AND \
         (NOT relrowsecurity OR EXISTS (SELECT FROM aclexplode(relacl) WHERE grantee <> relowner)) \
         UNION ALL SELECT nspname::text FROM pg_namespace WHERE nspname = 'ace_ops' \
         AND EXISTS (SELECT FROM aclexplode(nspacl) WHERE grantee <> nspowner)";
    assert!(bed.column(open).await.is_empty());
    let tables =
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'ace_ops'::regnamespace AND relkind = 'r' ORDER BY 1";
    let names = ["migration", "owner", "plan", "reference", "standing", "state", "step"];
    assert_eq!(bed.column(tables).await, names);
}

#[tokio::test]
async fn nothing_is_written_through_a_read_only_session() {
    let bed = Bed::new().await;
    bed.session().await.close().await;
    let mut session = reader(&bed).await;
    let refused =
        |error: &QueryError| error.to_string() == "the server is temporarily unable to answer (SQLSTATE 25006)";
    assert!(
        session
            .store_plan(&StoredPlan {
                digest: String::new(),
                system_identifier: String::new(),
                timeline: 1,
                database_oid: 1,
                items: Vec::new()
            })
            .await
            .is_err_and(|error| refused(&error))
    );
    assert!(session.adopt(&[unrun("1")]).await.is_err_and(|error| refused(&error)));
    session.try_lock().await.unwrap();
    assert_eq!(run(&mut session, &["SELECT 1"]).await.unwrap_err().reason(), "Retry");
}

#[tokio::test]
async fn a_session_knows_where_it_is_and_which_tables_are_large() {
    let bed = Bed::new().await;
    let superuser = bed.superuser().await;
    superuser
        .batch_execute(
            "CREATE SCHEMA \"Sché ma\"; CREATE TABLE \"Sché ma\".\"T\" AS SELECT generate_series(1, 1000); \
             CREATE TABLE small AS SELECT 1; ANALYZE",
        )
        .await
        .unwrap();
    let session = reader(&bed).await;
    let large = ("Sché ma".to_owned(), "T".to_owned());
    assert_eq!(session.large_tables(1000).await, Ok(BTreeSet::from([large])));
    assert_eq!(session.large_tables(1001).await, Ok(BTreeSet::new()));
    let target = session.target().await.unwrap();
    let seen = format!("{} {} {}", target.database_oid, target.database, target.server_major());
    let expected = "SELECT oid || ' ' || datname || ' ' || current_setting('server_version_num')::int / 10000 \
         FROM pg_database WHERE datname = current_database()";
    assert_eq!(bed.column(expected).await, [seen]);
    let identity = DatabaseStatus {
        server_version: target.server_version,
        system_identifier: target.system_identifier,
        timeline: target.timeline,
    };
    assert_eq!(session.connection().identify().await, Ok(identity));
}

#[tokio::test]
async fn only_a_syntax_error_is_one() {
    let bed = Bed::new().await;
    let session = reader(&bed).await;
    for statement in [
        "SELECT 1",
        "DROP TABLE absent",
        "SELECT * FROM absent",
        "CREATE INDEX CONCURRENTLY i ON absent (n)",
        "-- nothing",
    ] {
        assert_eq!(session.parses(statement).await, Ok(SyntaxCheck::Parses), "{statement}");
    }
    let no = SyntaxCheck::Fault {
        line: 2,
        message: "syntax error at or near \"TABEL\"".to_owned(),
    };
    assert_eq!(session.parses("-- ä\n\nCREATE TABEL t ()").await, Ok(no));
    // It asked, and did nothing else.
    assert_eq!(session.parses("SELECT 1").await, Ok(SyntaxCheck::Parses));
}

#[tokio::test]
async fn a_version_that_was_noted_with_another_digest_is_adopted_instead() {
    let bed = Bed::new().await;
    let session = bed.session().await;
    session.adopt(&["1", "2"].map(unrun)).await.unwrap();
    let mut squashed = unrun("2");
    squashed.sha256 = "sha256:squashed".to_owned();
    session.adopt(&[squashed, unrun("3")]).await.unwrap();
    let seen = "SELECT concat_ws(' ', version, sha256, kind) FROM ace_ops.migration ORDER BY version";
    let expected = ["1 sha256:1 adopted", "2 sha256:squashed adopted", "3 sha256:3 adopted"];
    assert_eq!(bed.column(seen).await, expected);
}

#[tokio::test]
async fn statements_of_versions_that_are_noted_are_read_on_request() {
    let bed = Bed::new().await;
    let session = bed.session().await;
    session.baseline(&["1", "2", "3"].map(unrun)).await.unwrap();
    bed.as_superuser("UPDATE supabase_migrations.schema_migrations SET statements = '{anew}' WHERE version = '2'")
        .await;
    let mut ledger = session.ledgers().await.unwrap().ledger;
    assert!(ledger.values().all(|row| row.statements.is_none()));
    let wanted = ["2", "9"].map(str::to_owned);
    session.read_statements(&mut ledger, &wanted).await.unwrap();
    let read: Vec<_> = ledger
        .iter()
        .map(|(version, row)| (version.as_str(), row.statements.as_deref()))
        .collect();
    assert_eq!(read, [("1", None), ("2", Some(&["anew".to_owned()][..])), ("3", None)]);
}

#[tokio::test]
async fn a_ledger_that_the_user_may_only_read_is_named_and_not_the_file() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    bed.as_superuser(
        "ALTER TABLE supabase_migrations.schema_migrations OWNER TO CURRENT_USER; \
             GRANT SELECT ON supabase_migrations.schema_migrations TO postgres",
    )
    .await;
    let outcome = run(&mut session, &["CREATE TABLE t ()"]).await;
    let Err(RunError::Damaged(damage)) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(damage.is_missing_right(), "{damage}");
}
