//! cargo, from within a test.

use std::{env, path::PathBuf, process::Command};

/// What cargo tells a test of its package. Some build scripts (ring's) take it for a reason to build anew.
const OF_THIS_PACKAGE: [&str; 5] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_BIN_",
    "CARGO_CRATE_",
    "CARGO_PRIMARY_",
];

/// The cargo that runs this test, as it would be called by hand.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if OF_THIS_PACKAGE.iter().any(|prefix| name.starts_with(prefix)) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// A program of ours as cargo builds it beside this test: the same profile, the same target directory.
///
/// # Panics
/// If it can't be built.
pub fn built(package: &str, program: &str) -> PathBuf {
    let test = env::current_exe().expect("a process knows its program");
    // target/<profile>/deps/<test>
    let profile = test
        .ancestors()
        .nth(2)
        .expect("cargo puts tests two folders below the target directory");
    let target = profile.parent().expect("a profile lies in the target directory");
    let mut cargo = cargo();
    cargo
        .args(["build", "--quiet", "--package", package, "--bin", program])
        .arg("--target-dir")
        .arg(target)
        .current_dir(crate::repository());
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let built = cargo.status().expect("cargo can be run");
    assert!(built.success(), "{program} is built");
    profile.join(program)
}
