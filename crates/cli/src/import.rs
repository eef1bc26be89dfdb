use std::collections::{BTreeMap, BTreeSet};

use ace_api::{
    AdoptionPolicy, DeletionPolicy, EdgeFunction, EdgeFunctionSpec, LocalReference, Mode, Requires, Rollback,
    SecretRequirement, Source,
};
use ace_domain::bundle::{Closure, FunctionSource, TreeIndex, TreePath};

use crate::config::Entry;
use crate::directory::Project;
use crate::warning::Warning;

/// Most groups that `requires.secrets` takes.
const SECRETS: usize = 64;
/// Longest slug.
const SLUG: usize = 64;
/// The CLI's import map for functions that have none of their own.
const FALLBACK_IMPORT_MAP: &str = "import_map.json";
/// Names that the platform itself sets, besides `SUPABASE_*`.
const PLATFORM_NAMES: [&str; 3] = ["SB_REGION", "SB_EXECUTION_ID", "DENO_DEPLOYMENT_ID"];

/// Fields of the resources that are not in the project.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) platform: LocalReference,
    pub(crate) mode: Option<Mode>,
    /// Of the functions.
    pub(crate) source: Source,
    pub(crate) migrations: Source,
    pub(crate) namespace: Option<String>,
}

/// The resources of a project, and warnings about it.
#[derive(Debug)]
pub(crate) struct Imported {
    /// By slug.
    pub(crate) functions: Vec<EdgeFunction>,
    pub(crate) warnings: Vec<Warning>,
    files: usize,
    unused: usize,
    /// Names in all of `requires.secrets`.
    secrets: usize,
}

impl Imported {
    /// A summary of what was printed, if there is a file of functions.
    pub(crate) fn summary(&self) -> Option<String> {
        let Self {
            functions,
            files,
            unused,
            secrets,
            ..
        } = self;
        let functions = functions.len();
        let advice = match secrets {
            0 => String::new(),
            _ => format!("; requires.secrets lists {secrets} that the code reads: remove those that are optional"),
        };
        let text = format!("{functions} functions printed; {files} files, {unused} of which no function needs{advice}");
        (*files > 0).then_some(text)
    }
}

/// Makes the resources. Pure: everything that is read is in `project`.
pub(crate) fn import(project: &Project, desired_digest: &Wish) -> Imported {
    let mut importer = Importer::new(project, desired_digest);
    importer.slugs = importer.find();
    for slug in importer.slugs.clone() {
        importer.function(&slug);
    }
    importer.finish()
}

struct Importer<'p> {
    project: &'p Project,
    desired_digest: &'p Wish,
    index: TreeIndex,
    /// Of the functions that are printed.
    slugs: BTreeSet<String>,
    functions: BTreeMap<String, EdgeFunction>,
    warnings: Vec<Warning>,
    fallback: Vec<String>,
    needed: BTreeSet<TreePath>,
    secrets: BTreeSet<String>,
}

impl<'p> Importer<'p> {
    fn new(project: &'p Project, desired_digest: &'p Wish) -> Self {
        Self {
            project,
            desired_digest,
            index: TreeIndex::new(project.functions.clone()),
            slugs: BTreeSet::new(),
            functions: BTreeMap::new(),
            warnings: Vec::new(),
            fallback: Vec::new(),
            needed: BTreeSet::new(),
            secrets: BTreeSet::new(),
        }
    }

