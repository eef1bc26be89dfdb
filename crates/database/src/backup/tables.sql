-- The tables of a backup: foreign ones, whose rows are elsewhere, and materialized views, whose rows are made anew, for their names.
-- $1: schemas that are left out; $2, $3: schemas and names of tables whose rows are.
WITH named (schema, name) AS (SELECT * FROM unnest($2::text[], $3::text[]))
SELECT n.nspname::text, c.relname::text, c.relkind::text,
  coalesce((
    SELECT string_agg('t.' || quote_ident(a.attname), ', ' ORDER BY a.attname COLLATE "C")
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  ), ''),
  EXISTS (
    SELECT FROM named JOIN pg_namespace m ON m.nspname = named.schema JOIN pg_class p ON p.relnamespace = m.oid AND p.relname = named.name
    WHERE p.oid = c.oid OR (c.relispartition AND p.oid IN (SELECT relid FROM pg_partition_ancestors(c.oid)))
  ),
  EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e'),
  has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'),
  row_security_active(c.oid),
  (
    SELECT coalesce(jsonb_agg(jsonb_build_array(m.nspname, p.relname)), '[]')::text FROM pg_partition_ancestors(c.oid) a (relid)
    JOIN pg_class p ON p.oid = a.relid JOIN pg_namespace m ON m.oid = p.relnamespace
    WHERE c.relispartition AND a.relid <> c.oid
  )
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f', 'm') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> ALL ($1::text[])
ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"
