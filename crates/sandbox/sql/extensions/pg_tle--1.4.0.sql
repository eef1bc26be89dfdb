DO $role$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgtle_admin') THEN
    CREATE ROLE pgtle_admin NOLOGIN;
  END IF;
END
$role$;
CREATE FUNCTION pgtle.install_extension(name text, version text, description text, ext text, requires text[] DEFAULT NULL)
  RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'pg_tle of the bed installs no extension' USING ERRCODE = 'feature_not_supported';
END $$;
CREATE FUNCTION pgtle.uninstall_extension_if_exists(extname text) RETURNS boolean LANGUAGE sql AS $$ SELECT false $$;
CREATE FUNCTION pgtle.available_extensions(OUT name name, OUT default_version text, OUT comment text)
  RETURNS SETOF record LANGUAGE sql AS $$ SELECT NULL::name, NULL::text, NULL::text WHERE false $$;
GRANT USAGE ON SCHEMA pgtle TO PUBLIC;
GRANT pgtle_admin TO postgres;
