use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ace_domain::bundle::TreePath;

use crate::paths::{below, within};
use crate::project::{DirectoryError, EXCLUDED, NOT_READ, Project, is_excluded, secret_files};
use crate::warning::Warning;

use super::layout::Layout;
use super::{Imported, Settings};

/// Most folders in a `tar` line; beyond that it has those at the top.
const FOLDERS: usize = 20;

/// What is packed as the source of the resources, and what in it is not.
#[derive(Debug)]
pub(crate) struct Archive {
    name: String,
    root: PathBuf,
    parts: Vec<Part>,
    secrets: Vec<Secrets>,
    /// The migrations, where the resources have them at the path of the functions.
    without: Option<String>,
}

/// A folder or file.
#[derive(Debug)]
struct Part {
    /// Seen from the project's root.
    whole: String,
    /// In the archive; empty is its root.
    path: String,
}

/// Files of a folder that hold secrets.
#[derive(Debug)]
struct Secrets {
    /// How the folder is named, and where it is, seen from the project's root.
    name: String,
    folder: String,
    /// Seen from the folder.
    files: Vec<String>,
}

impl Part {
    /// The folder in which its path in the archive leads to it.
    fn folder(&self) -> Option<&str> {
        if self.path.is_empty() {
            return Some(&self.whole);
        }
        match self.whole.strip_suffix(&self.path)? {
            "" => Some(""),
            outer => outer.strip_suffix('/'),
        }
    }
}

impl Archive {
    /// Looks for secrets in the folders beside those of the project; in these it is known already.
    pub(crate) fn of(
        settings: &Settings,
        project: &Project,
        layout: &Layout,
        imported: &Imported,
        with_migrations: bool,
    ) -> Result<Self, DirectoryError> {
        let (functions, migrations) = (project.place.of("functions"), project.place.of("migrations"));
        let path_of = |path: &Option<String>| path.clone().unwrap_or_default();
        let path = path_of(&settings.source.path);
        let mut parts: Vec<Part> = if imported.functions.is_empty() {
            Vec::new()
        } else if layout.functions.is_empty() {
            let whole = functions.clone();
            vec![Part { whole, path }]
        } else {
            let part = |item: String| Part {
                whole: within(&layout.base, &item),
                path: within(&path, &item),
            };
            packed(layout, &imported.needed).into_iter().map(part).collect()
        };
        let of_functions = project.functions.secrets.iter().map(|path| within(&functions, path));
        let of_migrations = project.migrations.iter().flat_map(|files| &files.secrets);
        let of_migrations = of_migrations.map(|path| within(&migrations, path));
        let mut secrets: BTreeSet<String> = of_functions.chain(of_migrations).collect();
        let mut folders = vec![
            ("functions".to_owned(), functions.clone()),
            ("migrations".to_owned(), migrations.clone()),
        ];
        for Part { whole, .. } in parts.iter().filter(|part| part.whole != functions) {
            secrets.extend(secret_files(&project.place.root, whole)?);
            folders.push((whole.clone(), whole.clone()));
        }
        let is_one_folder = !parts.is_empty() && settings.source == settings.migrations;
        if with_migrations && !is_one_folder {
            parts.push(Part {
                whole: migrations.clone(),
                path: path_of(&settings.migrations.path),
            });
        }
        Ok(Self {
            name: settings.source.name.clone(),
            root: project.place.root.clone(),
            parts,
            secrets: by_folder(folders, &secrets),
            without: (with_migrations && is_one_folder).then_some(migrations),
        })
    }

