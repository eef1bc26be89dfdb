//! The admission policies of `deploy/components`, which close what RBAC leaves open, on the real API server.

use std::{
    fs,
    time::{Duration, Instant},
};

use ace_api::{KINDS, MigrationPolicy};
use ace_tests::{Ran, bed, repository};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::roles::{admin, grant};

ace_tests::tests![
    a_secret_may_be_named_by_who_may_read_it,
    another_host_may_be_named_by_who_has_the_verb,
    a_plan_may_be_approved_by_who_has_the_verb;
    the_classes_of_the_policy_are_those_of_the_definition,
];

/// Only a failure waits for it: a policy is at work about a second after it was applied.
const PATIENCE: Duration = Duration::from_mins(1);
const PROJECT: &str = "abcdefghijklmnopqrst";

/// A namespace in which the policies hold, with an author and other people.
struct Governed {
    namespace: String,
    folder: tempfile::TempDir,
}

impl Governed {
    /// Applies one policy of the component, for a namespace of its own.
    async fn new(policy: &str) -> Self {
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
        for role in [
            "ace-view",
            "ace-edit",
            "ace-platform-edit",
            "ace-notificationchannel-edit",
            "ace-backupdestination-edit",
            "ace-backupschedule-edit",
        ] {
            grant(&governed.namespace, "author", role).await;
        }
        governed
    }

