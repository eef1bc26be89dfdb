use std::collections::BTreeMap;

use ace_database::{RunError, SqlState};
use ace_domain::kinds::migration_set::{LedgerRow, Ran};

use crate::bed::{APPLICATION, Bed, migration, operator_schema, run, segments, terminated};

/// What a file failed with: state, message and line.
fn sql(outcome: Result<Ran, RunError>) -> (String, String, Option<u32>) {
    match outcome {
        Err(RunError::Sql { state, message, line }) => (state.as_str().to_owned(), message, line),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_is_in_both_ledgers_as_the_cli_and_we_would_have_it() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let mut migration = migration(
        "20240101000000",
        &["create table t (n text default 'a;b')", "insert into t values ('ü')"],
    );
    migration.file.name = "create_t".to_owned();
    migration.script.recorded[0].insert_str(0, "-- first comment; with semicolon\n");
    assert!(migration.run(&mut session).await.is_ok());
    // As `supabase db push` 3.1.0 leaves it (seen with pg_dump).
    let row = "SELECT version || '|' || name || '|' || statements::text FROM supabase_migrations.schema_migrations";
    assert_eq!(
        bed.column(row).await,
        [
            "20240101000000|create_t|{\"-- first comment; with semicolon\ncreate table t (n text default 'a;b')\",\
          \"insert into t values ('ü')\"}"
        ]
    );
    let ours = "SELECT concat_ws('|', version, name, sha256, kind, applied_by) FROM ace_ops.migration";
    let row = format!("20240101000000|create_t|sha256:20240101000000|applied|{APPLICATION}");
    assert_eq!(bed.column(ours).await, [row]);
    let rows = operator_schema(&session).await.rows.into_iter();
    let digests: Vec<_> = rows.map(|(version, row)| (version, row.sha256)).collect();
    let digest = ("20240101000000".to_owned(), "sha256:20240101000000".to_owned());
    assert_eq!(digests, [digest]);
}

#[tokio::test]
async fn the_ledger_of_a_new_project_is_the_one_that_the_cli_makes() {
    let bed = Bed::new().await;
    bed.as_superuser("DROP SCHEMA supabase_migrations CASCADE").await;
    let _session = bed.session().await;
    let columns = "SELECT attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull FROM pg_attribute \
         WHERE attrelid = 'supabase_migrations.schema_migrations'::regclass AND attnum > 0 ORDER BY attname";
    assert_eq!(
        bed.column(columns).await,
        ["name text false", "statements text[] false", "version text true"]
    );
    let key = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'supabase_migrations.schema_migrations'::regclass";
    assert_eq!(bed.column(key).await, ["PRIMARY KEY (version)"]);
}

#[tokio::test]
async fn a_file_that_fails_leaves_nothing_and_names_its_line() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let outcome = run(&mut session, &["CREATE TABLE t ()", "SELECT 'ä',\n\n  absent FROM t"]).await;
    assert_eq!(
        sql(outcome),
        (
            "42703".to_owned(),
            "column \"absent\" does not exist".to_owned(),
            Some(4)
        )
    );
    assert_eq!(session.ledgers().await.unwrap().ledger, BTreeMap::new());
    assert!(run(&mut session, &["CREATE TABLE t ()"]).await.is_ok());
}

