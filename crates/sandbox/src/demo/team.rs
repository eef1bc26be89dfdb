//! The team's repository: a copy of the example that the demo may change, and what is applied from it.

use std::fs;
use std::path::{Path, PathBuf};

use ace_sandbox::bed::BedFile;
use base64::Engine as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::database::Database;
use super::error::DemoError;

/// The team's namespace.
pub(super) const NAMESPACE: &str = "ace";
/// The Platform of the example.
pub(super) const PLATFORM: &str = "ace-engage";
/// The ConfigMap that carries the code.
const SOURCE: &str = "ace-engage-functions";
/// The ConfigMap that carries the migrations.
const MIGRATIONS: &str = "ace-engage-migrations";
const EXAMPLE: &str = "examples/ace-engage";

/// Copies of what the demo applies, below the bed's directory.
#[derive(Debug)]
pub(super) struct Team {
    root: PathBuf,
}

/// A tree of functions, packed.
pub(super) struct Source {
    /// The ConfigMap.
    pub(super) object: Value,
    /// Size of the archive.
    pub(super) bytes: usize,
    /// As `status.source.artifactRevision` names it.
    pub(super) revision: String,
}

/// The checkout that holds the example: here, or the nearest above.
pub(super) fn checkout() -> Result<PathBuf, DemoError> {
    let here = std::env::current_dir().map_err(DemoError::file("find", "."))?;
    let mut above = here.ancestors();
    let found = above.find(|folder| folder.join(EXAMPLE).is_dir() && folder.join("deploy").is_dir());
    found.map(Path::to_owned).ok_or(DemoError::NoCheckout)
}

impl Team {
    /// Copies the example and `deploy/` afresh into `root`.
    pub(super) fn copy(checkout: &Path, root: PathBuf) -> Result<Team, DemoError> {
        if root.exists() {
            fs::remove_dir_all(&root).map_err(DemoError::file("remove", &root))?;
        }
        let team = Team { root };
        for folder in ["deploy", "crds"] {
            copy(&checkout.join(folder), &team.root.join(folder))?;
        }
        for folder in ["resources", "supabase"] {
            copy(
                &checkout.join(EXAMPLE).join(folder),
                &team.root.join("team").join(folder),
            )?;
        }
        // They walk through the functions from outside, and belong to none.
        let tests = team.functions().join("tests");
        if tests.exists() {
            fs::remove_dir_all(&tests).map_err(DemoError::file("remove", &tests))?;
        }
        // Somebody else has the functions, too.
        copy(&team.root.join("team/supabase"), &team.elsewhere().join("supabase"))?;
        // Reached by no function, so it deploys none. It makes the tree another one at each start: what the demo sees
        // of an object that names this tree was not left over by an earlier one.
        write(
            &team.functions().join("_shared/RELEASE"),
            &jiff::Timestamp::now().to_string(),
        )?;
        Ok(team)
    }

    /// Rows to play with, as SQL.
    pub(super) fn seed(&self) -> Result<String, DemoError> {
        let path = self.root.join("team/supabase/seed.sql");
        fs::read_to_string(&path).map_err(DemoError::file("read", &path))
    }

    /// A project directory of somebody who does not go through the team's repository.
    pub(super) fn elsewhere(&self) -> PathBuf {
        self.root.join("elsewhere")
    }

