//! Lists the demo's step files and the bed's extensions, so that another one is only another file.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    list("demo", "demo_files.rs", |name| {
        // Step files begin with their place in the order; the folder's README does not.
        is_text(name, &["md"]) && name.starts_with(|first: char| first.is_ascii_digit())
    })?;
    list("sql/extensions", "extension_files.rs", |name| {
        is_text(name, &["control", "sql"])
    })
}

/// Writes the names and texts of a folder's files to a source file that is included.
fn list(folder: &str, source: &str, is_listed: impl Fn(&str) -> bool) -> io::Result<()> {
    let variable = |name| env::var_os(name).map(PathBuf::from).ok_or(io::ErrorKind::NotFound);
    let directory = variable("CARGO_MANIFEST_DIR")?.join(folder);
    println!("cargo:rerun-if-changed={}", directory.display());
    let entries = fs::read_dir(&directory)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = entries.collect::<io::Result<Vec<PathBuf>>>()?;
    files.retain(|file| is_listed(&name_of(file)));
    files.sort();
    let rows: String = files.iter().map(|file| row(folder, file)).collect();
    fs::write(
        variable("OUT_DIR")?.join(source),
        format!(
            "/// Path and text of each file of the folder, in the order of their names.\nconst FILES: &[(&str, &str)] = &[\n{rows}];\n"
        ),
    )
}

fn is_text(name: &str, extensions: &[&str]) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| extensions.contains(&extension))
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn row(folder: &str, file: &Path) -> String {
    let (path, name) = (file.to_string_lossy(), name_of(file));
    format!("    ({:?}, include_str!({path:?})),\n", format!("{folder}/{name}"))
}
