use globset::GlobBuilder;

use super::error::ClosureError;
use super::path::TreePath;
use super::tree::Tree;

/// The files that a pattern names: the file of that very name, else what the glob matches. `*` stays within a folder,
/// `**` does not. Patterns begin at the tree's root; a leading `./` is dropped.
pub(super) fn matching<'t>(tree: &'t Tree, pattern: &str) -> Result<Vec<&'t TreePath>, ClosureError> {
    let refused = |problem: String| ClosureError::StaticPattern {
        pattern: pattern.to_owned(),
        problem,
    };
    let relative = pattern.strip_prefix("./").unwrap_or(pattern);
    TreePath::new(relative).map_err(|rule| refused(rule.to_string()))?;
    if let Some((path, _)) = tree.files().get_key_value(relative) {
        return Ok(vec![path]);
    }
    let glob = GlobBuilder::new(relative).literal_separator(true).build();
    let glob = glob
        .map_err(|error| refused(error.kind().to_string()))?
        .compile_matcher();
    let matched: Vec<_> = tree
        .iter()
        .map(|(path, _)| path)
        .filter(|path| glob.is_match(path.as_str()))
        .collect();
    if matched.is_empty() {
        return Err(ClosureError::StaticNothing {
            pattern: pattern.to_owned(),
        });
    }
    Ok(matched)
}

/// The one pattern that matches exactly `path`, for the platform, which takes patterns only.
pub(super) fn literal(path: &str) -> String {
    path.chars()
        .fold(String::with_capacity(path.len()), |mut pattern, character| {
            if matches!(character, '*' | '?' | '[' | '{') {
                pattern.extend(['[', character, ']']);
            } else {
                pattern.push(character);
            }
            pattern
        })
}