    /// A kustomization of everything in `deploy/` but the Deployment, which nothing in the bed would run.
    pub(super) fn operator(&self) -> Result<PathBuf, DemoError> {
        let without = json!({
            "$patch": "delete",
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "ace-operator", "namespace": "ace-system"},
        });
        kustomize(
            self.root.join("operator"),
            &json!({"resources": ["../deploy"], "patches": [{"patch": without.to_string()}]}),
        )
    }

    /// A kustomization of the team's namespace and the operator's rights in it.
    pub(super) fn namespace(&self) -> Result<PathBuf, DemoError> {
        let folder = self.root.join("namespace");
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        write(&folder.join("namespace.yaml"), &namespace.to_string())?;
        kustomize(
            folder,
            &json!({
                "namespace": NAMESPACE,
                "resources": ["namespace.yaml"],
                "components": ["../deploy/components/namespace-access"],
            }),
        )
    }

    /// A kustomization of the resources, made to fit the bed.
    pub(super) fn resources(&self, bed: &BedFile, database: &Database) -> Result<PathBuf, DemoError> {
        let fit = json!([
            {"op": "replace", "path": "/spec/project", "value": bed.project},
            {"op": "add", "path": "/spec/url", "value": bed.functions_url},
            {"op": "add", "path": "/spec/api/url", "value": bed.api_url},
            {"op": "replace", "path": "/spec/database", "value": database.spec()},
            // The shortest interval, and the most requests that the platform's contract allows: nobody likes to wait.
            {"op": "add", "path": "/spec/interval", "value": "30s"},
            {"op": "add", "path": "/spec/requestsPerMinute", "value": 120},
        ]);
        kustomize(
            self.root.join("overlay"),
            &json!({
                "resources": ["../team/resources"],
                "patches": [{"target": {"kind": "Platform", "name": PLATFORM}, "patch": fit.to_string()}],
            }),
        )
    }

    /// The Secret that the Platform names.
    pub(super) fn secret(bed: &BedFile, database: &Database) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "supabase", "namespace": NAMESPACE},
            "stringData": {"token": bed.token, "anon": bed.anon_key, "password": database.password()},
        })
    }

    /// The ConfigMap with the functions as they are in the team's repository now.
    pub(super) fn source(&self) -> Result<Source, DemoError> {
        let pack = || {
            let compressor = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            let mut archive = tar::Builder::new(compressor);
            archive.mode(tar::HeaderMode::Deterministic);
            archive.append_dir_all("functions", self.functions())?;
            archive.into_inner()?.finish()
        };
        let packed = pack().map_err(DemoError::file("pack", self.functions()))?;
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": SOURCE, "namespace": NAMESPACE, "labels": {"ops.mobulace.com/watch": "true"}},
            "binaryData": {"functions.tar.gz": base64::engine::general_purpose::STANDARD.encode(&packed)},
        });
        Ok(Source {
            object,
            bytes: packed.len(),
            revision: format!("sha256:{}", hex::encode(Sha256::digest(&packed))),
        })
    }

    /// The ConfigMap with the migrations as they are in the team's repository now, and how many files that are.
    pub(super) fn migrations(&self) -> Result<(Value, usize), DemoError> {
        let folder = self.migration("");
        let mut files = serde_json::Map::new();
        for entry in fs::read_dir(&folder).map_err(DemoError::file("read", &folder))? {
            let path = entry.map_err(DemoError::file("read", &folder))?.path();
            let sql = fs::read_to_string(&path).map_err(DemoError::file("read", &path))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files.insert(name.into_owned(), Value::String(sql));
        }
        let number = files.len();
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": MIGRATIONS, "namespace": NAMESPACE, "labels": {"ops.mobulace.com/watch": "true"}},
            "data": files,
        });
        Ok((object, number))
    }

    /// Adds a migration.
    pub(super) fn add_migration(&self, file: &str, sql: &str) -> Result<(), DemoError> {
        write(&self.migration(file), sql)
    }

    /// Changes a file of the team's functions.
    pub(super) fn change(&self, file: &str, from: &str, to: &str) -> Result<(), DemoError> {
        change(
            &self.functions(),
            file,
            |text| text.contains(from).then(|| text.replacen(from, to, 1)),
            from,
        )
    }

    /// Makes a function of somebody else's copy answer with `answer`, whatever it is asked.
    pub(super) fn hijack(&self, slug: &str, answer: &str) -> Result<String, DemoError> {
        const SERVE: &str = "Deno.serve(";
        let line = format!("{SERVE}() => new Response({answer:?}));");
        let edit = |text: &str| {
            let start = text.rfind(SERVE)?;
            Some(format!("{}{line}\n", &text[..start]))
        };
        change(
            &self.elsewhere().join("supabase/functions"),
            &format!("{slug}/index.ts"),
            edit,
            SERVE,
        )?;
        Ok(line)
    }

    fn migration(&self, file: &str) -> PathBuf {
        self.root.join("team/supabase/migrations").join(file)
    }

    fn functions(&self) -> PathBuf {
        self.root.join("team/supabase/functions")
    }
}

fn change(
    functions: &Path,
    file: &str,
    edit: impl FnOnce(&str) -> Option<String>,
    looked_for: &str,
) -> Result<(), DemoError> {
    let path = functions.join(file);
    let text = fs::read_to_string(&path).map_err(DemoError::file("read", &path))?;
    let changed = edit(&text).ok_or_else(|| DemoError::Unchangeable {
        file: file.to_owned(),
        text: looked_for.to_owned(),
    })?;
    write(&path, &changed)
}

/// Writes a kustomization, and answers with its folder. JSON is YAML.
fn kustomize(folder: PathBuf, kustomization: &Value) -> Result<PathBuf, DemoError> {
    write(&folder.join("kustomization.yaml"), &kustomization.to_string())?;
    Ok(folder)
}

fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(DemoError::file("create", folder))?;
    }
    fs::write(path, text).map_err(DemoError::file("write", path))
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) -> Result<(), DemoError> {
    fs::create_dir_all(to).map_err(DemoError::file("create", to))?;
    for entry in fs::read_dir(from).map_err(DemoError::file("read", from))? {
        let entry = entry.map_err(DemoError::file("read", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(DemoError::file("copy", &source))?;
        }
    }
    Ok(())
}
