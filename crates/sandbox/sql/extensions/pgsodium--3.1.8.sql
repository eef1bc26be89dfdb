DO $roles$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['pgsodium_keyiduser', 'pgsodium_keyholder', 'pgsodium_keymaker'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I', name);
    END IF;
  END LOOP;
END
$roles$;
CREATE TYPE pgsodium.key_status AS ENUM ('default', 'valid', 'invalid', 'expired');
CREATE TABLE pgsodium.key (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  status pgsodium.key_status DEFAULT 'valid',
  created timestamptz NOT NULL DEFAULT now(),
  expires timestamptz,
  key_type text,
  key_id bigserial,
  key_context bytea DEFAULT '\x7067736f6469756d' CHECK (length(key_context) = 8),
  name text UNIQUE
);
CREATE VIEW pgsodium.valid_key AS
  SELECT id, name, status, key_type, key_id, key_context, created, expires FROM pgsodium.key
  WHERE status IN ('valid', 'default') AND (expires IS NULL OR expires > now());
CREATE FUNCTION pgsodium.create_key(key_type text DEFAULT 'aead-det', name text DEFAULT NULL)
  RETURNS pgsodium.valid_key LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  INSERT INTO pgsodium.key (key_type, name) VALUES ($1, $2)
  RETURNING id, name, status, key_type, key_id, key_context, created, expires
$$;
GRANT USAGE ON SCHEMA pgsodium TO postgres WITH GRANT OPTION;
GRANT ALL ON ALL TABLES IN SCHEMA pgsodium TO postgres WITH GRANT OPTION;
GRANT pgsodium_keyiduser, pgsodium_keyholder, pgsodium_keymaker TO postgres;
