use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::closure::{Closure, FunctionSource, digest, program};
use super::error::ClosureError;
use super::import_map::{ImportMap, MapFile, Mapped, ReadBy};
use super::index::TreeIndex;
use super::limits::{CLOSURE_BYTES, CLOSURE_FILES};
use super::location::Location;
use super::lookup::{entrypoint, folder_map, instead, is_deno_config, left_out, path_of, there};
use super::module::{self, Fault, Import, Module, TemplateImport};
use super::node;
use super::path::TreePath;
use super::scan::Problem;
use super::statics;

/// Most imports of one closure that are put together and kept to be shown.
const TEMPLATES: usize = 1_000;

/// Computes a closure: finds the entrypoint and the import map, follows the imports, adds the static files.
pub(super) fn closure(index: &TreeIndex, source: &FunctionSource<'_>) -> Result<Closure, ClosureError> {
    let entrypoint = entrypoint(index.tree(), source)?;
    let mut walk = Walk::new(index);
    let import_map = walk.import_map(&entrypoint, source.import_map)?;
    walk.follow(&entrypoint)?;
    let static_files = walk.static_files(source.static_files)?;
    walk.finish(entrypoint, import_map, static_files)
}

/// How a file was reached; a later way can only add.
#[derive(Clone, Copy, Default)]
struct Reached {
    /// By something that runs.
    running: bool,
    /// Its own imports were followed, as those of a file that runs or not.
    followed: Option<bool>,
}

struct Walk<'i> {
    index: &'i TreeIndex,
    map: ImportMap,
    /// Module of the JSX runtime for files that name none, and the folder that it is seen from.
    jsx_runtime: Option<(String, TreePath)>,
    maps: BTreeSet<TreePath>,
    reached: BTreeMap<TreePath, Reached>,
    queue: VecDeque<(TreePath, bool)>,
    variables: BTreeSet<String>,
    required: BTreeSet<Vec<String>>,
    remote: BTreeSet<String>,
    unresolved: Option<ClosureError>,
    templates: Vec<(TreePath, TemplateImport)>,
}

impl<'i> Walk<'i> {
    fn new(index: &'i TreeIndex) -> Self {
        Self {
            index,
            map: ImportMap::default(),
            jsx_runtime: None,
            maps: BTreeSet::new(),
            reached: BTreeMap::new(),
            queue: VecDeque::new(),
            variables: BTreeSet::new(),
            required: BTreeSet::new(),
            remote: BTreeSet::new(),
            unresolved: None,
            templates: Vec::new(),
        }
    }

    /// Reads the import map, and the one that it refers to.
    fn import_map(&mut self, entrypoint: &TreePath, wanted: Option<&str>) -> Result<Option<TreePath>, ClosureError> {
        let tree = self.index.tree();
        let found = match wanted {
            Some(text) => Some(there(tree, path_of(text).ok(), text, None)?),
            None => folder_map(tree, entrypoint)
                .map(|path| there(tree, Some(path.clone()), path.as_str(), None))
                .transpose()?,
        };
        let Some(path) = found else { return Ok(None) };
        let file = self.map_file(
            &path,
            if is_deno_config(&path) {
                ReadBy::Deno
            } else {
                ReadBy::Path
            },
        )?;
        self.map = file.map;
        // Only a deno.json has compiler options.
        self.jsx_runtime = file
            .jsx_runtime
            .filter(|_| is_deno_config(&path))
            .map(|module| (module, path.clone()));
        if let Some(reference) = file.reference.filter(|_| is_deno_config(&path)) {
            let relative = if reference.starts_with(['.', '/']) {
                reference.clone()
            } else {
                format!("./{reference}")
            };
            let target = match Location::of(&relative, path.folder()) {
                Some(Location::Inside(target)) => TreePath::new(target).ok(),
                _ => None,
            };
            let target = there(tree, target, &reference, Some(&path))?;
            if target == path {
                return Err(ClosureError::ImportMap {
                    path,
                    problem: "its `importMap` is the file itself".to_owned(),
                });
            }
            let read_by = if is_deno_config(&target) {
                ReadBy::Deno
            } else {
                ReadBy::Reference
            };
            self.map = self.map_file(&target, read_by)?.map;
        }
        Ok(Some(path))
    }

