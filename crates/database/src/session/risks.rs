use ace_domain::sql::{Catalogue, Routine};

use crate::{QueryError, Session};

/// What the risks of a plan depend on.
const RISKS: &str = include_str!("risks.sql");

impl Session {
    /// Reads what the risks of a plan depend on. Tables with at least this many rows are large.
    pub async fn catalogue(&self, large: u64) -> Result<Catalogue, QueryError> {
        let (large, risks) = tokio::try_join!(self.large_tables(large), self.connection.query(RISKS, &[]))?;
        let mut catalogue = Catalogue {
            large,
            ..Catalogue::default()
        };
        for row in risks {
            let [kind, schema, name]: [String; 3] = [text(&row, 0)?, text(&row, 1)?, text(&row, 2)?];
            let flag = |at| row.try_get(at).map_err(|_| QueryError::Protocol);
            match kind.as_str() {
                "relation" => {
                    let table = (schema, name);
                    if flag(4)? {
                        catalogue.quiet.insert(table.clone());
                    }
                    catalogue.relations.insert(table, flag(3)?);
                }
                "sequence" => {
                    catalogue.sequences.insert((schema, name));
                }
                "routine" => {
                    let commits: Option<&str> = row.try_get(5).map_err(|_| QueryError::Protocol)?;
                    let routine = Routine {
                        volatile: flag(3)?,
                        definer: flag(4)?,
                        commits: commits.is_some(),
                    };
                    catalogue.routines.insert((schema, name), routine);
                }
                "extension" => {
                    catalogue.extensions.insert(name);
                }
                "restrictive" => {
                    let policies = catalogue.restrictive.entry((schema, name)).or_default();
                    policies.insert(text(&row, 5)?);
                }
                "enum" => {
                    catalogue
                        .enums
                        .entry((schema, name))
                        .or_default()
                        .insert(text(&row, 5)?);
                }
                "enum column" => {
                    let column = serde_json::from_str::<[String; 3]>(&text(&row, 5)?);
                    let [column, of, type_] = column.map_err(|_| QueryError::Protocol)?;
                    let columns = catalogue.enum_columns.entry((schema, name)).or_default();
                    columns.insert(column, (of, type_));
                }
                "dependant" => {
                    catalogue.dependants.insert((schema, name), text(&row, 5)?);
                }
                _ => catalogue.securing_trigger = Some(name),
            }
        }
        Ok(catalogue)
    }
}

fn text(row: &tokio_postgres::Row, at: usize) -> Result<String, QueryError> {
    row.try_get(at).map_err(|_| QueryError::Protocol)
}
