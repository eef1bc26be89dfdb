//! The operator's image: an OCI layout, made without a daemon, a base image or a network. The same program gives the same bytes.
//!
//! One layer has the program, the user as whom it runs, and the certificate authorities, without which it does not start. A worker
//! needs PostgreSQL's programs besides: build on this image, or mount them.

mod program;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fs, io, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

pub use program::{ImageError, build, created, revision};
pub(crate) use program::{TARGET, time};

/// Name of the image, without registry.
pub(crate) const NAME: &str = "ace-operator";
/// Where the program lies.
const PROGRAM: &str = "ace-operator";
/// Nobody in particular, as the Deployments of `deploy/` say it, too.
const USER: u32 = 65_532;
/// Where programs look for the authorities.
const AUTHORITIES: &str = "etc/ssl/certs/ca-certificates.crt";
/// Characters of a line of PEM.
const PEM_LINE: usize = 64;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What an image is made of.
#[derive(Clone, Debug)]
pub struct Image {
    /// The static program.
    pub program: Vec<u8>,
    pub version: String,
    /// The commit; none where nobody knows it.
    pub revision: Option<String>,
    /// Seconds since 1970: of everything in it.
    pub created: u64,
}

/// The files of an OCI layout by their paths.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Layout {
    pub files: BTreeMap<String, Vec<u8>>,
    /// Digest of the manifest: the image's.
    pub digest: String,
}

impl Image {
    /// `NAME:VERSION`.
    pub fn name(&self) -> String {
        format!("{NAME}:{}", self.version)
    }

    /// The layout of the image.
    pub fn layout(&self) -> io::Result<Layout> {
        let mut layout = Layout {
            files: BTreeMap::new(),
            digest: String::new(),
        };
        let layer = self.layer()?;
        let mut gzip = GzBuilder::new().write(Vec::new(), Compression::best());
        io::Write::write_all(&mut gzip, &layer)?;
        let packed = layout.add(LAYER, gzip.finish()?);
        let config = layout.add(CONFIG, text(&self.config(&layer)));
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [packed] });
        let mut manifest = layout.add(MANIFEST, text(&manifest));
        manifest["digest"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut layout.digest);
        manifest["annotations"] = json!({
            "org.opencontainers.image.ref.name": self.version,
            // By this name containerd knows what it imports.
            "io.containerd.image.name": format!("docker.io/library/{}", self.name()),
        });
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest] });
        layout.files.insert("index.json".to_owned(), text(&index));
        let version = json!({ "imageLayoutVersion": "1.0.0" });
        layout.files.insert("oci-layout".to_owned(), text(&version));
        Ok(layout)
    }

    fn layer(&self) -> io::Result<Vec<u8>> {
        let user = format!("root:x:0:0:root:/:/sbin/nologin\nace:x:{USER}:{USER}:ace:/:/sbin/nologin\n");
        let mut tar = Builder::new(Vec::new());
        for folder in ["etc/", "etc/ssl/", "etc/ssl/certs/"] {
            self.append(&mut tar, folder, 0o755, EntryType::Directory, &[])?;
        }
        for (path, mode, content) in [
            (AUTHORITIES, 0o644, authorities().as_bytes()),
            ("etc/passwd", 0o644, user.as_bytes()),
            (PROGRAM, 0o755, &self.program),
        ] {
            self.append(&mut tar, path, mode, EntryType::Regular, content)?;
        }
        tar.into_inner()
    }

    fn append(
        &self,
        tar: &mut Builder<Vec<u8>>,
        path: &str,
        mode: u32,
        entry_type: EntryType,
        content: &[u8],
    ) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(entry_type);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(self.created);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, path, content)
    }

    fn config(&self, layer: &[u8]) -> Value {
        let created = program::time(self.created);
        let mut labels = json!({
            "org.opencontainers.image.title": NAME,
            "org.opencontainers.image.description": "Kubernetes operator for the operations of a live Supabase platform",
            "org.opencontainers.image.version": self.version,
            "org.opencontainers.image.created": created,
            "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
        });
        if let Some(revision) = &self.revision {
            labels["org.opencontainers.image.revision"] = json!(revision);
        }
        json!({
            "created": created,
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "User": format!("{USER}:{USER}"),
                "Entrypoint": [format!("/{PROGRAM}")],
                "WorkingDir": "/",
                "Labels": labels,
            },
            "rootfs": { "type": "layers", "diff_ids": [digest(layer)] },
            "history": [{ "created": created, "created_by": "cargo xtask image" }],
        })
    }
}

impl Layout {
    /// Takes a blob, and describes it.
    fn add(&mut self, media_type: &str, content: Vec<u8>) -> Value {
        let (digest, size) = (digest(&content), content.len());
        let path = format!("blobs/{}", digest.replace(':', "/"));
        self.files.insert(path, content);
        json!({ "mediaType": media_type, "digest": digest, "size": size })
    }

    /// Writes it below a folder, in which nothing else is left.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        for (path, content) in &self.files {
            let path = folder.join(path);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, content)?;
        }
        Ok(())
    }

    /// All of it in one file, as `ctr images import` and `skopeo copy oci-archive:…` take it.
    pub fn archive(&self) -> io::Result<Vec<u8>> {
        let mut tar = Builder::new(Vec::new());
        for (path, content) in &self.files {
            let mut header = Header::new_ustar();
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, path, content.as_slice())?;
        }
        tar.into_inner()
    }
}

/// Mozilla's certificate authorities, in PEM.
fn authorities() -> String {
    let mut pem = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let encoded = STANDARD.encode(certificate);
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in encoded.as_bytes().chunks(PEM_LINE) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

pub(crate) fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

fn text(document: &Value) -> Vec<u8> {
    document.to_string().into_bytes()
}
