//! Tables of ours and of the CLI, after somebody changed them: an error that names the table, never a panic.

use std::collections::BTreeSet;

use ace_database::{Access, Change, Fingerprint, Prepared, QueryError, RunError, Session};
use ace_domain::{
    kinds::migration_set::{ReferenceState, StoredPlan},
    sql::{Alone, Segment},
};
use tokio_postgres::Client;

use crate::bed::{Bed, Migration, file, migration, owner, segments, settings, statement, statements};

/// A row in every table: a version that is applied, one that is half applied, a plan, a reference and its difference.
const FILL: &str = "\
    INSERT INTO supabase_migrations.schema_migrations (version, name, statements) VALUES ('1', 'one', '{SELECT 1}'); \
    INSERT INTO ace_ops.migration (version, name, sha256, kind, applied_by) VALUES ('1', 'one', 'sha256:1', 'applied', 'a'); \
    INSERT INTO ace_ops.step (version, segment, sha256, done, indexes, settings) VALUES ('2', 0, 'sha256:2', false, '{}', '{}'); \
    INSERT INTO ace_ops.plan (digest, system_identifier, timeline, database_oid, versions, digests) \
        VALUES ('d', '1', 1, 1, '{1}', '{a}'); \
    UPDATE ace_ops.state SET server_major = 15, form = 1, schemas = '{public}', digest = 'd', gate = 'g', looked = true; \
    INSERT INTO ace_ops.reference VALUES ('table', 'public.t', '{public}', 'table'); \
    INSERT INTO ace_ops.standing VALUES ('table', 'public.t', '{public}', 'table')";

const COLUMNS: &str = "SELECT format('%I.%I', table_schema, table_name), column_name::text, data_type::text \
    FROM information_schema.columns WHERE table_schema IN ('ace_ops', 'supabase_migrations') ORDER BY 1, ordinal_position";

/// What may become of a column. Its key goes first: it forbids nulls.
fn mutations(table: &str, column: &str, type_: &str) -> Vec<String> {
    let key = format!(
        "DO $$ DECLARE k name; BEGIN FOR k IN SELECT conname FROM pg_constraint WHERE conrelid = '{table}'::regclass LOOP \
         EXECUTE format('ALTER TABLE {table} DROP CONSTRAINT %I', k); END LOOP; END $$; \
         ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT;"
    );
    let huge = match (type_, column) {
        ("text", _) => "repeat('x', 3000000)".to_owned(),
        ("ARRAY", "indexes") => "array_fill(NULL::oid, ARRAY[100000])".to_owned(),
        ("ARRAY", _) => "array_fill(NULL::text, ARRAY[100000])".to_owned(),
        ("integer", _) => "2147483647".to_owned(),
        ("bigint", _) => "9223372036854775807".to_owned(),
        ("oid", _) => "4294967295".to_owned(),
        ("boolean", _) => format!("NOT {column}"),
        _ => "'infinity'".to_owned(),
    };
    vec![
        format!("{key} ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL; UPDATE {table} SET {column} = NULL"),
        format!("{key} ALTER TABLE {table} ALTER COLUMN {column} TYPE bytea USING '\\x00'"),
        format!("{key} ALTER TABLE {table} ALTER COLUMN {column} TYPE point USING '(1,2)'"),
        format!("ALTER TABLE {table} DROP COLUMN {column} CASCADE"),
        format!("{key} UPDATE {table} SET {column} = {huge}"),
    ]
}

/// What may become of a table.
fn losses(table: &str) -> Vec<String> {
    vec![
        format!("DROP TABLE {table}"),
        format!("DELETE FROM {table}"),
        format!("ALTER TABLE {table} OWNER TO CURRENT_USER"),
        format!("DROP TABLE {table}; CREATE VIEW {table} AS SELECT 1 AS one"),
    ]
}

async fn anew(superuser: &Client, session: &Session) {
    let gone = "DROP SCHEMA IF EXISTS ace_ops CASCADE; DROP SCHEMA IF EXISTS supabase_migrations CASCADE; \
         DROP TABLE IF EXISTS public.made; CREATE TABLE public.made (n integer); \
         CREATE SCHEMA supabase_migrations AUTHORIZATION postgres";
    superuser.batch_execute(gone).await.unwrap();
    session.prepare_operator_schema(&owner()).await.unwrap();
    superuser.batch_execute(FILL).await.unwrap();
}