    /// The functions that the CLI would deploy: folders with an `index.ts`, and entries whose entrypoint exists.
    fn find(&mut self) -> BTreeSet<String> {
        let (tree, config) = (&self.project.functions, &self.project.config);
        let folders: BTreeSet<&str> = tree
            .iter()
            .filter_map(|(path, _)| Some(path.as_str().split_once('/')?.0))
            .collect();
        let named = |slug: &str| config.functions.get(slug).and_then(Entry::entrypoint);
        // A path that leaves the tree is reported with its function.
        let exists = |slug: &str| match named(slug).map(below_functions) {
            None => tree.get(&format!("{slug}/index.ts")).is_some(),
            Some(path) => path.is_none_or(|path| tree.get(path.as_str()).is_some()),
        };
        let entries = config.functions.keys().map(String::as_str);
        let (there, gone): (BTreeSet<&str>, BTreeSet<&str>) = entries.partition(|slug| is_slug(slug) && exists(slug));
        let plain: BTreeSet<&str> = folders
            .iter()
            .copied()
            .filter(|slug| is_slug(slug) && exists(slug))
            .collect();
        // `_shared` and hidden folders are no functions by convention; a folder of an entry has the file that its entrypoint
        // names.
        let used: BTreeSet<&str> = there
            .iter()
            .filter_map(|slug| named(slug)?.trim_start_matches("./").split('/').nth(1))
            .collect();
        let no_function = folders.iter().filter(|folder| {
            !folder.starts_with(['_', '.'])
                && !plain.contains(*folder)
                && !there.contains(*folder)
                && !used.contains(*folder)
        });
        let (enabled, disabled): (BTreeSet<&str>, BTreeSet<&str>) = there.union(&plain).partition(|slug| {
            config
                .functions
                .get(**slug)
                .is_none_or(|entry| entry.enabled != Some(false))
        });
        let without_entry = enabled
            .iter()
            .copied()
            .filter(|slug| !config.functions.contains_key(*slug));
        let found = [
            Warning::EntriesWithoutFunction(owned(gone)),
            Warning::FunctionsWithoutEntry(owned(without_entry)),
            Warning::Disabled(owned(disabled)),
            Warning::NoFunction(owned(no_function.copied())),
            Warning::LeftOut(self.project.left_out.clone()),
        ];
        self.warnings
            .extend(found.into_iter().filter(|warning| !warning.is_empty()));
        enabled.into_iter().map(str::to_owned).collect()
    }

    fn function(&mut self, slug: &str) {
        let entry = self.project.config.functions.get(slug).cloned().unwrap_or_default();
        let outside = |key, path: &str| Warning::Outside {
            function: slug.to_owned(),
            key,
            path: path.to_owned(),
        };
        let mut problems = Vec::new();
        let mut inside = |key, path: Option<&str>| {
            let path = path?;
            let found = below_functions(path);
            problems.extend(found.is_none().then(|| outside(key, path)));
            found.map(String::from)
        };
        let entrypoint = inside("entrypoint", entry.entrypoint());
        let import_map = inside("import_map", entry.import_map());
        let static_files: Vec<String> = entry
            .static_files
            .iter()
            .filter_map(|pattern| inside("static_files", Some(pattern)))
            .collect();
        let left_out = !problems.is_empty();
        self.warnings.append(&mut problems);
        if !entry.other.is_empty() {
            let keys = entry.other.keys().cloned().collect();
            self.warnings.push(Warning::Keys {
                function: slug.to_owned(),
                keys,
            });
        }
        if left_out {
            return;
        }
        let entrypoint = entrypoint.filter(|path| *path != format!("{slug}/index.ts"));
        let source = FunctionSource {
            slug,
            entrypoint: entrypoint.as_deref(),
            import_map: import_map.as_deref(),
            static_files: &static_files,
        };
        let fallback = self.fallback(&source);
        let closure = self.closure(&FunctionSource {
            import_map: source.import_map.or(fallback.as_deref()),
            ..source
        });
        let requires = closure
            .map(|closure| self.requires(slug, &closure))
            .filter(|names| !names.is_empty());
        let name = self.name(slug);
        let spec = EdgeFunctionSpec {
            platform_ref: self.desired_digest.platform.clone(),
            slug: (name != slug).then(|| slug.to_owned()),
            source: self.desired_digest.source.clone(),
            entrypoint,
            import_map: import_map.or(fallback),
            static_files,
            // The CLI's default, made explicit, because a resource has none.
            verify_jwt: entry.verify_jwt.unwrap_or(true),
            requires: requires.map(|secrets| Requires {
                secrets,
                migration: None,
            }),
            checks: Vec::new(),
            rollback: Rollback::default(),
            wave: 0,
            mode: self.desired_digest.mode.unwrap_or_default(),
            adoption_policy: AdoptionPolicy::default(),
            deletion_policy: DeletionPolicy::default(),
            suspend: false,
        };
        let mut function = EdgeFunction::new(&name, spec);
        function.metadata.namespace.clone_from(&self.desired_digest.namespace);
        self.functions.insert(name, function);
    }

