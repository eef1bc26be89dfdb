//! The same, judged by Flux's own kustomize-controller: a Kustomization with `wait: true` whose repository has the objects, and the
//! content as a ConfigMap.

use std::fs;

use ace_domain::inputs::sha256;
use ace_sandbox::bed::{self, Publication, SourceKind};
use ace_tests::{Database, KustomizeController, Stage, TREE, is_current, kstatus::condition, on_database, pack};
use serde_json::{Value, json};

use super::{FUNCTION, RARELY, as_str, files, generation, objects, packed, waits};
use crate::{functions::sources::broken, team::team, wait::wait};

ace_tests::tests![
    flux_applies_a_revision_with_hashed_names_when_it_is_live_and_never_before,
    flux_applies_a_revision_with_a_pinned_digest_when_it_is_live_and_never_before,
    flux_takes_content_that_changes_in_place_for_applied_before_it_is_live,
    flux_says_which_function_fails_its_checks_and_that_the_revision_is_not_applied,
];

/// The Kustomization, and its repository.
const TEAM: &str = "team";
/// A ConfigMap keeps its name whatever is in it.
const ONE_NAME: &str = "generatorOptions: {disableNameSuffixHash: true}\n";

/// Commits a team's folder; answers with the revision. `options` are for the generated ConfigMap.
async fn commit(stage: &Stage<'_>, options: &str, source: &Value, archive: &[u8]) -> String {
    KustomizeController::shared();
    let generator = format!("configMapGenerator: [{{name: {TREE}, files: [tree.tar.gz]}}]\n");
    let dir = team(
        &["name-references"],
        &format!("resources: [project.yaml]\n{generator}{options}"),
    );
    let folder = dir.path().join("team");
    let documents = objects(source).map(|object| object.to_string());
    fs::write(folder.join("project.yaml"), documents.join("\n---\n")).unwrap();
    fs::write(folder.join("tree.tar.gz"), archive).unwrap();
    let publication = Publication {
        directory: dir.path().to_owned(),
        kind: SourceKind::GitRepository,
        namespace: stage.space.name.clone(),
        name: TEAM.to_owned(),
        revision: None,
    };
    let published = bed::publish(stage.space.bed.bed.file(), &publication).await;
    published.expect("the repository is published").revision
}

/// Has Flux apply what is committed, and wait.
async fn follow(stage: &Stage<'_>) {
    let spec = json!({
        "interval": "1h", "retryInterval": "1s", "timeout": "80s", "path": "./team", "prune": true, "wait": true,
        "sourceRef": { "kind": "GitRepository", "name": TEAM }, "targetNamespace": stage.space.name,
    });
    let kustomization = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": { "name": TEAM }, "spec": spec,
    });
    stage.space.apply(&kustomization.to_string()).await;
}

async fn kustomization(stage: &Stage<'_>) -> Value {
    let read = ["get", "kustomization.kustomize.toolkit.fluxcd.io", TEAM, "-o", "json"];
    let text = stage.space.kubectl(&read).await.expect("a Kustomization can be read");
    serde_json::from_str(&text).unwrap()
}

/// Waits until Flux calls the revision applied.
async fn applied(stage: &Stage<'_>, revision: &str) {
    let is_applied = async || {
        let kustomization = kustomization(stage).await;
        (kustomization["status"]["lastAppliedRevision"] == *revision && is_current(&kustomization)).then_some(())
    };
    stage.eventually(&format!("Flux applies {revision}"), is_applied).await;
}

fn config_map() -> Value {
    json!({ "kind": "ConfigMap", "name": TREE })
}

fn pinned(archive: &[u8]) -> Value {
    let mut source = config_map();
    source["digest"] = json!(sha256(archive));
    source
}

/// Commits three revisions; whenever Flux calls one applied, it is what is live.
async fn applies_what_is_live(stage: &Stage<'_>, database: &Database, options: &str, source: impl Fn(&[u8]) -> Value) {
    let mut generations = [0, 0];
    for n in [1, 2, 3] {
        let archive = packed(n);
        let revision = commit(stage, options, &source(&archive), &archive).await;
        follow(stage).await;
        applied(stage, &revision).await;
        let live = (stage.project.answer(FUNCTION).await, database.ledger().await.len());
        assert_eq!(live, (n.to_string(), n as usize));
        generations = waits(stage, database, generations, n).await;
    }
}

async fn flux_applies_a_revision_with_hashed_names_when_it_is_live_and_never_before() {
    on_database(RARELY, async |stage, database| {
        applies_what_is_live(stage, database, "", |_| config_map()).await;
    })
    .await;
}

async fn flux_applies_a_revision_with_a_pinned_digest_when_it_is_live_and_never_before() {
    on_database(RARELY, async |stage, database| {
        applies_what_is_live(stage, database, ONE_NAME, pinned).await;
    })
    .await;
}

/// What `docs/gitops.md` warns of.
async fn flux_takes_content_that_changes_in_place_for_applied_before_it_is_live() {
    on_database(RARELY, async |stage, database| {
        let commit = async |n| commit(stage, ONE_NAME, &config_map(), &packed(n)).await;
        let first = commit(1).await;
        follow(stage).await;
        applied(stage, &first).await;
        let generations = waits(stage, database, [0, 0], 1).await;
        // Without the label the operator learns of it at its next interval, or when it is asked.
        let second = commit(2).await;
        applied(stage, &second).await;
        let function = stage.until(FUNCTION, "is current", is_current).await;
        assert_eq!(generation(&function), generations[0]);
        assert_eq!(stage.project.answer(FUNCTION).await, "1");

        // The digest of what the ConfigMap has is known to whoever packed it.
        let revision = sha256(&packed(2));
        let waiting = wait(stage, &["--revision", &revision]).await;
        stage.ask("edgefunction", FUNCTION, "now").await;
        let (code, said) = waiting.await.unwrap();
        assert_eq!(
            (code, stage.project.answer(FUNCTION).await),
            (Some(0), "2".to_owned()),
            "{said}"
        );
    })
    .await;
}

async fn flux_says_which_function_fails_its_checks_and_that_the_revision_is_not_applied() {
    on_database(RARELY, async |stage, database| {
        let archive = packed(1);
        let first = commit(stage, "", &config_map(), &archive).await;
        follow(stage).await;
        applied(stage, &first).await;
        let generations = waits(stage, database, [0, 0], 1).await;

        let mut files = files(1);
        broken().clone_into(&mut files.last_mut().unwrap().1);
        commit(stage, "", &config_map(), &pack(&as_str(&files))).await;
        let told = async || {
            let kustomization = kustomization(stage).await;
            let ready = condition(&kustomization, "Ready")?.clone();
            (ready["reason"] == "HealthCheckFailed").then_some((kustomization, ready))
        };
        let (kustomization, ready) = stage.eventually("Flux sees that a check fails", told).await;
        assert_eq!(ready["status"], "False");
        assert_eq!(kustomization["status"]["lastAppliedRevision"], *first);
        let message = ready["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("EdgeFunction/{}/{FUNCTION}", stage.space.name)),
            "{message}"
        );
        let function = stage.stalled(FUNCTION, "RolledBack").await;
        assert!(generation(&function) > generations[0]);
        assert_eq!(stage.project.answer(FUNCTION).await, "1");
    })
    .await;
}