    fn map_file(&mut self, path: &TreePath, read_by: ReadBy) -> Result<MapFile, ClosureError> {
        let bytes = self
            .index
            .tree()
            .get(path.as_str())
            .map(Bytes::as_ref)
            .unwrap_or_default();
        let file = MapFile::parse(bytes, path.folder(), read_by);
        self.maps.insert(path.clone());
        file.map_err(|problem| ClosureError::ImportMap {
            path: path.clone(),
            problem,
        })
    }

    /// Follows everything that the entrypoint reaches, breadth first, so that the first fault is the nearest one.
    fn follow(&mut self, entrypoint: &TreePath) -> Result<(), ClosureError> {
        self.reach(entrypoint.clone(), true, false)?;
        while let Some((path, running)) = self.queue.pop_front() {
            let module = match self.index.module(&path) {
                None => continue,
                Some(Ok(module)) => module,
                Some(Err(fault)) => return Err(unread(path, fault)),
            };
            if running {
                self.variables.extend(module.variables.iter().cloned());
                self.required.extend(module.reads.required().cloned());
                let templates = module.templates.iter().cloned();
                let room = TEMPLATES.saturating_sub(self.templates.len());
                self.templates
                    .extend(templates.take(room).map(|import| (path.clone(), import)));
            }
            self.imports(&path, module, running)?;
        }
        Ok(())
    }

    fn imports(&mut self, path: &TreePath, module: &Module, running: bool) -> Result<(), ClosureError> {
        let implied = self.jsx_runtime(path, module);
        let written = module.imports.iter().map(|import| (import, path));
        let all = written.chain(implied.as_ref().map(|(import, from)| (import, from)));
        let scoped = self.map.scoped(path.as_str());
        let resolved: Vec<_> = all
            .map(|(import, from)| (import, scoped.resolve(&import.specifier, from.folder())))
            .collect();
        resolved
            .into_iter()
            .try_for_each(|(import, mapped)| self.import(path, import, mapped, running))
    }

    /// The import that no line of a file with JSX writes: of what makes its elements. A pragma is seen from the file, the
    /// compiler's option from where it stands.
    fn jsx_runtime(&self, path: &TreePath, module: &Module) -> Option<(Import, TreePath)> {
        let (specifier, line, from) = match (&module.jsx_import_source, &self.jsx_runtime) {
            (Some((source, line)), _) => (format!("{source}/jsx-runtime"), *line, path),
            (None, Some((module, from))) if module::language(path.name()).is_some_and(|language| language.jsx) => {
                (module.clone(), 1, from)
            }
            _ => return None,
        };
        let import = Import {
            specifier,
            line,
            type_only: false,
            data: false,
            dynamic: false,
        };
        Some((import, from.clone()))
    }

    fn import(&mut self, from: &TreePath, import: &Import, mapped: Mapped, running: bool) -> Result<(), ClosureError> {
        let (line, specifier) = (import.line, import.specifier.clone());
        match mapped {
            Mapped::Bare => {
                let needed = running && !import.type_only && !import.dynamic;
                if needed && self.unresolved.is_none() && !node::is_builtin(&specifier) {
                    self.unresolved = Some(ClosureError::ImportUnmapped {
                        from: from.clone(),
                        line,
                        specifier: specifier.clone(),
                    });
                }
                self.remote.insert(specifier);
            }
            Mapped::To(Location::Remote(url)) => {
                self.remote.insert(url);
            }
            Mapped::Blocked => {
                return Err(ClosureError::ImportBlocked {
                    from: from.clone(),
                    line,
                    specifier,
                });
            }
            Mapped::To(Location::Outside(_)) => {
                return Err(ClosureError::ImportOutside {
                    from: from.clone(),
                    line,
                    specifier,
                });
            }
            Mapped::To(Location::Inside(resolved)) => {
                let tree = self.index.tree();
                let Some((path, _)) = tree.files().get_key_value(resolved.as_str()) else {
                    let reached = format!("{from}:{line} imports {specifier:?}");
                    if let Some(error) = left_out(tree, &resolved, &reached) {
                        return Err(error);
                    }
                    let instead = instead(tree, &resolved);
                    return Err(ClosureError::ImportMissing {
                        from: from.clone(),
                        line,
                        specifier,
                        instead: instead.or_else(|| tree.in_other_case(&resolved).cloned()),
                        resolved,
                    });
                };
                self.reach(path.clone(), running && !import.type_only, import.data)?;
            }
        }
        Ok(())
    }