    /// Names the files that hold secrets.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = Warning> + '_ {
        self.secrets.iter().map(|secrets| Warning::SecretFiles {
            folder: secrets.name.clone(),
            files: secrets.files.clone(),
        })
    }

    /// The files with secrets that no pattern for names leaves out, seen from the project's root.
    fn unnamed(&self) -> impl Iterator<Item = String> + '_ {
        let paths = |secrets: &'_ Secrets| -> Vec<String> {
            let files = secrets.files.iter().filter(|path| !is_excluded(path));
            files.map(|path| within(&secrets.folder, path)).collect()
        };
        self.secrets.iter().flat_map(paths)
    }

    /// The line that packs it, and what that leaves out.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut folders: Vec<Option<&str>> = self.parts.iter().map(Part::folder).collect();
        folders.dedup();
        let line = match folders.as_slice() {
            [Some(folder)] => self.tar(folder),
            _ => self.said(),
        };
        let without = self.without.iter();
        let without = without.map(|folder| format!("{folder} is not packed: it needs a path of its own in the source"));
        std::iter::once(line).chain(without).collect()
    }

    /// The line for `tar`, from the folder in which all parts are.
    fn tar(&self, folder: &str) -> String {
        let paths: Vec<String> = self
            .unnamed()
            .filter_map(|path| below(&path, folder).map(str::to_owned))
            .collect();
        let names = EXCLUDED.into_iter().chain(NOT_READ).map(str::to_owned);
        let excluded: Vec<String> = names
            .chain(paths.iter().flat_map(|path| only(path)))
            .map(|pattern| format!("--exclude={}", quoted(&pattern)))
            .collect();
        let items = self.parts.iter().map(|part| match part.path.as_str() {
            "" => ".".to_owned(),
            path if paths.is_empty() => quoted(path),
            path => quoted(&format!("./{path}")),
        });
        // The variable keeps a Mac's tar from packing what it has beside each file.
        format!(
            "COPYFILE_DISABLE=1 tar czf {}.tar.gz {} -C {} {}",
            self.name,
            excluded.join(" "),
            quoted(&shown(&self.root, folder)),
            items.collect::<Vec<_>>().join(" ")
        )
    }

    /// What to pack where no folder has all parts as the resources name them.
    fn said(&self) -> String {
        let parts = self.parts.iter().map(|part| match part.path.as_str() {
            "" => format!("{} so that the archive has its files at the root", part.whole),
            path => format!("{} so that the archive has it at {path}", part.whole),
        });
        let names = EXCLUDED.into_iter().chain(NOT_READ).map(str::to_owned);
        let excluded: Vec<String> = names.chain(self.unnamed()).collect();
        format!(
            "make {}.tar.gz: pack {}; without {}",
            self.name,
            parts.collect::<Vec<_>>().join(", and "),
            excluded.join(", ")
        )
    }
}

/// The files by the first of the folders that has them. These come with their names.
fn by_folder(folders: Vec<(String, String)>, files: &BTreeSet<String>) -> Vec<Secrets> {
    let mut rest: BTreeSet<&String> = files.iter().collect();
    let mut found = Vec::new();
    for (name, folder) in folders {
        let (own, others): (BTreeSet<_>, _) = rest.into_iter().partition(|path| below(path, &folder).is_some());
        rest = others;
        let files = own.into_iter().filter_map(|path| below(path, &folder));
        let files: Vec<String> = files.map(str::to_owned).collect();
        found.push(Secrets { name, folder, files });
    }
    found.retain(|secrets| !secrets.files.is_empty());
    found
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

/// Patterns for this path of the archive alone, which begins with `./` then. A plain path would also fit the end of a longer one.
/// GNU tar finds the first of them only at the beginning, because no folder within a path is `.`; bsdtar ignores that one, and
/// takes the `^` of the second for the beginning (measured with GNU tar 1.34 and bsdtar 3.6.2).
fn only(path: &str) -> [String; 2] {
    let mut plain = String::with_capacity(path.len());
    for character in path.chars() {
        if "*?[]\\".contains(character) {
            plain.push('\\');
        }
        plain.push(character);
    }
    [format!("[.]/{plain}"), format!("^./{plain}")]
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
    use super::{Part, quoted};

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
            ("", Some("supabase/functions")),
        ];
        for (path, expected) in cases {
            let part = Part {
                whole: "supabase/functions".to_owned(),
                path: path.to_owned(),
            };
            assert_eq!(part.folder(), expected, "{path}");
        }
    }
}
