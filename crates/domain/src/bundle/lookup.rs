//! Where the parts of a function are in a tree.

use super::closure::FunctionSource;
use super::error::ClosureError;
use super::path::{TreePath, TreePathError};
use super::tree::Tree;

/// Import maps that the entrypoint's folder may have, in the order in which Supabase's CLI looks for them.
const IMPORT_MAPS: [&str; 3] = ["deno.json", "deno.jsonc", "import_map.json"];

/// The import map that the entrypoint's folder has.
pub(super) fn own_import_map(tree: &Tree, source: &FunctionSource<'_>) -> Option<TreePath> {
    folder_map(tree, &entrypoint(tree, source).ok()?)
}

pub(super) fn folder_map(tree: &Tree, entrypoint: &TreePath) -> Option<TreePath> {
    let mut beside = IMPORT_MAPS.iter().filter_map(|name| entrypoint.beside(name).ok());
    beside.find(|path| tree.get(path.as_str()).is_some() || tree.left_out().contains_key(path))
}

/// The import map at `path`, which is written as `text`, in the file `by` or in the spec.
pub(super) fn there(
    tree: &Tree,
    path: Option<TreePath>,
    text: &str,
    by: Option<&TreePath>,
) -> Result<TreePath, ClosureError> {
    let missing = || ClosureError::ImportMapMissing {
        path: text.to_owned(),
        by: by.cloned(),
    };
    let path = path.ok_or_else(missing)?;
    match tree.get(path.as_str()) {
        Some(_) => Ok(path),
        None => Err(left_out(tree, path.as_str(), "the import map can't be used").unwrap_or_else(missing)),
    }
}

pub(super) fn entrypoint(tree: &Tree, source: &FunctionSource<'_>) -> Result<TreePath, ClosureError> {
    let text = source
        .entrypoint
        .map_or_else(|| format!("{}/index.ts", source.slug), str::to_owned);
    let path = path_of(&text).map_err(|rule| ClosureError::EntrypointPath { path: text, rule })?;
    match tree.get(path.as_str()) {
        Some(_) => Ok(path),
        None => Err(left_out(tree, path.as_str(), "the entrypoint can't be used")
            .unwrap_or(ClosureError::EntrypointMissing { path })),
    }
}

/// A path as people write it: a leading `./` is dropped.
pub(super) fn path_of(text: &str) -> Result<TreePath, TreePathError> {
    TreePath::new(text.strip_prefix("./").unwrap_or(text))
}

/// What was left out at a path that is reached.
pub(super) fn left_out(tree: &Tree, path: &str, reached: &str) -> Option<ClosureError> {
    let (path, why) = tree.left_out_at(path)?;
    Some(ClosureError::LeftOut {
        reached: reached.to_owned(),
        path: path.clone(),
        why,
    })
}

pub(super) fn is_deno_config(path: &TreePath) -> bool {
    matches!(path.name(), "deno.json" | "deno.jsonc")
}

/// The file that an import with a wrong extension probably refers to.
pub(super) fn instead(tree: &Tree, resolved: &str) -> Option<TreePath> {
    let stem = resolved
        .split(['?', '#'])
        .next()
        .unwrap_or(resolved)
        .trim_end_matches('/');
    let plain = stem.rsplit_once('.').map_or(stem, |(plain, _)| plain);
    let candidates = [
        stem.to_owned(),
        format!("{stem}.ts"),
        format!("{stem}/index.ts"),
        format!("{stem}/mod.ts"),
        format!("{stem}.js"),
        format!("{plain}.ts"),
        format!("{plain}.tsx"),
    ];
    candidates
        .iter()
        .find_map(|path| tree.files().get_key_value(path.as_str()))
        .map(|(path, _)| path.clone())
}
