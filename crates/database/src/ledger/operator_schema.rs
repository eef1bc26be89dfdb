use ace_domain::kinds::migration_set::Owner;
use tokio_postgres::types::Type;

use super::{
    BOTH_LEDGERS, Damage, column,
    reference::{REFERENCE, STANDING},
};
use crate::{QueryError, Session};

/// Version of the tables. A later one is not touched.
pub(super) const LAYOUT: i32 = 1;

pub(super) const STATE: &str = "ace_ops.state";
const OWNER: &str = "ace_ops.owner";

/// The official CLI's table, exactly as it creates it (CLI 3.1.0, statement log).
const CLI_SCHEMA: &str = "CREATE SCHEMA IF NOT EXISTS supabase_migrations;";
const CLI_TABLE: &str = "\
    CREATE TABLE IF NOT EXISTS supabase_migrations.schema_migrations (version text NOT NULL PRIMARY KEY); \
    ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN IF NOT EXISTS statements text[]; \
    ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN IF NOT EXISTS name text;";

/// Our own tables. One with a column `one` has at most one row. The tables of objects have no key ([`KEYLESS`]): names may be longer
/// than an index allows.
const TABLES: &str = "\
    CREATE SCHEMA ace_ops; \
    COMMENT ON SCHEMA ace_ops IS 'Kept by ace-ops: which migrations ran here, with the digest of their text, and what the \
schema was afterwards. Without it ace-ops treats this database as a new one.'; \
    CREATE TABLE ace_ops.state (one boolean PRIMARY KEY DEFAULT true CHECK (one), layout integer NOT NULL, \
        behind boolean NOT NULL DEFAULT false, looked boolean NOT NULL DEFAULT false, \
        server_major integer, form integer, schemas text[], digest text, gate text); \
    CREATE TABLE ace_ops.owner (one boolean PRIMARY KEY DEFAULT true CHECK (one), namespace text NOT NULL, name text NOT NULL); \
    CREATE TABLE ace_ops.migration (version text PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, \
        kind text NOT NULL CHECK (kind IN ('applied', 'adopted', 'baseline')), duration_ms bigint NOT NULL DEFAULT 0, \
        warnings text[] NOT NULL DEFAULT '{}', applied_by text NOT NULL, \
        applied_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()); \
    CREATE TABLE ace_ops.step (version text, segment integer, sha256 text NOT NULL, done boolean NOT NULL, \
        indexes oid[] NOT NULL, settings text NOT NULL, PRIMARY KEY (version, segment)); \
    CREATE TABLE ace_ops.plan (one boolean PRIMARY KEY DEFAULT true CHECK (one), digest text NOT NULL, \
        system_identifier text NOT NULL, timeline bigint NOT NULL, database_oid oid NOT NULL, \
        versions text[] NOT NULL, digests text[] NOT NULL); \
    CREATE TABLE ace_ops.reference (class text NOT NULL, name text NOT NULL, schemas text[] NOT NULL, definition text NOT NULL); \
    CREATE TABLE ace_ops.standing (class text NOT NULL, name text NOT NULL, schemas text[], definition text);";

/// The tables without a key.
const KEYLESS: [&str; 2] = [REFERENCE, STANDING];

/// Without it, nothing may be deleted from a table without a key while a publication has all tables. It is the whole row: these
/// tables are small. Earlier releases did not set it.
fn identify_rows(table: &str) -> String {
    format!("ALTER TABLE {table} REPLICA IDENTITY FULL;")
}

/// Row security for all tables, and no privileges for any role, whatever the default privileges of this database are.
const CLOSED: &str = "DO $$ DECLARE t record; BEGIN \
    FOR t IN SELECT c.oid::pg_catalog.regclass AS name FROM pg_catalog.pg_class c \
             WHERE c.relnamespace = 'ace_ops'::pg_catalog.regnamespace AND c.relkind = 'r' LOOP \
        EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.name); \
    END LOOP; \
    FOR t IN SELECT DISTINCT p.what, CASE p.grantee WHEN 0 THEN 'PUBLIC' ELSE p.grantee::pg_catalog.regrole::text END AS grantee \
             FROM (SELECT 'TABLE ' || c.oid::pg_catalog.regclass AS what, c.relowner AS owner, a.grantee \
                   FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a \
                   WHERE c.relnamespace = 'ace_ops'::pg_catalog.regnamespace AND c.relkind = 'r' \
                   UNION ALL \
                   SELECT 'SCHEMA ace_ops', n.nspowner, a.grantee \
                   FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a WHERE n.nspname = 'ace_ops') p \
             WHERE p.grantee <> p.owner LOOP \
        EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM %s', t.what, t.grantee); \
    END LOOP; END $$;";

