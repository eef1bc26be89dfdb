//! What a team makes of the components of `deploy/` in a kustomization of its own.

use std::fs;

use ace_api::{KINDS, Process};
use ace_tests::repository;
use serde_json::{Value, json};
use xtask::rights;

use crate::deploy::kustomized;

ace_tests::tests![
    a_teams_kustomization_grants_access_and_its_sources_follow_hashed_names,
    other_content_is_another_name_and_so_another_desired_state,
];

async fn a_teams_kustomization_grants_access_and_its_sources_follow_hashed_names() {
    let dir = team_with_all(
        &["namespace-access", "name-references"],
        "namespace: team-a\nnamePrefix: a-\n\
         configMapGenerator: [{name: code, literals: [index.ts=1]}]\nsecretGenerator: [{name: supabase, literals: [token=x]}]\n",
    );
    let documents = kustomized(dir.path().join("team").to_str().unwrap()).await;
    let of_kind = |kind: &str| {
        let mut found = documents.iter().filter(move |document| document["kind"] == kind);
        (found.next().unwrap(), found.next())
    };
    let name = |document: &Value| document["metadata"]["name"].as_str().unwrap().to_owned();

    let (first, second) = of_kind("RoleBinding");
    for (binding, process) in [Some(first), second].into_iter().zip(Process::ALL) {
        let binding = binding.unwrap();
        assert_eq!(binding["metadata"]["namespace"], "team-a");
        let made = rights::role_binding(process);
        assert_eq!(
            (&binding["roleRef"], &binding["subjects"]),
            (&made["roleRef"], &made["subjects"])
        );
    }

    let (config_map, secret, platform) = (
        name(of_kind("ConfigMap").0),
        name(of_kind("Secret").0),
        of_kind("Platform").0,
    );
    assert!(
        config_map.starts_with("a-code-") && secret.starts_with("a-supabase-"),
        "{config_map} {secret}"
    );
    let (generated, from_git) = of_kind("EdgeFunction");
    assert_eq!(generated["spec"]["source"]["name"], config_map);
    assert_eq!(generated["spec"]["platformRef"]["name"], "a-prod");
    assert_eq!(from_git.unwrap()["spec"]["source"]["name"], "a-platform");
    assert_eq!(platform["spec"]["api"]["tokenSecretRef"]["name"], secret);
    let database = &platform["spec"]["database"];
    assert_eq!(
        (&database["passwordSecretRef"]["name"], &database["caSecretRef"]["name"]),
        (&json!(secret), &json!(secret))
    );
    let migrations = of_kind("MigrationSet").0;
    assert_eq!(migrations["spec"]["source"]["name"], config_map);
    assert_eq!(migrations["spec"]["platformRef"]["name"], "a-prod");
    assert_eq!(generated["spec"]["requires"]["migration"]["name"], name(migrations));
    assert_eq!(platform["metadata"]["name"], "a-prod");
    for (kind, reference) in KINDS
        .iter()
        .flat_map(|kind| kind.references.iter().map(move |to| (kind, to)))
    {
        let of_kind = documents.iter().filter(|document| document["kind"] == kind.name);
        let names: Vec<&str> = of_kind.flat_map(|document| named(document, reference.path)).collect();
        let is_followed = !names.is_empty() && names.iter().all(|name| name.starts_with("a-"));
        assert!(is_followed, "{} {}: {names:?}", kind.name, reference.path);
    }
}

async fn other_content_is_another_name_and_so_another_desired_state() {
    let mut names = Vec::new();
    for content in ["1", "2"] {
        let generator = format!("configMapGenerator: [{{name: code, literals: [index.ts={content}]}}]\n");
        let dir = team_with_all(&["name-references"], &generator);
        let documents = kustomized(dir.path().join("team").to_str().unwrap()).await;
        let function = documents
            .iter()
            .find(|document| document["kind"] == "EdgeFunction")
            .unwrap();
        names.push(function["spec"]["source"]["name"].clone());
    }
    assert_ne!(names[0], names[1]);
}

/// A team's folder with an object for each reference of the rows.
fn team_with_all(components: &[&str], kustomization: &str) -> tempfile::TempDir {
    const RESOURCES: &str = include_str!("team.yaml");
    let dir = team(components, &format!("resources: [resources.yaml]\n{kustomization}"));
    fs::write(dir.path().join("team/resources.yaml"), RESOURCES).unwrap();
    dir
}

/// A copy of these components, and beside them a folder `team` whose kustomization has them and says what else it is given:
/// kustomize does not follow absolute paths.
pub(crate) fn team(components: &[&str], kustomization: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for component in components {
        let copy = dir.path().join(component);
        fs::create_dir(&copy).unwrap();
        for entry in fs::read_dir(repository().join("deploy/components").join(component)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
    let folder = dir.path().join("team");
    fs::create_dir(&folder).unwrap();
    let paths: Vec<_> = components.iter().map(|component| format!("../{component}")).collect();
    let kustomization = format!("components: [{}]\n{kustomization}", paths.join(", "));
    fs::write(folder.join("kustomization.yaml"), kustomization).unwrap();
    dir
}

/// The names at a path, through lists as through objects.
fn named<'d>(document: &'d Value, path: &str) -> Vec<&'d str> {
    let mut found = vec![document];
    for part in path.split('.') {
        let within = found.into_iter().map(|value| &value[part]);
        found = within
            .flat_map(|value| {
                value
                    .as_array()
                    .map_or_else(|| vec![value], |list| list.iter().collect())
            })
            .collect();
    }
    found.into_iter().filter_map(Value::as_str).collect()
}
