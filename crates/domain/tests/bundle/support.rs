//! Small trees.

use ace_domain::bundle::{FunctionSource, Tree, TreePath};
use bytes::Bytes;

pub(crate) fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

pub(crate) fn tree(files: &[(&str, &str)]) -> Tree {
    Tree::from_files(
        files
            .iter()
            .map(|(at, text)| (path(at), Bytes::from((*text).to_owned()))),
    )
    .unwrap()
}

/// A function of which only the slug is given.
pub(crate) fn function(slug: &str) -> FunctionSource<'_> {
    FunctionSource {
        slug,
        entrypoint: None,
        import_map: None,
        static_files: &[],
    }
}