    /// What the API server says to an object that a user creates, without keeping it.
    async fn create(&self, user: &str, object: &Value) -> Ran {
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
    async fn patch(&self, user: &str, object: &str, patch: &Value) -> Ran {
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
    async fn refuses(&self, user: &str, object: &Value, words: &str) {
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

    async fn end(self) {
        let team = self.folder.path().join("team");
        admin(&["delete", "-k", team.to_str().unwrap()]).await;
        admin(&["delete", "namespace", &self.namespace, "--wait=false"]).await;
    }
}

#[track_caller]
fn refused(ran: &Ran, words: &str) {
    assert!(!ran.success, "admitted: {}", ran.stdout);
    assert!(ran.stderr.contains(words), "{words:?} is not in: {}", ran.stderr);
}

#[track_caller]
fn admitted(ran: &Ran) {
    assert!(ran.success, "{}", ran.stderr);
}

fn object(kind: &str, spec: impl Into<Value>) -> Value {
    let spec = spec.into();
    let metadata = json!({ "name": "prod" });
    json!({ "apiVersion": "ops.mobulace.com/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec })
}

fn key_of(secret: &str) -> Value {
    json!({ "name": secret, "key": "key" })
}

fn platform(change: impl FnOnce(&mut Value)) -> Value {
    let mut spec = json!({ "project": PROJECT, "api": { "tokenSecretRef": key_of("own") } });
    change(&mut spec);
    object("Platform", spec)
}

/// A Platform whose database has a reader.
fn reader(secret: &str) -> Value {
    let reader = json!({ "user": "reader", "passwordSecretRef": key_of(secret) });
    let database = json!({ "host": "db.example", "passwordSecretRef": key_of("own"), "reader": reader });
    platform(|spec| spec["database"] = database)
}

fn destination(secret: &str) -> Value {
    let s3 = json!({ "endpoint": "https://s3.example.com", "region": "eu", "bucket": "ace-backups" });
    object(
        "BackupDestination",
        json!({ "s3": s3, "prefix": "prod", "credentialsSecretRef": { "name": secret } }),
    )
}

fn schedule(secret: &str) -> Value {
    let recipients = json!(["age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"]);
    object(
        "BackupSchedule",
        json!({
            "platformRef": { "name": "prod" }, "schedule": "@daily", "destinations": [{ "name": "primary" }],
            "encryption": { "recipients": recipients, "identitySecretRef": key_of(secret) }, "objective": { "rpo": "26h" },
        }),
    )
}

fn webhook(url: &str, signing: &str) -> Value {
    let webhook = json!({ "urlSecretRef": key_of(url), "signingSecretRef": key_of(signing) });
    object("NotificationChannel", json!({ "webhook": webhook }))
}

fn slack(url: &str) -> Value {
    let slack = json!({ "webhookURLSecretRef": key_of(url) });
    object("NotificationChannel", json!({ "slack": slack }))
}

fn pagerduty(key: &str) -> Value {
    let pagerduty = json!({ "routingKeySecretRef": key_of(key) });
    object("NotificationChannel", json!({ "pagerDuty": pagerduty }))
}

async fn a_secret_may_be_named_by_who_may_read_it() {
    let policy = repository().join("deploy/components/admission-policies/secrets.yaml");
    let policy = fs::read_to_string(policy).unwrap();
    let references = KINDS.iter().flat_map(|kind| kind.references);
    for reference in references.filter(|reference| reference.path.ends_with("SecretRef.name")) {
        let asked = format!(".name(object.{})", reference.path);
        assert!(policy.contains(&asked), "nobody is asked for {}", reference.path);
    }
    let governed = Governed::new("secrets").await;
    let namespace = governed.namespace.as_str();
    let only = "--resource-name=own";
    admin(&[
        "create",
        "role",
        "own",
        "-n",
        namespace,
        "--verb=get",
        "--resource=secrets",
        only,
    ])
    .await;
    admin(&[
        "create",
        "rolebinding",
        "own",
        "-n",
        namespace,
        "--role=own",
        "--user=author",
    ])
    .await;
    let words = "you may not read the Secret that `spec.";
    let with_database = |password: &str, ca: &str| {
        let database =
            json!({ "host": "db.example", "passwordSecretRef": key_of(password), "caSecretRef": key_of(ca) });
        platform(|spec| spec["database"] = database)
    };
    let with_scratch = |password: &str, ca: &str| {
        let scratch =
            json!({ "host": "scratch.example", "passwordSecretRef": key_of(password), "caSecretRef": key_of(ca) });
        platform(|spec| spec["scratch"] = scratch)
    };
    governed
        .refuses(
            "author",
            &platform(|spec| spec["api"]["tokenSecretRef"] = key_of("other")),
            words,
        )
        .await;
    for foreign in [
        platform(|spec| spec["anonKeySecretRef"] = key_of("other")),
        with_database("other", "own"),
        with_database("own", "other"),
        reader("other"),
        with_scratch("other", "own"),
        with_scratch("own", "other"),
        slack("other"),
        pagerduty("other"),
        webhook("other", "own"),
        webhook("own", "other"),
        destination("other"),
        schedule("other"),
    ] {
        refused(&governed.create("author", &foreign).await, words);
    }
    for own in [
        platform(|_| ()),
        with_database("own", "own"),
        reader("own"),
        with_scratch("own", "own"),
        slack("own"),
        pagerduty("own"),
        webhook("own", "own"),
        destination("own"),
    ] {
        admitted(&governed.create("author", &own).await);
    }
    // What names it already may be annotated by others, and may not be sent elsewhere by them.
    let foreign = platform(|spec| spec["api"]["tokenSecretRef"] = key_of("other"));
    let arguments = ["create", "-n", namespace, "-f", "-"];
    bed()
        .kubectl
        .run_with(&arguments, &foreign.to_string())
        .await
        .expect("an administrator may");
    let asked = json!({ "metadata": { "annotations": { "ops.mobulace.com/reconcile-at": "now" } } });
    admitted(&governed.patch("author", "platform/prod", &asked).await);
    let elsewhere = json!({ "spec": { "api": { "url": "https://attacker.example" } } });
    refused(&governed.patch("author", "platform/prod", &elsewhere).await, words);
    governed.end().await;
}

async fn another_host_may_be_named_by_who_has_the_verb() {
    let governed = Governed::new("hosts").await;
    for role in ["ace-platform-edit", "ace-platform-hosts"] {
        grant(&governed.namespace, "networker", role).await;
    }
    let database = |host: &str, user: &str| {
        let database = json!({ "host": host, "user": user, "passwordSecretRef": key_of("own") });
        platform(|spec| spec["database"] = database)
    };
    let verb = "the verb `name-hosts`";
    let other = platform(|spec| spec["api"]["url"] = json!("https://attacker.example"));
    governed.refuses("author", &other, verb).await;
    for other in [
        other,
        platform(|spec| spec["url"] = json!("https://attackersownprojectx.supabase.co")),
        database("db.attackersownprojectx.supabase.co", "postgres"),
        database("aws-0-us-east-1.pooler.supabase.com", "postgres.attackersownprojectx"),
        database("evil.io.pooler.supabase.com.evil.io", &format!("postgres.{PROJECT}")),
    ] {
        refused(&governed.create("author", &other).await, verb);
        admitted(&governed.create("networker", &other).await);
    }
    for own in [
        platform(|_| ()),
        platform(|spec| spec["url"] = json!(format!("https://{PROJECT}.supabase.co"))),
        database(&format!("DB.{PROJECT}.supabase.co"), "postgres"),
        database("aws-0-us-east-1.pooler.supabase.com", &format!("postgres.{PROJECT}")),
    ] {
        admitted(&governed.create("author", &own).await);
    }
    governed.end().await;
}

/// Without a word in a MigrationSet they are those of the definition, and the policy has to know them.
fn the_classes_of_the_policy_are_those_of_the_definition() {
    let policy = repository().join("deploy/components/admission-policies/approvals.yaml");
    let policy = fs::read_to_string(policy).unwrap();
    let policy = policy.split("\n---\n").next().unwrap();
    let policy: Value = serde_yaml::from_str(policy).unwrap();
    let variables = policy["spec"]["variables"].as_array().unwrap();
    let classes = variables
        .iter()
        .find(|variable| variable["name"] == "classesOfTheDefinition");
    let classes = classes.unwrap()["expression"].as_str().unwrap().replace('\'', "\"");
    let classes: Value = serde_json::from_str(&classes).unwrap();
    assert_eq!(classes, json!(MigrationPolicy::default().approve));
    // And nowhere else.
    assert_eq!(policy.to_string().matches("DataLoss").count(), 1);
}

/// Patches are tried and not kept, but for that of an administrator.
async fn the_backup_that_is_asked_for_is_the_approvers(governed: &Governed) {
    let with = async |user: &'static str, backup: Value| {
        let patch = json!({ "spec": { "requires": { "backup": backup } } });
        governed.patch(user, "migrationset/prod", &patch).await
    };
    let asked = json!({ "schedule": "nightly", "maxAge": "1h", "for": ["DataLoss", "Opaque"] });
    admitted(&with("author", asked.clone()).await);
    let kept = json!({ "spec": { "requires": { "backup": asked } } }).to_string();
    let namespace = &governed.namespace;
    admin(&[
        "patch",
        "migrationset/prod",
        "--type=merge",
        "-n",
        namespace,
        "-p",
        &kept,
    ])
    .await;
    let other = "`spec.requires.backup` is another one";
    for weaker in [json!({ "maxAge": "720h" }), json!({ "for": ["Opaque"] }), Value::Null] {
        refused(&with("author", weaker.clone()).await, other);
        admitted(&with("approver", weaker).await);
    }
    admitted(&with("author", asked).await);
}

async fn a_plan_may_be_approved_by_who_has_the_verb() {
    let governed = Governed::new("approvals").await;
    for role in ["ace-view", "ace-edit", "ace-migrations-approve"] {
        grant(&governed.namespace, "approver", role).await;
    }
    let approval = |digit: &str| json!({ "plan": format!("sha256:{}", digit.repeat(64)) });
    let set = |change: &dyn Fn(&mut Value)| {
        let mut spec = json!({ "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "code" } });
        change(&mut spec);
        object("MigrationSet", spec)
    };
    let (new, lost) = (
        "an approval in `spec.approvals` is new",
        "`spec.policy.approve` has lost a class",
    );
    let approved = set(&|spec| spec["approvals"] = json!([approval("1")]));
    let open = set(&|spec| spec["policy"] = json!({ "approve": ["DataLoss", "Exposure"] }));
    governed.refuses("author", &approved, new).await;
    refused(&governed.create("author", &open).await, lost);
    for object in [&approved, &open] {
        admitted(&governed.create("approver", object).await);
    }
    let arguments = ["create", "-n", &governed.namespace, "--as", "author", "-f", "-"];
    let strict = set(&|spec| spec["policy"] = json!({ "approve": ["DataLoss", "Exposure", "Opaque", "LongLock"] }));
    bed()
        .kubectl
        .run_with(&arguments, &strict.to_string())
        .await
        .expect("who only writes files' sets may");
    let with = |user: &'static str, spec: Value| {
        let governed = &governed;
        async move {
            governed
                .patch(user, "migrationset/prod", &json!({ "spec": spec }))
                .await
        }
    };
    refused(&with("author", json!({ "approvals": [approval("1")] })).await, new);
    refused(&with("author", json!({ "policy": { "approve": [] } })).await, lost);
    // The classes of the definition are not enough where there were more.
    refused(&with("author", json!({ "policy": null })).await, lost);
    admitted(&with("author", json!({ "suspend": true })).await);
    the_backup_that_is_asked_for_is_the_approvers(&governed).await;
    let real = json!({ "spec": { "approvals": [approval("1"), approval("2")] } }).to_string();
    admin(&[
        "patch",
        "migrationset/prod",
        "--type=merge",
        "-n",
        &governed.namespace,
        "--as",
        "approver",
        "-p",
        &real,
    ])
    .await;
    admitted(&with("author", json!({ "suspend": true })).await);
    admitted(&with("author", json!({ "approvals": [approval("2")] })).await);
    refused(
        &with("author", json!({ "approvals": [approval("2"), approval("3")] })).await,
        new,
    );
    governed.end().await;
}
