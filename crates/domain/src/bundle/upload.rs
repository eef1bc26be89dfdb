use bytes::Bytes;

use super::closure::Closure;
use super::container;
use super::digest::Revision;
use super::path::TreePath;
use super::statics;

/// First letters of the folder that our uploads lie in.
const MARK: &str = "ace-";

/// The folder of an upload, which the platform returns in the entrypoint's path: `ace-<revision>/`.
#[derive(Clone, Copy, Debug)]
pub struct Mark;

/// A closure as the deploy request carries it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Upload {
    /// Path under the mark and bytes of each file, by path.
    pub files: Vec<(String, Bytes)>,
    /// `entrypoint_path` of the request.
    pub entrypoint_path: String,
    /// `import_map_path` of the request.
    pub import_map_path: Option<String>,
    /// `static_patterns` of the request: one for each static file, matching nothing else.
    pub static_patterns: Vec<String>,
}

impl Mark {
    /// Where a file lies in an upload of `revision`.
    pub fn path(revision: &Revision, path: &TreePath) -> String {
        format!("{MARK}{revision}/{path}")
    }

    /// The revision that an `entrypoint_path` of the platform is marked with; `None` for anything that is not ours.
    /// A folder of such a name deeper in the path was not made by us.
    pub fn in_entrypoint_path(path: &str) -> Option<Revision> {
        let stripped = container::strip(path);
        let mut segments = container::uploaded(&stripped);
        let revision = segments.next()?.strip_prefix(MARK)?.parse().ok()?;
        segments.next().is_some().then_some(revision)
    }
}

impl Upload {
    /// The upload of `closure`, marked with `revision`: that of its digest.
    pub fn new(closure: &Closure, revision: &Revision) -> Self {
        let at = |path: &TreePath| Mark::path(revision, path);
        Self {
            files: closure
                .files()
                .iter()
                .map(|(path, bytes)| (at(path), bytes.clone()))
                .collect(),
            entrypoint_path: at(closure.entrypoint()),
            import_map_path: closure.import_map().map(at),
            static_patterns: closure
                .static_files()
                .iter()
                .map(|path| statics::literal(&at(path)))
                .collect(),
        }
    }
}
