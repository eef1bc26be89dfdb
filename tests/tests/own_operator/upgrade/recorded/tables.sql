-- The tables that the operator of commit 450a704 creates.
CREATE SCHEMA IF NOT EXISTS supabase_migrations;
CREATE TABLE IF NOT EXISTS supabase_migrations.schema_migrations (version text NOT NULL PRIMARY KEY);
ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN IF NOT EXISTS statements text[];
ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN IF NOT EXISTS name text;
CREATE SCHEMA ace_ops;
COMMENT ON SCHEMA ace_ops IS 'Kept by ace-ops: which migrations ran here, with the digest of their bytes, and what the schema looked like afterwards. Dropping it makes ace-ops look at this database as at a new one.';
CREATE TABLE ace_ops.state (one boolean PRIMARY KEY DEFAULT true CHECK (one), layout integer NOT NULL, behind boolean NOT NULL DEFAULT false, looked boolean NOT NULL DEFAULT false, server_major integer, form integer, schemas text[], digest text, gate text);
CREATE TABLE ace_ops.owner (one boolean PRIMARY KEY DEFAULT true CHECK (one), namespace text NOT NULL, name text NOT NULL);
CREATE TABLE ace_ops.migration (version text PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, kind text NOT NULL CHECK (kind IN ('applied', 'adopted', 'baseline')), duration_ms bigint NOT NULL DEFAULT 0, warnings text[] NOT NULL DEFAULT '{}', applied_by text NOT NULL, applied_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp());
CREATE TABLE ace_ops.step (version text, segment integer, sha256 text NOT NULL, done boolean NOT NULL, indexes oid[] NOT NULL, settings text NOT NULL, PRIMARY KEY (version, segment));
CREATE TABLE ace_ops.plan (one boolean PRIMARY KEY DEFAULT true CHECK (one), digest text NOT NULL, system_identifier text NOT NULL, timeline bigint NOT NULL, database_oid oid NOT NULL, versions text[] NOT NULL, digests text[] NOT NULL);
CREATE TABLE ace_ops.reference (class text NOT NULL, name text NOT NULL, schemas text[] NOT NULL, definition text NOT NULL);
CREATE TABLE ace_ops.standing (class text NOT NULL, name text NOT NULL, schemas text[], definition text);
DO $$ DECLARE t record; BEGIN FOR t IN SELECT c.oid::pg_catalog.regclass AS name FROM pg_catalog.pg_class c WHERE c.relnamespace = 'ace_ops'::pg_catalog.regnamespace AND c.relkind = 'r' LOOP EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.name); END LOOP; FOR t IN SELECT DISTINCT p.what, CASE p.grantee WHEN 0 THEN 'PUBLIC' ELSE p.grantee::pg_catalog.regrole::text END AS grantee FROM (SELECT 'TABLE ' || c.oid::pg_catalog.regclass AS what, c.relowner AS owner, a.grantee FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a WHERE c.relnamespace = 'ace_ops'::pg_catalog.regnamespace AND c.relkind = 'r' UNION ALL SELECT 'SCHEMA ace_ops', n.nspowner, a.grantee FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a WHERE n.nspname = 'ace_ops') p WHERE p.grantee <> p.owner LOOP EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM %s', t.what, t.grantee); END LOOP; END $$;