    fn reach(&mut self, path: TreePath, running: bool, data: bool) -> Result<(), ClosureError> {
        let reached = self.reached.entry(path.clone()).or_default();
        reached.running |= running;
        if !data && reached.followed.is_none_or(|as_running| running && !as_running) {
            reached.followed = Some(running);
            self.queue.push_back((path, running));
        }
        // Here, so that no more files are read than can be deployed.
        if self.reached.len() > CLOSURE_FILES {
            return Err(ClosureError::TooManyFiles { limit: CLOSURE_FILES });
        }
        Ok(())
    }

    fn static_files(&self, patterns: &[String]) -> Result<BTreeSet<TreePath>, ClosureError> {
        let mut files = BTreeSet::new();
        for pattern in patterns {
            files.extend(statics::matching(self.index.tree(), pattern)?.into_iter().cloned());
        }
        Ok(files)
    }

    fn finish(
        self,
        entrypoint: TreePath,
        import_map: Option<TreePath>,
        static_files: BTreeSet<TreePath>,
    ) -> Result<Closure, ClosureError> {
        let paths: BTreeSet<&TreePath> = self.reached.keys().chain(&self.maps).chain(&static_files).collect();
        if paths.len() > CLOSURE_FILES {
            return Err(ClosureError::TooManyFiles { limit: CLOSURE_FILES });
        }
        let tree = self.index.tree();
        let files: BTreeMap<TreePath, Bytes> = paths
            .iter()
            .filter_map(|path| Some(((*path).clone(), tree.get(path.as_str())?.clone())))
            .collect();
        let bytes = files.values().map(Bytes::len).sum();
        if bytes > CLOSURE_BYTES {
            return Err(ClosureError::TooLarge {
                bytes,
                limit: CLOSURE_BYTES,
            });
        }
        let hashes = files
            .iter()
            .map(|(path, bytes)| (path.clone(), self.index.hash(path, bytes)))
            .collect();
        let only_types = |path: &&TreePath| !self.maps.contains(*path) && !static_files.contains(*path);
        let unrun = self
            .reached
            .iter()
            .filter(|(_, reached)| !reached.running)
            .map(|(path, _)| path);
        let type_only = unrun.filter(only_types).cloned().collect();
        let digest = digest(&entrypoint, import_map.as_ref(), &files, &hashes, &static_files);
        let program = program(&entrypoint, import_map.as_ref(), &hashes, &static_files, &type_only);
        let Self {
            variables,
            required,
            remote,
            unresolved,
            templates,
            ..
        } = self;
        Ok(Closure {
            entrypoint,
            import_map,
            files,
            hashes,
            type_only,
            static_files,
            variables,
            required,
            remote,
            unresolved,
            templates,
            digest,
            program,
        })
    }
}

fn unread(path: TreePath, fault: &Fault) -> ClosureError {
    let (line, column) = (fault.line, fault.column);
    match fault.problem {
        Problem::Syntax(problem) => ClosureError::Syntax {
            path,
            line,
            column,
            problem: problem.to_owned(),
        },
        Problem::Bound(problem) => ClosureError::ModuleBound {
            path,
            line,
            problem: problem.to_owned(),
        },
    }
}
