//! A cluster that lost everything it knew of backups: the namespace with its objects, and the definitions. Bucket and identity are left.

use ace_api::{Backup, KINDS, Restore};
use ace_tests::{
    Operator, OperatorOptions, PLATFORM, SCRATCH_PASSWORD, Scene, bed, is_true, make_scratch_role, on_database_of,
    repository,
};
use age::secrecy::ExposeSecret as _;
use kube::api::ListParams;
use serde_json::json;

use super::server::Server;

ace_tests::tests! {
    a_cluster_that_lost_namespace_and_definitions_imports_a_bucket_and_restores_what_is_in_it,
}

async fn a_cluster_that_lost_namespace_and_definitions_imports_a_bucket_and_restores_what_is_in_it() {
    let server = Server::start().await;
    make_scratch_role(&server.superuser_of("postgres").await.unwrap()).await;
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    let worker = Operator::start(bed(), &OperatorOptions::worker()).await;
    let store = &bed().bed.file().store_url;
    let (namespace, identity) = on_database_of(&operator, "5m", async |stage, database| {
        let scene = Scene::prepare(stage, database, store).await;
        scene.schedule(|_| {}).await;
        scene.backup("first").await;
        scene.complete("first").await;
        (stage.space.name.clone(), scene.identity.to_string())
    })
    .await;
    let gone = ["wait", "--for=delete", "--timeout=90s", "namespace", &namespace];
    let kubectl = &bed().kubectl;
    kubectl.run(&gone).await.expect("the namespace goes");
    drop((operator, worker));
    let definitions: Vec<String> = KINDS
        .iter()
        .map(|kind| format!("{}.ops.mobulace.com", kind.plural))
        .collect();
    let delete: Vec<&str> = ["delete", "crd"]
        .into_iter()
        .chain(definitions.iter().map(String::as_str))
        .collect();
    kubectl
        .run(&delete)
        .await
        .expect("definitions without objects can be deleted");
    let crds = repository().join("crds");
    let apply = ["apply", "--server-side", "-k", crds.to_str().unwrap()];
    kubectl.run(&apply).await.expect("the definitions are installed");
    let established: Vec<&str> = ["wait", "--for=condition=Established", "--timeout=60s", "crd"]
        .into_iter()
        .chain(definitions.iter().map(String::as_str))
        .collect();
    kubectl
        .run(&established)
        .await
        .expect("the definitions are established");

    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    let _worker = Operator::start(bed(), &OperatorOptions::worker()).await;
    on_database_of(&operator, "5m", async |stage, database| {
        let scene = Scene::prepare(stage, database, store).await;
        let secret = json!({ "identity": identity.expose_secret() });
        stage.secret_offering("backup-key", "backup-key", secret).await;
        stage.scratch(server.port, "scratch", SCRATCH_PASSWORD).await;
        scene.schedule(|_| {}).await;
        let bucket = json!({ "prefix": format!("tests/{namespace}/primary"), "catalogue": "Import" });
        scene.destination_with("found", bucket).await;
        let imported = scene.complete("first").await;
        assert!(imported["spec"]["import"].is_object(), "{imported:#}");
        let spec = json!({ "platformRef": { "name": PLATFORM }, "source": { "backup": "first" } });
        stage
            .apply::<Restore>(json!({ "metadata": { "name": "drill" }, "spec": spec }))
            .await;
        let seen = stage
            .space
            .wait::<Restore>("drill", "is Restored", |seen| is_true(seen, "Ready"))
            .await;
        let point = &seen["status"]["point"];
        assert_eq!(
            (&point["level"], &point["rows"]),
            (&json!("Content"), &json!(2001)),
            "{seen:#}"
        );
        let backups = stage.space.api::<Backup>().list(&ListParams::default()).await.unwrap();
        assert_eq!(backups.items.len(), 1, "nothing is imported twice");
    })
    .await;
}
