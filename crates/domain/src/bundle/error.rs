use thiserror::Error;

use super::left_out::LeftOut;
use super::path::TreePath;

/// Why the closure of a function can't be computed. Each has to be fixed in the source or in the resource.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ClosureError {
    /// The entrypoint is no path.
    #[error("the entrypoint {path:?} can't be a path in the source: {rule}")]
    EntrypointPath {
        /// As written, or made from the slug.
        path: String,
        /// The rule that it breaks.
        rule: super::path::TreePathError,
    },
    /// The entrypoint is not in the source.
    #[error("the entrypoint {path} is not in the source; add the file, or set spec.entrypoint and spec.source.path")]
    EntrypointMissing {
        /// The path at which it was expected.
        path: TreePath,
    },
    /// The import map is not in the source.
    #[error("the import map {path} is not in the source; add the file or change spec.importMap{}", named_by(.by.as_ref()))]
    ImportMapMissing {
        /// The path at which it was expected.
        path: String,
        /// The `deno.json` that names it, if one does.
        by: Option<TreePath>,
    },
    /// The import map can't be used.
    #[error("the import map {path} can't be read: {problem}")]
    ImportMap {
        path: TreePath,
        /// What is wrong with it.
        problem: String,
    },
    /// A local import names a file that is not in the source.
    #[error("{from}:{line} imports {specifier:?}, and {resolved} is not in the source{}", hint(.resolved, .instead.as_ref()))]
    ImportMissing {
        from: TreePath,
        /// The line of the specifier, from 1.
        line: usize,
        /// As written.
        specifier: String,
        /// Where it leads, from the source's root.
        resolved: String,
        /// A similar path that exists.
        instead: Option<TreePath>,
    },
    /// A local import leaves the source.
    #[error(
        "{from}:{line} imports {specifier:?}, which is outside the source; move the file into it, or let spec.source.path begin higher"
    )]
    ImportOutside {
        from: TreePath,
        /// The line of the specifier, from 1.
        line: usize,
        /// As written.
        specifier: String,
    },
    /// The import map's entry for the specifier has no usable address.
    #[error(
        "{from}:{line} imports {specifier:?}, for which the import map has no usable address; write one that begins with ./, ../ or a scheme"
    )]
    ImportBlocked {
        from: TreePath,
        /// The line of the specifier, from 1.
        line: usize,
        /// As written.
        specifier: String,
    },
    /// A bare specifier is in no import map.
    #[error(
        "{from}:{line} imports {specifier:?}, which no import map of the function has; add it there, or write npm:, jsr: or https: before it"
    )]
    ImportUnmapped {
        from: TreePath,
        /// The line of the specifier, from 1.
        line: usize,
        /// As written.
        specifier: String,
    },
    /// What is reached is in the source, and not in the tree.
    #[error("{reached}: {path} {why}")]
    LeftOut {
        reached: String,
        /// The file, or the folder on the way to it.
        path: TreePath,
        /// Why it is not in the tree, and what to do.
        why: LeftOut,
    },
    /// A file does not parse.
    #[error("{path}:{line}:{column} does not parse: {problem}")]
    Syntax {
        path: TreePath,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A file has more of something than is read; it may well be a program.
    #[error("{path}:{line} can't be read: {problem}")]
    ModuleBound {
        path: TreePath,
        /// From 1.
        line: usize,
        /// What there is too much of, and what to do.
        problem: String,
    },
    /// A static pattern is no glob of paths in the source.
    #[error("the static pattern {pattern:?} can't be used: {problem}")]
    StaticPattern {
        /// As written.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A static pattern matches no file.
    #[error("the static pattern {pattern:?} matches no file of the source; patterns begin at the source's root")]
    StaticNothing {
        /// As written.
        pattern: String,
    },
    /// More files than one upload may have.
    #[error("the function needs more than {limit} files; narrow spec.staticFiles or its imports")]
    TooManyFiles { limit: usize },
    /// More bytes than the platform takes.
    #[error(
        "the function has {bytes} bytes, more than the {limit} that the platform accepts; narrow spec.staticFiles or its imports"
    )]
    TooLarge {
        /// Bytes of the closure.
        bytes: usize,
        limit: usize,
    },
}

impl ClosureError {
    /// The kind of error, as a label of bounded cardinality.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::EntrypointPath { .. } | Self::EntrypointMissing { .. } => "EntrypointMissing",
            Self::ImportMapMissing { .. } | Self::ImportMap { .. } => "ImportMapInvalid",
            Self::ImportMissing { .. }
            | Self::ImportOutside { .. }
            | Self::ImportBlocked { .. }
            | Self::ImportUnmapped { .. } => "ImportMissing",
            Self::LeftOut { .. } => "FileLeftOut",
            Self::Syntax { .. } | Self::ModuleBound { .. } => "SyntaxError",
            Self::StaticPattern { .. } | Self::StaticNothing { .. } => "StaticFilesMissing",
            Self::TooManyFiles { .. } | Self::TooLarge { .. } => "TooLarge",
        }
    }
}

fn named_by(by: Option<&TreePath>) -> String {
    by.map(|file| format!(" or `importMap` in {file}")).unwrap_or_default()
}

fn hint(resolved: &str, instead: Option<&TreePath>) -> String {
    let Some(file) = instead else { return String::new() };
    let why = if file.as_str().to_lowercase() == resolved.to_lowercase() {
        "upper and lower case differ"
    } else {
        "extensions are taken literally"
    };
    format!("; {file} is, and {why}")
}
