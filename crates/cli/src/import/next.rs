use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use ace_api::SourceKind;
use ace_domain::bundle::TreePath;

use crate::paths::{below, within};
use crate::project::{EXCLUDED, Project};
use crate::warning::Warning;

use super::layout::Layout;
use super::{Imported, Settings};

/// Most folders in a `tar` line; beyond that it has those at the top.
const FOLDERS: usize = 20;

/// Paths of the source that fit the tree: where code reaches out of the folder of functions, it begins higher.
pub(crate) fn folders(settings: &Settings, project: &Project, layout: &Layout) -> (Settings, Option<Warning>) {
    let mut settings = settings.clone();
    let functions = layout.functions.as_str();
    if functions.is_empty() {
        return (settings, None);
    }
    let written = settings.source.path.take();
    let outer = match written.as_deref() {
        None => Some(None),
        Some(path) if path == functions => Some(None),
        Some(path) => path
            .strip_suffix(&format!("/{functions}"))
            .map(|outer| Some(outer.to_owned())),
    };
    let unfit = outer.is_none().then(|| Warning::SourcePath {
        written: written.unwrap_or_default(),
        functions: functions.to_owned(),
    });
    settings.source.path = outer.flatten();
    if !settings.migrations_path {
        let migrations = project.place.of("migrations");
        let path = below(&migrations, &layout.base).unwrap_or(&migrations);
        settings.migrations.path = Some(within(settings.source.path.as_deref().unwrap_or_default(), path));
    }
    (settings, unfit)
}

/// What to do with the printed resources.
#[derive(Debug)]
pub(crate) struct Next(Vec<String>);

impl Next {
    pub(crate) fn of(
        settings: &Settings,
        project: &Project,
        layout: &Layout,
        imported: &Imported,
        with_migrations: bool,
    ) -> Self {
        let mut lines = vec![match &project.reference {
            Some((reference, from)) => format!("the Platform is for project {reference} (from {from})"),
            None => format!(
                "write the project's reference into the Platform, instead of {}, or pass --project",
                super::platform::PLACEHOLDER
            ),
        }];
        let database = if with_migrations {
            ", and database with password and ca.crt"
        } else {
            ""
        };
        lines.push(format!(
            "make the Secrets that the Platform names: supabase with token{database}; and label them"
        ));
        let name = &settings.source.name;
        if settings.source.kind == SourceKind::ConfigMap {
            let kubectl = match &settings.namespace {
                Some(namespace) => format!("kubectl -n {namespace}"),
                None => "kubectl".to_owned(),
            };
            lines.push(archive(settings, project, layout, imported, with_migrations));
            lines.push(format!(
                "{kubectl} create configmap {name} --from-file={name}.tar.gz --dry-run=client -o yaml | {kubectl} apply --server-side \
                 --force-conflicts -f -"
            ));
            lines.push(format!(
                "{kubectl} label configmap {name} ops.mobulace.com/watch=true --overwrite"
            ));
        } else {
            let kind = serde_json::to_value(settings.source.kind).unwrap_or_default();
            lines.push(format!(
                "have the {} {name} in the same namespace",
                kind.as_str().unwrap_or_default()
            ));
        }
        lines.push("apply the resources; README, \"Point it at a real project\", has each step".to_owned());
        Self(lines)
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("next:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// The line that packs what the resources name, where they name it.
fn archive(
    settings: &Settings,
    project: &Project,
    layout: &Layout,
    imported: &Imported,
    with_migrations: bool,
) -> String {
    let root = &project.place.root;
    let functions = project.place.of("functions");
    let (folder, mut items) = if layout.functions.is_empty() {
        match settings.source.path.as_deref() {
            None => (functions.clone(), vec![".".to_owned()]),
            Some(path) => match suffix(&functions, path) {
                Some(folder) => (folder.to_owned(), vec![path.to_owned()]),
                None => {
                    return format!(
                        "pack {functions} so that the archive has it at {path}, without {}",
                        EXCLUDED.join(", ")
                    );
                }
            },
        }
    } else {
        (layout.base.clone(), packed(layout, &imported.needed))
    };
    let migrations = settings.migrations.path.as_deref().filter(|_| with_migrations);
    let is_there = |path: &&str| within(&folder, path) == project.place.of("migrations");
    items.extend(migrations.filter(is_there).map(str::to_owned));
    let keys = project
        .functions
        .secrets
        .iter()
        .map(|path| path.rsplit('/').next().unwrap_or(path));
    let keys = keys.filter(|name| name.strip_suffix(".pem").is_some() || !name.contains('.'));
    let excluded: BTreeSet<&str> = EXCLUDED.into_iter().chain(["node_modules"]).chain(keys).collect();
    let excluded: Vec<String> = excluded
        .iter()
        .map(|pattern| format!("--exclude={}", quoted(pattern)))
        .collect();
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    // The variable keeps a Mac's tar from packing what it has beside each file.
    format!(
        "COPYFILE_DISABLE=1 tar czf {}.tar.gz {} -C {} {}",
        settings.source.name,
        excluded.join(" "),
        quoted(&shown(root, &folder)),
        items.join(" ")
    )
}

/// The folder of functions, and those of the files outside that are needed.
fn packed(layout: &Layout, needed: &BTreeSet<TreePath>) -> Vec<String> {
    let functions = layout.functions.as_str();
    let outside: Vec<&TreePath> = needed
        .iter()
        .filter(|path| below(path.as_str(), functions).is_none())
        .collect();
    let folder = |path: &&TreePath| match path.folder() {
        "" => path.as_str().to_owned(),
        // All of the folder around the functions would be packed.
        folder if below(functions, folder).is_some() => path.as_str().to_owned(),
        folder => folder.to_owned(),
    };
    let folders: BTreeSet<String> = outside.iter().map(folder).collect();
    let is_outermost = |path: &&String| !folders.iter().any(|other| below(path, other).is_some());
    let mut items: Vec<String> = folders.iter().filter(is_outermost).cloned().collect();
    if items.len() > FOLDERS {
        let top = |path: &String| path.split('/').next().unwrap_or(path).to_owned();
        let tops: BTreeSet<String> = items.iter().map(top).collect();
        items = tops.into_iter().collect();
    }
    if !items.iter().any(|item| below(functions, item).is_some()) {
        items.insert(0, functions.to_owned());
    }
    items
}

/// The folder in which `path` leads to `whole`.
fn suffix<'p>(whole: &'p str, path: &str) -> Option<&'p str> {
    match whole.strip_suffix(path)? {
        "" => Some(""),
        outer => outer.strip_suffix('/'),
    }
}

fn shown(root: &Path, folder: &str) -> String {
    let path = root.display().to_string();
    match (path.as_str(), folder) {
        ("" | ".", "") => ".".to_owned(),
        ("" | ".", folder) => folder.to_owned(),
        (_, "") => path,
        (_, folder) => format!("{}/{folder}", path.trim_end_matches('/')),
    }
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+@:,".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::{quoted, suffix};

    #[test]
    fn a_word_of_the_shell_is_one_word_whatever_is_in_it() {
        assert_eq!(quoted("supabase/functions"), "supabase/functions");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("*.key"), "'*.key'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }

    #[test]
    fn a_path_of_the_source_is_packed_from_the_folder_in_which_it_leads_to_the_functions() {
        let cases = [
            ("functions", Some("supabase")),
            ("supabase/functions", Some("")),
            ("tions", None),
            ("app/functions", None),
        ];
        for (path, expected) in cases {
            assert_eq!(suffix("supabase/functions", path), expected, "{path}");
        }
    }
}
