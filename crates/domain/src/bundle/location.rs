/// Where a specifier leads, before any file is looked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Location {
    /// Inside the tree: segments joined by `/`, without a leading one; with a trailing one when the text had it.
    Inside(String),
    /// A file outside the tree: an absolute path, a `file:` URL, or more `..` than there are folders.
    Outside(String),
    /// A URL of another scheme: `npm:`, `jsr:`, `https:`, `node:`, `data:` ...
    Remote(String),
}

impl Location {
    /// Resolves a specifier that is a path or a URL against `folder` of the tree; `None` for a bare one.
    ///
    /// The path is taken literally, like the platform's bundler takes it: a query, a fragment or a `%20` is part of the
    /// file's name, and no extension is added.
    pub(super) fn of(specifier: &str, folder: &str) -> Option<Self> {
        if specifier.starts_with("./") || specifier.starts_with("../") {
            return Some(join(folder, specifier).map_or_else(|| Self::Outside(specifier.to_owned()), Self::Inside));
        }
        if specifier.starts_with('/') {
            return Some(Self::Outside(specifier.to_owned()));
        }
        match scheme(specifier)? {
            scheme if scheme.eq_ignore_ascii_case("file") => Some(Self::Outside(specifier.to_owned())),
            _ => Some(Self::Remote(specifier.to_owned())),
        }
    }

    /// One text for each location, by which keys of an import map are compared. A file of the tree begins with NUL, which
    /// no specifier of a sane file contains.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Inside(path) => format!("\0{path}"),
            Self::Outside(text) | Self::Remote(text) => text.clone(),
        }
    }

    /// The location that `rest` leads to below this one, which a prefix entry of an import map names.
    pub(super) fn below(&self, rest: &str) -> Self {
        match self {
            Self::Inside(prefix) => match join(prefix, rest) {
                Some(path) if path.starts_with(prefix.as_str()) => Self::Inside(path),
                _ => Self::Outside(format!("./{prefix}{rest}")),
            },
            Self::Outside(prefix) => Self::Outside(format!("{prefix}{rest}")),
            Self::Remote(prefix) => Self::Remote(format!("{prefix}{rest}")),
        }
    }

    /// Whether this names a folder, as the address of a prefix entry must.
    pub(super) fn is_folder(&self) -> bool {
        match self {
            Self::Inside(text) => text.is_empty() || text.ends_with('/'),
            Self::Outside(text) | Self::Remote(text) => text.ends_with('/'),
        }
    }
}

/// `relative` seen from `folder`, without a slash at its ends; `None` when it leaves the tree.
pub fn joined(folder: &str, relative: &str) -> Option<String> {
    let mut segments: Vec<&str> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in relative.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

/// The same, with a slash at the end of a folder's path.
fn join(folder: &str, relative: &str) -> Option<String> {
    let mut path = joined(folder, relative)?;
    let names_folder = matches!(relative.rsplit('/').next(), Some("" | "." | ".."));
    if names_folder && !path.is_empty() {
        path.push('/');
    }
    Some(path)
}

/// The scheme of a URL: a letter, then letters, digits, `+`, `-`, `.`, then a colon.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    let valid = bytes.next()?.is_ascii_alphabetic()
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    valid.then_some(scheme)
}
