//! `cargo xtask generate` writes what is made from the types and from the list of kinds; `cargo xtask check` compares.
//! `cargo xtask messages NAME=FILE…` reads PostgreSQL's messages from its catalogues and programs, for a new version of them.
//! `cargo xtask record` keeps the definitions of this version, which is being released, in `tests/upgrade`: later ones are held to them.
//! `cargo xtask image [FOLDER]` builds the operator's image as an OCI layout, and as one file beside that.
//! `cargo xtask release [REPOSITORY]` writes everything that is handed out of a version into `dist/`: the image, the chart, what kubectl
//! applies, the plugin, a bill of materials and their sums. `REPOSITORY` is where the image will be.

use std::{env, fs, path::Path, process::ExitCode};

use xtask::{
    image::{self, Image, ImageError},
    messages, release, tree, upgrade,
};

fn main() -> ExitCode {
    let command = env::args().nth(1).unwrap_or_default();
    if command == "messages" {
        return read_messages();
    }
    if command == "image" {
        let folder = env::args().nth(2).unwrap_or_else(|| "dist/image".to_owned());
        return match make_image(Path::new(&folder)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    if command == "release" {
        let repository = env::args().nth(2).unwrap_or_else(|| "ace-operator".to_owned());
        let folder = Path::new("dist");
        return match release::make(&tree::root(), &repository, folder) {
            Ok(files) => {
                for file in files {
                    println!("{}", folder.join(file).display());
                }
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    if command == "record" {
        return match upgrade::record(&tree::root(), env!("CARGO_PKG_VERSION")) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("tests/upgrade: {error}");
                ExitCode::FAILURE
            }
        };
    }
    if command == "check" && !keeps_releases() {
        return ExitCode::FAILURE;
    }
    let result = match command.as_str() {
        "generate" => tree::generate(&tree::root()),
        "check" => tree::check(&tree::root()),
        _ => {
            eprintln!(
                "cargo xtask generate | check | record | messages NAME=FILE… | image [FOLDER] | release [REPOSITORY]"
            );
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(differences) => report(&command, &differences),
        Err(error) => {
            eprintln!("{error}: {}", error.io);
            ExitCode::FAILURE
        }
    }
}

/// Whether the definitions of today break nothing that a release left.
fn keeps_releases() -> bool {
    match upgrade::breaks(&tree::root()) {
        Ok(breaks) if breaks.is_empty() => true,
        Ok(breaks) => {
            for line in breaks {
                println!("{line}");
            }
            println!("Objects of that release are on API servers: keep what they have, and allow what they say.");
            false
        }
        Err(error) => {
            eprintln!("tests/upgrade: {error}");
            false
        }
    }
}

fn report(command: &str, differences: &[tree::Difference]) -> ExitCode {
    for difference in differences {
        println!("{difference}");
    }
    if command == "check" && !differences.is_empty() {
        println!("`cargo xtask generate` brings them up to date");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn make_image(folder: &Path) -> Result<(), ImageError> {
    let root = tree::root();
    let created = image::created(&root)?;
    let program = image::build(&root, "ace-operator", "ace-operator")?;
    let image = Image {
        program: fs::read(&program).map_err(|error| ImageError::File(program, error))?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: image::revision(&root),
        created,
    };
    let archive = folder.with_extension("tar");
    let written = image.layout().and_then(|layout| {
        layout.write(folder)?;
        fs::write(&archive, layout.archive()?)?;
        Ok(layout.digest)
    });
    let digest = written.map_err(|error| ImageError::File(folder.to_owned(), error))?;
    println!("{} {digest}", image.name());
    println!(
        "{} is its OCI layout, {} the same in one file.",
        folder.display(),
        archive.display()
    );
    println!(
        "Into a registry:  skopeo copy oci-archive:{} docker://REGISTRY/{}",
        archive.display(),
        image.name()
    );
    println!(
        "Onto a node:      ctr --namespace k8s.io images import {}",
        archive.display()
    );
    Ok(())
}

/// Each argument is a name for the head of the file, as `PostgreSQL 15.18`, and a path.
fn read_messages() -> ExitCode {
    let mut sources = Vec::new();
    for argument in env::args().skip(2) {
        let Some((name, path)) = argument.split_once('=') else {
            eprintln!("{argument}: write NAME=FILE");
            return ExitCode::from(2);
        };
        match fs::read(Path::new(path)) {
            Ok(content) => sources.push((name.to_owned(), content)),
            Err(error) => {
                eprintln!("{path}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    let files = [
        (messages::PATH, messages::file(&sources)),
        (messages::REASONS_PATH, messages::reasons()),
    ];
    for (path, content) in files {
        if let Err(error) = fs::write(tree::root().join(path), content) {
            eprintln!("{path}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
