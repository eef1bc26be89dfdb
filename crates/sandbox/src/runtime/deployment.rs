//! What is to be run, and how its paths read on the platform.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// One version of one function, unpacked on disk, as it will run.
#[derive(Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Reference of the project.
    pub project: String,
    /// Slug of the function: first segment of the path that the function sees.
    pub slug: String,
    /// The platform's id of the function.
    pub id: uuid::Uuid,
    /// The platform's version: a higher one replaces the running process.
    pub version: i64,
    /// Folder that stands for the container's `/tmp/user_fn_<project>_<id>_<version>`.
    pub root: PathBuf,
    /// Relative to `root`, e.g. `source/supabase/functions/hello/index.ts`.
    pub entrypoint: PathBuf,
    /// Relative to `root`: a `deno.json`, a `deno.jsonc` or an import map.
    pub import_map: Option<PathBuf>,
    /// Whole environment of the function. A change of it is a swap like a new version.
    pub environment: BTreeMap<String, String>,
}

/// Values of the environment are secrets: only their names are shown.
impl fmt::Debug for Deployment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Deployment")
            .field("project", &self.project)
            .field("slug", &self.slug)
            .field("id", &self.id)
            .field("version", &self.version)
            .field("root", &self.root)
            .field("entrypoint", &self.entrypoint)
            .field("import_map", &self.import_map)
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .finish()
    }
}

impl Deployment {
    /// Absolute path of the entrypoint on this machine.
    pub(super) fn entrypoint_path(&self) -> PathBuf {
        self.root.join(&self.entrypoint)
    }

    /// `/tmp/user_fn_<project>_<id>_<version>`, as production names the folder.
    pub(super) fn container_root(&self) -> String {
        format!("/tmp/user_fn_{}_{}_{}", self.project, self.id, self.version)
    }

    /// The container's path of a file given by its absolute path here. One outside `root` lands outside there, too.
    pub(super) fn container_path(&self, path: &Path) -> String {
        let root: Vec<Component<'_>> = self.root.components().collect();
        let own: Vec<Component<'_>> = path.components().collect();
        let common = root.iter().zip(&own).take_while(|(left, right)| left == right).count();
        let mut container = PathBuf::from(self.container_root());
        for _ in common..root.len() {
            container.pop();
        }
        container.extend(&own[common..]);
        container.display().to_string()
    }

    /// Text of Deno's (a stack trace, a log line) with this machine's folder replaced by the container's.
    pub(super) fn as_in_container(&self, text: &str) -> String {
        text.replace(&*self.root.to_string_lossy(), &self.container_root())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment() -> Deployment {
        Deployment {
            project: "abcdefghijklmnopqrst".into(),
            slug: "hello".into(),
            id: uuid::Uuid::nil(),
            version: 3,
            root: "/srv/bed/hello".into(),
            entrypoint: "source/index.ts".into(),
            import_map: None,
            environment: BTreeMap::from([("KEY".into(), "hunter2".into())]),
        }
    }

    const CONTAINER: &str = "/tmp/user_fn_abcdefghijklmnopqrst_00000000-0000-0000-0000-000000000000_3";

    #[test]
    fn paths_inside_and_outside_the_folder_read_as_in_the_container() {
        let deployment = deployment();
        let inside = deployment.container_path(Path::new("/srv/bed/hello/source/a.ts"));
        let outside = deployment.container_path(Path::new("/srv/bed/other/a.ts"));
        assert_eq!(
            (inside, outside),
            (format!("{CONTAINER}/source/a.ts"), "/tmp/other/a.ts".to_owned())
        );
    }

    #[test]
    fn a_stack_trace_names_the_container() {
        let trace = deployment().as_in_container("at file:///srv/bed/hello/source/index.ts:1:2");
        assert_eq!(trace, format!("at file://{CONTAINER}/source/index.ts:1:2"));
    }

    #[test]
    fn debug_shows_no_value_of_the_environment() {
        let shown = format!("{:?}", deployment());
        assert_eq!((shown.contains("KEY"), shown.contains("hunter2")), (true, false));
    }
}