#[tokio::test]
async fn a_message_shows_no_value_of_a_row() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    bed.as_superuser(
        "CREATE TABLE t (n text UNIQUE, CHECK (n <> 'secret-2')); INSERT INTO t VALUES ('secret@example.com'); \
             ALTER TABLE t OWNER TO postgres; CREATE FUNCTION tells() RETURNS void LANGUAGE plpgsql AS \
             'BEGIN RAISE ''no balance for %'', (SELECT n FROM public.t); END'",
    )
    .await;
    let raises = |how: &str| format!("DO $$ BEGIN RAISE {how}; END $$");
    let row = "'row value %', (SELECT n FROM t)";
    let table: [(&str, &str, &str); 13] = [
        (
            "SELECT n::int FROM t",
            "22P02",
            "invalid input syntax for type integer: \"…\"",
        ),
        (
            "INSERT INTO t SELECT n FROM t",
            "23505",
            "duplicate key value violates unique constraint \"t_n_key\"",
        ),
        (
            "INSERT INTO t SELECT split_part(n, '@', 1) || -2 FROM t",
            "23514",
            "new row for relation \"t\" violates check constraint \"t_n_check\"",
        ),
        ("SELECT n::regclass FROM t", "3F000", "schema \"…\" does not exist"),
        (
            "DO $$ BEGIN EXECUTE 'SELECT ' || quote_ident((SELECT n FROM t)); END $$",
            "42703",
            "column \"…\" does not exist",
        ),
        (
            "DO $$ BEGIN EXECUTE (SELECT split_part(n, '@', 1) FROM t) || '()'; END $$",
            "42601",
            "syntax error at or near \"…\"",
        ),
        (
            "SELECT current_setting(n) FROM t",
            "42704",
            "unrecognized configuration parameter \"…\"",
        ),
        (
            "SELECT has_table_privilege(n, 't', 'select') FROM t",
            "42704",
            "role \"…\" does not exist",
        ),
        (&raises(row), "P0001", "row value …"),
        (
            &raises(&format!(
                "{row} USING ERRCODE = '42703', DETAIL = 'd', CONSTRAINT = (SELECT n FROM t)"
            )),
            "42703",
            "row value …",
        ),
        (
            "DO $$ BEGIN ASSERT false, (SELECT n FROM t); END $$",
            "P0004",
            "the server's log has the message",
        ),
        ("SELECT tells()", "P0001", "the server's log has the message"),
        (
            "SELECT 'written'::int",
            "22P02",
            "invalid input syntax for type integer: \"written\"",
        ),
    ];
    for (statement, state, message) in table {
        let error = run(&mut session, &["SELECT 1", statement]).await.unwrap_err();
        assert!(!format!("{error:?} {error}").contains("secret"));
        assert_eq!(
            sql(Err(error)),
            (state.to_owned(), message.to_owned(), Some(2)),
            "{statement}"
        );
    }
}

#[tokio::test]
async fn warnings_are_kept_and_anything_less_is_not() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let warns = "DO $$ BEGIN FOR i IN 1..10 LOOP RAISE WARNING 'Still have % policies of \"me\"', i; END LOOP; END $$";
    let texts = [
        "DO $$ BEGIN RAISE NOTICE 'n'; RAISE INFO 'i'; END $$",
        "DROP TABLE IF EXISTS t",
        warns,
    ];
    let ran = run(&mut session, &texts).await.unwrap();
    // 1 stands in the file.
    let expected: Vec<_> = std::iter::once("1")
        .chain(["…"; 7])
        .map(|number| format!("Still have {number} policies of \"me\""))
        .collect();
    assert_eq!(ran.warnings, expected);
    let warnings = "SELECT unnest(warnings) FROM ace_ops.migration";
    assert_eq!(bed.column(warnings).await, expected);
    // They are those of their file.
    let ran = migration("2", &["SELECT 1"]).run(&mut session).await.unwrap();
    assert_eq!(ran.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_of_a_file_leaks_into_the_next() {
    let bed = Bed::new().await;
    bed.as_superuser("GRANT CREATE ON SCHEMA public TO anon").await;
    let mut session = bed.session().await;
    for (number, statement) in [
        "CREATE TEMPORARY TABLE scratch ()",
        "SET ROLE anon",
        "SELECT set_config('search_path', '', false)",
        "SET search_path = supabase_migrations, pg_catalog",
        "SET standard_conforming_strings = off",
        "SET client_encoding = 'LATIN1'",
        "SET row_security = off",
        "PREPARE p AS SELECT 1",
        "LISTEN somebody",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "SET default_transaction_read_only = on",
        "SET default_transaction_isolation = 'serializable'",
    ]
    .into_iter()
    .enumerate()
    {
        let version = format!("1{number:02}");
        let mut file = migration(&version, &[statement]);
        file.script.recorded = vec![format!("{statement} -- \\ü'")];
        assert!(file.run(&mut session).await.is_ok(), "{statement}");
        let after = "DO $$ BEGIN ASSERT current_user = 'postgres' AND to_regclass('pg_temp.scratch') IS NULL AND \
             current_setting('search_path') = '\"$user\", public, extensions' AND \
             current_setting('standard_conforming_strings') = 'on' AND current_setting('client_encoding') = 'UTF8' AND \
             current_setting('row_security') = 'on' AND NOT EXISTS (SELECT FROM pg_prepared_statements) AND \
             NOT EXISTS (SELECT FROM pg_cursors) AND NOT EXISTS (SELECT pg_listening_channels()); END $$";
        let outcome = migration(&format!("2{number:02}"), &[after]).run(&mut session).await;
        assert!(outcome.is_ok(), "{statement}: {outcome:?}");
        let ledger = session.ledgers().await.unwrap().ledger;
        assert!(ledger.contains_key(&version), "{statement}");
    }
    let slashes =
        "SELECT count(*)::text FROM supabase_migrations.schema_migrations WHERE statements[1] LIKE '%-- \\\\ü'''";
    assert_eq!(bed.column(slashes).await, ["12"]);
}

#[tokio::test]
async fn a_file_of_ten_megabytes_in_one_statement_is_applied_and_recorded() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let long = format!("CREATE TABLE t AS SELECT '{}'::text AS n", "x".repeat(10 << 20));
    assert!(run(&mut session, &[&long]).await.is_ok());
    let kept =
        "SELECT (length(n) || ' ' || (SELECT length(statements[1]) FROM supabase_migrations.schema_migrations)) FROM t";
    assert_eq!(bed.column(kept).await, [format!("{} {}", 10 << 20, long.len())]);
}

