//! What a deploy sends, in the form that Supabase's CLI 3.1.0 sends it.

use std::collections::BTreeSet;

use ace_egress::multipart::{Form, Part};
use bytes::Bytes;
use serde_json::json;

/// One version of a function, to be made live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    /// At least the entrypoint.
    pub files: Vec<DeployFile>,
    /// One of the files.
    pub entrypoint_path: String,
    /// One of the files, or none.
    pub import_map_path: Option<String>,
    /// Globs of files that the function reads at run time; the files themselves are among `files`.
    pub static_patterns: Vec<String>,
    /// Always sent: left out, the platform keeps or resets it as it sees fit (known trouble of several clients).
    pub verify_jwt: bool,
    pub name: String,
}

/// One file of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployFile {
    /// Relative, with `/`, without `.` and `..`, `"` and `\`. The platform keeps the directories, so that relative imports resolve.
    pub path: String,
    pub bytes: Bytes,
}

impl Deploy {
    /// Why this cannot be sent, if so: found before any request.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let mut paths = BTreeSet::new();
        if !self.files.iter().all(|file| is_plain_relative(&file.path)) {
            return Some("a file's path is not plain and relative");
        }
        if !self.files.iter().all(|file| paths.insert(file.path.as_str())) {
            return Some("two files have the same path");
        }
        if !paths.contains(self.entrypoint_path.as_str()) {
            return Some("the entrypoint is not among the files");
        }
        if self
            .import_map_path
            .as_ref()
            .is_some_and(|path| !paths.contains(path.as_str()))
        {
            return Some("the import map is not among the files");
        }
        None
    }

    /// The multipart form: a part `file` for each file, then `metadata`.
    pub(crate) fn form(&self) -> Form {
        let metadata = json!({
            "entrypoint_path": self.entrypoint_path,
            // Empty, not absent: so does the CLI.
            "import_map_path": self.import_map_path.as_deref().unwrap_or_default(),
            "static_patterns": self.static_patterns,
            "verify_jwt": self.verify_jwt,
            "name": self.name,
        });
        self.files
            .iter()
            .fold(Form::new(), |form, file| {
                let part = Part::stream_with_length(file.bytes.clone(), file.bytes.len() as u64)
                    .file_name(file.path.clone())
                    .mime_str("application/octet-stream")
                    .expect("this media type is well-formed");
                form.part("file", part)
            })
            .text("metadata", metadata.to_string())
    }
}

fn is_plain_relative(path: &str) -> bool {
    // Clients and servers disagree on how a quotation mark and a backslash are written in a form's file name.
    !path
        .chars()
        .any(|character| character.is_control() || matches!(character, '\\' | '"'))
        && path
            .split('/')
            .all(|segment| !segment.is_empty() && segment != "." && segment != "..")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Deploy, DeployFile};

    fn deploy() -> Deploy {
        Deploy {
            files: vec![DeployFile {
                path: "a/index.ts".into(),
                bytes: Bytes::new(),
            }],
            entrypoint_path: "a/index.ts".into(),
            import_map_path: None,
            static_patterns: Vec::new(),
            verify_jwt: true,
            name: "a".into(),
        }
    }

    #[test]
    fn what_the_platform_would_misplace_is_not_sent() {
        assert_eq!(deploy().problem(), None);
        for path in [
            "", "/a", "a//b", "../a", "a/../b", "./a", "a/", "a\\b", "a\"b", "a\nb", "a\0",
        ] {
            let mut deploy = deploy();
            deploy.files.push(DeployFile {
                path: path.into(),
                bytes: Bytes::new(),
            });
            assert_eq!(
                deploy.problem(),
                Some("a file's path is not plain and relative"),
                "{path:?}"
            );
        }
        let twice = Deploy {
            files: [deploy().files, deploy().files].concat(),
            ..deploy()
        };
        assert_eq!(twice.problem(), Some("two files have the same path"));
        let elsewhere = Deploy {
            entrypoint_path: "b/index.ts".into(),
            ..deploy()
        };
        assert_eq!(elsewhere.problem(), Some("the entrypoint is not among the files"));
        let mapless = Deploy {
            import_map_path: Some("a/deno.json".into()),
            ..deploy()
        };
        assert_eq!(mapless.problem(), Some("the import map is not among the files"));
    }
}
