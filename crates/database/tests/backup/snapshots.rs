use ace_database::{Attempt, Detail, Locked, Scope, Session, Settings, Snapshot, SnapshotError, TableName};
use jiff::{SignedDuration, Timestamp};

use crate::bed::{APPLICATION, Bed, everything};

const MIGRATIONS: &str = "ace-operator/ace/main";

#[tokio::test]
async fn a_snapshot_describes_server_database_ledger_and_schema() {
    let bed = Bed::new("CREATE TABLE public.items (id int PRIMARY KEY)").await;
    bed.run("INSERT INTO supabase_migrations.schema_migrations VALUES ('20260101000000'), ('20260204400000')")
        .await;
    let before = Timestamp::now();
    let snapshot = bed.snapshot().await;
    let point = snapshot.point().clone();
    let superuser = bed.superuser().await;
    let row = superuser
        .query_one(
            "SELECT system_identifier::text, current_database()::text, current_setting('server_version_num')::int / 10000 \
             FROM pg_control_system()",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(point.system_identifier, row.get::<_, String>(0));
    assert_eq!(point.database, row.get::<_, String>(1));
    assert_eq!(point.server_major, u32::try_from(row.get::<_, i32>(2)).unwrap());
    assert_eq!(point.head.as_deref(), Some("20260204400000"));
    assert_eq!(point.timeline, 1);
    assert!(
        point.size > 0 && point.lsn.contains('/') && point.schema_digest.starts_with("sha256:"),
        "{point:?}"
    );
    assert!(point.ahead_of(before).abs() < SignedDuration::from_hours(1));
    assert!(
        point.not_covered.contains(&"storage files".to_owned()),
        "{:?}",
        point.not_covered
    );
    snapshot.release().await;

    // The digest is that of the schema, and of nothing else.
    bed.run("INSERT INTO public.items VALUES (1)").await;
    let same = bed.snapshot().await;
    assert_eq!(same.point().schema_digest, point.schema_digest);
    same.release().await;
    bed.run("ALTER TABLE public.items ADD name text").await;
    assert_ne!(bed.snapshot().await.point().schema_digest, point.schema_digest);
}

#[tokio::test]
async fn a_backup_waits_for_a_migration_and_a_migration_for_a_backup_each_by_name() {
    let bed = Bed::new("").await;
    let migrations = Session::open(&bed.access(), &Settings::new(MIGRATIONS)).await.unwrap();
    assert_eq!(migrations.try_lock().await.unwrap(), Locked::Mine);
    let attempt = Snapshot::take(&bed.access(), APPLICATION, &everything(), Timestamp::now())
        .await
        .unwrap();
    let Attempt::Held(Some(by)) = attempt else {
        panic!("it was taken while a migration runs");
    };
    assert_eq!(by.application.as_deref(), Some(MIGRATIONS));
    migrations.close().await;

    let snapshot = bed.snapshot().await;
    let migrations = Session::open(&bed.access(), &Settings::new(MIGRATIONS)).await.unwrap();
    let Locked::Held(Some(by)) = migrations.try_lock().await.unwrap() else {
        panic!("a migration runs while a snapshot is held");
    };
    assert_eq!(by.application.as_deref(), Some(APPLICATION));
    snapshot.prove_held().await.unwrap();
    snapshot.release().await;
    assert_eq!(migrations.try_lock().await.unwrap(), Locked::Mine);
}

#[tokio::test]
async fn a_session_that_was_ended_has_lost_the_lease() {
    let bed = Bed::new("").await;
    let snapshot = bed.snapshot().await;
    snapshot.prove_held().await.unwrap();
    bed.as_superuser(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{APPLICATION}' \
         AND datname = current_database()"
    ))
    .await;
    assert_eq!(snapshot.lost().await, SnapshotError::LeaseLost);
    assert_eq!(snapshot.prove_held().await, Err(SnapshotError::LeaseLost));
    // Nothing can be read of a snapshot that is gone.
    assert!(snapshot.prove(&bed.access(), APPLICATION, Detail::Rows).await.is_err());
}

#[tokio::test]
async fn a_lock_that_is_no_longer_ours_is_lost_while_the_session_lives() {
    let bed = Bed::new("").await;
    let snapshot = bed.snapshot().await;
    // Of all that a superuser can do to the lock of another session, only this leaves the session as it is: the database is
    // known by another name, and its lock is that of the new one.
    let template = bed.database.clone();
    let other = format!("{template}_other");
    let superuser = bed.superuser().await;
    let rename = format!("UPDATE pg_database SET datname = '{other}' WHERE datname = '{template}'");
    superuser.batch_execute(&rename).await.unwrap();
    let proved = snapshot.prove_held().await;
    superuser
        .batch_execute(&format!(
            "UPDATE pg_database SET datname = '{template}' WHERE datname = '{other}'"
        ))
        .await
        .unwrap();
    assert!(proved.is_err(), "the lock of another name was taken for ours");
}

#[tokio::test]
async fn a_clock_that_is_hours_off_is_refused() {
    let bed = Bed::new("").await;
    let ours = Timestamp::now() - SignedDuration::from_hours(2);
    let refused = Snapshot::take(&bed.access(), APPLICATION, &everything(), ours)
        .await
        .map(|_| ())
        .unwrap_err();
    assert_eq!(refused.reason(), "ClockSkew");
    assert!(
        refused
            .to_string()
            .ends_with(" min ahead of ours: set the clocks first"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_table_that_is_not_there_can_not_be_left_out() {
    let bed = Bed::new("CREATE TABLE public.views (id int)").await;
    let scope = |name| Scope::without(&[], [TableName::new("public", name)]);
    let refused = Snapshot::take(&bed.access(), APPLICATION, &scope("page_views"), Timestamp::now()).await;
    let refused = refused.map(|_| ()).unwrap_err();
    assert_eq!(
        refused,
        SnapshotError::Absent(vec![TableName::new("public", "page_views")])
    );
    assert!(refused.to_string().contains("public.page_views"));
    assert!(
        bed.snapshot_of(&scope("views"))
            .await
            .point()
            .not_covered
            .contains(&"rows of public.views".to_owned())
    );
}