/// Whether they exist: the CLI's schema, its three columns, our tables; and which of ours lack what [`identify_rows`] sets and only
/// their owner may set.
const EXISTING: &str = "SELECT pg_catalog.to_regnamespace('supabase_migrations') IS NOT NULL, \
    (SELECT count(*) = 3 FROM pg_catalog.pg_attribute a \
     WHERE a.attrelid = pg_catalog.to_regclass('supabase_migrations.schema_migrations') \
     AND NOT a.attisdropped AND a.attname IN ('version', 'name', 'statements')), \
    pg_catalog.to_regclass('ace_ops.state') IS NOT NULL, \
    coalesce((SELECT pg_catalog.string_agg(t.name, ' ') FROM pg_catalog.unnest(ARRAY['ace_ops.reference', 'ace_ops.standing']) t (name) \
              JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(t.name) \
              WHERE c.relreplident <> 'f' AND pg_catalog.pg_has_role(c.relowner, 'USAGE')), '')";

/// Whether files may be run for an owner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Prepared {
    /// The tables exist, and the database belongs to the caller.
    Ours,
    /// The database belongs to another owner, who claimed it first.
    Claimed(Owner),
    /// A later ace-ops created the tables, in this layout.
    Newer(i32),
}

impl Session {
    /// Creates what is missing of the CLI's ledger and of `ace_ops`, and claims the database for this owner if it has none.
    /// Under the lock.
    pub async fn prepare_operator_schema(&self, owner: &Owner) -> Result<Prepared, QueryError> {
        let existing = self.connection.row(EXISTING).await;
        let [schema, table, operator_schema, unidentified] = existing.map_err(Damage::of(BOTH_LEDGERS))?;
        let mut missing = String::new();
        if table != "t" {
            // `IF NOT EXISTS` is refused to a role that may not create schemas, even if the schema exists.
            missing.extend((schema != "t").then_some(CLI_SCHEMA));
            missing.push_str(CLI_TABLE);
        }
        if operator_schema != "t" {
            let layout = format!("INSERT INTO ace_ops.state (layout) VALUES ({LAYOUT});");
            missing.push_str(TABLES);
            missing.extend(KEYLESS.map(identify_rows));
            missing.extend([CLOSED, &layout]);
        }
        if !missing.is_empty() {
            // Statements of one message are one transaction.
            let makes_schema = schema != "t" || operator_schema != "t";
            let made = self.connection.execute(&missing).await;
            made.map_err(|error| match error {
                // Nothing is damaged: the role may not create schemas.
                QueryError::Refused(state) if makes_schema && state.is_missing_right() => QueryError::Refused(state),
                error => Damage::of(BOTH_LEDGERS)(error),
            })?;
        }
        let layout = self.layout().await?;
        if layout > LAYOUT {
            return Ok(Prepared::Newer(layout));
        }
        for table in KEYLESS.into_iter().filter(|table| unidentified.contains(table)) {
            let identified = self.connection.execute(&identify_rows(table)).await;
            identified.map_err(Damage::of(table))?;
        }
        self.claim(owner).await
    }

    /// Releases the database if it belongs to this owner. The ledgers stay. Under the lock.
    pub async fn give_up(&self, owner: &Owner) -> Result<(), QueryError> {
        let statement = "DELETE FROM ace_ops.owner WHERE namespace = $1 AND name = $2";
        let parameters = [(&owner.namespace as _, Type::TEXT), (&owner.name as _, Type::TEXT)];
        let given_up = self.connection.query(statement, &parameters).await;
        given_up.map(|_| ()).map_err(Damage::of(OWNER))
    }

    pub(super) async fn layout(&self) -> Result<i32, QueryError> {
        let rows = self.connection.query("SELECT layout FROM ace_ops.state", &[]).await;
        let rows = rows.map_err(Damage::of(STATE))?;
        column(STATE, rows.first().ok_or_else(|| Damage::empty(STATE))?, 0)
    }

    /// The owner of the database, if it has one.
    pub(super) async fn owner(&self) -> Result<Option<Owner>, QueryError> {
        let rows = self.connection.query("SELECT namespace, name FROM ace_ops.owner", &[]);
        let rows = rows.await.map_err(Damage::of(OWNER))?;
        let owner = |row| {
            Ok(Owner {
                namespace: column(OWNER, row, 0)?,
                name: column(OWNER, row, 1)?,
            })
        };
        rows.first().map(owner).transpose()
    }

    async fn claim(&self, owner: &Owner) -> Result<Prepared, QueryError> {
        let claim =
            "INSERT INTO ace_ops.owner (namespace, name) SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM ace_ops.owner)";
        let parameters = [(&owner.namespace as _, Type::TEXT), (&owner.name as _, Type::TEXT)];
        let claimed = async {
            let claimed = self.connection.query(claim, &parameters).await;
            claimed.map(|_| ()).map_err(Damage::of(OWNER))
        };
        // Sent together, answered in order.
        let ((), first) = tokio::try_join!(claimed, self.owner())?;
        let first = first.ok_or_else(|| Damage::empty(OWNER))?;
        Ok(if first == *owner {
            Prepared::Ours
        } else {
            Prepared::Claimed(first)
        })
    }
}
