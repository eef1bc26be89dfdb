-- Minimal Supabase prerequisites for a plain PostgreSQL 15+ server, so that the
-- platform's own migrations can be applied to it (tests, drills, restore checks).
--
--   psql -v ON_ERROR_STOP=1 -d <db> -f supabase_bootstrap.sql     (as a superuser)
--
-- Plain SQL only, so a driver may also send the whole file as one simple query.
-- Best run by a superuser that is not called "postgres": then "postgres" is made
-- here as an ordinary role, as on the real platform.
--
-- Idempotent: may be run again on the same database. It creates only what the
-- migrations and the restored dumps need; it is not a Supabase emulator.
-- Roles are cluster-wide, everything else is per database.

BEGIN;
SET LOCAL client_min_messages = warning;

-- 1. Roles ------------------------------------------------------------------
-- "postgres" owns every object the baseline creates (OWNER TO postgres); the
-- three API roles are grantees; service_role must bypass RLS.
DO $roles$
DECLARE
  r record;
BEGIN
  FOR r IN SELECT * FROM (VALUES
      ('postgres',                'LOGIN CREATEDB CREATEROLE BYPASSRLS'),
      ('anon',                    'NOLOGIN NOINHERIT'),
      ('authenticated',           'NOLOGIN NOINHERIT'),
      ('service_role',            'NOLOGIN NOINHERIT BYPASSRLS'),
      ('authenticator',           'NOLOGIN NOINHERIT'),
      ('supabase_admin',          'NOLOGIN'),
      ('supabase_auth_admin',     'NOLOGIN NOINHERIT CREATEROLE'),
      ('supabase_storage_admin',  'NOLOGIN NOINHERIT CREATEROLE'),
      ('dashboard_user',          'NOLOGIN CREATEDB CREATEROLE'),
      -- For queries that promise to read only: a session's default could be undone
      -- by SET TRANSACTION READ WRITE, missing rights can't.
      ('supabase_read_only_user', 'LOGIN BYPASSRLS')
    ) AS t(name, attrs)
  LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = r.name) THEN
      EXECUTE format('CREATE ROLE %I %s', r.name, r.attrs);
    END IF;
  END LOOP;
END
$roles$;

GRANT anon, authenticated, service_role TO authenticator;
GRANT anon, authenticated, service_role TO postgres;
-- As on the real platform: it may look at everybody's statements and sessions.
GRANT pg_monitor TO postgres;
-- The platform gives this role its password, as "postgres": from PostgreSQL 16 on
-- that takes the ADMIN OPTION.
GRANT pg_monitor, pg_read_all_data TO supabase_read_only_user;
GRANT supabase_read_only_user, pg_read_all_data TO postgres WITH ADMIN OPTION;

-- The migrations are run as "postgres", which on the real platform is NOT a
-- superuser: it needs CREATE on the database (schemas, publication ownership).
DO $db$
BEGIN
  EXECUTE format('GRANT ALL ON DATABASE %I TO postgres', current_database());
  -- pgcrypto & co. live in "extensions"; unqualified calls rely on this path.
  EXECUTE format('ALTER DATABASE %I SET search_path TO "$user", public, extensions',
                 current_database());
END
$db$;

-- 2. Schemas ----------------------------------------------------------------
CREATE SCHEMA IF NOT EXISTS extensions;
CREATE SCHEMA IF NOT EXISTS auth;
CREATE SCHEMA IF NOT EXISTS storage;
CREATE SCHEMA IF NOT EXISTS vault;
CREATE SCHEMA IF NOT EXISTS graphql;
CREATE SCHEMA IF NOT EXISTS graphql_public;
CREATE SCHEMA IF NOT EXISTS realtime;
CREATE SCHEMA IF NOT EXISTS supabase_migrations;

ALTER SCHEMA public OWNER TO postgres;              -- baseline: COMMENT ON SCHEMA public
ALTER SCHEMA supabase_migrations OWNER TO postgres; -- the ledger is written as postgres
GRANT USAGE ON SCHEMA public, extensions, auth, storage TO anon, authenticated, service_role;
GRANT ALL   ON SCHEMA extensions, auth, storage TO postgres;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public
  GRANT ALL ON TABLES    TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public
  GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public
  GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;

-- 3. Extensions -------------------------------------------------------------
-- Real ones, shipped with postgresql-contrib.
CREATE EXTENSION IF NOT EXISTS pgcrypto           WITH SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS "uuid-ossp"        WITH SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA extensions;

