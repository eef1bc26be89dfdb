use std::collections::BTreeSet;

use super::{TableName, table::quoted};

/// Schemas that the platform makes and fills by itself, which a project gets with its next database. `auth`, `storage` and
/// `supabase_functions` are none of them: a project's own tables refer to their rows and call their functions.
const PLATFORM: &[&str] = &[
    "_analytics",
    "_realtime",
    "_supavisor",
    "cron",
    "extensions",
    "graphql",
    "graphql_public",
    "net",
    "pgbouncer",
    "pgsodium",
    "pgsodium_masks",
    "pgtle",
    "realtime",
    "vault",
];

/// What a backup leaves out; everything else is in it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scope {
    schemas: BTreeSet<String>,
    data: BTreeSet<TableName>,
}

impl Scope {
    /// Leaves out the platform's own schemas, these schemas, and the rows of these tables; of a partitioned table, those of its
    /// partitions.
    pub fn without(schemas: &[String], data: impl IntoIterator<Item = TableName>) -> Self {
        Self {
            schemas: PLATFORM
                .iter()
                .map(|name| (*name).to_owned())
                .chain(schemas.iter().cloned())
                .collect(),
            data: data.into_iter().collect(),
        }
    }

    /// Names of the schemas that are left out.
    pub(crate) fn schemas(&self) -> Vec<String> {
        self.schemas.iter().cloned().collect()
    }

    /// The tables whose rows are left out, as they were named.
    pub(crate) fn data(&self) -> &BTreeSet<TableName> {
        &self.data
    }

    /// The arguments of `pg_dump` that leave out the same. `data`: these tables, with the partitions of those that have some.
    pub(crate) fn arguments(&self, data: &[TableName]) -> Vec<String> {
        let schemas = self
            .schemas
            .iter()
            .map(|schema| format!("--exclude-schema={}", quoted(schema)));
        let data = data
            .iter()
            .map(|table| format!("--exclude-table-data={}", table.pattern()));
        schemas.chain(data).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Scope;
    use crate::TableName;

    #[test]
    fn only_what_is_named_is_left_out() {
        let odd = TableName::new("public", "p*");
        let scope = Scope::without(&["stag?ng".to_owned()], [odd.clone()]);
        let arguments = scope.arguments(&[odd]);
        assert!(
            arguments.contains(&"--exclude-schema=\"stag?ng\"".to_owned()),
            "{arguments:?}"
        );
        assert_eq!(arguments.last().unwrap(), "--exclude-table-data=\"public\".\"p*\"");
        for kept in ["auth", "storage", "public", "supabase_migrations", "supabase_functions"] {
            assert!(!arguments.contains(&format!("--exclude-schema=\"{kept}\"")), "{kept}");
        }
    }
}
