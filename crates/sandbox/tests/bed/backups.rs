//! The platform's own backups of a bed, and where backups are restored.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::UNIX_EPOCH;

use ace_sandbox::bed::{Bed, BedConfig, BedFile, PlatformBackups, testing, tools};
use serde_json::{Value, json};

use crate::bed_support::{http, management, query};

async fn start(directory: &Path, platform_backups: PlatformBackups) -> Bed {
    let config = BedConfig {
        directory: directory.to_owned(),
        platform_backups,
        scratch: true,
        ..BedConfig::default()
    };
    let started = Bed::start(config).await;
    started.unwrap_or_else(|error| panic!("{}", testing::explain(&error)))
}

/// What the platform lists as its own backups.
async fn listed(file: &BedFile) -> Value {
    management(file, &format!("/v1/projects/{}/database/backups", file.project)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bed_that_keeps_backups_lists_what_its_server_has_made_and_has_another_to_restore_them() {
    let directory = testing::fresh_directory();
    let bed = start(&directory, PlatformBackups::PointInTime).await;
    let file = bed.file().clone();
    let (base, wal) = (bed.recovery().join("base"), bed.recovery().join("wal"));
    let bound = |list: &Value, name: &str| list["physical_backup_data"][name].as_i64().unwrap();
    let first = listed(&file).await;
    assert_eq!((&first["pitr_enabled"], &first["backups"]), (&json!(true), &json!([])));
    let earliest = bound(&first, "earliest_physical_backup_date_unix");
    let manifest = fs::metadata(base.join("1/backup_manifest"))
        .unwrap()
        .modified()
        .unwrap();
    let made = manifest.duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(earliest, i64::try_from(made).unwrap(), "the first base backup");

    // What is committed is in the window once its log is archived, and a newer backup does not move its begin.
    query(&file, "create table kept (a int)").await;
    let before = fs::read_dir(&wal).unwrap().count();
    bed.base_backup().unwrap();
    assert!(
        fs::read_dir(&wal).unwrap().count() > before,
        "the log of the backup is archived"
    );
    let second = listed(&file).await;
    assert_eq!(bound(&second, "earliest_physical_backup_date_unix"), earliest);
    assert!(bound(&second, "latest_physical_backup_date_unix") >= bound(&first, "latest_physical_backup_date_unix"));
    let verified = Command::new(tools::project_bin_dir().unwrap().join("pg_verifybackup"))
        .args(["--no-parse-wal", "--quiet"])
        .arg(base.join("2"))
        .output()
        .unwrap();
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );

    // Backups are restored into another server than the one that they are of.
    let scratch = file.scratch_url.as_deref().unwrap();
    let identifiers = [file.database_url.as_str(), scratch].map(async |url| {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let identifier = "SELECT system_identifier::text FROM pg_control_system()";
        let row = client.query_one(identifier, &[]).await.unwrap();
        row.try_get::<_, String>(0).unwrap()
    });
    let [source, target] = identifiers;
    assert_ne!(source.await, target.await);

    // Nothing is listed that is not there.
    fs::remove_dir_all(&base).unwrap();
    fs::create_dir(&base).unwrap();
    assert_eq!(listed(&file).await["physical_backup_data"], json!({}));
    bed.stop().await.unwrap();

    let bed = start(&directory, PlatformBackups::Daily).await;
    let daily = listed(bed.file()).await;
    assert_eq!(daily["pitr_enabled"], json!(false));
    assert_eq!(daily["backups"].as_array().unwrap().len(), 1, "{daily}");
    assert_eq!(daily["backups"][0]["status"], "COMPLETED");
    // Settings take its place, for what a real server does not do when a test wants it.
    let settings = json!({ "backups": { "days": 3, "since": 0 } });
    let admin_url = &bed.file().admin_url;
    let set = http()
        .patch(format!("{admin_url}/projects/{}", bed.file().project))
        .json(&settings)
        .send()
        .await;
    assert!(set.unwrap().status().is_success());
    assert_eq!(listed(bed.file()).await["backups"].as_array().unwrap().len(), 3);
    bed.stop().await.unwrap();
}
