use ace_database::{RunError, Session};
use ace_domain::sql::{Alone, ReindexTarget, Segment};

use crate::{
    bed::{Bed, Migration, create_index, segments, statement, statements},
    proxy::{Cut, Proxy},
};

fn build(unique: &str, if_not_exists: bool) -> Migration {
    let exists = if if_not_exists { "IF NOT EXISTS " } else { "" };
    let text = format!("CREATE {unique} INDEX CONCURRENTLY {exists}i ON t (n)");
    let create = create_index("t", "i", if_not_exists);
    segments("1", vec![Segment::Alone(statement(&text), create)])
}

/// A database with a table that has this in it.
async fn bed(rows: &str) -> Bed {
    let bed = Bed::new().await;
    let table = format!("CREATE TABLE t (n int); ALTER TABLE t OWNER TO postgres; INSERT INTO t VALUES {rows}");
    bed.as_superuser(&table).await;
    bed
}

async fn indexes(bed: &Bed) -> Vec<String> {
    let statement = "SELECT c.relname || ' ' || i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
         WHERE i.indrelid = 't'::regclass ORDER BY 1";
    bed.column(statement).await
}

/// Runs a file until its statement is done at the server, and dies there: its row says that it began.
async fn die_after_the_statement(bed: &Bed, migration: &Migration) {
    let proxy = Proxy::before(bed.access().port).await;
    let mut session = bed.session_through(&proxy).await;
    // The look, the path, what was before, what must not be (if asked), BEGIN, proof, row, COMMIT, its proof, limits, the statement.
    let asks = matches!(
        migration.script.segments[..],
        [Segment::Alone(
            _,
            Alone::CreateIndex {
                if_not_exists: true,
                ..
            }
        )]
    );
    proxy.arm(10 + usize::from(asks), Cut::After);
    let lost = state(&mut session, migration).await;
    assert!(matches!(lost, Err(RunError::Lost { .. })), "{lost:?}");
}

async fn state(session: &mut Session, migration: &Migration) -> Result<(), RunError> {
    migration.run(session).await.map(|_| ())
}

#[tokio::test]
async fn an_index_that_was_built_when_the_client_died_is_not_built_again() {
    let bed = bed("(1)").await;
    for if_not_exists in [false, true] {
        let migration = build("", if_not_exists);
        die_after_the_statement(&bed, &migration).await;
        let built = bed.column("SELECT 'i'::regclass::oid::text").await;
        let mut session = bed.session().await;
        assert_eq!(bed.steps().await, ["1 0 f"]);
        assert_eq!(state(&mut session, &migration).await, Ok(()));
        assert_eq!(bed.column("SELECT 'i'::regclass::oid::text").await, built);
        assert!(bed.steps().await.is_empty());
        let again = "DROP INDEX i; DELETE FROM ace_ops.migration; DELETE FROM supabase_migrations.schema_migrations";
        bed.as_superuser(again).await;
    }
}

#[tokio::test]
async fn an_invalid_index_of_ours_is_dropped_and_built_again() {
    let bed = bed("(1)").await;
    for if_not_exists in [false, true] {
        let migration = build("", if_not_exists);
        die_after_the_statement(&bed, &migration).await;
        let superuser = bed.superuser().await;
        superuser
            .batch_execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass")
            .await
            .unwrap();
        let mut session = bed.session().await;
        assert_eq!(state(&mut session, &migration).await, Ok(()));
        assert_eq!(indexes(&bed).await, ["i true"]);
        let again = "DROP INDEX i; DELETE FROM ace_ops.migration; DELETE FROM supabase_migrations.schema_migrations";
        superuser.batch_execute(again).await.unwrap();
    }
}

#[tokio::test]
async fn an_index_that_is_absent_is_built_again() {
    let bed = bed("(1)").await;
    let migration = build("", false);
    die_after_the_statement(&bed, &migration).await;
    bed.as_superuser("DROP INDEX i").await;
    assert_eq!(state(&mut bed.session().await, &migration).await, Ok(()));
    assert_eq!(indexes(&bed).await, ["i true"]);
}

