use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ace_domain::bundle::{ClosureError, FunctionSource, Tree, TreeIndex, TreePath};
use bytes::Bytes;

use crate::config::Entry;
use crate::paths::{below, within};
use crate::project::{ALL, Place, Project, joined, read_file, read_files};

/// Most files from outside the folder of functions: a function may have as many.
const OUTSIDE: usize = ace_domain::bundle::CLOSURE_FILES;

/// The CLI's import map for functions that have none of their own.
const FALLBACK_IMPORT_MAP: &str = "import_map.json";

/// The tree in which the paths of the resources begin: the folder of functions, or, if their code reaches out of it, the lowest
/// folder that has all of it.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) index: TreeIndex,
    /// The tree's root, seen from the project's; empty if they are the same.
    pub(crate) base: String,
    /// The folder of functions, seen from the tree's root; empty if it is the root.
    pub(crate) functions: String,
}

/// What a function's files are, as the configuration says; paths begin at the tree's root.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths {
    pub(crate) entrypoint: String,
    pub(crate) import_map: Option<String>,
    pub(crate) static_files: Vec<String>,
    /// Keys with paths that are not in the tree.
    pub(crate) outside: Vec<(&'static str, String)>,
}

impl Paths {
    pub(crate) fn source<'a>(&'a self, slug: &'a str) -> FunctionSource<'a> {
        FunctionSource {
            slug,
            entrypoint: Some(&self.entrypoint),
            import_map: self.import_map.as_deref(),
            static_files: &self.static_files,
        }
    }
}

impl Layout {
    /// Follows the functions' imports, and reads what lies beside their folder where they reach out of it.
    pub(crate) fn of(project: &Project) -> Self {
        let own = project.place.of("functions");
        let narrow = Self {
            index: TreeIndex::new(project.functions.tree.clone()),
            base: own.clone(),
            functions: String::new(),
        };
        if !narrow.reaches_out(project) {
            return narrow;
        }
        let mut gathered = Gathered::new(project, &own);
        gathered.configured(project);
        let index = gathered.imported(project);
        let wide = Self {
            index,
            base: String::new(),
            functions: own.clone(),
        };
        let base = wide.common(project, &own);
        if base == own {
            return narrow;
        }
        let Ok(folder) = TreePath::new(base.clone()) else {
            return wide;
        };
        let index = wide.index.below(&folder).unwrap_or(wide.index);
        let functions = below(&own, &base).unwrap_or_default().to_owned();
        Self { index, base, functions }
    }

    /// A path in the folder of functions, seen from the tree's root.
    pub(crate) fn in_functions(&self, path: &str) -> String {
        within(&self.functions, path)
    }

    /// A path of the configuration, seen from the tree's root.
    pub(crate) fn configured_path(&self, place: &Place, path: &str) -> Option<TreePath> {
        let path = place.configured_path(path)?;
        TreePath::new(below(&path, &self.base)?).ok()
    }

    /// The files of a function.
    pub(crate) fn paths(&self, place: &Place, slug: &str, entry: &Entry) -> Paths {
        let mut outside = Vec::new();
        let mut inside = |key, path: &str| {
            let found = self.configured_path(place, path).map(String::from);
            outside.extend(found.is_none().then(|| (key, path.to_owned())));
            found
        };
        let entrypoint = entry.entrypoint.as_deref().and_then(|path| inside("entrypoint", path));
        let import_map = entry.import_map.as_deref().and_then(|path| inside("import_map", path));
        let static_files = entry.static_files.iter();
        let static_files = static_files
            .filter_map(|pattern| inside("static_files", pattern))
            .collect();
        let mut paths = Paths {
            entrypoint: entrypoint.unwrap_or_else(|| self.in_functions(&format!("{slug}/index.ts"))),
            import_map,
            static_files,
            outside,
        };
        if entry.import_map.is_none() && self.index.own_import_map(&paths.source(slug)).is_none() {
            let common = self.in_functions(FALLBACK_IMPORT_MAP);
            paths.import_map = Some(common).filter(|path| self.index.tree().get(path).is_some());
        }
        paths
    }

    /// The functions that may be printed.
    fn candidates<'p>(&'p self, project: &'p Project) -> impl Iterator<Item = (String, Paths)> + 'p {
        let folders = project.functions.tree.iter().filter_map(|(path, _)| {
            let (folder, rest) = path.as_str().split_once('/')?;
            (rest == "index.ts").then(|| folder.to_owned())
        });
        let entries = &project.config.functions;
        let slugs: BTreeSet<String> = folders.chain(entries.keys().cloned()).collect();
        slugs.into_iter().filter_map(move |slug| {
            let entry = entries.get(&slug).cloned().unwrap_or_default();
            let paths = self.paths(&project.place, &slug, &entry);
            may_be_printed(&entry).then_some((slug, paths))
        })
    }

    fn reaches_out(&self, project: &Project) -> bool {
        self.candidates(project).any(|(slug, paths)| {
            let left = |error| {
                matches!(
                    error,
                    ClosureError::ImportOutside { .. } | ClosureError::ImportMapMissing { .. }
                )
            };
            !paths.outside.is_empty() || self.index.closure(&paths.source(&slug)).is_err_and(left)
        })
    }

