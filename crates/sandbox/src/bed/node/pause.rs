//! The image of a pod's first container, which holds its namespaces: one static program, as an archive that containerd imports.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

use super::super::error::BedError;

/// No registry has it: it is imported.
pub(super) const IMAGE: &str = "ace.invalid/pause:1";

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The image of a program, as a tar of its OCI layout.
pub(super) fn archive(program: &Path) -> Result<Vec<u8>, BedError> {
    let content = fs::read(program).map_err(BedError::file("read", program))?;
    pack(&content).map_err(BedError::file("pack", program))
}

fn pack(program: &[u8]) -> io::Result<Vec<u8>> {
    let mut layer = Builder::new(Vec::new());
    add(&mut layer, "pause", 0o755, program)?;
    let layer = layer.into_inner()?;
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": { "User": "65535:65535", "Entrypoint": ["/pause"] },
        "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
    });
    let config = config.to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": describe(CONFIG, &config),
        "layers": [describe(LAYER, &layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    let mut described = describe(MANIFEST, &manifest);
    // By this name containerd knows what it imports.
    described["annotations"] = json!({ "io.containerd.image.name": IMAGE });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [described] });

    let mut tar = Builder::new(Vec::new());
    add(&mut tar, "oci-layout", 0o644, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    add(&mut tar, "index.json", 0o644, index.to_string().as_bytes())?;
    for blob in [layer, config, manifest] {
        let path = format!("blobs/{}", digest(&blob).replace(':', "/"));
        add(&mut tar, &path, 0o644, &blob)?;
    }
    tar.into_inner()
}

fn add(tar: &mut Builder<Vec<u8>>, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, path, content)
}

fn describe(media_type: &str, content: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest(content), "size": content.len() })
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

/// As images name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}
