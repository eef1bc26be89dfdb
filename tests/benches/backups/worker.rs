//! The worker's turns.

use std::time::Instant;

use ace_api::{Backup, BackupDestination, BackupSchedule};
use ace_tests::{Database, Operator, PLATFORM, Stage, bed, is_true};
use age::{secrecy::ExposeSecret as _, x25519::Identity};
use serde_json::{Value, json};

use crate::{Turn, scratch, server::Server, usage};

/// A stage with a destination, and a scratch server.
pub struct Scene<'a> {
    worker: &'a Operator,
    stage: &'a Stage<'a>,
    recipient: String,
}

impl<'a> Scene<'a> {
    pub async fn prepare(
        stage: &'a Stage<'a>,
        worker: &'a Operator,
        database: &Database,
        scratch: &scratch::Server,
    ) -> Self {
        let identity = Identity::generate();
        stage.secret(&stage.project.token, &stage.project.anon_key).await;
        stage.platform(json!({ "interval": "5m" })).await;
        stage.database("5m", database).await;
        let file = bed().bed.file();
        let key = json!({ "accessKeyId": file.store_access_key_id, "secretAccessKey": file.store_secret_access_key });
        stage.secret_offering("backup-store", "backup-store", key).await;
        let secret = json!({ "identity": identity.to_string().expose_secret() });
        stage.secret_offering("backup-key", "backup-key", secret).await;
        stage.scratch(scratch.port, "postgres", scratch::PASSWORD).await;
        let s3 = json!({
            "endpoint": file.store_url, "region": file.store_region, "bucket": file.store_bucket, "pathStyle": true,
        });
        let spec = json!({
            "s3": s3, "prefix": format!("bench/{}", stage.space.name), "credentialsSecretRef": { "name": "backup-store" },
        });
        let destination = json!({ "metadata": { "name": "primary" }, "spec": spec });
        stage.apply::<BackupDestination>(destination).await;
        Self {
            worker,
            stage,
            recipient: identity.to_public().to_string(),
        }
    }

    /// From the object to the manifest.
    pub async fn backup(&self, name: &str, proof: &str, verify: &str, server: &Server) -> Turn {
        self.turn(name, proof, verify, server, |seen| !seen["status"]["archive"].is_null())
            .await
    }

    /// From the object to what was restored and compared.
    pub async fn verified(&self, name: &str, server: &Server) -> Turn {
        self.turn(name, "Rows", "Content", server, |seen| is_true(seen, "Ready"))
            .await
    }

    async fn turn(
        &self,
        name: &str,
        proof: &str,
        verify: &str,
        server: &Server,
        is_over: impl Fn(&Value) -> bool,
    ) -> Turn {
        let stage = self.stage;
        let spec = json!({
            "platformRef": { "name": PLATFORM }, "schedule": "0 0 1 1 *", "destinations": [{ "name": "primary" }],
            "encryption": {
                "recipients": [self.recipient], "identitySecretRef": { "name": "backup-key", "key": "identity" },
            },
            "objective": { "rpo": "8784h" }, "proof": proof, "verify": verify,
        });
        stage
            .apply::<BackupSchedule>(json!({ "metadata": { "name": name }, "spec": spec }))
            .await;
        let (began, cpu, used) = (Instant::now(), self.cpu(), server.cpu());
        let spec = json!({ "scheduleRef": { "name": name } });
        stage
            .apply::<Backup>(json!({ "metadata": { "name": name }, "spec": spec }))
            .await;
        stage.space.wait::<Backup>(name, "is over", is_over).await;
        let turn = Turn {
            time: began.elapsed(),
            cpu: self.cpu() - cpu,
            server: server.cpu() - used,
        };
        // What is verified afterwards is not in the next turn.
        stage
            .space
            .wait::<Backup>(name, "is Ready", |seen| is_true(seen, "Ready"))
            .await;
        turn
    }

    fn cpu(&self) -> f64 {
        let id = self.worker.process_id();
        usage::cpu(id) + usage::ended_children(id)
    }
}
