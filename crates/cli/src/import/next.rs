use std::fmt;

use ace_api::SourceKind;

use crate::paths::{below, within};
use crate::project::Project;
use crate::warning::Warning;

use super::Settings;
use super::archive::Archive;
use super::layout::Layout;

/// Paths of the source that fit the tree: where code reaches out of the folder of functions, it begins higher.
pub(crate) fn folders(settings: &Settings, project: &Project, layout: &Layout) -> (Settings, Option<Warning>) {
    let mut settings = settings.clone();
    let functions = layout.functions.as_str();
    if functions.is_empty() {
        return (settings, None);
    }
    let written = settings.source.path.take();
    let outer = match written.as_deref() {
        None => Some(None),
        Some(path) if path == functions => Some(None),
        Some(path) => path
            .strip_suffix(&format!("/{functions}"))
            .map(|outer| Some(outer.to_owned())),
    };
    let unfit = outer.is_none().then(|| Warning::SourcePath {
        written: written.unwrap_or_default(),
        functions: functions.to_owned(),
    });
    settings.source.path = outer.flatten();
    if !settings.migrations_path {
        let migrations = project.place.of("migrations");
        let path = below(&migrations, &layout.base).unwrap_or(&migrations);
        settings.migrations.path = Some(within(settings.source.path.as_deref().unwrap_or_default(), path));
    }
    (settings, unfit)
}

/// What to do with the printed resources.
#[derive(Debug)]
pub(crate) struct Next(Vec<String>);

impl Next {
    pub(crate) fn of(settings: &Settings, project: &Project, archive: &Archive, with_migrations: bool) -> Self {
        let mut lines = vec![match &project.reference {
            Some((reference, from)) => format!("the Platform is for project {reference} (from {from})"),
            None => format!(
                "write the project's reference into the Platform, instead of {}, or pass --project",
                super::platform::PLACEHOLDER
            ),
        }];
        let database = if with_migrations {
            ", and database with password and ca.crt"
        } else {
            ""
        };
        lines.push(format!(
            "make the Secrets that the Platform names: supabase with token{database}; and label them"
        ));
        let name = &settings.source.name;
        if settings.source.kind == SourceKind::ConfigMap {
            let kubectl = match &settings.namespace {
                Some(namespace) => format!("kubectl -n {namespace}"),
                None => "kubectl".to_owned(),
            };
            lines.extend(archive.lines());
            lines.push(format!(
                "{kubectl} create configmap {name} --from-file={name}.tar.gz --dry-run=client -o yaml | {kubectl} apply --server-side \
                 --force-conflicts -f -"
            ));
            lines.push(format!(
                "{kubectl} label configmap {name} ops.mobulace.com/watch=true --overwrite"
            ));
        } else {
            let kind = serde_json::to_value(settings.source.kind).unwrap_or_default();
            lines.push(format!(
                "have the {} {name} in the same namespace",
                kind.as_str().unwrap_or_default()
            ));
        }
        lines.push("apply the resources; README, \"Point it at a real project\", has each step".to_owned());
        Self(lines)
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("next:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}
