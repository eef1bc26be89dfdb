use std::{
    collections::BTreeMap,
    io::{Cursor, Read as _},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tar::Archive;

use super::{AUTHORITIES, Image, Layout, digest};

fn image() -> Image {
    Image {
        program: b"\x7fELF".repeat(1_000),
        version: "1.2.3".to_owned(),
        revision: Some("0123abcd".to_owned()),
        created: 1_790_000_000,
    }
}

fn document(layout: &Layout, path: &str) -> Value {
    serde_json::from_slice(&layout.files[path]).unwrap()
}

/// The blob that a descriptor names, which has its size and its digest.
fn blob<'l>(layout: &'l Layout, descriptor: &Value) -> &'l [u8] {
    let digest = descriptor["digest"].as_str().unwrap();
    let content = &layout.files[&format!("blobs/{}", digest.replace(':', "/"))];
    assert_eq!(
        (super::digest(content).as_str(), json!(content.len())),
        (digest, descriptor["size"].clone())
    );
    content
}

struct Opened {
    index: Value,
    config: Value,
    layer: Vec<u8>,
}

fn opened(layout: &Layout) -> Opened {
    let index = document(layout, "index.json");
    let manifest: Value = serde_json::from_slice(blob(layout, &index["manifests"][0])).unwrap();
    let config = serde_json::from_slice(blob(layout, &manifest["config"])).unwrap();
    let mut layer = Vec::new();
    GzDecoder::new(blob(layout, &manifest["layers"][0]))
        .read_to_end(&mut layer)
        .unwrap();
    Opened { index, config, layer }
}

#[test]
fn the_same_program_gives_the_same_bytes_and_another_one_another_digest() {
    let (first, second) = (image().layout().unwrap(), image().layout().unwrap());
    assert_eq!(first, second);
    assert_eq!(first.archive().unwrap(), second.archive().unwrap());
    let other = Image {
        program: b"other".to_vec(),
        ..image()
    };
    assert_ne!(other.layout().unwrap().digest, first.digest);
}

#[test]
fn the_layer_has_the_program_its_user_and_the_authorities_and_belongs_to_root() {
    let layer = opened(&image().layout().unwrap()).layer;
    let mut files = BTreeMap::new();
    for entry in Archive::new(Cursor::new(layer)).entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header();
        assert_eq!(
            (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()),
            (0, 0, 1_790_000_000)
        );
        let mode = header.mode().unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        files.insert(path, (mode, content));
    }
    let modes: Vec<(&str, u32)> = files.iter().map(|(path, (mode, _))| (path.as_str(), *mode)).collect();
    let expected = [
        ("ace-operator", 0o755),
        ("etc/", 0o755),
        ("etc/passwd", 0o644),
        ("etc/ssl/", 0o755),
        ("etc/ssl/certs/", 0o755),
        (AUTHORITIES, 0o644),
    ];
    assert_eq!(modes, expected);
    assert_eq!(files["ace-operator"].1, image().program);
    let pem = String::from_utf8(files[AUTHORITIES].1.clone()).unwrap();
    let certificates = pem.split_terminator("-----END CERTIFICATE-----\n").map(|certificate| {
        let encoded = certificate.strip_prefix("-----BEGIN CERTIFICATE-----\n").unwrap();
        STANDARD.decode(encoded.replace('\n', "")).unwrap()
    });
    let mozillas: Vec<Vec<u8>> = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|one| one.to_vec())
        .collect();
    assert_eq!(certificates.collect::<Vec<_>>(), mozillas);
    assert!(mozillas.len() > 100, "{}", mozillas.len());
}

#[test]
fn whoever_runs_it_is_told_the_user_the_entrypoint_and_where_it_comes_from() {
    let layout = image().layout().unwrap();
    let Opened { index, config, layer } = opened(&layout);
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Entrypoint"], json!(["/ace-operator"]));
    assert_eq!(
        (&config["architecture"], &config["os"]),
        (&json!("amd64"), &json!("linux"))
    );
    assert_eq!(
        config["rootfs"],
        json!({ "type": "layers", "diff_ids": [digest(&layer)] })
    );
    assert_eq!(config["created"], "2026-09-21T14:13:20Z");
    let labels = &config["config"]["Labels"];
    assert_eq!(labels["org.opencontainers.image.version"], "1.2.3");
    assert_eq!(labels["org.opencontainers.image.revision"], "0123abcd");
    assert_eq!(labels["org.opencontainers.image.licenses"], "Apache-2.0");
    let found = &index["manifests"][0];
    assert_eq!(found["digest"], layout.digest.as_str());
    assert_eq!(
        found["annotations"]["io.containerd.image.name"],
        "docker.io/library/ace-operator:1.2.3"
    );
    assert_eq!(
        document(&layout, "oci-layout"),
        json!({ "imageLayoutVersion": "1.0.0" })
    );
    let unknown = Image {
        revision: None,
        ..image()
    };
    let labels = opened(&unknown.layout().unwrap()).config["config"]["Labels"].clone();
    assert_eq!(labels.get("org.opencontainers.image.revision"), None);
}

#[test]
fn what_was_in_the_folder_of_a_layout_is_gone_when_another_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("image");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("left"), "over").unwrap();
    let layout = image().layout().unwrap();
    layout.write(&folder).unwrap();
    assert!(!folder.join("left").exists());
    let index = std::fs::read(folder.join("index.json")).unwrap();
    assert_eq!(index, layout.files["index.json"]);
}
