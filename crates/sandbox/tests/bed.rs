//! The bed: comes up, keeps what is in it, takes everything down with it.

#[path = "bed/backups.rs"]
mod backups;
#[cfg(test)]
mod bed_support;

use std::fs;
use std::path::Path;

use ace_sandbox::bed::{Bed, BedConfig, BedFile, Publication, SourceKind, publish, testing};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use bed_support::{
    AceDev, ace_dev, admin, call, deploy_and_call, descendants, eventually, http, kubectl, management, namespace,
    notified, query, refusal, still_running,
};

async fn start(directory: &Path) -> Bed {
    let config = BedConfig {
        directory: directory.to_owned(),
        ..BedConfig::default()
    };
    let started = Bed::start(config).await;
    started.unwrap_or_else(|error| panic!("{}", testing::explain(&error)))
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_a_bed_answers_at_the_addresses_of_bed_json() {
    let bed = testing::shared();
    let file = BedFile::read(bed.directory()).unwrap();
    assert!(file == *bed.file(), "bed.json says the same as the library");

    assert!(admin(&file, "get namespaces -o name").contains("namespace/default"));
    let projects = management(&file, "/v1/projects").await;
    assert_eq!(projects[0]["ref"], json!(file.project));
    assert_eq!(
        deploy_and_call(&file, "hello", "hello from the bed").await,
        "hello from the bed"
    );
    assert_eq!(query(&file, "show is_superuser").await.as_deref(), Some("off"));
    assert_eq!(query(&file, "select current_user").await.as_deref(), Some("postgres"));
    assert_eq!(
        query(&file, "select pg_has_role('postgres', 'pg_monitor', 'member')")
            .await
            .as_deref(),
        Some("t")
    );
    let profile = fs::read_to_string(&file.supabase_profile).unwrap();
    assert!(profile.contains(&format!("api_url: {}\n", file.api_url)), "{profile}");
    assert_eq!(notified(&file).await, [true, false]);
}

#[test]
fn a_service_account_may_do_nothing_until_a_role_says_so_and_the_audit_log_tells_what_it_did() {
    let bed = testing::shared();
    let file = bed.file();
    namespace(bed, "rights");
    admin(file, "create serviceaccount operator --namespace rights");
    let executor = tokio::runtime::Runtime::new().unwrap();
    let kubeconfig = executor
        .block_on(bed.service_account_kubeconfig("rights", "operator"))
        .unwrap();

    let refused = kubectl(file, &kubeconfig, "get configmaps --namespace rights");
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(
        message.contains(r#"User "system:serviceaccount:rights:operator" cannot list resource "configmaps""#),
        "{message}"
    );

    admin(
        file,
        "create role reader --verb=list --resource=configmaps --namespace rights",
    );
    admin(
        file,
        "create rolebinding reader --role=reader --serviceaccount=rights:operator --namespace rights",
    );
    // The API server's authorizer reads roles from a watch.
    executor.block_on(eventually("the role counts", || {
        kubectl(file, &kubeconfig, "get configmaps --namespace rights")
            .status
            .success()
            .then_some(())
    }));
    assert!(
        !kubectl(file, &kubeconfig, "get secrets --namespace rights")
            .status
            .success()
    );

    let log = fs::read_to_string(&file.audit_log).unwrap();
    let codes: Vec<(Value, Value)> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["user"]["username"] == "system:serviceaccount:rights:operator")
        .map(|event| {
            (
                event["objectRef"]["resource"].clone(),
                event["responseStatus"]["code"].clone(),
            )
        })
        .collect();
    let refused = (json!("configmaps"), json!(403));
    for expected in [
        &refused,
        &(json!("configmaps"), json!(200)),
        &(json!("secrets"), json!(403)),
    ] {
        assert!(codes.contains(expected), "{expected:?} in {codes:?}");
    }
}

#[test]
fn a_namespace_is_deleted_to_the_end_and_what_an_object_owns_goes_with_it() {
    let bed = testing::shared();
    let file = bed.file();
    namespace(bed, "controllers");
    admin(file, "create configmap owner --namespace controllers");
    let uid = admin(
        file,
        "get configmap owner --namespace controllers -o jsonpath={.metadata.uid}",
    );
    admin(file, "create configmap owned --namespace controllers");
    let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}]);
    let patch = json!({"metadata": {"ownerReferences": owner}}).to_string();
    admin(
        file,
        &format!("patch configmap owned --namespace controllers --type=merge --patch={patch}"),
    );
    admin(file, "delete configmap owner --namespace controllers");
    admin(
        file,
        "wait --for=delete configmap/owned --namespace controllers --timeout=60s",
    );
    admin(file, "delete namespace controllers --timeout=60s");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_a_bed_survives_a_restart() {
    let directory = testing::fresh_directory();
    let bed = start(&directory).await;
    let before = bed.file().clone();
    admin(&before, "create configmap kept --from-literal=a=b");
    admin(&before, "create serviceaccount operator");
    let kubeconfig = bed.service_account_kubeconfig("default", "operator").await.unwrap();
    query(&before, "create table kept (a int); insert into kept values (7)").await;
    assert_eq!(deploy_and_call(&before, "kept", "still here").await, "still here");
    bed.stop().await.unwrap();
    assert!(BedFile::read(&directory).is_err(), "a bed that is down has no bed.json");

    let bed = start(&directory).await;
    let after = bed.file();
    let identity =
        |file: &BedFile| [&file.project, &file.token, &file.jwt_secret, &file.webhook_secret].map(String::clone);
    assert!(identity(&before) == identity(after));
    assert_eq!(admin(after, "get configmap kept -o jsonpath={.data.a}"), "b");
    assert_eq!(query(after, "select a from kept").await.as_deref(), Some("7"));
    assert_eq!(call(after, "kept").await, "still here");
    // A token that was given out before is still one of ours: it is refused by rights, not for its signature.
    let kubeconfig = fs::read_to_string(kubeconfig).unwrap();
    let token = kubeconfig
        .lines()
        .find_map(|line| line.trim().strip_prefix("token: "))
        .unwrap();
    let refused = kubectl(after, &after.kubeconfig, &format!("get configmaps --token {token}"));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(message.contains("system:serviceaccount:default:operator"), "{message}");
    bed.stop().await.unwrap();
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_beds_run_side_by_side_and_share_nothing() {
    let directory = testing::fresh_directory();
    let (one, two) = (testing::shared(), start(&directory).await);
    namespace(one, "only-in-one");
    query(one.file(), "create table only_in_one (a int)").await;
    assert!(!admin(two.file(), "get namespaces -o name").contains("only-in-one"));
    assert_eq!(query(two.file(), "select to_regclass('only_in_one')").await, None);
    assert_ne!(one.file().project, two.file().project);
    two.stop().await.unwrap();
    assert!(
        admin(one.file(), "get namespaces -o name").contains("only-in-one"),
        "the other one is still up"
    );
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bed_that_is_killed_takes_every_process_with_it_and_comes_up_again_with_what_it_had() {
    let directory = testing::fresh_directory();
    let mut ace_dev = AceDev::up(&directory);
    let bed = ace_dev.ready(&directory).await;
    admin(&bed, "create configmap kept");
    query(&bed, "create table kept (a int)").await;
    assert_eq!(deploy_and_call(&bed, "kept", "still here").await, "still here");

    let started = descendants(ace_dev.0.id());
    for program in ["etcd", "kube-apiserver", "kube-controller-manager", "postgres", "deno"] {
        assert!(
            started.iter().any(|process| process.command.contains(program)),
            "no {program} in {started:#?}"
        );
    }
    ace_dev.0.kill().unwrap();
    ace_dev.0.wait().unwrap();
    eventually("nothing is left", || still_running(&started).is_empty().then_some(())).await;

    assert!(
        BedFile::read(&directory).is_err(),
        "the bed.json that it could not remove does not count"
    );
    let mut again = AceDev::up(&directory);
    let bed = again.ready(&directory).await;
    admin(&bed, "get configmap kept");
    assert_eq!(query(&bed, "select to_regclass('kept')").await.as_deref(), Some("kept"));
    assert_eq!(call(&bed, "kept").await, "still here");
    let started = descendants(again.0.id());
    assert_eq!(again.terminate().await, Some(0));
    let left = still_running(&started);
    assert!(left.is_empty(), "left running: {left:#?}");
    assert!(BedFile::read(&directory).is_err());
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bed_runs_on_the_assets_that_envtest_brings() {
    let (directory, assets) = (testing::fresh_directory(), tempfile::tempdir().unwrap());
    let built = fs::canonicalize(testing::shared().kubectl()).unwrap();
    for name in ["etcd", "kube-apiserver", "kubectl"] {
        std::os::unix::fs::symlink(&built, assets.path().join(name)).unwrap();
    }
    let mut command = ace_dev(["up", "--dir"]);
    command.arg(&directory).env("KUBEBUILDER_ASSETS", assets.path());
    let mut ace_dev = AceDev::start(&mut command, &directory);
    let bed = ace_dev.ready(&directory).await;
    assert!(admin(&bed, "get namespaces -o name").contains("namespace/default"));
    let started = descendants(ace_dev.0.id());
    assert!(
        started
            .iter()
            .any(|process| process.command.starts_with(&assets.path().display().to_string())),
        "{started:#?}"
    );
    assert_eq!(ace_dev.terminate().await, Some(0));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn wrong_use_is_answered_with_what_to_do() {
    let bed = testing::shared();
    let up = testing::fresh_directory();
    let directory = bed.directory().to_str().unwrap();
    assert_eq!(
        refusal(&mut ace_dev(["up", "--dir", directory])),
        format!("ace-dev: a bed is already up in {directory}: stop it, or take another directory with --dir")
    );
    assert_eq!(
        refusal(ace_dev(["publish", ".", "--name", "tree", "--dir"]).arg(&up)),
        format!(
            "ace-dev: no bed is up in {}: start one with `ace-dev up`, or name its directory with --dir",
            up.display()
        )
    );
    assert_eq!(
        refusal(ace_dev(["up", "--project", "Mine", "--dir"]).arg(&up)),
        "ace-dev: \"Mine\" is no project reference: it is 20 lower-case letters"
    );
    assert_eq!(
        refusal(ace_dev(["up", "--dir"]).arg(&up).env("KUBEBUILDER_ASSETS", &up)),
        format!(
            "ace-dev: etcd is missing: KUBEBUILDER_ASSETS names {}, which has none; unset it to have the control plane built",
            up.display()
        )
    );
    assert_eq!(
        refusal(&mut ace_dev(["kubeconfig", "nobody", "--dir", directory])),
        "ace-dev: could not get a token of ServiceAccount default/nobody: 404: serviceaccounts \"nobody\" not found"
    );
    fs::remove_dir_all(up).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_directory_is_fetched_with_the_digest_that_its_source_names() {
    let bed = testing::shared();
    let file = bed.file();
    namespace(bed, "sources");
    bed.install_flux_crds().await.unwrap();
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("index.ts"), "first").unwrap();
    let mut publication = Publication {
        directory: tree.path().to_owned(),
        kind: SourceKind::GitRepository,
        namespace: "sources".to_owned(),
        name: "tree".to_owned(),
        revision: None,
    };
    for (kind, plural) in [
        (SourceKind::GitRepository, "gitrepositories"),
        (SourceKind::OciRepository, "ocirepositories"),
        (SourceKind::Bucket, "buckets"),
        (SourceKind::ExternalArtifact, "externalartifacts"),
    ] {
        publication.kind = kind;
        let published = publish(file, &publication).await.unwrap();
        let source = admin(file, &format!("get {plural} tree --namespace sources -o json"));
        let source: Value = serde_json::from_str(&source).unwrap();
        let artifact = &source["status"]["artifact"];
        assert_eq!(
            [&artifact["url"], &artifact["digest"], &artifact["revision"]],
            [
                &json!(published.url),
                &json!(published.digest),
                &json!(published.revision)
            ]
        );
        let ready = &source["status"]["conditions"][0];
        assert_eq!((&ready["type"], &ready["status"]), (&json!("Ready"), &json!("True")));
        assert_eq!(ready["observedGeneration"], source["metadata"]["generation"]);

        let answer = http()
            .get(&published.url)
            .send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap();
        let archive = answer.bytes().await.unwrap();
        assert_eq!(
            format!("sha256:{}", hex::encode(Sha256::digest(&archive))),
            published.digest
        );
        assert_eq!(archive.len() as u64, published.size);
    }

    publication.kind = SourceKind::GitRepository;
    let first = publish(file, &publication).await.unwrap();
    fs::write(tree.path().join("index.ts"), "second").unwrap();
    let second = publish(file, &publication).await.unwrap();
    assert!(first.digest != second.digest && first.revision != second.revision);
    http()
        .get(first.url)
        .send()
        .await
        .unwrap()
        .error_for_status()
        .expect("the last archive is still there");
    publication.revision = Some("main@sha1:0123456789012345678901234567890123456789".to_owned());
    let named = publish(file, &publication).await.unwrap();
    assert_eq!(
        (Some(named.revision), named.digest),
        (publication.revision, second.digest)
    );
    let outside = http()
        .get(format!("{}/%2e%2e/bed.json", file.artifacts_url))
        .send()
        .await
        .unwrap();
    assert_eq!(outside.status().as_u16(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_alone_serves_several_projects() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let directory = tempfile::tempdir().unwrap();
    let references = ["aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"];
    let mut command = ace_dev([
        "sandbox",
        "--listen",
        "127.0.0.1:0",
        "--project",
        references[0],
        "--project",
        references[1],
        "--dir",
    ]);
    let mut sandbox = AceDev(command.arg(directory.path()).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(sandbox.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let access: Value = serde_json::from_str(&line).unwrap();
    let project = |index: usize| access["projects"][index]["ref"].as_str().unwrap();
    assert_eq!([project(0), project(1)], references);
    let url = format!("{}/v1/projects", access["apiUrl"].as_str().unwrap());
    let answer = http()
        .get(url)
        .bearer_auth(access["token"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    let listed: Value = answer.json().await.unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(sandbox.terminate().await, Some(0));
}
