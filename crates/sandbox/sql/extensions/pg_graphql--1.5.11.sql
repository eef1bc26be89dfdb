CREATE FUNCTION graphql.resolve(
  query text, variables jsonb DEFAULT '{}', "operationName" text DEFAULT NULL, extensions jsonb DEFAULT NULL
) RETURNS jsonb LANGUAGE sql
  AS $$ SELECT '{"errors": [{"message": "pg_graphql of the bed answers no query"}]}'::jsonb $$;
CREATE FUNCTION graphql.comment_directive(comment_ text) RETURNS jsonb LANGUAGE sql IMMUTABLE
  AS $$ SELECT coalesce(substring($1 FROM '@graphql\((.+)\)'), '{}')::jsonb $$;
CREATE SEQUENCE graphql.seq_schema_version CYCLE;
GRANT ALL ON SEQUENCE graphql.seq_schema_version TO postgres, anon, authenticated, service_role;
