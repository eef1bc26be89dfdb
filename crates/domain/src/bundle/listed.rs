use super::closure::Closure;
use super::container;

/// The import map of a deployed function as the platform's list shows it. With another one the same files are another program.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum ListedImportMap {
    /// The list does not show it.
    #[default]
    Unknown,
    /// It was deployed without one.
    Absent,
    /// Its path relative to the entrypoint's folder, which does not depend on who deployed it.
    At(String),
}

impl ListedImportMap {
    /// Takes `entrypoint_path`, `import_map_path` and `import_map` of a function in the list.
    pub fn new(entrypoint: Option<&str>, path: Option<&str>, is_used: Option<bool>) -> Self {
        match (path, entrypoint.filter(|path| !path.is_empty())) {
            (Some(""), _) => Self::Absent,
            (None, _) if is_used == Some(false) => Self::Absent,
            (Some(path), Some(entrypoint)) => {
                let entrypoint = container::strip(entrypoint);
                let (folder, _) = container::split(&entrypoint);
                Self::At(container::relative(&container::strip(path), folder))
            }
            _ => Self::Unknown,
        }
    }

    /// It can be this one, whose path is relative to the entrypoint's folder.
    pub fn can_be(&self, path: Option<&str>) -> bool {
        match self {
            Self::Unknown => true,
            Self::Absent => path.is_none(),
            Self::At(listed) => path == Some(listed),
        }
    }

    /// Its path relative to the entrypoint's folder, if the list shows one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::At(path) => Some(path),
            Self::Unknown | Self::Absent => None,
        }
    }
}

impl Closure {
    /// The path of its import map relative to the entrypoint's folder.
    pub fn relative_import_map(&self) -> Option<String> {
        let path = self.import_map.as_ref()?;
        Some(container::relative(path.as_str(), self.entrypoint.folder()))
    }
}

#[cfg(test)]
mod tests {
    use super::ListedImportMap::{self, Absent, At, Unknown};

    #[test]
    fn the_path_is_the_same_whoever_deployed_the_function_and_wherever() {
        let listed = |entrypoint: &str, map: &str| ListedImportMap::new(Some(entrypoint), Some(map), Some(true));
        let container = "file:///tmp/user_fn_ref_id_7/source";
        for folder in ["ace-0123456789ab", "supabase/functions"] {
            let entrypoint = format!("{container}/{folder}/hello/index.ts");
            let beside = listed(&entrypoint, &format!("{container}/{folder}/hello/deno.json"));
            assert_eq!(beside, At("deno.json".to_owned()));
            let above = listed(&entrypoint, &format!("{container}/{folder}/import_map.json"));
            assert_eq!(above, At("../import_map.json".to_owned()));
        }
        let remote = listed("file:///a/index.ts", "https://example.com/map.json");
        assert_eq!(remote, At("https://example.com/map.json".to_owned()));
    }

    #[test]
    fn what_the_list_leaves_out_is_unknown_and_not_absent() {
        assert_eq!(ListedImportMap::new(Some("a.ts"), None, None), Unknown);
        assert_eq!(ListedImportMap::new(Some("a.ts"), None, Some(true)), Unknown);
        assert_eq!(ListedImportMap::new(None, Some("deno.json"), Some(true)), Unknown);
        assert_eq!(ListedImportMap::new(Some("a.ts"), None, Some(false)), Absent);
        assert_eq!(ListedImportMap::new(Some("a.ts"), Some(""), None), Absent);
    }

    #[test]
    fn only_an_unknown_map_can_be_any_other() {
        for map in [None, Some("deno.json")] {
            assert!(Unknown.can_be(map));
        }
        let shown = At("deno.json".to_owned());
        assert_eq!(
            [None, Some("deno.json"), Some("a.json")].map(|map| shown.can_be(map)),
            [false, true, false]
        );
        assert_eq!([None, Some("deno.json")].map(|map| Absent.can_be(map)), [true, false]);
    }
}
