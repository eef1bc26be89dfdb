//! `kubectl ace import`: resources for a Supabase project directory, with what is to be said of it.

mod archive;
mod find;
mod layout;
mod next;
mod platform;

use std::collections::{BTreeMap, BTreeSet};

use ace_api::{
    AdoptionPolicy, DeletionPolicy, EdgeFunction, EdgeFunctionSpec, LocalReference, Mode, Requires, Rollback,
    SecretRequirement, Source,
};
use ace_domain::bundle::{Closure, FunctionSource, TreePath};

use crate::project::Project;
use crate::warning::Warning;

pub(crate) use archive::Archive;
pub(crate) use layout::Layout;
pub(crate) use next::{Next, folders};
pub(crate) use platform::platform;

/// Most groups that `requires.secrets` takes.
const SECRETS: usize = 64;
/// Most names of a group.
const GROUP: usize = 8;
/// Names that the platform itself sets, besides `SUPABASE_*`.
const PLATFORM_NAMES: [&str; 3] = ["SB_REGION", "SB_EXECUTION_ID", "DENO_DEPLOYMENT_ID"];

/// Fields of the resources that are not in the project.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) platform: LocalReference,
    pub(crate) mode: Option<Mode>,
    pub(crate) source: Source,
    pub(crate) migrations: Source,
    /// Whether the path of the migrations was written by the user.
    pub(crate) migrations_path: bool,
    pub(crate) namespace: Option<String>,
}

/// The resources of a project, and warnings about it.
#[derive(Debug)]
pub(crate) struct Imported {
    /// By slug.
    pub(crate) functions: Vec<EdgeFunction>,
    pub(crate) warnings: Vec<Warning>,
    /// All files that the functions need, as far as their imports can be followed.
    pub(crate) needed: BTreeSet<TreePath>,
    files: usize,
    /// Functions whose imports can't be followed.
    unfollowed: usize,
    /// Names in all of `requires.secrets`.
    secrets: usize,
}

impl Imported {
    /// A summary of what was printed, if there is a file of functions.
    pub(crate) fn summary(&self) -> Option<String> {
        let (functions, files, unfollowed) = (self.functions.len(), self.files, self.unfollowed);
        let unused = files - self.needed.len();
        let advice = match self.secrets {
            0 => String::new(),
            secrets => {
                format!(
                    "; requires.secrets lists {secrets} that the code reads without a default: the functions wait for them"
                )
            }
        };
        let needed = match unfollowed {
            0 => format!("{unused} of which no function needs"),
            1 => "1 function can't be followed, so it is not known which of them are needed".to_owned(),
            _ => format!("{unfollowed} functions can't be followed, so it is not known which of them are needed"),
        };
        let text = format!("{functions} functions printed; {files} files, {needed}{advice}");
        (files > 0).then_some(text)
    }
}

/// Makes the resources. Pure: everything that is read is in `project` and `layout`.
pub(crate) fn import(project: &Project, layout: &Layout, settings: &Settings) -> Imported {
    let mut importer = Importer::new(project, layout, settings);
    importer.begin();
    for slug in importer.slugs.clone() {
        importer.function(&slug);
    }
    importer.finish()
}

struct Importer<'p> {
    project: &'p Project,
    layout: &'p Layout,
    settings: &'p Settings,
    /// Of the functions that are printed.
    slugs: BTreeSet<String>,
    functions: BTreeMap<String, EdgeFunction>,
    warnings: Vec<Warning>,
    fallback: Vec<String>,
    needed: BTreeSet<TreePath>,
    unfollowed: usize,
    secrets: BTreeSet<String>,
    /// Names that have a default in the code of some function.
    optional: BTreeSet<String>,
    /// Functions that read no name of a secret.
    without_secrets: Vec<String>,
}

impl<'p> Importer<'p> {
    fn new(project: &'p Project, layout: &'p Layout, settings: &'p Settings) -> Self {
        Self {
            project,
            layout,
            settings,
            slugs: BTreeSet::new(),
            functions: BTreeMap::new(),
            warnings: Vec::new(),
            fallback: Vec::new(),
            needed: BTreeSet::new(),
            unfollowed: 0,
            secrets: BTreeSet::new(),
            optional: BTreeSet::new(),
            without_secrets: Vec::new(),
        }
    }

    fn begin(&mut self) {
        let project = self.project;
        let found = find::find(project, self.layout);
        let files = &project.functions;
        let config = project.config_name;
        let without_rule: Vec<String> = found
            .enabled
            .iter()
            .filter(|slug| {
                let entry = project.config.functions.get(*slug);
                entry.is_none_or(|entry| entry.verify_jwt.is_none() && entry.unread.is_empty())
            })
            .cloned()
            .collect();
        let ignored = project
            .ignored
            .map(|ignored| Warning::ConfigIgnored { config, ignored });
        let remote = project.config.remote.clone().map(Warning::RemoteApplied);
        let lists = [
            Warning::EntriesWithoutFunction(found.gone),
            Warning::FunctionsWithoutRule(without_rule),
            Warning::Disabled(found.disabled),
            Warning::NoFunction(found.no_function),
            Warning::LeftOut(files.left_out.clone()),
        ];
        let lists = lists.into_iter().filter(|warning| !warning.is_empty());
        self.warnings.extend(ignored.into_iter().chain(remote).chain(lists));
        self.slugs = found.enabled.into_iter().collect();
    }