    /// The import map that the CLI falls back to, for a function that neither names one nor has one.
    fn fallback(&mut self, source: &FunctionSource<'_>) -> Option<String> {
        let without = source.import_map.is_none() && self.index.own_import_map(source).is_none();
        let falls_back = without && self.project.functions.get(FALLBACK_IMPORT_MAP).is_some();
        self.fallback.extend(falls_back.then(|| source.slug.to_owned()));
        falls_back.then(|| FALLBACK_IMPORT_MAP.to_owned())
    }

    /// The closure, if it can be computed.
    fn closure(&mut self, source: &FunctionSource<'_>) -> Option<Closure> {
        match self.index.closure(source) {
            Ok(closure) => {
                self.needed.extend(closure.files().keys().cloned());
                Some(closure)
            }
            Err(error) => {
                self.warnings.push(Warning::Source {
                    function: source.slug.to_owned(),
                    error,
                });
                None
            }
        }
    }

    fn requires(&mut self, slug: &str, closure: &Closure) -> Vec<SecretRequirement> {
        let given = |name: &&String| name.starts_with("SUPABASE_") || PLATFORM_NAMES.contains(&name.as_str());
        let valid = |name: &&String| (1..=256).contains(&name.len());
        let names: Vec<&String> = closure
            .secrets()
            .iter()
            .filter(|name| !given(name))
            .filter(valid)
            .collect();
        if names.len() > SECRETS {
            let left_out = names[SECRETS..].iter().map(ToString::to_string).collect();
            self.warnings.push(Warning::Secrets {
                function: slug.to_owned(),
                left_out,
            });
        }
        let kept: Vec<String> = names.into_iter().take(SECRETS).cloned().collect();
        self.secrets.extend(kept.iter().cloned());
        kept.into_iter()
            .map(|name| SecretRequirement { any_of: vec![name] })
            .collect()
    }

    /// A name of an object for a slug, which may have capitals and underscores; one that is a name already keeps it.
    fn name(&self, slug: &str) -> String {
        let name = slug.to_lowercase().replace('_', "-");
        let name = name.trim_end_matches('-');
        if name == slug {
            return name.to_owned();
        }
        let free = |name: &String| !self.functions.contains_key(name) && !self.slugs.contains(name);
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        std::iter::once(name.to_owned())
            .chain(numbered)
            .find(free)
            .expect("numbers do not end")
    }

    fn finish(mut self) -> Imported {
        self.warnings
            .extend((!self.fallback.is_empty()).then_some(Warning::FallbackImportMap(self.fallback)));
        let files = self.project.functions.len();
        Imported {
            functions: self.functions.into_values().collect(),
            warnings: self.warnings,
            files,
            unused: files - self.needed.len(),
            secrets: self.secrets.len(),
        }
    }
}

/// A path of `config.toml`, seen from `functions/`; `None` when it is not below it.
fn below_functions(path: &str) -> Option<TreePath> {
    let relative = path.strip_prefix("./").unwrap_or(path);
    TreePath::new(relative.strip_prefix("functions/")?).ok()
}

fn is_slug(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.len() <= SLUG
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'))
}

fn owned<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}
