//! Sources that are not what they should be.

use std::io::Write as _;

use ace_sandbox::bed::{self, Publication, SourceKind};
use ace_tests::{FLUX_SOURCES, Stage, TREE, gzip, message_of, on_stage, pack};
use flate2::{Compression, write::GzEncoder};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};
use sha2::Digest as _;

use super::{RARELY, sources::says};

/// Archives that are refused or of which a function can't be made, with the reason and a part of what is said of each.
fn garbage() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let (refused, invalid) = ("SourceRefused", "SourceInvalid");
    let whole = pack(&[("hello/index.ts", &says("hello"))]);
    vec![
        ("truncated", whole[..whole.len() / 2].to_vec(), refused, "is truncated"),
        (
            "no-archive",
            b"this is no archive".to_vec(),
            refused,
            "is not a valid tar.gz",
        ),
        (
            "symlink",
            entries(&[(b"hello/index.ts", tar::EntryType::Symlink)]),
            invalid,
            "hello/index.ts is a link",
        ),
        (
            "hard-link",
            entries(&[(b"hello/index.ts", tar::EntryType::Link)]),
            invalid,
            "hello/index.ts is a link",
        ),
        (
            "climbing",
            entries(&[(b"../hello/index.ts", tar::EntryType::Regular)]),
            refused,
            "can't be unpacked",
        ),
        (
            "absolute",
            entries(&[(b"/etc/index.ts", tar::EntryType::Regular)]),
            refused,
            "can't be unpacked",
        ),
        (
            "not-text",
            entries(&[(b"hello/\xff\xfe.ts", tar::EntryType::Regular)]),
            invalid,
            "the entrypoint hello/index.ts is not in the source",
        ),
        (
            "many",
            many(),
            refused,
            "the source has 100000 files, more than the 20000 that are read",
        ),
        ("bomb", bomb(), refused, "unpacks to more than"),
    ]
}

ace_tests::tests![
    garbage_in_config_maps_is_refused_by_name_and_no_other_object_notices,
    a_git_repository_is_followed_from_artifact_to_artifact,
    every_kind_of_flux_source_carries_a_function,
    garbage_in_artifacts_is_refused_by_name_and_no_other_object_notices,
    an_artifact_that_is_not_what_its_digest_says_is_not_used,
    files_with_secrets_are_named_and_kept_nowhere_and_a_link_elsewhere_stops_nobody,
];

async fn garbage_in_config_maps_is_refused_by_name_and_no_other_object_notices() {
    on_stage(RARELY, async |stage| {
        let neighbour = settled_neighbour(stage).await;
        for (name, archive, ..) in garbage() {
            stage.source_named(name, &archive).await;
            let source = json!({ "kind": "ConfigMap", "name": name });
            stage
                .function(name, json!({ "source": source, "entrypoint": "hello/index.ts" }))
                .await;
        }
        for (name, _, reason, says) in garbage() {
            assert_refused(stage, name, reason, says).await;
        }
        assert_unmoved(stage, &neighbour).await;
        assert_eq!(stage.project.uploads(0).await, ["neighbour"]);

        // A whole archive in the place of a damaged one goes through.
        stage
            .source_named("truncated", &pack(&[("hello/index.ts", &says("mended"))]))
            .await;
        stage.ready("truncated").await;
        assert_eq!(stage.project.answer("truncated").await, "mended");
    })
    .await;
}

async fn a_git_repository_is_followed_from_artifact_to_artifact() {
    on_stage(RARELY, async |stage| {
        stage.space.bed.bed.install_flux_crds().await.unwrap();
        let tree = tempfile::tempdir().unwrap();
        let folder = tree.path().join("supabase/functions/hello");
        std::fs::create_dir_all(&folder).unwrap();
        let publication = Publication {
            directory: tree.path().to_owned(),
            kind: SourceKind::GitRepository,
            namespace: stage.space.name.clone(),
            name: "platform".to_owned(),
            revision: None,
        };
        let source = json!({ "kind": "GitRepository", "name": "platform", "path": "supabase/functions" });
        stage.function("hello", json!({ "source": source })).await;
        stage.waits("hello", "WaitingForSource").await;

        std::fs::write(folder.join("index.ts"), says("first")).unwrap();
        let published = bed::publish(stage.space.bed.bed.file(), &publication).await.unwrap();
        let first = stage.ready("hello").await;
        assert_eq!(first["status"]["source"]["artifactRevision"], published.revision);
        assert_eq!(stage.project.answer("hello").await, "first");

        std::fs::write(folder.join("index.ts"), says("second")).unwrap();
        let published = bed::publish(stage.space.bed.bed.file(), &publication).await.unwrap();
        let second = stage.rolled_out("hello", &first).await;
        assert_eq!(second["status"]["source"]["artifactRevision"], published.revision);
        assert_eq!(stage.project.answer("hello").await, "second");
        assert_eq!(stage.project.uploads(0).await, ["hello", "hello"]);
    })
    .await;
}

