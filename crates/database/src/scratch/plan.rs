//! What of an archive is restored into scratch: not what only some roles may make, and not what the platform's own extensions
//! are for.

use std::collections::BTreeSet;

use crate::clients::{Contents, Entry};

/// Extensions that the platform makes for itself, or that can be in one database of a cluster only: nothing of a project's rows
/// is theirs.
const PLATFORM: &[&str] = &[
    "pg_cron",
    "pg_graphql",
    "pg_net",
    "pg_stat_statements",
    "pg_tle",
    "pgaudit",
    "pgsodium",
    "plpgsql",
    "supabase_vault",
];

/// Kinds of entries that belong to roles or to the cluster.
const LEFT_OUT: &[&str] = &[
    "ACL",
    "DATABASE",
    "DATABASE PROPERTIES",
    "DEFAULT ACL",
    "EVENT TRIGGER",
    "PUBLICATION",
    "PUBLICATION TABLE",
    "PUBLICATION TABLES IN SCHEMA",
    "SECURITY LABEL",
    "SUBSCRIPTION",
    "SUBSCRIPTION TABLE",
];

/// What comments that are not restored are on: extensions are the server's, the others are not made.
const COMMENTED: &[&str] = &["EXTENSION ", "EVENT TRIGGER ", "PUBLICATION ", "SUBSCRIPTION "];

/// An extension of an archive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Extension {
    pub(super) name: String,
    /// Its schema, if the archive does not make that.
    pub(super) schema: Option<String>,
}

/// The entries that are restored, in the order of the archive, as `pg_restore --use-list` reads them.
pub(super) fn list(contents: &Contents) -> String {
    let restored = contents.entries.iter().filter(|entry| is_restored(entry));
    let ids: Vec<String> = restored.map(|entry| entry.id.to_string()).collect();
    ids.join("\n") + "\n"
}

/// The extensions that have to be there before.
pub(super) fn extensions(contents: &Contents) -> Vec<Extension> {
    let kind = |kind: &'static str| contents.entries.iter().filter(move |entry| entry.kind == kind);
    let schemas: BTreeSet<&str> = kind("SCHEMA").map(|entry| entry.name.as_str()).collect();
    let wanted = kind("EXTENSION").filter(|entry| is_restored(entry));
    let extension = |entry: &Entry| Extension {
        name: entry.name.clone(),
        schema: schema(&entry.definition).filter(|schema| !schemas.contains(schema.as_str())),
    };
    wanted.map(extension).collect()
}

fn is_restored(entry: &Entry) -> bool {
    match entry.kind.as_str() {
        "EXTENSION" => !PLATFORM.contains(&entry.name.as_str()),
        "COMMENT" => !COMMENTED.iter().any(|what| entry.name.starts_with(what)),
        // Every database has it from the start.
        "SCHEMA" => entry.name != "public",
        kind => !LEFT_OUT.contains(&kind),
    }
}

/// `CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA "x y";`
fn schema(definition: &str) -> Option<String> {
    let (_, schema) = definition.rsplit_once(" WITH SCHEMA ")?;
    let schema = schema.trim().trim_end_matches(';');
    let quoted = schema.strip_prefix('"').and_then(|schema| schema.strip_suffix('"'));
    Some(quoted.map_or_else(|| schema.to_owned(), |schema| schema.replace("\"\"", "\"")))
}

#[cfg(test)]
mod tests {
    use super::{Extension, extensions, list};
    use crate::clients::{Contents, Entry};

    fn contents(entries: &[(&str, &str, &str)]) -> Contents {
        let entry = |(id, (kind, name, definition)): (usize, &(&str, &str, &str))| Entry {
            id: i64::try_from(id).unwrap(),
            kind: (*kind).to_owned(),
            name: (*name).to_owned(),
            definition: (*definition).to_owned(),
            ..Entry::default()
        };
        Contents {
            server_version: "15.18".to_owned(),
            client_version: "15.18".to_owned(),
            entries: entries.iter().enumerate().map(entry).collect(),
        }
    }

    #[test]
    fn what_only_some_roles_may_make_is_left_out_and_everything_else_keeps_its_order() {
        let contents = contents(&[
            ("ENCODING", "ENCODING", ""),
            ("SCHEMA", "public", ""),
            ("SCHEMA", "auth", ""),
            ("EXTENSION", "pg_graphql", ""),
            ("COMMENT", "EXTENSION citext", ""),
            ("COMMENT", "SCHEMA auth", ""),
            ("TABLE", "users", ""),
            ("TABLE DATA", "users", ""),
            ("EVENT TRIGGER", "pgrst_ddl_watch", ""),
            ("ACL", "TABLE users", ""),
            ("POLICY", "users mine", ""),
        ]);
        assert_eq!(list(&contents), "0\n2\n5\n6\n7\n10\n");
    }

    #[test]
    fn an_extension_needs_its_schema_unless_the_archive_makes_it() {
        let contents = contents(&[
            ("SCHEMA", "own", ""),
            (
                "EXTENSION",
                "citext",
                "CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA own;\n",
            ),
            (
                "EXTENSION",
                "hstore",
                "CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA \"x \"\"y\";\n",
            ),
            (
                "EXTENSION",
                "pg_net",
                "CREATE EXTENSION IF NOT EXISTS pg_net WITH SCHEMA extensions;\n",
            ),
        ]);
        let extension = |name: &str, schema: Option<&str>| Extension {
            name: name.to_owned(),
            schema: schema.map(str::to_owned),
        };
        assert_eq!(
            extensions(&contents),
            [extension("citext", None), extension("hstore", Some("x \"y"))]
        );
    }
}
