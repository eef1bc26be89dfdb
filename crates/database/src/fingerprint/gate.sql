-- A catalogue's row gets another xmin when it is changed by DDL; ANALYZE, VACUUM and nextval change it in place or not at
-- all. What is temporary is left out, and so is what initdb made and no schema can show: oids below 16384.
SELECT left(encode(sha256(convert_to(string_agg(concat_ws(':', part, rows, mix), ',' ORDER BY part), 'UTF8')), 'hex'), 32) FROM (
  WITH space AS MATERIALIZED (
    SELECT oid, xmin FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'
  ),
  temporary AS MATERIALIZED (
    SELECT oid FROM pg_class WHERE relpersistence = 't'
  )
  SELECT 1, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_class WHERE oid >= 16384 AND relpersistence <> 't'
  UNION ALL SELECT 2, count(*), bit_xor(hashtextextended(xmin::text, (attrelid::bigint << 16) + attnum)) FROM pg_attribute
    WHERE attrelid >= 16384 AND attnum > 0 AND attrelid NOT IN (SELECT oid FROM temporary)
  UNION ALL SELECT 3, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_attrdef WHERE adrelid NOT IN (SELECT oid FROM temporary)
  UNION ALL SELECT 4, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_constraint
    WHERE oid >= 16384 AND conrelid NOT IN (SELECT oid FROM temporary)
  UNION ALL SELECT 5, count(*), bit_xor(hashtextextended(xmin::text, indexrelid::bigint)) FROM pg_index
    WHERE indexrelid >= 16384 AND indexrelid NOT IN (SELECT oid FROM temporary)
  UNION ALL SELECT 6, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_trigger WHERE tgrelid NOT IN (SELECT oid FROM temporary)
  UNION ALL SELECT 7, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_rewrite
    WHERE oid >= 16384 AND ev_class NOT IN (SELECT oid FROM temporary)
  UNION ALL SELECT 8, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_policy
  UNION ALL SELECT 9, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM space
  UNION ALL SELECT 10, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_proc
    WHERE oid >= 16384 AND pronamespace IN (SELECT oid FROM space)
  UNION ALL SELECT 11, count(*), bit_xor(hashtextextended(xmin::text, aggfnoid::oid::bigint)) FROM pg_aggregate WHERE aggfnoid >= 16384
  -- A relation's row type goes with it; its array goes with that.
  UNION ALL SELECT 12, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_type
    WHERE oid >= 16384 AND typnamespace IN (SELECT oid FROM space) AND typtype IN ('e', 'd', 'r', 'c')
  UNION ALL SELECT 13, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_enum
  UNION ALL SELECT 14, count(*), bit_xor(hashtextextended(xmin::text, rngtypid::bigint)) FROM pg_range
  UNION ALL SELECT 15, count(*), bit_xor(hashtextextended(xmin::text, seqrelid::bigint)) FROM pg_sequence
    WHERE seqrelid NOT IN (SELECT oid FROM temporary)
  UNION ALL SELECT 16, count(*), bit_xor(hash_record_extended(ROW(classoid, objoid, objsubid, xmin), 0)) FROM pg_description
    WHERE objoid >= 16384 AND (classoid <> 'pg_class'::regclass OR objoid NOT IN (SELECT oid FROM temporary))
  UNION ALL SELECT 17, count(*), bit_xor(hash_record_extended(ROW(inhrelid, inhseqno, xmin), 0)) FROM pg_inherits
    WHERE inhrelid NOT IN (SELECT oid FROM temporary)
  UNION ALL SELECT 18, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_statistic_ext
  UNION ALL SELECT 19, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_default_acl
  UNION ALL SELECT 20, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_publication
  UNION ALL SELECT 21, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_publication_rel
  UNION ALL SELECT 22, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_publication_namespace
  UNION ALL SELECT 23, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_operator WHERE oid >= 16384
  UNION ALL SELECT 24, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_cast WHERE oid >= 16384
  UNION ALL SELECT 25, count(*), bit_xor(hashtextextended(xmin::text, ftrelid::bigint)) FROM pg_foreign_table
  UNION ALL SELECT 26, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_foreign_server
  UNION ALL SELECT 27, count(*), bit_xor(hashtextextended(xmin::text, partrelid::bigint)) FROM pg_partitioned_table
  -- What is said about a schema that initdb made, `public` above all.
  UNION ALL SELECT 28, count(*), bit_xor(hash_record_extended(ROW(d.objoid, d.xmin), 0))
    FROM space JOIN pg_description d ON d.classoid = 'pg_namespace'::regclass AND d.objoid = space.oid
  -- What is an extension's, by an index: the catalogue of dependencies is a large one. Which sequence is a column's is not asked
  -- there, as ALTER SEQUENCE writes the sequence's row anew for that, too.
  UNION ALL SELECT 29, count(*), bit_xor(hash_record_extended(ROW(classid, objid, refobjid, xmin), 0)) FROM pg_depend
    WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
  UNION ALL SELECT 30, count(*), bit_xor(hashtextextended(rolname, oid::bigint)) FROM pg_roles
  UNION ALL SELECT 31, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_event_trigger
  UNION ALL SELECT 32, count(*), bit_xor(hash_record_extended(ROW(roleid, member, xmin), 0)) FROM pg_auth_members
) parts (part, rows, mix)
