use std::collections::BTreeSet;

use crate::config::Entry;
use crate::paths::below;
use crate::project::Project;

use super::layout::Layout;

/// Longest slug.
const SLUG: usize = 64;

/// What the CLI would take for functions.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) enabled: Vec<String>,
    pub(super) disabled: Vec<String>,
    /// Entries of the configuration without a function.
    pub(super) gone: Vec<String>,
    /// Folders that are none.
    pub(super) no_function: Vec<String>,
}

/// The functions that the CLI would deploy: folders with an `index.ts`, and entries whose entrypoint exists.
pub(super) fn find(project: &Project, layout: &Layout) -> Found {
    let (tree, config) = (layout.index.tree(), &project.config);
    let folder = |path: &str| Some(below(path, &layout.functions)?.split_once('/')?.0.to_owned());
    let folders: BTreeSet<String> = tree.iter().filter_map(|(path, _)| folder(path.as_str())).collect();
    let named = |slug: &str| config.functions.get(slug).and_then(|entry| entry.entrypoint.as_deref());
    // A path that leaves the tree, or can't be known, is reported with its function.
    let exists = |slug: &str| match named(slug).map(|path| layout.configured_path(&project.place, path)) {
        None => {
            let path = layout.in_functions(&format!("{slug}/index.ts"));
            tree.get(&path).is_some() || config.functions.get(slug).is_some_and(is_unread_entrypoint)
        }
        Some(path) => path.is_none_or(|path| tree.get(path.as_str()).is_some()),
    };
    let entries = config.functions.keys().map(String::as_str);
    let (there, gone): (BTreeSet<&str>, BTreeSet<&str>) = entries.partition(|slug| is_slug(slug) && exists(slug));
    let plain: BTreeSet<&str> = folders
        .iter()
        .map(String::as_str)
        .filter(|slug| is_slug(slug) && exists(slug))
        .collect();
    // `_shared` and hidden folders are no functions by convention; a folder of an entry has the file that its entrypoint
    // names.
    let used: BTreeSet<String> = there
        .iter()
        .filter_map(|slug| folder(layout.configured_path(&project.place, named(slug)?)?.as_str()))
        .collect();
    let no_function = folders.iter().filter(|folder| {
        let folder = folder.as_str();
        !folder.starts_with(['_', '.']) && !plain.contains(folder) && !there.contains(folder) && !used.contains(folder)
    });
    let (enabled, disabled): (BTreeSet<&str>, BTreeSet<&str>) = there.union(&plain).partition(|slug| {
        let entry = config.functions.get(**slug);
        entry.is_none_or(|entry| entry.enabled != Some(false))
    });
    Found {
        enabled: owned(enabled),
        disabled: owned(disabled),
        gone: owned(gone),
        no_function: no_function.cloned().collect(),
    }
}

fn is_unread_entrypoint(entry: &Entry) -> bool {
    entry.unread.iter().any(|unread| unread.key == "entrypoint")
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
