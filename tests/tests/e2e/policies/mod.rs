//! The admission policies of `deploy/components`, which close what RBAC leaves open, on the real API server.

mod governed;

use std::fs;

use ace_api::{KINDS, MigrationPolicy};
use ace_tests::{bed, repository};
use serde_json::{Value, json};

use crate::roles::{admin, grant};

use self::governed::{
    Governed, PROJECT, admitted, destination, email, key_of, object, pagerduty, platform, reader, refused, schedule,
    slack, webhook,
};

ace_tests::tests![
    a_secret_may_be_named_by_who_may_read_it,
    another_host_may_be_named_by_who_has_the_verb,
    a_plan_may_be_approved_by_who_has_the_verb;
    the_classes_of_the_policy_are_those_of_the_definition,
];

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
        email("other"),
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
        email("own"),
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