#[tokio::test]
async fn an_invalid_index_that_was_there_before_is_neither_proof_nor_dropped() {
    let bed = bed("(1)").await;
    let superuser = bed.superuser().await;
    superuser
        .batch_execute(
            "CREATE INDEX i ON t (n); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass",
        )
        .await
        .unwrap();
    let mut session = bed.session().await;
    let not_ours = RunError::IndexNotOurs { name: "i".to_owned() };
    assert_eq!(state(&mut session, &build("", true)).await, Err(not_ours));
    let RunError::Sql { state: code, .. } = state(&mut session, &build("", false)).await.unwrap_err() else {
        panic!("it was built");
    };
    assert_eq!(code.as_str(), "42P07");
    assert_eq!(indexes(&bed).await, ["i false"]);
    // Nothing was begun, so the file may be changed.
    assert!(bed.steps().await.is_empty());
}

#[tokio::test]
async fn a_valid_index_that_was_there_before_is_enough_for_if_not_exists() {
    let bed = bed("(1)").await;
    bed.as_superuser("CREATE INDEX i ON t (n)").await;
    assert_eq!(state(&mut bed.session().await, &build("", true)).await, Ok(()));
}

#[tokio::test]
async fn an_index_of_that_name_on_another_table_is_not_ours() {
    let bed = bed("(1)").await;
    let migration = build("", false);
    die_after_the_statement(&bed, &migration).await;
    bed.as_superuser("DROP INDEX i; CREATE TABLE u (n int); CREATE INDEX i ON u (n)")
        .await;
    let RunError::Sql { state: code, .. } = state(&mut bed.session().await, &migration).await.unwrap_err() else {
        panic!("it was taken for ours");
    };
    assert_eq!(code.as_str(), "42P07");
    assert_eq!(
        bed.column("SELECT indrelid::regclass::text FROM pg_index WHERE indexrelid = 'i'::regclass")
            .await,
        ["u"]
    );
}

#[tokio::test]
async fn a_build_that_fails_leaves_no_index_and_the_file_may_be_changed() {
    let bed = bed("(1), (1)").await;
    let mut session = bed.session().await;
    let RunError::Sql { state: code, .. } = state(&mut session, &build("UNIQUE", false)).await.unwrap_err() else {
        panic!("it is not unique");
    };
    assert_eq!(code.as_str(), "23505");
    assert_eq!(indexes(&bed).await, Vec::<String>::new());
    let mut changed = build("", false);
    changed.file.sha256 = "sha256:changed".to_owned();
    assert_eq!(state(&mut session, &changed).await, Ok(()));
}

#[tokio::test]
async fn a_file_that_ran_half_way_does_not_go_on_with_other_bytes() {
    let bed = bed("(1), (1)").await;
    let mut file = build("UNIQUE", false);
    let first = Segment::Together(statements(&["CREATE TABLE u ()"]));
    file.script.segments.insert(0, first.clone());
    let mut session = bed.session().await;
    assert_eq!(state(&mut session, &file).await.unwrap_err().reason(), "Sql");
    let mut changed = build("", false);
    changed.script.segments.insert(0, first);
    changed.file.sha256 = "sha256:changed".to_owned();
    assert_eq!(
        state(&mut session, &changed).await,
        Err(RunError::HalfApplied { done: 1 })
    );
    // With the old bytes, and without the obstacle, it continues after what is done.
    bed.as_superuser("TRUNCATE t").await;
    assert_eq!(state(&mut session, &file).await, Ok(()));
}

#[tokio::test]
async fn a_drop_is_done_when_what_was_there_is_gone() {
    let bed = bed("(1)").await;
    let superuser = bed.superuser().await;
    superuser.batch_execute("CREATE INDEX i ON t (n)").await.unwrap();
    let drop = Alone::DropIndex {
        schema: None,
        name: "i".to_owned(),
        if_exists: false,
    };
    let migration = segments("1", vec![Segment::Alone(statement("DROP INDEX CONCURRENTLY i"), drop)]);
    die_after_the_statement(&bed, &migration).await;
    // Somebody has made another one since: it is not the one that was to go.
    superuser.batch_execute("CREATE INDEX i ON t (n)").await.unwrap();
    assert_eq!(state(&mut bed.session().await, &migration).await, Ok(()));
    assert_eq!(indexes(&bed).await, ["i true"]);
}

