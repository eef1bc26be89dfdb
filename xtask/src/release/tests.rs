use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
};

use flate2::read::GzDecoder;
use serde_json::Value;

use super::{Inputs, VERSION, files, linked};
use crate::{
    image::{Image, digest},
    tree,
};

const CREATED: u64 = 1_764_460_800;
const PROGRAM: &[u8] = b"a plugin";

fn release() -> (String, BTreeMap<String, Vec<u8>>) {
    let image = Image {
        program: b"an operator".to_vec(),
        version: VERSION.to_owned(),
        revision: None,
        created: CREATED,
    };
    let layout = image.layout().unwrap();
    let root = tree::root();
    let inputs = Inputs {
        root: &root,
        image: &layout,
        repository: "registry.example.com/ace-operator",
        plugin: PROGRAM.to_vec(),
        linked: &linked(&root).unwrap(),
        created: CREATED,
    };
    (layout.digest.clone(), files(&inputs).unwrap())
}

/// What a tar.gz has: path, mode, time, content.
fn unpacked(archive: &[u8]) -> Vec<(String, u32, u64, Vec<u8>)> {
    let mut tar = tar::Archive::new(GzDecoder::new(archive));
    let entries = tar.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let header = entry.header();
        let (mode, time) = (header.mode().unwrap(), header.mtime().unwrap());
        (entry.path().unwrap().display().to_string(), mode, time, content)
    });
    entries.collect()
}

fn text(files: &BTreeMap<String, Vec<u8>>, name: &str) -> String {
    String::from_utf8(files[name].clone()).unwrap()
}

#[test]
fn the_same_sources_give_the_same_bytes_and_every_file_has_its_sum() {
    let (_, once) = release();
    assert_eq!(once, release().1);
    let sums = text(&once, "SHA256SUMS");
    let summed: BTreeMap<&str, &str> = sums
        .lines()
        .map(|line| line.split_once("  ").unwrap())
        .map(|(sum, name)| (name, sum))
        .collect();
    assert_eq!(summed.len() + 1, once.len());
    for (name, sum) in summed {
        assert_eq!(digest(&once[name]), format!("sha256:{sum}"), "{name}");
    }
}

#[test]
fn what_is_installed_is_deploy_with_the_image_by_its_digest() {
    let (image, files) = release();
    let objects: Vec<Value> = serde_yaml::from_multiple(&text(&files, "install.yaml")).unwrap();
    let deployments = objects.iter().filter(|object| object["kind"] == "Deployment");
    let images: Vec<&Value> = deployments
        .map(|object| &object["spec"]["template"]["spec"]["containers"][0]["image"])
        .collect();
    let expected = format!("registry.example.com/ace-operator@{image}");
    assert_eq!(images, [expected.as_str(), expected.as_str()]);
    let definitions: Vec<Value> = serde_yaml::from_multiple(&text(&files, "crds.yaml")).unwrap();
    assert_eq!(definitions.len(), ace_api::KINDS.len());
    assert!(definitions.iter().all(|definition| objects.contains(definition)));
    let kinds: BTreeSet<&str> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    for kind in ["Namespace", "ServiceAccount", "ClusterRole", "RoleBinding"] {
        assert!(kinds.contains(kind), "{kind}");
    }
}

#[test]
fn the_chart_is_packed_whole_and_without_the_times_of_its_files() {
    let (_, files) = release();
    let entries = unpacked(&files[&format!("ace-ops-{VERSION}.tgz")]);
    let paths: Vec<&str> = entries.iter().map(|(path, ..)| path.as_str()).collect();
    assert!(paths.is_sorted());
    for path in [
        "ace-ops/Chart.yaml",
        "ace-ops/values.schema.json",
        "ace-ops/templates/rights.yaml",
        "ace-ops/files/rules.yaml",
    ] {
        assert!(paths.contains(&path), "{path}");
    }
    assert!(
        entries
            .iter()
            .all(|(_, mode, time, _)| (*mode, *time) == (0o644, CREATED))
    );
}

#[test]
fn the_manifest_of_krew_names_what_the_archive_has() {
    let (_, files) = release();
    let plugin: Value = serde_yaml::from_str(&text(&files, "ace.yaml")).unwrap();
    let platform = &plugin["spec"]["platforms"][0];
    let archive = &files[platform["uri"].as_str().unwrap()];
    assert_eq!(
        digest(archive),
        format!("sha256:{}", platform["sha256"].as_str().unwrap())
    );
    let entries = unpacked(archive);
    let program = entries.iter().find(|(path, ..)| path == "kubectl-ace").unwrap();
    assert_eq!((program.1, program.3.as_slice()), (0o755, PROGRAM));
    for file in platform["files"].as_array().unwrap() {
        let from = file["from"].as_str().unwrap();
        assert!(entries.iter().any(|(path, ..)| path == from), "{from}");
    }
    assert_eq!(plugin["spec"]["version"], format!("v{VERSION}"));
}

#[test]
fn the_bill_of_materials_is_what_is_linked() {
    let (_, files) = release();
    let bill: Value = serde_json::from_slice(&files["sbom.cdx.json"]).unwrap();
    let names: BTreeSet<&str> = bill["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|component| component["name"].as_str().unwrap())
        .collect();
    for linked in ["ace-operator", "ace-domain", "tokio", "kube-client", "rustls"] {
        assert!(names.contains(linked), "{linked}");
    }
    // What runs while it is compiled, and what tests need.
    for other in ["serde_derive", "proptest", "ace-tests", "ace-sandbox", "cc"] {
        assert!(!names.contains(other), "{other}");
    }
}