async fn every_kind_of_flux_source_carries_a_function() {
    on_stage(RARELY, async |stage| {
        for kind in FLUX_SOURCES {
            let name = format!("{kind:?}").to_lowercase();
            let path = format!("{name}/index.ts");
            let source = stage.publish(kind, &name, &[(&path, &says(&name))]).await;
            stage.function(&name, json!({ "source": source })).await;
        }
        for kind in FLUX_SOURCES {
            let name = format!("{kind:?}").to_lowercase();
            stage.ready(&name).await;
            assert_eq!(stage.project.answer(&name).await, name);
        }
    })
    .await;
}

async fn garbage_in_artifacts_is_refused_by_name_and_no_other_object_notices() {
    on_stage(RARELY, async |stage| {
        stage.space.bed.bed.install_flux_crds().await.unwrap();
        let neighbour = settled_neighbour(stage).await;
        for (name, archive, ..) in garbage() {
            let digest = artifact(stage, name, &archive).await;
            show_artifact(stage, name, &digest, &digest).await;
            let source = json!({ "kind": "GitRepository", "name": name });
            stage
                .function(name, json!({ "source": source, "entrypoint": "hello/index.ts" }))
                .await;
        }
        for (name, _, reason, says) in garbage() {
            assert_refused(stage, name, reason, says).await;
        }
        assert_unmoved(stage, &neighbour).await;
        assert_eq!(stage.project.uploads(0).await, ["neighbour"]);
    })
    .await;
}

async fn an_artifact_that_is_not_what_its_digest_says_is_not_used() {
    on_stage(RARELY, async |stage| {
        stage.space.bed.bed.install_flux_crds().await.unwrap();
        let digest = artifact(stage, "swapped", &pack(&[("hello/index.ts", &says("hello"))])).await;
        let other = format!("{:0>64}", "1");
        show_artifact(stage, "swapped", &digest, &other).await;
        let source = json!({ "kind": "GitRepository", "name": "swapped" });
        stage.function("hello", json!({ "source": source })).await;
        assert_refused(
            stage,
            "hello",
            "SourceRefused",
            "does not match the digest in its object",
        )
        .await;
        assert_eq!(stage.project.uploads(0).await, [""; 0]);
    })
    .await;
}

/// A private key and an environment beside a function, and a link in the folder of another one.
fn with_secrets(word: &str) -> Vec<u8> {
    let key = "-----BEGIN PRIVATE KEY-----\ncanary\n";
    let importing = "import text from \"../.env\" with { type: \"text\" };\nDeno.serve(() => new Response(text));\n";
    let files = [
        (".env", "STRIPE=canary\n"),
        ("hello/id_rsa", key),
        ("hello/index.ts", &says(word)),
        ("leaking/index.ts", importing),
    ];
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    let place = "leaking/node_modules/.bin/tsc";
    archive
        .append_link(&mut header, place, "../typescript/bin/tsc")
        .unwrap();
    gzip(&archive.into_inner().unwrap())
}

async fn files_with_secrets_are_named_and_kept_nowhere_and_a_link_elsewhere_stops_nobody() {
    on_stage(RARELY, async |stage| {
        let warned = async || {
            let events = stage.events("hello").await.into_iter();
            let warned = events.filter(|event| event.starts_with("SecretsInSource: "));
            warned.collect::<Vec<_>>()
        };
        stage.source(&[("hello/index.ts", &says("without"))]).await;
        stage.function("hello", json!({})).await;
        stage.ready("hello").await;
        assert_eq!(warned().await, [""; 0]);

        stage.source_named(TREE, &with_secrets("with")).await;
        let named = stage
            .until("hello", "names the secrets", |function| {
                !function["status"]["source"]["secretFiles"].is_null()
            })
            .await;
        let expected = json!({ "count": 2, "paths": [".env", "hello/id_rsa"] });
        assert_eq!(named["status"]["source"]["secretFiles"], expected);
        let says = stage
            .eventually("a warning", async || warned().await.into_iter().next())
            .await;
        assert!(says.contains("secrets in .env, hello/id_rsa: "), "{says}");
        stage
            .eventually("the content with them is live", async || {
                (stage.project.answer("hello").await == "with").then_some(())
            })
            .await;
        let live = stage.ready("hello").await;
        assert!(!live.to_string().contains("canary"), "{live:#}");
        for archive in stage.archives("hello", "Proven").await {
            assert_eq!(archive.keys().collect::<Vec<_>>(), ["hello/index.ts"]);
        }
        stage.function("leaking", json!({})).await;
        assert_refused(stage, "leaking", "SourceInvalid", ".env holds secrets").await;
        assert_eq!(warned().await.len(), 1, "once for a revision");
        assert_eq!(stage.project.uploads(0).await, ["hello", "hello"]);
    })
    .await;
}

