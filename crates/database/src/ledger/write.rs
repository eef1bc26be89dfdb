use ace_domain::{kinds::migration_set::StoredPlan, sql::File};
use tokio_postgres::types::Type;

use super::{CLI_LEDGER, Damage};
use crate::{QueryError, Session};

/// One row per version, into our own ledger. `$5` is the session's `application_name`. The journal of the versions is deleted:
/// a later run would skip the parts that it has as done.
const NOTE: &str = "WITH journal AS (DELETE FROM ace_ops.step WHERE version = ANY ($1)) INSERT INTO ace_ops.migration (version, name, sha256, kind, applied_by) \
    SELECT v, n, s, $4, $5 FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS f(v, n, s)";

impl Session {
    /// Notes the digests of files that others applied, instead of others that were noted before. A version that was noted before
    /// with the same digest is refused. Under the lock.
    pub async fn adopt(&self, files: &[File]) -> Result<(), QueryError> {
        self.transaction(async {
            self.forget_others(files).await?;
            self.note(files, "adopted", NOTE).await
        })
        .await
    }

    /// Writes files into the CLI's ledger and ours, in one transaction, each where it is absent: the schema that they would make is
    /// there. Under the lock.
    pub async fn baseline(&self, files: &[File]) -> Result<(), QueryError> {
        let absent = format!("{NOTE} WHERE NOT EXISTS (SELECT FROM ace_ops.migration m WHERE m.version = f.v)");
        self.transaction(async {
            for file in files {
                self.record_unrun(file).await?;
            }
            self.note(files, "baseline", &absent).await
        })
        .await
    }

    async fn transaction(&self, written: impl Future<Output = Result<(), QueryError>>) -> Result<(), QueryError> {
        self.connection.execute("BEGIN").await?;
        match written.await {
            Ok(()) => self.connection.execute("COMMIT").await,
            Err(error) => {
                // A session that can't roll back has ended, and its transaction with it.
                let _ = self.connection.execute("ROLLBACK").await;
                Err(error)
            }
        }
    }

    async fn forget_others(&self, files: &[File]) -> Result<(), QueryError> {
        let statement = "DELETE FROM ace_ops.migration m USING ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS f(v, s) \
             WHERE m.version = f.v AND m.sha256 <> f.s";
        let column = |of: fn(&File) -> &str| files.iter().map(of).collect::<Vec<_>>();
        let parameters = [
            (&column(|file| file.version.as_str()) as _, Type::TEXT_ARRAY),
            (&column(|file| &file.sha256) as _, Type::TEXT_ARRAY),
        ];
        let forgotten = self.connection.query(statement, &parameters).await;
        forgotten.map(|_| ()).map_err(Damage::of("ace_ops.migration"))
    }

    /// Stores the plan of a run, instead of the one before. Under the lock.
    pub async fn store_plan(&self, plan: &StoredPlan) -> Result<(), QueryError> {
        let (versions, digests): (Vec<_>, Vec<_>) = plan.items.iter().map(|(v, d)| (v.as_str(), d.as_str())).unzip();
        let statement = "INSERT INTO ace_ops.plan (digest, system_identifier, timeline, database_oid, versions, digests) \
             VALUES ($1, $2, $3, $4::pg_catalog.oid, $5, $6) ON CONFLICT (one) DO UPDATE SET (digest, system_identifier, timeline, \
             database_oid, versions, digests) = (excluded.digest, excluded.system_identifier, excluded.timeline, \
             excluded.database_oid, excluded.versions, excluded.digests)";
        let parameters = [
            (&plan.digest as _, Type::TEXT),
            (&plan.system_identifier as _, Type::TEXT),
            (&plan.timeline as _, Type::INT8),
            (&plan.database_oid as _, Type::INT8),
            (&versions as _, Type::TEXT_ARRAY),
            (&digests as _, Type::TEXT_ARRAY),
        ];
        let stored = self.connection.query(statement, &parameters).await;
        stored.map(|_| ()).map_err(Damage::of("ace_ops.plan"))
    }

    async fn record_unrun(&self, file: &File) -> Result<(), QueryError> {
        let statement = "INSERT INTO supabase_migrations.schema_migrations (version, name, statements) SELECT $1, $2, $3 \
             WHERE NOT EXISTS (SELECT FROM supabase_migrations.schema_migrations WHERE version = $1)";
        let parameters = [
            (&file.version.as_str() as _, Type::TEXT),
            (&file.name as _, Type::TEXT),
            (&file.recorded() as _, Type::TEXT_ARRAY),
        ];
        let recorded = self.connection.query(statement, &parameters).await;
        recorded.map(|_| ()).map_err(Damage::of(CLI_LEDGER))
    }

    async fn note(&self, files: &[File], kind: &str, statement: &str) -> Result<(), QueryError> {
        let column = |of: fn(&File) -> &str| files.iter().map(of).collect::<Vec<_>>();
        let parameters = [
            (&column(|file| file.version.as_str()) as _, Type::TEXT_ARRAY),
            (&column(|file| &file.name) as _, Type::TEXT_ARRAY),
            (&column(|file| &file.sha256) as _, Type::TEXT_ARRAY),
            (&kind as _, Type::TEXT),
            (&self.settings.application as _, Type::TEXT),
        ];
        let noted = self.connection.query(statement, &parameters).await;
        noted.map(|_| ()).map_err(Damage::of("ace_ops.migration"))
    }
}