/// Every look and every write, in the order of a reconcile; the errors of each.
async fn whole(bed: &Bed, session: &mut Session) -> (Vec<QueryError>, Vec<RunError>) {
    let reader = Session::open_read_only(&bed.access(), &settings()).await.unwrap();
    let state = ReferenceState {
        server_major: 15,
        form: 1,
        schemas: vec!["public".to_owned()],
        digest: "d".to_owned(),
        snapshot_pending: false,
    };
    let plan = StoredPlan {
        digest: "e".to_owned(),
        system_identifier: "1".to_owned(),
        timeline: 1,
        database_oid: 1,
        items: vec![("3".to_owned(), "sha256:3".to_owned())],
    };
    let nothing = Fingerprint::default();
    let changes: &[Change] = &[];
    let looks = [
        reader.ledgers().await.map(|_| ()),
        reader.reference().await.map(|_| ()),
        reader.reference_state().await.map(|_| ()),
        session.prepare_operator_schema(&owner()).await.map(|_| ()),
        session.adopt(&[file("7", "SELECT 1")]).await,
        session.baseline(&[file("8", "SELECT 1")]).await,
        session.store_plan(&plan).await,
        session.before_run(changes).await,
        session.after_run(changes, "d", "g").await,
        session.replace_reference(&nothing, &state, "g").await,
    ];
    let mut runs = Vec::new();
    for migration in [migration("3", &["SELECT 1"]), begun("2"), begun("4")] {
        runs.push(migration.run(session).await.map(|_| ()));
    }
    reader.close().await;
    let errors = looks.into_iter().filter_map(Result::err).collect();
    (errors, runs.into_iter().filter_map(Result::err).collect())
}

/// A file in two parts, of which the first may have begun.
fn begun(version: &str) -> Migration {
    segments(
        version,
        vec![
            Segment::Alone(statement("VACUUM public.made"), Alone::Vacuum),
            Segment::Together(statements(&["SELECT 2"])),
        ],
    )
}

#[tokio::test]
async fn a_role_that_may_not_create_schemas_damaged_nothing() {
    let bed = Bed::new().await;
    let superuser = bed.superuser().await;
    let role = format!("role_{}", bed.database);
    superuser
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN BYPASSRLS; DROP SCHEMA IF EXISTS supabase_migrations CASCADE"
        ))
        .await
        .unwrap();
    let access = Access {
        user: role.clone(),
        ..bed.access()
    };
    let session = Session::open(&access, &settings()).await.unwrap();
    let refused = session.prepare_operator_schema(&owner()).await;
    let Err(QueryError::Refused(state)) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(state.as_str(), "42501");
    let database = &bed.database;
    superuser
        .batch_execute(&format!("GRANT CREATE ON DATABASE {database} TO {role}"))
        .await
        .unwrap();
    assert_eq!(session.prepare_operator_schema(&owner()).await.unwrap(), Prepared::Ours);
}

#[tokio::test]
async fn whatever_becomes_of_our_tables_is_an_error_that_names_them() {
    let bed = Bed::new().await;
    let superuser = bed.superuser().await;
    let mut session = bed.session().await;
    anew(&superuser, &session).await;
    assert_eq!(whole(&bed, &mut session).await, (Vec::new(), Vec::new()));
    let mut columns = Vec::new();
    for row in superuser.query(COLUMNS, &[]).await.unwrap() {
        columns.push([0, 1, 2].map(|index| row.get::<_, String>(index)));
    }
    assert_eq!(columns.len(), 44);
    let tables: BTreeSet<_> = columns.iter().map(|[table, ..]| table).collect();
    let of_tables = tables.iter().flat_map(|table| losses(table));
    let of_columns = columns
        .iter()
        .flat_map(|[table, column, type_]| mutations(table, column, type_));
    let schemas = [
        "ALTER SCHEMA ace_ops OWNER TO CURRENT_USER",
        "ALTER SCHEMA supabase_migrations OWNER TO CURRENT_USER",
        "DROP SCHEMA ace_ops CASCADE; CREATE SCHEMA ace_ops",
    ];
    let mut found = 0;
    for mutation in of_columns.chain(of_tables).chain(schemas.map(str::to_owned)) {
        anew(&superuser, &session).await;
        superuser.batch_execute(&mutation).await.unwrap();
        let (errors, runs) = whole(&bed, &mut session).await;
        for error in &errors {
            let QueryError::Damaged(damage) = error else {
                panic!("{mutation}: {error:?}");
            };
            let schema = if mutation.contains("ace_ops") {
                "ace_ops"
            } else {
                "supabase_migrations"
            };
            assert!(damage.table.contains(schema), "{mutation}: {error}");
        }
        for error in &runs {
            let named = matches!(
                error,
                RunError::Damaged(_) | RunError::HalfApplied { .. } | RunError::AlreadyRecorded
            );
            assert!(named, "{mutation}: {error:?}");
        }
        found += usize::from(!errors.is_empty() || !runs.is_empty());
    }
    assert!(found > columns.len() * 3, "{found}");
}