    fn function(&mut self, slug: &str) {
        let entry = self.project.config.functions.get(slug).cloned().unwrap_or_default();
        let paths = self.layout.paths(&self.project.place, slug, &entry);
        let unread = entry.unread.iter().map(|unread| Warning::Unread {
            function: slug.to_owned(),
            unread: unread.clone(),
        });
        let outside = paths.outside.iter().map(|(key, path)| Warning::Outside {
            function: slug.to_owned(),
            key,
            path: path.clone(),
        });
        let problems: Vec<_> = unread.chain(outside).collect();
        let left_out = !problems.is_empty();
        self.warnings.extend(problems);
        if !entry.other.is_empty() {
            self.warnings.push(Warning::Keys {
                function: slug.to_owned(),
                keys: entry.other.clone(),
            });
        }
        if left_out {
            return;
        }
        // An import map that the configuration does not name is the one that the CLI falls back to.
        let falls_back = entry.import_map.is_none() && paths.import_map.is_some();
        self.fallback.extend(falls_back.then(|| slug.to_owned()));
        let closure = self.closure(&paths.source(slug));
        let requires = closure
            .map(|closure| self.requires(slug, &closure))
            .filter(|names| !names.is_empty());
        let name = self.name(slug);
        let spec = EdgeFunctionSpec {
            platform_ref: self.settings.platform.clone(),
            slug: (name != slug).then(|| slug.to_owned()),
            source: self.settings.source.clone(),
            entrypoint: Some(paths.entrypoint).filter(|path| *path != format!("{slug}/index.ts")),
            import_map: paths.import_map,
            static_files: paths.static_files,
            // The platform's default for a new function, made explicit, because a resource has none.
            verify_jwt: entry.verify_jwt.unwrap_or(true),
            requires: requires.map(|secrets| Requires {
                secrets,
                migration: None,
            }),
            checks: Vec::new(),
            rollback: Rollback::default(),
            wave: 0,
            mode: self.settings.mode.unwrap_or_default(),
            adoption_policy: AdoptionPolicy::default(),
            deletion_policy: DeletionPolicy::default(),
            suspend: false,
        };
        let mut function = EdgeFunction::new(&name, spec);
        function.metadata.namespace.clone_from(&self.settings.namespace);
        self.functions.insert(name, function);
    }

    /// The closure, if it can be computed.
    fn closure(&mut self, source: &FunctionSource<'_>) -> Option<Closure> {
        let function = || source.slug.to_owned();
        match self.layout.index.closure(source) {
            Ok(closure) => {
                self.needed.extend(closure.files().keys().cloned());
                let unresolved = closure.unresolved().cloned();
                self.warnings.extend(unresolved.map(|error| Warning::Source {
                    function: function(),
                    error,
                }));
                let imports: Vec<String> = closure.template_imports().collect();
                self.warnings.extend((!imports.is_empty()).then(|| Warning::Templates {
                    function: function(),
                    imports,
                }));
                Some(closure)
            }
            Err(error) => {
                self.unfollowed += 1;
                self.warnings.push(Warning::Source {
                    function: function(),
                    error,
                });
                None
            }
        }
    }

    fn requires(&mut self, slug: &str, closure: &Closure) -> Vec<SecretRequirement> {
        let given = |name: &String| name.starts_with("SUPABASE_") || PLATFORM_NAMES.contains(&name.as_str());
        let valid = |name: &&String| (1..=256).contains(&name.len());
        let read: Vec<&String> = closure.secrets().iter().filter(|name| !given(name)).collect();
        if read.is_empty() {
            self.without_secrets.push(slug.to_owned());
        }
        // What the platform always sets is a default.
        let required: Vec<BTreeSet<&String>> = closure
            .required_secrets()
            .iter()
            .filter(|group| !group.iter().any(given))
            .map(|group| group.iter().collect())
            .collect();
        let is_optional = |name: &&String| !required.iter().any(|group| group.contains(name));
        let optional = read.into_iter().filter(is_optional);
        self.optional.extend(optional.cloned());
        let fits = |group: &BTreeSet<&String>| group.len() <= GROUP && group.iter().all(valid);
        let (fitting, unfit): (Vec<_>, Vec<_>) = required.iter().partition(|group| fits(group));
        let left_out = fitting.iter().skip(SECRETS).chain(&unfit);
        let left_out: Vec<String> = left_out.map(|group| any_of(group).join(" or ")).collect();
        self.warnings.extend((!left_out.is_empty()).then(|| Warning::Secrets {
            function: slug.to_owned(),
            left_out,
        }));
        let names = fitting.into_iter().map(any_of);
        let kept: Vec<_> = names.take(SECRETS).map(|any_of| SecretRequirement { any_of }).collect();
        self.secrets.extend(kept.iter().flat_map(|group| group.any_of.clone()));
        kept
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
        let optional = self.optional.difference(&self.secrets).cloned().collect();
        let lists = [
            Warning::FallbackImportMap(self.fallback),
            Warning::OptionalSecrets(optional),
            Warning::WithoutSecrets(self.without_secrets),
        ];
        self.warnings
            .extend(lists.into_iter().filter(|warning| !warning.is_empty()));
        Imported {
            functions: self.functions.into_values().collect(),
            warnings: self.warnings,
            files: self.layout.index.tree().len(),
            needed: self.needed,
            unfollowed: self.unfollowed,
            secrets: self.secrets.len(),
        }
    }
}

fn any_of(group: &BTreeSet<&String>) -> Vec<String> {
    group.iter().map(ToString::to_string).collect()
}
