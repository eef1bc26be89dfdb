//! Lists the demo's step files, so that another one is only another file.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let variable = |name| env::var_os(name).map(PathBuf::from).ok_or(io::ErrorKind::NotFound);
    let folder = variable("CARGO_MANIFEST_DIR")?.join("demo");
    println!("cargo:rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = entries.collect::<io::Result<Vec<PathBuf>>>()?;
    files.retain(|file| is_step_file(file));
    files.sort();
    let rows: String = files.iter().map(|file| row(file)).collect();
    fs::write(
        variable("OUT_DIR")?.join("demo_files.rs"),
        format!(
            "/// Path and text of each step file, in the order in which they are played.\nconst FILES: &[(&str, &str)] = &[\n{rows}];\n"
        ),
    )
}

/// Step files begin with their place in the order; the folder's README does not.
fn is_step_file(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(|first: char| first.is_ascii_digit()) && name.ends_with(".md")
}

fn row(file: &Path) -> String {
    let path = file.to_string_lossy();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    format!("    ({:?}, include_str!({path:?})),\n", format!("demo/{name}"))
}