#[tokio::test]
async fn a_file_without_a_statement_is_recorded() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    assert!(segments("1", Vec::new()).run(&mut session).await.is_ok());
    let comment = migration("2", &["-- nothing here;"]);
    assert!(comment.run(&mut session).await.is_ok());
    let expected = ["1", "2"].map(|version| (version.to_owned(), LedgerRow::default()));
    assert_eq!(session.ledgers().await.unwrap().ledger, expected.into());
    let names = "SELECT name FROM supabase_migrations.schema_migrations ORDER BY version";
    assert_eq!(bed.column(names).await, ["file_1", "file_2"]);
}

#[tokio::test]
async fn an_answer_that_is_none_ends_the_file() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let outcome = run(&mut session, &["CREATE TABLE t (n int)", "COPY t FROM stdin"]).await;
    assert_eq!(outcome, Err(RunError::Protocol { line: Some(2) }));
    let mut next = bed.session().await;
    assert!(run(&mut next, &["CREATE TABLE t ()"]).await.is_ok());
}

#[tokio::test]
async fn temporary_errors_are_distinguished_from_permanent_ones() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    for state in ["40001", "40P01", "53100", "53200", "08006", "57P03", "25006"] {
        let raise = format!("DO $$ BEGIN RAISE 'x' USING ERRCODE = '{state}'; END $$");
        let RunError::Retry { state: seen, .. } = run(&mut session, &[&raise]).await.unwrap_err() else {
            panic!("{state}");
        };
        assert_eq!(SqlState::as_str(&seen), state);
    }
    for state in ["22012", "42501", "57014", "58030", "XX000"] {
        let raise = format!("DO $$ BEGIN RAISE 'x' USING ERRCODE = '{state}'; END $$");
        assert_eq!(sql(run(&mut session, &[&raise]).await).0, state);
    }
}

#[tokio::test]
async fn a_race_in_the_catalogue_may_pass_and_the_same_code_of_a_user_s_table_does_not() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let superuser = bed.superuser().await;
    let function = "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION public.f() OWNER TO postgres";
    superuser.batch_execute(function).await.unwrap();
    superuser
        .batch_execute("BEGIN; GRANT EXECUTE ON FUNCTION public.f() TO pg_monitor")
        .await
        .unwrap();
    let grant = ["SELECT 1", "GRANT EXECUTE ON FUNCTION public.f() TO pg_read_all_stats"];
    let waits = "SELECT count(*)::text FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'";
    let (outcome, ()) = tokio::join!(run(&mut session, &grant), async {
        bed.until(waits, &["1"]).await;
        superuser.batch_execute("COMMIT").await.unwrap();
    });
    let Err(RunError::Retry { state, message, line }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        (state.as_str(), message.as_str(), line),
        ("XX000", "tuple concurrently updated", Some(2))
    );
    for (schema, passes) in [("pg_catalog", true), ("public", false)] {
        let raise = format!("DO $$ BEGIN RAISE unique_violation USING SCHEMA = '{schema}'; END $$");
        let outcome = run(&mut session, &[&raise]).await;
        assert_eq!(matches!(outcome, Err(RunError::Retry { .. })), passes, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_statement_that_ends_its_session_is_named_by_its_line() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let ends = ["SELECT 1", "SELECT 2", "SELECT pg_terminate_backend(pg_backend_pid())"];
    assert_eq!(run(&mut session, &ends).await, Err(terminated(3)));
}
