//! The user as whom PostgreSQL runs where we are root.

use std::fs;
use std::path::Path;

use super::error::BedError;
use super::tools;

/// The first of the users `postgres` and `nobody` that this machine has.
pub(super) fn unprivileged_user() -> Result<(u32, u32), BedError> {
    let path = Path::new("/etc/passwd");
    let users = fs::read_to_string(path).map_err(BedError::file("read", path))?;
    let find = |name: &str| {
        let fields: Vec<&str> = users.lines().map(|line| line.split(':')).find_map(|mut fields| {
            let first = fields.next()?;
            (first == name).then(|| fields.collect())
        })?;
        Some((fields.get(1)?.parse().ok()?, fields.get(2)?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody")).ok_or_else(|| {
        BedError::from(tools::ToolError::Missing {
            program: "a user for PostgreSQL",
            remedy: "it refuses to run as root: add a user `postgres` or `nobody`".to_owned(),
        })
    })
}
