//! What other tools write into a file, or into its name, so that they do not run all of it.

use super::error::Refusal;

/// How a line that begins the part that undoes the rest is written after its `--`, and whose it is.
const UNDOES: [(&str, Refusal); 6] = [
    (
        "migrate:down",
        undoes("a mark of dbmate: the rest of the file undoes what is before it"),
    ),
    (
        "+goose down",
        undoes("a mark of goose: the rest of the file undoes what is before it"),
    ),
    (
        "+migrate down",
        undoes("a mark of sql-migrate: the rest of the file undoes what is before it"),
    ),
    (
        "rambler down",
        undoes("a mark of rambler: the rest of the file undoes what is before it"),
    ),
    (
        "//@undo",
        undoes("a mark of MyBatis: the rest of the file undoes what is before it"),
    ),
    (
        "==== down ====",
        undoes("a mark of shmig: the rest of the file undoes what is before it"),
    ),
];

const fn undoes(refused: &'static str) -> Refusal {
    Refusal::other_tool(
        refused,
        "remove the mark and all that follows it: every statement of a file is run",
    )
}

const UNDO_FILE: Refusal = Refusal::other_tool(
    "a file that undoes a migration, by its name",
    "remove it from the folder: every file there is run",
);

/// Where a file says that not all of it migrates.
pub(super) fn marks(file_name: &str, text: &str) -> Option<(usize, Refusal)> {
    if undoes_by_name(file_name) {
        return Some((0, UNDO_FILE));
    }
    let mut from = 0;
    text.split_inclusive('\n').find_map(|line| {
        let at = from;
        from += line.len();
        let comment = line.trim().strip_prefix("--")?.trim().to_ascii_lowercase();
        let (_, refusal) = UNDOES.iter().find(|(mark, _)| comment.starts_with(mark))?;
        Some((at, *refusal))
    })
}

/// Whether other tools never run such a file to migrate.
pub(super) fn undoes_by_name(file_name: &str) -> bool {
    let name = file_name.to_ascii_lowercase();
    [".down.sql", ".undo.sql", ".rollback.sql"]
        .iter()
        .any(|end| name.ends_with(end))
}
