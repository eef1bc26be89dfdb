//! A namespace in which a policy holds, and what its people write.

use std::{
    fs,
    time::{Duration, Instant},
};

use ace_tests::{Ran, bed, repository};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::roles::{ROLES, admin, grant};

/// Only a failure waits for it: a policy is at work about a second after it was applied.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
pub(super) const PROJECT: &str = "abcdefghijklmnopqrst";

/// A namespace in which the policies hold, with an author and other people.
pub(super) struct Governed {
    pub(super) namespace: String,
    pub(super) folder: tempfile::TempDir,
}

impl Governed {
    /// Applies one policy of the component, for a namespace of its own.
    pub(super) async fn new(policy: &str) -> Self {
        let governed = Self {
            namespace: format!("{policy}-policy-{}", std::process::id()),
            folder: tempfile::tempdir().unwrap(),
        };
        let component = repository().join("deploy/components/admission-policies");
        let files = fs::read_dir(&component).unwrap().map(|entry| entry.unwrap().path());
        let other = |name: &str| name == "kustomization.yaml" || name == format!("{policy}.yaml");
        for file in files.filter(|file| other(file.file_name().unwrap().to_str().unwrap())) {
            let to = governed.folder.path().join("component").join(file.file_name().unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            let text = fs::read_to_string(&file).unwrap();
            let listed = ["secrets.yaml", "hosts.yaml", "approvals.yaml"].map(|name| format!("- {name}\n"));
            let kept = format!("- {policy}.yaml\n");
            let text = listed
                .iter()
                .filter(|line| **line != kept)
                .fold(text, |text, line| text.replace(line, ""));
            fs::write(to, text).unwrap();
        }
        let team = governed.folder.path().join("team");
        fs::create_dir(&team).unwrap();
        // As the component says, to begin with some namespaces.
        let selector = json!({ "matchLabels": { "kubernetes.io/metadata.name": governed.namespace } });
        let patch =
            json!([{ "op": "add", "path": "/spec/matchResources", "value": { "namespaceSelector": selector } }]);
        let kustomization = json!({
            "components": ["../component"],
            "patches": [{ "target": { "kind": "ValidatingAdmissionPolicyBinding" }, "patch": patch.to_string() }],
        });
        fs::write(team.join("kustomization.yaml"), kustomization.to_string()).unwrap();
        admin(&["create", "namespace", &governed.namespace]).await;
        admin(&["apply", "--server-side", "-k", team.to_str().unwrap()]).await;
        for role in ROLES {
            grant(&governed.namespace, "author", role).await;
        }
        governed
    }

    /// What the API server says to an object that a user creates, without keeping it.
    pub(super) async fn create(&self, user: &str, object: &Value) -> Ran {
        let arguments = [
            "create",
            "--dry-run=server",
            "-n",
            &self.namespace,
            "--as",
            user,
            "-f",
            "-",
        ];
        bed().kubectl.run_with(&arguments, &object.to_string()).await
    }

    /// The same to a change of an object.
    pub(super) async fn patch(&self, user: &str, object: &str, patch: &Value) -> Ran {
        let patch = patch.to_string();
        let arguments = [
            "patch",
            object,
            "--dry-run=server",
            "--type=merge",
            "-n",
            &self.namespace,
            "--as",
            user,
            "-p",
            &patch,
        ];
        bed().kubectl.run(&arguments).await
    }

    /// Waits until the policy is at work, which this object shows.
    pub(super) async fn refuses(&self, user: &str, object: &Value, words: &str) {
        let began = Instant::now();
        loop {
            let ran = self.create(user, object).await;
            if !ran.success {
                return refused(&ran, words);
            }
            assert!(began.elapsed() < PATIENCE, "{object} is not refused");
            sleep(Duration::from_millis(100)).await;
        }
    }

    pub(super) async fn end(self) {
        let team = self.folder.path().join("team");
        admin(&["delete", "-k", team.to_str().unwrap()]).await;
        admin(&["delete", "namespace", &self.namespace, "--wait=false"]).await;
    }
}

#[track_caller]
pub(super) fn refused(ran: &Ran, words: &str) {
    assert!(!ran.success, "admitted: {}", ran.stdout);
    assert!(ran.stderr.contains(words), "{words:?} is not in: {}", ran.stderr);
}

#[track_caller]
pub(super) fn admitted(ran: &Ran) {
    assert!(ran.success, "{}", ran.stderr);
}

pub(super) fn object(kind: &str, spec: impl Into<Value>) -> Value {
    let spec = spec.into();
    let metadata = json!({ "name": "prod" });
    json!({ "apiVersion": "ops.mobulace.com/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec })
}

pub(super) fn key_of(secret: &str) -> Value {
    json!({ "name": secret, "key": "key" })
}

pub(super) fn platform(change: impl FnOnce(&mut Value)) -> Value {
    let mut spec = json!({ "project": PROJECT, "api": { "tokenSecretRef": key_of("own") } });
    change(&mut spec);
    object("Platform", spec)
}

/// A Platform whose database has a reader.
pub(super) fn reader(secret: &str) -> Value {
    let reader = json!({ "user": "reader", "passwordSecretRef": key_of(secret) });
    let database = json!({ "host": "db.example", "passwordSecretRef": key_of("own"), "reader": reader });
    platform(|spec| spec["database"] = database)
}

pub(super) fn destination(secret: &str) -> Value {
    let s3 = json!({ "endpoint": "https://s3.example.com", "region": "eu", "bucket": "ace-backups" });
    object(
        "BackupDestination",
        json!({ "s3": s3, "prefix": "prod", "credentialsSecretRef": { "name": secret } }),
    )
}

pub(super) fn schedule(secret: &str) -> Value {
    let recipients = json!(["age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"]);
    object(
        "BackupSchedule",
        json!({
            "platformRef": { "name": "prod" }, "schedule": "@daily", "destinations": [{ "name": "primary" }],
            "encryption": { "recipients": recipients, "identitySecretRef": key_of(secret) }, "objective": { "rpo": "26h" },
        }),
    )
}

pub(super) fn webhook(url: &str, signing: &str) -> Value {
    let webhook = json!({ "urlSecretRef": key_of(url), "signingSecretRef": key_of(signing) });
    object("NotificationChannel", json!({ "webhook": webhook }))
}

pub(super) fn slack(url: &str) -> Value {
    let slack = json!({ "webhookURLSecretRef": key_of(url) });
    object("NotificationChannel", json!({ "slack": slack }))
}

pub(super) fn email(credentials: &str) -> Value {
    let email = json!({
        "host": "smtp.example.com", "credentialsSecretRef": { "name": credentials },
        "from": "ace@example.com", "to": ["devops@example.com"],
    });
    object("NotificationChannel", json!({ "email": email }))
}

pub(super) fn pagerduty(key: &str) -> Value {
    let pagerduty = json!({ "routingKeySecretRef": key_of(key) });
    object("NotificationChannel", json!({ "pagerDuty": pagerduty }))
}