async fn settled_neighbour(stage: &Stage<'_>) -> Value {
    stage.source(&[("neighbour/index.ts", &says("neighbour"))]).await;
    stage.function("neighbour", json!({})).await;
    stage.ready("neighbour").await
}

async fn assert_refused(stage: &Stage<'_>, name: &str, reason: &str, says: &str) {
    let function = stage.stalled(name, reason).await;
    let message = message_of(&function, "Stalled");
    assert!(message.contains(says), "{name}: {message}");
}

async fn assert_unmoved(stage: &Stage<'_>, neighbour: &Value) {
    let now = stage.until("neighbour", "is there", |_| true).await;
    assert_eq!(
        now["metadata"]["resourceVersion"],
        neighbour["metadata"]["resourceVersion"]
    );
    assert_eq!(stage.project.answer("neighbour").await, "neighbour");
}

/// Puts an archive where the artifact server finds it, and answers with its digest.
async fn artifact(stage: &Stage<'_>, name: &str, archive: &[u8]) -> String {
    let tree = tempfile::tempdir().unwrap();
    let publication = Publication {
        directory: tree.path().to_owned(),
        kind: SourceKind::GitRepository,
        namespace: stage.space.name.clone(),
        name: name.to_owned(),
        revision: None,
    };
    let file = stage.space.bed.bed.file();
    bed::publish(file, &publication).await.unwrap();
    let folder = file.artifacts_directory.join("garbage").join(&stage.space.name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.tar.gz")), archive).unwrap();
    hex::encode(sha2::Sha256::digest(archive))
}

/// Has the source's status name that archive.
async fn show_artifact(stage: &Stage<'_>, name: &str, revision: &str, digest: &str) {
    let url = format!(
        "{}/garbage/{}/{name}.tar.gz",
        stage.space.bed.bed.file().artifacts_url,
        stage.space.name
    );
    let resource = ApiResource {
        group: "source.toolkit.fluxcd.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "source.toolkit.fluxcd.io/v1".to_owned(),
        kind: "GitRepository".to_owned(),
        plural: "gitrepositories".to_owned(),
    };
    let sources: Api<DynamicObject> = Api::namespaced_with(stage.space.client.clone(), &stage.space.name, &resource);
    let artifact = json!({ "url": url, "digest": format!("sha256:{digest}"), "revision": format!("main@sha1:{}", &revision[..40]) });
    let patch = json!({ "status": { "artifact": artifact } });
    sources
        .patch_status(name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .unwrap();
}

/// An archive with these entries, whose names no honest packer would write.
fn entries(entries: &[(&[u8], tar::EntryType)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, type_) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_entry_type(*type_);
        header.set_mode(0o644);
        header.set_size(0);
        if matches!(type_, tar::EntryType::Symlink | tar::EntryType::Link) {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        archive.append(&header, std::io::empty()).unwrap();
    }
    gzip(&archive.into_inner().unwrap())
}

/// A hundred thousand empty files.
fn many() -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(0);
    for n in 0..100_000 {
        header.set_path(format!("{n:06}")).unwrap();
        header.set_cksum();
        archive.append(&header, std::io::empty()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// A few hundred kilobytes that inflate to 160 MB.
fn bomb() -> Vec<u8> {
    const EACH: usize = 16 << 20;
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    let zeros = vec![0; EACH];
    for n in 0..10 {
        let mut header = tar::Header::new_gnu();
        header.set_path(format!("{n}.bin")).unwrap();
        header.set_mode(0o644);
        header.set_size(EACH as u64);
        header.set_cksum();
        packer.write_all(header.as_bytes()).unwrap();
        packer.write_all(&zeros).unwrap();
    }
    packer.finish().unwrap()
}
