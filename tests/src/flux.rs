//! Flux sources, published as Flux's controllers would.

use std::fs;

use ace_sandbox::bed::{self, Publication, Published, SourceKind};

use crate::Stage;

/// Every kind of Flux source.
pub const FLUX_SOURCES: [SourceKind; 4] = [
    SourceKind::GitRepository,
    SourceKind::OciRepository,
    SourceKind::Bucket,
    SourceKind::ExternalArtifact,
];

impl Stage<'_> {
    /// Publishes files as a Flux source of this kind and name, and answers with what a spec says to point at it.
    ///
    /// # Panics
    /// If it can't be published.
    pub async fn publish(&self, kind: SourceKind, name: &str, files: &[(&str, &str)]) -> serde_json::Value {
        self.published(kind, name, files).await;
        let kind = match kind {
            SourceKind::GitRepository => "GitRepository",
            SourceKind::OciRepository => "OCIRepository",
            SourceKind::Bucket => "Bucket",
            SourceKind::ExternalArtifact => "ExternalArtifact",
        };
        serde_json::json!({ "kind": kind, "name": name })
    }

    /// The same; answers with what the source's status says of it.
    ///
    /// # Panics
    /// If it can't be published.
    pub async fn published(&self, kind: SourceKind, name: &str, files: &[(&str, &str)]) -> Published {
        let bed = self.space.bed.bed;
        bed.install_flux_crds().await.expect("the kinds of Flux are installed");
        let tree = tempfile::tempdir().expect("temporary files can be written");
        for (path, content) in files {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().expect("a file lies in a folder"))
                .and_then(|()| fs::write(&path, content))
                .expect("temporary files can be written");
        }
        let publication = Publication {
            directory: tree.path().to_owned(),
            kind,
            namespace: self.space.name.clone(),
            name: name.to_owned(),
            revision: None,
        };
        bed::publish(bed.file(), &publication).await.expect("it is published")
    }
}
