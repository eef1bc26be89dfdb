use std::fmt;

use super::{Proof, TableName};

/// One way in which a restored database is not the one that was backed up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Difference {
    /// It has no such table.
    Missing(TableName),
    /// It has a table that the source had not.
    Unexpected(TableName),
    /// It has another number of rows.
    Rows {
        table: TableName,
        source: u64,
        restored: u64,
    },
    /// It has as many rows, and not the same.
    Content(TableName),
    /// Rows were hashed on one side only, so nothing is known of them.
    NotCompared(TableName),
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(table) => write!(formatter, "{table} is missing"),
            Self::Unexpected(table) => write!(formatter, "{table} was not in the source"),
            Self::Rows {
                table,
                source,
                restored,
            } => {
                write!(formatter, "{table} has {restored} rows instead of {source}")
            }
            Self::Content(table) => write!(formatter, "{table} has other rows"),
            Self::NotCompared(table) => write!(formatter, "the rows of {table} were only counted"),
        }
    }
}

impl Proof {
    /// How a restored database differs from this, its source.
    pub fn differences(&self, restored: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        for (table, source) in &self.tables {
            let Some(copy) = restored.tables.get(table) else {
                differences.push(Difference::Missing(table.clone()));
                continue;
            };
            if copy.rows != source.rows {
                differences.push(Difference::Rows {
                    table: table.clone(),
                    source: source.rows,
                    restored: copy.rows,
                });
            } else if copy.hash.is_some() != source.hash.is_some() {
                differences.push(Difference::NotCompared(table.clone()));
            } else if copy.hash != source.hash {
                differences.push(Difference::Content(table.clone()));
            }
        }
        let unexpected = restored.tables.keys().filter(|table| !self.tables.contains_key(*table));
        differences.extend(unexpected.cloned().map(Difference::Unexpected));
        differences
    }
}

#[cfg(test)]
mod tests {
    use super::Difference;
    use crate::{Counted, Proof, TableName};

    fn proof(tables: &[(&str, u64, &str)]) -> Proof {
        let counted = |&(name, rows, hash): &(&str, u64, &str)| {
            let hash = Some(hash.to_owned()).filter(|hash| !hash.is_empty());
            (TableName::new("public", name), Counted { rows, hash })
        };
        Proof {
            tables: tables.iter().map(counted).collect(),
            ..Proof::default()
        }
    }

    #[test]
    fn every_table_is_compared_both_ways() {
        let source = proof(&[
            ("equal", 2, "7"),
            ("fewer", 2, "7"),
            ("gone", 1, "1"),
            ("other", 2, "7"),
            ("counted", 1, ""),
        ]);
        let restored = proof(&[
            ("equal", 2, "7"),
            ("fewer", 1, "3"),
            ("other", 2, "8"),
            ("counted", 1, "5"),
            ("new", 0, "0"),
        ]);
        let table = |name| TableName::new("public", name);
        assert_eq!(
            source.differences(&restored),
            [
                Difference::NotCompared(table("counted")),
                Difference::Rows {
                    table: table("fewer"),
                    source: 2,
                    restored: 1
                },
                Difference::Missing(table("gone")),
                Difference::Content(table("other")),
                Difference::Unexpected(table("new")),
            ]
        );
        assert_eq!(source.differences(&source), []);
    }
}
