mod warning;

use std::collections::{BTreeMap, BTreeSet};

use ace_api::{MigrationMode, MigrationPolicy, MigrationSet, MigrationSetSpec, Mode, RiskClass};
use ace_domain::sql::{self, Catalogue, File, Script, assess};
use serde_json::json;

use crate::import::Settings;
use crate::project::Files;
use warning::Warning;

/// Most schemas that a MigrationSet watches.
const SCHEMAS: usize = 16;
/// Schemas that it must not watch, besides `pg_*`: the server's and the operator's own.
const NOT_WATCHED: [&str; 3] = ["information_schema", "ace_ops", "supabase_migrations"];

/// The MigrationSet of a project, and warnings about its files.
#[derive(Debug, Default)]
pub(crate) struct ImportedSet {
    /// None where there is no migration.
    pub(crate) set: Option<MigrationSet>,
    pub(crate) warnings: Vec<Warning>,
    migrations: usize,
}

impl ImportedSet {
    /// A summary of what was printed.
    pub(crate) fn summary(&self) -> Option<String> {
        let migrations = self.migrations;
        self.set.as_ref().map(|set| {
            format!(
                "MigrationSet printed for {migrations} migrations in {}",
                set.spec.schemas.join(", ")
            )
        })
    }
}

/// Makes the resource. Pure: everything that is read is in `files`.
pub(crate) fn import(files: &Files, settings: &Settings) -> Result<ImportedSet, serde_json::Error> {
    let (folder, errors) = sql::read_readable(&files.tree, None);
    let mut warnings: Vec<_> = errors.into_iter().map(Warning::Folder).collect();
    let left_out = &files.left_out;
    warnings.extend((!left_out.is_empty()).then(|| Warning::LeftOut(left_out.clone())));
    let Some(folder) = folder else {
        return Ok(ImportedSet {
            warnings,
            ..ImportedSet::default()
        });
    };
    warnings.extend(folder.skipped.iter().map(|skipped| Warning::Skipped {
        file: skipped.file_name.clone(),
        cause: skipped.why,
    }));
    let mut scripts = Vec::new();
    for file in &folder.files {
        match sql::read(file) {
            Ok(script) => scripts.push((file, script)),
            Err(error) => warnings.push(Warning::Refused {
                file: file.file_name.clone(),
                error,
            }),
        }
    }
    warnings.extend(scripts.iter().flat_map(|(file, script)| unread(file, script)));
    warnings.extend(approvals(&scripts));
    Ok(ImportedSet {
        set: Some(set(settings, schemas(&scripts))?),
        warnings,
        migrations: folder.files.len(),
    })
}

fn unread<'a>(file: &'a File, script: &'a Script) -> impl Iterator<Item = Warning> + 'a {
    script.unread.iter().map(|unread| Warning::Unread {
        file: file.file_name.clone(),
        line: unread.line,
        column: unread.column,
        message: unread.message.clone(),
    })
}

/// The statements that need an approval by the default policy, by class. Only the database knows which tables are large and
/// which functions are whose.
fn approvals(scripts: &[(&File, Script)]) -> Vec<Warning> {
    let read: Vec<&Script> = scripts.iter().map(|(_, script)| script).collect();
    let guarded = MigrationPolicy::default().approve;
    let mut classes: BTreeMap<RiskClass, Vec<String>> = BTreeMap::new();
    for ((file, _), risks) in scripts.iter().zip(assess(&read, &Catalogue::default())) {
        for risk in risks.into_iter().filter(|risk| guarded.contains(&risk.class)) {
            let says = format!("{} line {} {}", file.file_name, risk.line, risk.says);
            classes.entry(risk.class).or_default().push(says);
        }
    }
    let classes = classes.into_iter();
    classes
        .map(|(class, statements)| Warning::Guarded { class, statements })
        .collect()
}

/// `public`, and other schemas in which the files create tables.
fn schemas(scripts: &[(&File, Script)]) -> Vec<String> {
    let made: BTreeSet<&str> = scripts.iter().flat_map(|(_, script)| script.schemas()).collect();
    let others = made
        .into_iter()
        .filter(|name| *name != "public" && !name.starts_with("pg_") && !NOT_WATCHED.contains(name));
    std::iter::once("public")
        .chain(others)
        .take(SCHEMAS)
        .map(str::to_owned)
        .collect()
}

/// A database has one MigrationSet, so it has the name of its Platform.
fn set(settings: &Settings, schemas: Vec<String>) -> Result<MigrationSet, serde_json::Error> {
    let spec = json!({ "platformRef": settings.platform, "source": settings.migrations });
    let spec = MigrationSetSpec {
        // Drift of a schema is never corrected, so there is no `Enforce`.
        mode: match settings.mode {
            Some(Mode::Observe) => MigrationMode::Observe,
            Some(Mode::Enforce | Mode::Apply) | None => MigrationMode::Apply,
        },
        schemas,
        ..serde_json::from_value(spec)?
    };
    let mut set = MigrationSet::new(&settings.platform.name, spec);
    set.metadata.namespace.clone_from(&settings.namespace);
    Ok(set)
}
