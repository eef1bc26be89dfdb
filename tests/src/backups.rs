//! A database to back up, and where its backups go.

use std::{fs, path::PathBuf};

use ace_api::{Backup, BackupDestination, BackupSchedule};
use age::{secrecy::ExposeSecret as _, x25519::Identity};
use serde_json::{Value, json};

use crate::{Database, Operator, PLATFORM, Stage, is_true, message_of, reason_of, stage::merged};

/// A text of a row: nothing that is said may have it.
pub const ROW: &str = "canary-of-a-row";
/// The BackupSchedule of every [`Scene`].
pub const SCHEDULE: &str = "yearly";

/// A stage with a database that has rows, destinations and a schedule.
pub struct Scene<'a> {
    pub stage: &'a Stage<'a>,
    pub database: &'a Database,
    /// What opens the archives.
    pub identity: Identity,
    store: String,
}

impl<'a> Scene<'a> {
    /// A table of 2,000 rows, the store's key, an identity, and one destination. `store`: where the store is reached.
    ///
    /// # Panics
    /// If something is refused.
    pub async fn prepare(stage: &'a Stage<'a>, database: &'a Database, store: &str) -> Self {
        let rows = format!(
            "CREATE TABLE public.recipients (id int PRIMARY KEY, phone text NOT NULL, \"Ü name\" text);
             INSERT INTO public.recipients SELECT i, '+49170' || i, '{ROW}' FROM generate_series(1, 2000) i;
             CREATE TABLE public.\"odd.na\"\"me\" (a int); INSERT INTO public.\"odd.na\"\"me\" VALUES (1);
             ALTER TABLE public.recipients ENABLE ROW LEVEL SECURITY;"
        );
        database.run(&rows).await;
        let bed = stage.space.bed.bed.file();
        let key = json!({ "accessKeyId": bed.store_access_key_id, "secretAccessKey": bed.store_secret_access_key });
        stage.secret_offering("backup-store", "backup-store", key).await;
        let identity = Identity::generate();
        let secret = json!({ "identity": identity.to_string().expose_secret() });
        stage.secret_offering("backup-key", "backup-key", secret).await;
        let scene = Self {
            stage,
            database,
            identity,
            store: store.to_owned(),
        };
        scene.destination("primary").await;
        scene
    }

    /// Applies a BackupDestination with a prefix of its own.
    pub async fn destination(&self, name: &str) {
        self.destination_with(name, json!({})).await;
    }

    /// The same with changes of its spec.
    pub async fn destination_with(&self, name: &str, changes: Value) {
        let bucket = &self.stage.space.bed.bed.file().store_bucket;
        let spec = merged(self.place(name, bucket), changes);
        self.stage
            .apply::<BackupDestination>(json!({ "metadata": { "name": name }, "spec": spec }))
            .await;
    }

    /// The same in another bucket.
    pub async fn destination_in(&self, name: &str, bucket: &str) {
        let spec = self.place(name, bucket);
        self.stage
            .apply::<BackupDestination>(json!({ "metadata": { "name": name }, "spec": spec }))
            .await;
    }

    fn place(&self, name: &str, bucket: &str) -> Value {
        let region = &self.stage.space.bed.bed.file().store_region;
        let s3 = json!({ "endpoint": self.store, "region": region, "bucket": bucket, "pathStyle": true });
        json!({ "s3": s3, "prefix": self.prefix(name), "credentialsSecretRef": { "name": "backup-store" } })
    }

    /// A schedule that never comes, whose spec is changed: Backups of it are made by hand.
    pub async fn schedule(&self, change: impl FnOnce(&mut Value)) {
        let mut spec = json!({
            "platformRef": { "name": PLATFORM },
            "schedule": "0 0 1 1 *",
            "destinations": [{ "name": "primary" }],
            "encryption": {
                "recipients": [self.identity.to_public().to_string()],
                "identitySecretRef": { "name": "backup-key", "key": "identity" },
            },
            "objective": { "rpo": "8784h" },
        });
        change(&mut spec);
        let object = json!({ "metadata": { "name": SCHEDULE }, "spec": spec });
        self.stage.apply::<BackupSchedule>(object).await;
    }

    /// Applies a Backup of the schedule.
    pub async fn backup(&self, name: &str) {
        self.backup_with(name, json!({})).await;
    }

    /// The same with changes of its spec.
    pub async fn backup_with(&self, name: &str, changes: Value) {
        let spec = merged(json!({ "scheduleRef": { "name": SCHEDULE } }), changes);
        let object = json!({ "metadata": { "name": name }, "spec": spec });
        self.stage.apply::<Backup>(object).await;
    }

    /// Waits until the Backup is as `is` wants it.
    pub async fn until(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.stage.space.wait::<Backup>(name, what, is).await
    }

    /// Waits until the Backup is Ready.
    pub async fn complete(&self, name: &str) -> Value {
        self.until(name, "is complete", |seen| is_true(seen, "Ready")).await
    }

    /// Waits until the Backup is Stalled for this reason; answers with the message.
    pub async fn stalled(&self, name: &str, reason: &str) -> String {
        let what = format!("is Stalled/{reason}");
        let seen = self
            .until(name, &what, |seen| reason_of(seen, "Stalled") == reason)
            .await;
        message_of(&seen, "Ready").to_owned()
    }

    /// The bucket is everybody's, the prefix each test's own.
    fn prefix(&self, destination: &str) -> String {
        format!("tests/{}/{destination}", self.stage.space.name)
    }

    /// Where a file of a destination lies.
    pub fn file(&self, destination: &str, path: &str) -> PathBuf {
        let bed = &self.stage.space.bed.bed;
        let bucket = bed.directory().join("store/objects").join(&bed.file().store_bucket);
        bucket.join(self.prefix(destination)).join(path)
    }

    /// Every file of a destination.
    ///
    /// # Panics
    /// If a folder can't be read.
    pub fn files(&self, destination: &str) -> Vec<PathBuf> {
        fn below(folder: PathBuf, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.expect("the bed's directory can be read").path();
                if path.is_dir() {
                    below(path, found);
                } else {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        below(self.file(destination, ""), &mut found);
        found.retain(|path| !path.components().any(|part| part.as_os_str() == ".ace"));
        found.sort();
        found
    }

    /// Nothing of what is secret was written anywhere.
    ///
    /// # Panics
    /// If something was.
    pub fn says_no_secret(&self, name: &str, worker: &Operator) {
        let bed = self.stage.space.bed.bed.file();
        let identity = self.identity.to_string();
        let secrets = [
            bed.store_secret_access_key.as_str(),
            self.database.password.as_str(),
            identity.expose_secret(),
            self.stage.project.token.as_str(),
            ROW,
        ];
        let versions = self.stage.space.watch.versions("Backup", name);
        let shown = versions.iter().map(|version| version.object.to_string());
        for text in shown.chain([self.stage.operator.log(), worker.log()]) {
            for secret in secrets {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
}