-- Not packaged for plain PostgreSQL, and nothing in the migrations calls into
-- them. The baseline only says CREATE EXTENSION IF NOT EXISTS, and that is
-- satisfied by a catalogue row; so register an empty placeholder when the
-- server has no control file for it. A superuser may write the catalogue;
-- never do this on a database that matters.
DO $ext$
DECLARE
  e record;
BEGIN
  FOR e IN SELECT * FROM (VALUES
      ('pg_graphql',     'graphql'),
      ('supabase_vault', 'vault')
    ) AS t(name, nsp)
  LOOP
    CONTINUE WHEN EXISTS (SELECT 1 FROM pg_extension WHERE extname = e.name);
    IF EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = e.name) THEN
      EXECUTE format('CREATE EXTENSION %I WITH SCHEMA %I', e.name, e.nsp);
    ELSE
      INSERT INTO pg_catalog.pg_extension
        (oid, extname, extowner, extnamespace, extrelocatable, extversion)
      VALUES
        (pg_nextoid('pg_catalog.pg_extension', 'oid',
                    'pg_catalog.pg_extension_oid_index'),
         e.name,
         (SELECT oid FROM pg_roles WHERE rolname = current_user),
         e.nsp::regnamespace, false, '0-placeholder');
    END IF;
  END LOOP;
END
$ext$;

-- 4. auth: one table (40+ foreign keys point at it) and four claim readers ----
CREATE TABLE IF NOT EXISTS auth.users (
  id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email               text UNIQUE,
  phone               text UNIQUE,
  role                text,
  raw_app_meta_data   jsonb NOT NULL DEFAULT '{}'::jsonb,
  raw_user_meta_data  jsonb NOT NULL DEFAULT '{}'::jsonb,
  email_confirmed_at  timestamptz,
  last_sign_in_at     timestamptz,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now()
);
-- REFERENCES + TRIGGER are what migrations need; SELECT for backfills.
GRANT SELECT, INSERT, UPDATE, DELETE, REFERENCES, TRIGGER ON auth.users TO postgres;
GRANT SELECT ON auth.users TO service_role;

CREATE OR REPLACE FUNCTION auth.jwt() RETURNS jsonb
  LANGUAGE sql STABLE
  AS $$ SELECT coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb $$;

CREATE OR REPLACE FUNCTION auth.uid() RETURNS uuid
  LANGUAGE sql STABLE
  AS $$ SELECT nullif(auth.jwt() ->> 'sub', '')::uuid $$;

CREATE OR REPLACE FUNCTION auth.role() RETURNS text
  LANGUAGE sql STABLE
  AS $$ SELECT auth.jwt() ->> 'role' $$;

CREATE OR REPLACE FUNCTION auth.email() RETURNS text
  LANGUAGE sql STABLE
  AS $$ SELECT auth.jwt() ->> 'email' $$;

GRANT EXECUTE ON FUNCTION auth.jwt(), auth.uid(), auth.role(), auth.email()
  TO postgres, anon, authenticated, service_role;

-- 5. storage: only so that RLS checks and bucket scripts have something to see --
CREATE TABLE IF NOT EXISTS storage.buckets (
  id text PRIMARY KEY, name text NOT NULL UNIQUE, owner uuid,
  public boolean NOT NULL DEFAULT false,
  file_size_limit bigint, allowed_mime_types text[],
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS storage.objects (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  bucket_id text REFERENCES storage.buckets (id), name text, owner uuid, metadata jsonb,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;
-- Folder part of an object name, used by one archived policy.
CREATE OR REPLACE FUNCTION storage.foldername(name text) RETURNS text[]
  LANGUAGE sql IMMUTABLE
  AS $$ SELECT p[1:cardinality(p) - 1] FROM string_to_array(name, '/') AS p $$;
-- The platform lets "postgres" add policies here (six archived migrations do).
ALTER TABLE storage.buckets OWNER TO postgres;
ALTER TABLE storage.objects OWNER TO postgres;
GRANT ALL ON storage.buckets, storage.objects TO service_role;
GRANT SELECT ON storage.buckets, storage.objects TO anon, authenticated;

-- 6. Realtime publication: the baseline takes ownership and adds two tables ----
DO $pub$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_publication WHERE pubname = 'supabase_realtime') THEN
    CREATE PUBLICATION supabase_realtime;
  END IF;
END
$pub$;
ALTER PUBLICATION supabase_realtime OWNER TO postgres;

-- 7. Migration ledger, in the shape the Supabase tools keep it -----------------
CREATE TABLE IF NOT EXISTS supabase_migrations.schema_migrations (
  version    text PRIMARY KEY,
  statements text[],
  name       text
);
ALTER TABLE supabase_migrations.schema_migrations OWNER TO postgres;

COMMIT;