#[tokio::test]
async fn what_an_interrupted_reindex_left_is_dropped_and_what_others_left_is_not() {
    let bed = bed("(1)").await;
    let superuser = bed.superuser().await;
    let invalid = |name: &str| {
        format!(
            "CREATE INDEX {name} ON t (n); UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass;"
        )
    };
    superuser
        .batch_execute(&format!(
            "CREATE INDEX i ON t (n); ALTER INDEX i OWNER TO postgres; {}",
            invalid("old_ccnew")
        ))
        .await
        .unwrap();
    for (version, target, name, text) in [
        ("1", ReindexTarget::Index, "i", "REINDEX INDEX CONCURRENTLY i"),
        ("2", ReindexTarget::Table, "t", "REINDEX TABLE CONCURRENTLY t"),
    ] {
        let reindex = Alone::Reindex {
            target,
            schema: None,
            name: name.to_owned(),
        };
        let migration = segments(version, vec![Segment::Alone(statement(text), reindex)]);
        die_after_the_statement(&bed, &migration).await;
        let left = format!("{} {} {}", invalid("i_ccnew"), invalid("i_ccold1"), invalid("other"));
        superuser.batch_execute(&left).await.unwrap();
        assert_eq!(state(&mut bed.session().await, &migration).await, Ok(()));
        assert!(indexes(&bed).await.starts_with(&["i true".to_owned()]));
        let mut left = indexes(&bed).await;
        left.retain(|index| index.ends_with("false"));
        // An INVALID index that is no leftover is skipped by the reindexing of the table.
        assert_eq!(left, ["old_ccnew false", "other false"], "{text}");
        superuser.batch_execute("DROP INDEX other").await.unwrap();
    }
}

#[tokio::test]
async fn a_file_that_goes_on_has_the_settings_that_it_had_made() {
    let bed = Bed::new().await;
    bed.as_superuser("CREATE SCHEMA app AUTHORIZATION postgres; GRANT ALL ON SCHEMA app TO anon")
        .await;
    let create = create_index("t", "i", false);
    let migration = segments(
        "1",
        vec![
            Segment::Together(statements(&[
                "SET search_path = app",
                "SELECT set_config('work_mem', '5MB', false)",
                "CREATE TABLE t (n int)",
                "ALTER TABLE t OWNER TO anon",
                "SET ROLE anon",
            ])),
            Segment::Alone(statement("CREATE INDEX CONCURRENTLY i ON t (n)"), create),
            Segment::Together(statements(&[
                "CREATE TABLE u AS SELECT concat_ws(' ', current_user, current_setting('search_path'), \
                 current_setting('work_mem')) AS seen",
            ])),
        ],
    );
    let proxy = Proxy::before(bed.access().port).await;
    let mut session = bed.session_through(&proxy).await;
    // Look, BEGIN, five times two, proof, look, row, COMMIT; the next is the proof of the commit.
    proxy.arm(18, Cut::Before);
    assert!(migration.run(&mut session).await.is_err());
    let mut session = bed.session().await;
    assert_eq!(bed.steps().await, ["1 0 t"]);
    assert_eq!(state(&mut session, &migration).await, Ok(()));
    assert_eq!(bed.column("SELECT seen FROM app.u").await, ["anon app 5MB"]);
}

#[tokio::test]
async fn what_can_be_repeated_is() {
    let bed = bed("(1)").await;
    let vacuum = segments("1", vec![Segment::Alone(statement("VACUUM t"), Alone::Vacuum)]);
    die_after_the_statement(&bed, &vacuum).await;
    assert_eq!(state(&mut bed.session().await, &vacuum).await, Ok(()));
    let alter = segments(
        "2",
        vec![Segment::Alone(
            statement("ALTER SYSTEM SET work_mem = '4MB'"),
            Alone::AlterSystem,
        )],
    );
    // The ordinary role may not: an error like any other, and nothing of it is left.
    let mut session = bed.session().await;
    assert_eq!(state(&mut session, &alter).await.unwrap_err().reason(), "Sql");
    assert!(bed.steps().await.is_empty());
}
