CREATE FUNCTION jsonb_matches_schema(schema json, instance jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RAISE EXCEPTION 'pg_jsonschema of the bed checks no document' USING ERRCODE = 'feature_not_supported';
END $$;
CREATE FUNCTION json_matches_schema(schema json, instance json) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RAISE EXCEPTION 'pg_jsonschema of the bed checks no document' USING ERRCODE = 'feature_not_supported';
END $$;
