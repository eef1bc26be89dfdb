use std::collections::BTreeSet;

use tokio::io::AsyncRead;

use super::plan::{extensions, list};
use crate::{
    ArchiveError, ClientError, Clients, Connection, QueryError, Scratch, ScratchError,
    backup::quoted,
    clients::{Contents, Environment, Handed, Head, Input, major},
    redact::Text,
};

const PROGRAM: &str = "pg_restore";

/// The constraints of tables that were not checked for every row, which a dump has as the source had them.
const NOT_VALID: &str = "SELECT pg_catalog.format('%I.%I.%I', n.nspname, c.relname, k.conname) FROM pg_catalog.pg_constraint k \
    JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE NOT k.convalidated ORDER BY 1";

const INVALID_INDEXES: &str = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_index i \
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE NOT i.indisvalid AND c.relkind = 'i' ORDER BY 1";

/// An archive that was restored without an error.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Restored {
    pub contents: Contents,
    /// Constraints that are `NOT VALID`; every other one was checked. They are so in the source, too, if the schemas are equal.
    pub not_valid: Vec<String>,
    /// Version of the client: `15.18`.
    pub client: String,
}

impl Scratch {
    /// Restores an archive, by a client of exactly the cluster's major; its first error ends it. `roles`: those that policies
    /// name ([`crate::Point::roles`]), which are made where they are missing, and may not log in. Objects belong to the role of
    /// the session; rights, publications and event triggers are left out, as only some roles may make them.
    pub async fn restore(
        &self,
        clients: &Clients,
        mut archive: impl AsyncRead + Unpin,
        roles: &[String],
    ) -> Result<Restored, ScratchError> {
        let head = Head::read(&mut archive).await.map_err(ArchiveError::from)?;
        let contents = head.contents.clone();
        let written_by = major(&contents.client_version).unwrap_or(u32::MAX);
        if self.major() < written_by {
            return Err(ScratchError::ScratchTooOld {
                scratch: self.major(),
                archive: written_by,
            });
        }
        let program = clients.program(PROGRAM, self.major()).await?;
        let connection = self.connect().await?;
        self.prepare(&connection, &contents, roles).await?;

        let restored = Handed::new(list(&contents).as_bytes()).map_err(|error| ClientError::NotHanded {
            program: PROGRAM,
            kind: error.kind(),
        })?;
        let arguments = [
            "--exit-on-error",
            "--no-password",
            "--no-owner",
            "--no-privileges",
            "--no-tablespaces",
            &format!("--use-list={}", restored.path()),
            &format!("--dbname={}", self.name()),
        ]
        .map(str::to_owned);
        let environment = Environment::of(self.access(), self.application(), PROGRAM, self.major()).await?;
        let (running, pipes) = program.start(&arguments, environment, Input::Piped)?;
        head.feed(&mut archive, pipes.stdin)
            .await
            .map_err(ScratchError::Source)?;
        let names = contents
            .entries
            .iter()
            .flat_map(|entry| [entry.schema.as_str(), entry.name.as_str()]);
        running.end(&Text::of(names)).await?;

        let invalid = column(&connection, INVALID_INDEXES).await?;
        if !invalid.is_empty() {
            return Err(ScratchError::IndexesInvalid(invalid));
        }
        let not_valid = column(&connection, NOT_VALID).await?;
        connection.close().await;
        Ok(Restored {
            contents,
            not_valid,
            client: program.version,
        })
    }

    /// What the archive refers to and does not make: roles, and extensions with their schemas.
    async fn prepare(
        &self,
        connection: &Connection,
        contents: &Contents,
        roles: &[String],
    ) -> Result<(), ScratchError> {
        let there = column(
            self.cluster(),
            "SELECT rolname::pg_catalog.text FROM pg_catalog.pg_roles",
        )
        .await?;
        for role in roles.iter().filter(|role| !there.contains(role)) {
            match connection
                .execute(&format!("CREATE ROLE {} NOLOGIN", quoted(role)))
                .await
            {
                // Another run has made it meanwhile.
                Err(QueryError::Refused(state)) if matches!(state.as_str(), "42710" | "23505") => {}
                made => made?,
            }
        }
        let offered = column(
            connection,
            "SELECT name::pg_catalog.text FROM pg_catalog.pg_available_extensions",
        )
        .await?;
        let offered: BTreeSet<String> = offered.into_iter().collect();
        let wanted = extensions(contents);
        let missing = wanted.iter().filter(|extension| !offered.contains(&extension.name));
        let missing: Vec<String> = missing.map(|extension| extension.name.clone()).collect();
        if !missing.is_empty() {
            return Err(ScratchError::ExtensionsMissing(missing));
        }
        for extension in wanted {
            let Some(schema) = extension.schema else { continue };
            let (name, schema) = (quoted(&extension.name), quoted(&schema));
            let mut make = format!("CREATE EXTENSION IF NOT EXISTS {name} WITH SCHEMA {schema}");
            if !schema.starts_with("\"pg_") {
                make = format!("CREATE SCHEMA IF NOT EXISTS {schema}; {make}");
            }
            connection
                .execute(&make)
                .await
                .map_err(|error| ScratchError::ExtensionRefused {
                    name: extension.name,
                    error,
                })?;
        }
        Ok(())
    }
}

/// The texts of a statement's only column.
async fn column(connection: &Connection, statement: &str) -> Result<Vec<String>, QueryError> {
    let rows = connection.rows(statement).await?;
    let texts: Option<Vec<String>> = rows.into_iter().map(|row| row.into_iter().next().flatten()).collect();
    texts.ok_or(QueryError::Protocol)
}
