use globset::GlobBuilder;
use regex::bytes::Regex;

use super::error::ClosureError;
use super::left_out::LeftOut;
use super::path::TreePath;
use super::tree::Tree;

/// Stands for `**` in a pattern; no path has it.
const ACROSS: &str = "\0";

/// The files that a pattern names: the file of that very name, else what the glob matches, as Supabase's CLI reads it. `*` stays
/// within a folder. `**` is any text, slashes or none: `a/**/*.html` has nothing of `a` itself, `a/**.html` has (seen with the CLI
/// 3.1.0). What a Mac keeps beside a file, `._name` in an archive that its `tar` has packed, is matched only by a pattern that
/// says so. Patterns begin at the tree's root; a leading `./` is dropped.
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
    if let Some((path, why)) = tree.left_out_at(relative) {
        return Err(left_out(pattern, path, why));
    }
    let glob = GlobBuilder::new(&relative.replace("**", ACROSS))
        .literal_separator(true)
        .build()
        .map_err(|error| refused(error.kind().to_string()))?;
    let regex = glob.regex().replace(ACROSS, "(?s:.*)");
    let regex = Regex::new(&regex).map_err(|_| refused("it is too long".to_owned()))?;
    let is_meant = |path: &&TreePath| is_beside(relative) || !is_beside(path.as_str());
    let is_matched = |path: &&TreePath| is_meant(path) && regex.is_match(path.as_str().as_bytes());
    if let Some((path, why)) = tree.left_out().iter().find(|(path, _)| is_matched(path)) {
        return Err(left_out(pattern, path, *why));
    }
    let matched: Vec<_> = tree.iter().map(|(path, _)| path).filter(is_matched).collect();
    if matched.is_empty() {
        return Err(ClosureError::StaticNothing {
            pattern: pattern.to_owned(),
        });
    }
    Ok(matched)
}

fn left_out(pattern: &str, path: &TreePath, why: LeftOut) -> ClosureError {
    ClosureError::LeftOut {
        reached: format!("the static pattern {pattern:?} can't be used"),
        path: path.clone(),
        why,
    }
}

/// The name is that of what a Mac keeps beside a file, or beside a folder.
fn is_beside(path: &str) -> bool {
    path.split('/').any(|name| name.starts_with("._"))
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