    /// The lowest folder that has the folder of functions and all that was read for functions: also for one that can't be followed,
    /// whose paths are in the project nevertheless.
    fn common(&self, project: &Project, own: &str) -> String {
        let tree = self.index.tree();
        let is_read = |folder: &str| tree.iter().any(|(path, _)| below(path.as_str(), folder).is_some());
        let patterns = self.candidates(project).flat_map(|(_, paths)| paths.static_files);
        let patterns = patterns.filter(|pattern| folder_of(pattern).is_some_and(is_read));
        let files = tree.iter().map(|(path, _)| path.to_string());
        files.chain(patterns).fold(own.to_owned(), |mut common, path| {
            while below(&path, &common).is_none() {
                common.truncate(common.rfind('/').unwrap_or_default());
            }
            common
        })
    }
}

/// Files below the project's root.
struct Gathered<'p> {
    root: &'p Path,
    files: BTreeMap<TreePath, Bytes>,
    outside: usize,
}

impl<'p> Gathered<'p> {
    fn new(project: &'p Project, own: &str) -> Self {
        let files = project.functions.tree.iter();
        let files =
            files.filter_map(|(path, bytes)| Some((TreePath::new(within(own, path.as_str())).ok()?, bytes.clone())));
        Self {
            root: &project.place.root,
            files: files.collect(),
            outside: 0,
        }
    }

    /// Reads what the configuration names for functions that may be printed.
    fn configured(&mut self, project: &Project) {
        for entry in project.config.functions.values().filter(|entry| may_be_printed(entry)) {
            for path in [&entry.entrypoint, &entry.import_map].into_iter().flatten() {
                if let Some(path) = project.place.configured_path(path) {
                    self.read(&path);
                }
            }
            for pattern in &entry.static_files {
                let Some(pattern) = project.place.configured_path(pattern) else {
                    continue;
                };
                if !self.read(&pattern) {
                    self.matching(&pattern);
                }
            }
        }
    }

    /// Reads one file, unless it is there; says whether it is there now.
    fn read(&mut self, path: &str) -> bool {
        let Ok(path) = TreePath::new(path) else { return false };
        if self.files.contains_key(&path) {
            return true;
        }
        let content = (self.outside < OUTSIDE).then(|| read_file(self.root, &path)).flatten();
        let is_found = content.is_some();
        self.outside += usize::from(is_found);
        self.files.extend(content.map(|content| (path, content)));
        is_found
    }

    /// Reads the folder in which a pattern of static files begins, as deep as the pattern goes.
    fn matching(&mut self, pattern: &str) {
        let Some(folder) = folder_of(pattern) else { return };
        let rest = below(pattern, folder).unwrap_or(pattern);
        let levels = if rest.contains("**") {
            ALL
        } else {
            rest.matches('/').count()
        };
        // Where it can't be read, the pattern matches nothing, which is said of its function.
        if let Ok(files) = read_files(&self.root.join(folder), &within(folder, ""), levels) {
            let files = files.tree.iter().map(|(path, bytes)| (path.clone(), bytes.clone()));
            self.files.extend(files.collect::<Vec<_>>());
        }
    }

    /// Reads what functions import, one file of each at a time, since only a file that was read says what it imports.
    fn imported(mut self, project: &Project) -> TreeIndex {
        let mut wide = Layout {
            index: TreeIndex::new(self.tree()),
            base: String::new(),
            functions: project.place.of("functions"),
        };
        let mut open: Vec<(String, Paths)> = wide.candidates(project).collect();
        while !open.is_empty() {
            let missing: Vec<Option<String>> = open
                .iter()
                .map(|(slug, paths)| wide.index.closure(&paths.source(slug)).err().and_then(absent))
                .collect();
            let found: Vec<bool> = missing
                .iter()
                .map(|path| path.as_deref().is_some_and(|path| self.read(path)))
                .collect();
            let mut found = found.into_iter();
            open.retain(|_| found.next().unwrap_or_default());
            wide.index = wide.index.renewed(self.tree());
        }
        wide.index
    }

    fn tree(&self) -> Tree {
        // A file system has no two files at one path.
        Tree::from_files(self.files.clone()).unwrap_or_default()
    }
}

fn may_be_printed(entry: &Entry) -> bool {
    entry.enabled != Some(false) && entry.unread.is_empty()
}

/// The folder in which a pattern of static files begins; a plain path is none.
fn folder_of(pattern: &str) -> Option<&str> {
    let (plain, _) = pattern.split_once(['*', '?', '[', '{'])?;
    Some(plain.rsplit_once('/').map_or("", |(folder, _)| folder))
}

/// The file that a closure lacks.
fn absent(error: ClosureError) -> Option<String> {
    match error {
        ClosureError::ImportMissing { resolved, .. } => Some(resolved),
        ClosureError::ImportMapMissing { path, by: Some(by) } => joined(by.folder(), &path),
        _ => None,
    }
}
