//! What is handed out of a version: `cargo xtask release`. The same sources give the same bytes.

mod linked;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, env, fs, io, path::Path};

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use tar::{Builder, Header};

use crate::{
    chart::CHART,
    definitions::definitions,
    image::{self, Image, ImageError, Layout, NAME, digest},
    yaml,
};

pub use linked::{Linked, linked};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The plugin of kubectl.
const PLUGIN: &str = "kubectl-ace";
/// What kubectl asks for what a shell is to propose.
const COMPLETION: &str = "kubectl_complete-ace";
/// First line of the files for kubectl.
const HEADER: &str = "# Made by `cargo xtask release`.\n";

/// What a release is made of.
pub struct Inputs<'a> {
    /// Of the repository.
    pub root: &'a Path,
    pub image: &'a Layout,
    /// Where the image will be, without tag and digest.
    pub repository: &'a str,
    /// The static `kubectl-ace`.
    pub plugin: Vec<u8>,
    /// What is linked into both programs.
    pub linked: &'a [Linked],
    /// Seconds since 1970: of everything in it.
    pub created: u64,
}

/// Builds everything, and writes it into `folder`, in which nothing else is left. Returns the names of the files.
pub fn make(root: &Path, repository: &str, folder: &Path) -> Result<Vec<String>, ImageError> {
    let created = image::created(root)?;
    let operator = image::build(root, "ace-operator", "ace-operator")?;
    let plugin = image::build(root, "ace-cli", PLUGIN)?;
    let read = |path: &Path| fs::read(path).map_err(|error| ImageError::File(path.to_owned(), error));
    let image = Image {
        program: read(&operator)?,
        version: VERSION.to_owned(),
        revision: image::revision(root),
        created,
    };
    let in_folder = |error| ImageError::File(folder.to_owned(), error);
    let layout = image.layout().map_err(in_folder)?;
    let inputs = Inputs {
        root,
        image: &layout,
        repository,
        plugin: read(&plugin)?,
        linked: &linked(root)?,
        created,
    };
    let files = files(&inputs).map_err(in_folder)?;
    write(folder, &files).map_err(in_folder)?;
    Ok(files.into_keys().collect())
}

fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    files
        .iter()
        .try_for_each(|(name, content)| fs::write(folder.join(name), content))
}

/// The files of a release by name.
pub fn files(inputs: &Inputs<'_>) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let plugin = plugin(inputs)?;
    let archive = format!("{PLUGIN}-{VERSION}-linux-amd64.tar.gz");
    let mut files = BTreeMap::from([
        (format!("{NAME}-{VERSION}.oci.tar"), inputs.image.archive()?),
        (format!("ace-ops-{VERSION}.tgz"), chart(inputs.root, inputs.created)?),
        ("crds.yaml".to_owned(), yaml::headed(HEADER, definitions()).into_bytes()),
        ("install.yaml".to_owned(), install(inputs)?.into_bytes()),
        ("ace.yaml".to_owned(), krew(&archive, &plugin).into_bytes()),
        ("sbom.cdx.json".to_owned(), bill(inputs.linked, inputs.created)),
        (archive, plugin),
    ]);
    let sums = files.iter().map(|(name, content)| {
        let digest = digest(content);
        format!("{}  {name}\n", digest.trim_start_matches("sha256:"))
    });
    let sums = sums.collect::<String>().into_bytes();
    files.insert("SHA256SUMS".to_owned(), sums);
    Ok(files)
}

/// The chart, as Helm packs it, but for the times of its files.
pub fn chart(root: &Path, created: u64) -> io::Result<Vec<u8>> {
    let mut files = BTreeMap::new();
    read_below(&root.join(CHART), "ace-ops", &mut files)?;
    let files: Vec<_> = files
        .into_iter()
        .map(|(path, content)| (path, 0o644, content))
        .collect();
    packed(&files, created)
}

fn read_below(folder: &Path, path: &str, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{path}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read_below(&entry.path(), &path, files)?;
        } else {
            files.insert(path, fs::read(entry.path())?);
        }
    }
    Ok(())
}

fn plugin(inputs: &Inputs<'_>) -> io::Result<Vec<u8>> {
    let license = fs::read(inputs.root.join("LICENSE"))?;
    let completion = fs::read(inputs.root.join("crates/cli/completion").join(COMPLETION))?;
    let files = [
        ("LICENSE".to_owned(), 0o644, license),
        (COMPLETION.to_owned(), 0o755, completion),
        (PLUGIN.to_owned(), 0o755, inputs.plugin.clone()),
    ];
    packed(&files, inputs.created)
}

/// Files with their modes as tar.gz.
fn packed(files: &[(String, u32, Vec<u8>)], created: u64) -> io::Result<Vec<u8>> {
    let mut tar = Builder::new(GzBuilder::new().write(Vec::new(), Compression::best()));
    for (path, mode, content) in files {
        let mut header = Header::new_ustar();
        header.set_mode(*mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(created);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, path, content.as_slice())?;
    }
    tar.into_inner()?.finish()
}

/// Everything of `deploy/`, with the image by its digest.
fn install(inputs: &Inputs<'_>) -> io::Result<String> {
    let folder = inputs.root.join("deploy");
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let parsed = |text: &str| serde_yaml::from_multiple::<Value>(text).map_err(|error| invalid(error.to_string()));
    let listed = parsed(&fs::read_to_string(folder.join("kustomization.yaml"))?)?;
    let resources = listed.first().and_then(|one| one["resources"].as_array());
    let mut objects = definitions();
    for name in resources.into_iter().flatten().filter_map(Value::as_str) {
        if name != "../crds" {
            objects.extend(parsed(&fs::read_to_string(folder.join(name))?)?);
        }
    }
    let image = json!(format!("{}@{}", inputs.repository, inputs.image.digest));
    for object in objects.iter_mut().filter(|object| object["kind"] == "Deployment") {
        let containers = object.pointer_mut("/spec/template/spec/containers");
        for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
            container["image"] = image.clone();
        }
    }
    Ok(yaml::headed(HEADER, objects))
}

/// The manifest for krew. Nothing is published: whoever does puts the place before the archive's name.
fn krew(archive: &str, content: &[u8]) -> String {
    let digest = digest(content);
    let plugin = json!({
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": { "name": "ace" },
        "spec": {
            "version": format!("v{VERSION}"),
            "shortDescription": "Plans, waits and imports for ace-ops",
            "description": "Prints resources for a Supabase project directory, shows what a MigrationSet would run, \
                 waits until a revision is live, and shows which alerts fire.",
            "caveats": "krew links the plugin alone. For completion put kubectl_complete-ace, which is in the archive, on the PATH.",
            "platforms": [{
                "selector": { "matchLabels": { "os": "linux", "arch": "amd64" } },
                "uri": archive,
                "sha256": digest.trim_start_matches("sha256:"),
                "bin": PLUGIN,
                "files": [{ "from": PLUGIN, "to": "." }, { "from": "LICENSE", "to": "." }],
            }],
        },
    });
    yaml::headed(HEADER, [plugin])
}

/// A bill of materials by `CycloneDX`.
fn bill(linked: &[Linked], created: u64) -> Vec<u8> {
    let components: Vec<Value> = linked.iter().map(Linked::component).collect();
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": image::time(created),
            "component": { "type": "application", "name": "ace-ops", "version": VERSION },
        },
        "components": components,
    });
    format!("{bill:#}\n").into_bytes()
}
