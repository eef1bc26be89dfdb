//! The same by the programs that everybody has.

use std::{process::Stdio, time::Instant};

use ace_sandbox::bed::tools::postgres_bin_dir;
use ace_tests::{Database, bed};
use tokio::process::Command;

use crate::{
    Turn, scratch,
    server::{Server, ended_children},
};

/// What `age` encrypts for; nobody reads it again.
const RECIPIENT: &str = "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq";

/// Runs a line of the shell; what it took of this process's children.
async fn shell(script: &str, environment: &[(&str, &str)], server: &Server) -> Turn {
    let (began, cpu, used) = (Instant::now(), ended_children(), server.cpu());
    let output = Command::new("bash")
        .args(["-o", "pipefail", "-c", script])
        // By which rclone does not start where the store is reached without TLS.
        .env_remove("AWS_CA_BUNDLE")
        .envs(environment.iter().copied())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("bash can be run");
    assert!(
        output.status.success(),
        "{script}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Turn {
        time: began.elapsed(),
        cpu: ended_children() - cpu,
        server: server.cpu() - used,
    }
}

fn program(name: &str) -> String {
    let folder = postgres_bin_dir().expect("PostgreSQL is installed");
    folder.join(name).display().to_string()
}

pub async fn pipeline(database: &Database, server: &Server) -> Turn {
    let file = bed().bed.file();
    let script = format!(
        "{} -Fc -Z0 '{}' | zstd -3 -q | age -r {RECIPIENT} | rclone rcat bed:{}/bench/plain",
        program("pg_dump"),
        database.url(),
        file.store_bucket
    );
    let environment = [
        ("RCLONE_CONFIG_BED_TYPE", "s3"),
        ("RCLONE_CONFIG_BED_PROVIDER", "Other"),
        ("RCLONE_CONFIG_BED_ENDPOINT", &file.store_url),
        ("RCLONE_CONFIG_BED_REGION", &file.store_region),
        ("RCLONE_CONFIG_BED_ACCESS_KEY_ID", &file.store_access_key_id),
        ("RCLONE_CONFIG_BED_SECRET_ACCESS_KEY", &file.store_secret_access_key),
        // It would make the bucket first, which the store does not let this key do.
        ("RCLONE_CONFIG_BED_NO_CHECK_BUCKET", "true"),
    ];
    shell(&script, &environment, server).await
}

pub async fn restored(database: &Database, server: &Server, scratch: &scratch::Server) -> Turn {
    let url = format!("postgresql://postgres:{}@127.0.0.1:{}", scratch::PASSWORD, scratch.port);
    let script = format!(
        "{dump} -Fc '{}' -f /tmp/ace-bench-$$.dump && {psql} -q '{url}/postgres' -c 'CREATE DATABASE plain' && \
         {restore} -d '{url}/plain' --no-owner --no-acl /tmp/ace-bench-$$.dump; rc=$?; rm -f /tmp/ace-bench-$$.dump; \
         {psql} -q '{url}/postgres' -c 'DROP DATABASE plain WITH (FORCE)'; [ $rc -le 1 ]",
        database.url(),
        dump = program("pg_dump"),
        restore = program("pg_restore"),
        psql = program("psql"),
    );
    shell(&script, &[], server).await
}
