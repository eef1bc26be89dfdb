//! Stands in for source-controller: packs a directory, serves it, and says so in the status of a Flux source.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::cluster::Cluster;
use super::error::BedError;
use super::file::{self, BedFile};

/// Flux's sources that carry files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SourceKind {
    /// A branch of a Git repository.
    #[value(name = "GitRepository")]
    GitRepository,
    /// An artifact in a container registry.
    #[value(name = "OCIRepository")]
    OciRepository,
    /// A bucket of an object store.
    #[value(name = "Bucket")]
    Bucket,
    /// Something that another controller packed.
    #[value(name = "ExternalArtifact")]
    ExternalArtifact,
}

impl SourceKind {
    fn kind(self) -> &'static str {
        match self {
            SourceKind::GitRepository => "GitRepository",
            SourceKind::OciRepository => "OCIRepository",
            SourceKind::Bucket => "Bucket",
            SourceKind::ExternalArtifact => "ExternalArtifact",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            SourceKind::GitRepository => "gitrepositories",
            SourceKind::OciRepository => "ocirepositories",
            SourceKind::Bucket => "buckets",
            SourceKind::ExternalArtifact => "externalartifacts",
        }
    }

    /// A spec that the CRD admits. Nothing is fetched from where it points: there is no source-controller here.
    fn spec(self, name: &str) -> Value {
        match self {
            SourceKind::GitRepository => {
                json!({"interval": "1m", "url": format!("https://git.invalid/{name}"), "ref": {"branch": "main"}})
            }
            SourceKind::OciRepository => json!({"interval": "1m", "url": format!("oci://registry.invalid/{name}")}),
            SourceKind::Bucket => json!({"interval": "1m", "bucketName": name, "endpoint": "store.invalid"}),
            SourceKind::ExternalArtifact => json!({}),
        }
    }

    /// A revision in the kind's own form, made from the content.
    fn revision(self, digest: &str) -> String {
        match self {
            SourceKind::GitRepository => format!("main@sha1:{}", &digest[..40]),
            SourceKind::OciRepository | SourceKind::ExternalArtifact => format!("latest@sha256:{digest}"),
            SourceKind::Bucket => format!("sha256:{digest}"),
        }
    }
}

/// What to publish, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Directory whose files are packed, without `.git` and links.
    pub directory: PathBuf,
    /// Kind of the source.
    pub kind: SourceKind,
    /// Namespace of the source; it exists.
    pub namespace: String,
    /// Name of the source.
    pub name: String,
    /// Revision that its status names; made from the content when absent.
    pub revision: Option<String>,
}

/// What the source's `status.artifact` says now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Where the archive is to be had.
    pub url: String,
    /// `sha256:` and 64 hexadecimal digits, of the archive.
    pub digest: String,
    pub revision: String,
    /// Bytes of the archive.
    pub size: u64,
}

/// Packs the directory, puts the archive where the bed's artifact server finds it, and creates or changes the source.
///
/// Earlier archives of the source stay: a reader that is still at the last revision must find it.
pub async fn publish(bed: &BedFile, publication: &Publication) -> Result<Published, BedError> {
    let archive = pack(&publication.directory).map_err(BedError::file("pack", &publication.directory))?;
    let hexadecimal = hex::encode(Sha256::digest(&archive));
    let Publication {
        kind, namespace, name, ..
    } = publication;
    let path = format!("{}/{namespace}/{name}/{hexadecimal}.tar.gz", kind.kind().to_lowercase());
    let place = bed.artifacts_directory.join(&path);
    file::make_directory(place.parent().unwrap_or(&place))?;
    file::write(&place, &archive)?;

    let published = Published {
        url: format!("{}/{path}", bed.artifacts_url),
        revision: publication
            .revision
            .clone()
            .unwrap_or_else(|| kind.revision(&hexadecimal)),
        digest: format!("sha256:{hexadecimal}"),
        size: archive.len() as u64,
    };
    let cluster = Cluster::from_kubeconfig(&bed.kubeconfig)?;
    let object = format!(
        "/apis/source.toolkit.fluxcd.io/v1/namespaces/{namespace}/{}/{name}",
        kind.plural()
    );
    let identity = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": kind.kind(), "metadata": {"name": name, "namespace": namespace}});
    let mut desired = identity.clone();
    desired["spec"] = kind.spec(name);
    let accepted = cluster.apply(&object, "ace-dev", desired.to_string()).await?;
    let mut state = identity;
    state["status"] = status(&published, &path, &accepted);
    // The manager under which the real controller writes.
    cluster
        .apply(&format!("{object}/status"), "source-controller", state.to_string())
        .await?;
    Ok(published)
}

fn status(published: &Published, path: &str, accepted: &Value) -> Value {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let generation = &accepted["metadata"]["generation"];
    let Published {
        url,
        digest,
        revision,
        size,
    } = published;
    let condition = |kind: &str, message: String| {
        json!({"type": kind, "status": "True", "reason": "Succeeded", "message": message,
               "observedGeneration": generation, "lastTransitionTime": now})
    };
    let mut status = json!({
        "artifact": {"url": url, "digest": digest, "revision": revision, "path": path, "size": size, "lastUpdateTime": now},
        "conditions": [
            condition("Ready", format!("stored artifact for revision '{revision}'")),
            condition("ArtifactInStorage", format!("stored artifact for revision '{revision}'")),
        ],
    });
    // The one kind whose status belongs to others, and has no generation of its own.
    if accepted["kind"] != "ExternalArtifact" {
        status["observedGeneration"] = generation.clone();
    }
    status
}

/// A tar.gz in which only names and contents count: sorted, without times, owners and links.
fn pack(directory: &Path) -> std::io::Result<Vec<u8>> {
    let compressor = GzBuilder::new().write(Vec::new(), Compression::default());
    let mut archive = tar::Builder::new(compressor);
    append(&mut archive, directory, Path::new(""))?;
    archive.into_inner()?.finish()
}

fn append(archive: &mut tar::Builder<impl Write>, directory: &Path, inside: &Path) -> std::io::Result<()> {
    let mut entries = fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (name, kind) = (inside.join(entry.file_name()), entry.file_type()?);
        let mut header = tar::Header::new_gnu();
        if kind.is_dir() && entry.file_name() != ".git" {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            archive.append_data(&mut header, &name, std::io::empty())?;
            append(archive, &entry.path(), &name)?;
        } else if kind.is_file() {
            let content = fs::read(entry.path())?;
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, &name, content.as_slice())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_depends_on_names_and_contents_only() {
        let tree = |files: &[(&str, &str)]| {
            let directory = tempfile::tempdir().unwrap();
            for (name, content) in files {
                let path = directory.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            pack(directory.path()).unwrap()
        };
        let archive = tree(&[("b.ts", "2"), ("a/x.ts", "1")]);
        assert_eq!(archive, tree(&[("a/x.ts", "1"), ("b.ts", "2"), (".git/HEAD", "ref")]));
        assert_ne!(archive, tree(&[("a/x.ts", "1"), ("b.ts", "3")]));

        let mut read = tar::Archive::new(flate2::read::GzDecoder::new(archive.as_slice()));
        let names: Vec<_> = read
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().into_owned())
            .collect();
        assert_eq!(names, ["a", "a/x.ts", "b.ts"].map(PathBuf::from));
    }
}
