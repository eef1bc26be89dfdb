//! Paths as a tree has them: names joined by `/`; the empty path is the root.

/// A path of a folder, seen from where the folder is.
pub(crate) fn within(folder: &str, path: &str) -> String {
    match folder {
        "" => path.to_owned(),
        folder => format!("{folder}/{path}"),
    }
}

/// A path seen from a folder that it is below.
pub(crate) fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    match folder {
        "" => Some(path),
        folder => path.strip_prefix(folder)?.strip_prefix('/'),
    }
}

#[cfg(test)]
mod tests {
    use super::{below, within};

    #[test]
    fn a_path_within_a_folder_is_below_it_and_the_root_has_all() {
        for folder in ["", "a", "a/b"] {
            assert_eq!(below(&within(folder, "x/y.ts"), folder), Some("x/y.ts"), "{folder}");
        }
        assert_eq!(
            (below("ab/x", "a"), below("a", "a"), below("b/a/x", "a")),
            (None, None, None)
        );
    }
}
