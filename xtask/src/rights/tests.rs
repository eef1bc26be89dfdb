use std::collections::BTreeSet;

use ace_api::{GROUP, KINDS, Process, Scope, Target};
use serde_json::{Value, json};

use super::{grants, roles, rules};

#[test]
fn no_right_is_named_twice_and_none_is_a_wildcard() {
    for process in Process::ALL {
        let grants = grants(process);
        for (n, grant) in grants.iter().enumerate() {
            assert!(
                !grants[..n]
                    .iter()
                    .any(|other| (other.group, &other.resource) == (grant.group, &grant.resource)),
                "{grant:?}"
            );
            assert!(
                !grant.resource.contains('*') && !grant.verbs.contains(&"*"),
                "{grant:?}"
            );
        }
    }
}

#[test]
fn every_kind_is_read_and_its_status_patched_by_one_process_alone() {
    for process in Process::ALL {
        let own: BTreeSet<String> = grants(process)
            .into_iter()
            .filter(|grant| grant.group == GROUP)
            .map(|grant| {
                let is_status = grant.resource.ends_with("/status");
                let verbs: &[&str] = if is_status { &["patch"] } else { &["list", "watch"] };
                assert!(verbs.iter().all(|verb| grant.verbs.contains(verb)), "{grant:?}");
                assert!(!is_status || grant.verbs == ["patch"], "{grant:?}");
                grant.resource
            })
            .collect();
        let kinds = process
            .kinds()
            .flat_map(|kind| [kind.plural.to_owned(), format!("{}/status", kind.plural)]);
        let read = process.reads().map(|kind| kind.plural.to_owned());
        assert_eq!(own, kinds.chain(read).collect());
    }
    let count = |process: Process| process.kinds().count();
    assert_eq!(Process::ALL.map(count).iter().sum::<usize>(), KINDS.len());
}

#[test]
fn a_process_reads_objects_of_the_other_only() {
    for kind in KINDS {
        let others: Vec<&str> = KINDS
            .iter()
            .filter(|other| other.process != kind.process)
            .map(|other| other.name)
            .collect();
        assert!(
            kind.reads.iter().all(|read| others.contains(read)),
            "{}: {:?}",
            kind.name,
            kind.reads
        );
    }
}

#[test]
fn secrets_and_config_maps_are_granted_by_namespace_only() {
    for process in Process::ALL {
        let grants = grants(process);
        let mut everywhere = grants.iter().filter(|grant| grant.scope == Scope::Cluster);
        assert!(everywhere.all(|grant| !grant.group.is_empty()));
    }
    assert_eq!(
        rules(Process::Worker, Scope::Namespace),
        [json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] })]
    );
    assert_eq!(
        rules(Process::Operator, Scope::Namespace),
        [
            json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }),
            json!({ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch", "create", "delete"] }),
        ]
    );
}
#[test]
fn each_role_in_deploy_lets_its_holder_use_these_secrets_through_the_operator() {
    let has = |list: &Value, words: &[&str]| {
        let mut list = list.as_array().unwrap().iter().filter_map(Value::as_str);
        list.any(|word| word == "*" || words.contains(&word))
    };
    let mut found = Vec::new();
    for role in roles().iter().filter(|role| role["kind"] == "ClusterRole") {
        let rules = role["rules"].as_array().unwrap();
        let may = |group: &str, resource: &str, verbs: &[&str]| {
            rules.iter().any(|rule| {
                has(&rule["apiGroups"], &[group]) && has(&rule["resources"], &[resource]) && has(&rule["verbs"], verbs)
            })
        };
        let written = KINDS
            .iter()
            .filter(|kind| may(GROUP, kind.plural, &["create", "update", "patch"]));
        let named = written.flat_map(|kind| kind.references.iter().filter(|named| named.target == Target::Secret));
        let through: Vec<&str> = named.map(|named| named.path).collect();
        let name = role["metadata"]["name"].as_str().unwrap().to_owned();
        found.push((name, may("", "secrets", &["get", "list", "watch"]), through));
    }
    let all = [
        "spec.api.tokenSecretRef.name",
        "spec.anonKeySecretRef.name",
        "spec.database.passwordSecretRef.name",
        "spec.database.caSecretRef.name",
        "spec.database.reader.passwordSecretRef.name",
        "spec.scratch.passwordSecretRef.name",
        "spec.scratch.caSecretRef.name",
    ];
    let channels = [
        "spec.pagerDuty.routingKeySecretRef.name",
        "spec.slack.webhookURLSecretRef.name",
        "spec.email.credentialsSecretRef.name",
        "spec.webhook.urlSecretRef.name",
        "spec.webhook.signingSecretRef.name",
    ];
    // Name, whether it may read Secrets itself, and through which fields.
    let schedules = ["spec.encryption.identitySecretRef.name"];
    let expected: [(&str, bool, &[&str]); 10] = [
        ("ace-operator", false, &[]),
        ("ace-operator-namespace", true, &[]),
        ("ace-worker", false, &[]),
        ("ace-worker-namespace", true, &[]),
        ("ace-view", false, &[]),
        ("ace-edit", false, &[]),
        ("ace-platform-edit", false, &all),
        ("ace-notificationchannel-edit", false, &channels),
        ("ace-backupdestination-edit", false, &["spec.credentialsSecretRef.name"]),
        ("ace-backupschedule-edit", false, &schedules),
    ];
    let expected = expected.map(|(name, reads, through)| (name.to_owned(), reads, through.to_vec()));
    assert_eq!(found, expected);
}

#[test]
fn a_role_that_lets_somebody_use_secrets_is_part_of_no_other() {
    let aggregated = roles()
        .into_iter()
        .filter(|role| role["metadata"]["labels"].is_object());
    let aggregated: Vec<Value> = aggregated.map(|role| role["metadata"]["name"].clone()).collect();
    assert_eq!(aggregated, ["ace-view", "ace-edit"]);
}
