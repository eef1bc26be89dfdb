CREATE FUNCTION url_encode(data bytea) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT translate(encode($1, 'base64'), E'+/=\n', '-_') $$;
CREATE FUNCTION url_decode(data text) RETURNS bytea LANGUAGE sql IMMUTABLE
  AS $$ SELECT decode(rpad(translate($1, '-_', '+/'), (length($1) + 3) / 4 * 4, '='), 'base64') $$;
DO $make$
DECLARE
  crypto text := (SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
    WHERE extname = 'pgcrypto');
BEGIN
  EXECUTE format($f$CREATE FUNCTION algorithm_sign(signables text, secret text, algorithm text) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$ SELECT @extschema@.url_encode(%s.hmac($1, $2,
      CASE $3 WHEN 'HS256' THEN 'sha256' WHEN 'HS384' THEN 'sha384' WHEN 'HS512' THEN 'sha512' END)) $$ $f$, crypto);
END
$make$;
CREATE FUNCTION sign(payload json, secret text, algorithm text DEFAULT 'HS256') RETURNS text LANGUAGE sql IMMUTABLE AS $$
  WITH signed(part) AS (
    SELECT @extschema@.url_encode(convert_to('{"alg":"' || $3 || '","typ":"JWT"}', 'utf8')) || '.'
      || @extschema@.url_encode(convert_to($1::text, 'utf8'))
  )
  SELECT part || '.' || @extschema@.algorithm_sign(part, $2, $3) FROM signed
$$;
CREATE FUNCTION try_cast_double(inp text) RETURNS double precision LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN inp::double precision;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $$;
CREATE FUNCTION verify(token text, secret text, algorithm text DEFAULT 'HS256')
  RETURNS TABLE (header json, payload json, valid boolean) LANGUAGE sql IMMUTABLE AS $$
  WITH parts AS (SELECT string_to_array($1, '.') AS p),
    read AS (
      SELECT convert_from(@extschema@.url_decode(p[1]), 'utf8')::json AS header,
        convert_from(@extschema@.url_decode(p[2]), 'utf8')::json AS payload,
        p[3] = @extschema@.algorithm_sign(p[1] || '.' || p[2], $2, $3) AS genuine
      FROM parts
    )
  SELECT header, payload, genuine AND tstzrange(
      to_timestamp(@extschema@.try_cast_double(payload ->> 'nbf')),
      to_timestamp(@extschema@.try_cast_double(payload ->> 'exp'))) @> now()
  FROM read
$$;
