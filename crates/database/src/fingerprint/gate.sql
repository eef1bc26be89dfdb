-- A catalogue's row gets another xmin when it is changed by DDL; ANALYZE, VACUUM and nextval change it in place or not at
-- all. Relations of sessions' own (temporary ones) are left out, and so is what initdb made and no schema can show.
SELECT left(encode(sha256(convert_to(string_agg(concat_ws(':', part, rows, mix), ',' ORDER BY part), 'UTF8')), 'hex'), 32) FROM (
  WITH space AS MATERIALIZED (
    SELECT oid, xmin FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'
  ),
  rel AS MATERIALIZED (
    SELECT oid, xmin FROM pg_class WHERE oid >= 16384 AND relpersistence <> 't'
  )
  SELECT 1, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM rel
  UNION ALL SELECT 2, count(*), bit_xor(hashtextextended(a.xmin::text, (a.attrelid::bigint << 16) + a.attnum))
    FROM pg_attribute a JOIN rel ON rel.oid = a.attrelid WHERE a.attnum > 0
  UNION ALL SELECT 3, count(*), bit_xor(hashtextextended(d.xmin::text, d.oid::bigint)) FROM pg_attrdef d JOIN rel ON rel.oid = d.adrelid
  UNION ALL SELECT 4, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_constraint
    WHERE conrelid = 0 OR conrelid IN (SELECT oid FROM rel)
  UNION ALL SELECT 5, count(*), bit_xor(hashtextextended(i.xmin::text, i.indexrelid::bigint)) FROM pg_index i JOIN rel ON rel.oid = i.indexrelid
  UNION ALL SELECT 6, count(*), bit_xor(hashtextextended(t.xmin::text, t.oid::bigint)) FROM pg_trigger t JOIN rel ON rel.oid = t.tgrelid
  UNION ALL SELECT 7, count(*), bit_xor(hashtextextended(r.xmin::text, r.oid::bigint)) FROM pg_rewrite r JOIN rel ON rel.oid = r.ev_class
  UNION ALL SELECT 8, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_policy
  UNION ALL SELECT 9, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM space
  UNION ALL SELECT 10, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_proc
    WHERE oid >= 16384 AND pronamespace IN (SELECT oid FROM space)
  UNION ALL SELECT 11, count(*), bit_xor(hashtextextended(xmin::text, aggfnoid::oid::bigint)) FROM pg_aggregate WHERE aggfnoid >= 16384
  -- A relation's row type goes with it; its array goes with that.
  UNION ALL SELECT 12, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_type
    WHERE oid >= 16384 AND typnamespace IN (SELECT oid FROM space)
      AND (typtype IN ('e', 'd', 'r') OR typtype = 'c' AND typrelid IN (SELECT oid FROM rel))
  UNION ALL SELECT 13, count(*), bit_xor(hashtextextended(xmin::text, oid::bigint)) FROM pg_enum
  UNION ALL SELECT 14, count(*), bit_xor(hashtextextended(xmin::text, rngtypid::bigint)) FROM pg_range
  UNION ALL SELECT 15, count(*), bit_xor(hashtextextended(s.xmin::text, s.seqrelid::bigint)) FROM pg_sequence s JOIN rel ON rel.oid = s.seqrelid
  UNION ALL SELECT 16, count(*), bit_xor(hash_record_extended(ROW(classoid, objoid, objsubid, xmin), 0)) FROM pg_description
    WHERE (objoid >= 16384 AND (classoid <> 'pg_class'::regclass OR objoid IN (SELECT oid FROM rel))) OR classoid = 'pg_namespace'::regclass
  UNION ALL SELECT 17, count(*), bit_xor(hash_record_extended(ROW(h.inhrelid, h.inhseqno, h.xmin), 0)) FROM pg_inherits h JOIN rel ON rel.oid = h.inhrelid
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
  -- Which sequence is a column's, and what is an extension's.
  UNION ALL SELECT 28, count(*), bit_xor(hash_record_extended(ROW(d.classid, d.objid, d.refobjid, d.refobjsubid, d.xmin), 0)) FROM pg_depend d
    WHERE d.deptype = 'e' OR d.deptype IN ('a', 'i') AND d.refobjsubid > 0
      AND d.objid IN (SELECT s.seqrelid FROM pg_sequence s JOIN rel ON rel.oid = s.seqrelid)
  UNION ALL SELECT 29, count(*), bit_xor(hashtextextended(rolname, oid::bigint)) FROM pg_roles
) parts (part, rows, mix)
