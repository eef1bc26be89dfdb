, space AS MATERIALIZED (
  SELECT n.oid, n.nspname::text AS schema, n.nspowner, n.nspacl, quote_ident(n.nspname) AS name
  FROM pg_namespace n WHERE n.nspname IN (SELECT named.name FROM named)
),
-- What extensions brought.
member AS MATERIALIZED (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
),
rel AS MATERIALIZED (
  SELECT c.*, space.schema, space.name || '.' || quote_ident(c.relname) AS name
  FROM pg_class c JOIN space ON space.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'c', 'i', 'I')
    AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
),
-- What has triggers and policies: what is outside of the schemas has an empty one.
home AS MATERIALIZED (
  SELECT rel.oid, rel.name, rel.schema FROM rel
UNION ALL
  SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname), ''
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND n.nspname !~ '^pg_'
    AND n.nspname NOT IN ('information_schema', 'ace_ops', 'supabase_migrations')
    AND NOT EXISTS (SELECT FROM space WHERE space.oid = n.oid)
    AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
),
typ AS MATERIALIZED (
  SELECT t.*, space.schema, space.name || '.' || quote_ident(t.typname) AS name
  FROM pg_type t JOIN space ON space.oid = t.typnamespace
  WHERE (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND EXISTS (SELECT FROM rel WHERE rel.oid = t.typrelid AND rel.relkind = 'c'))
    AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
),
-- Attributes have the same places in every object of a class; '~' is before those that go without saying. What may hold a
-- secret (options of foreign tables, arguments of triggers, comments, settings of an application's own) is there by its digest
-- only. chr(1) is before an attribute with an expression, and chr(3) before one of which only the first word is shown.
-- Schemas are told unquoted, and whether they were asked for or not: a cast may be of three.
object (class, name, schemas, classid, objid, objsubid, owner, kind, acl, attributes) AS (
  SELECT 'schema', space.name, ARRAY[space.schema], 'pg_namespace'::regclass, space.oid, 0, space.nspowner, 'n', space.nspacl, ARRAY['schema']
  FROM space
UNION ALL
  SELECT 'table', rel.name, ARRAY[rel.schema], 'pg_class'::regclass, rel.oid, 0, rel.relowner, 'r', rel.relacl, ARRAY[
    CASE rel.relkind WHEN 'p' THEN 'partitioned table' WHEN 'f' THEN 'foreign table' ELSE 'table' END,
    CASE rel.relpersistence WHEN 'u' THEN 'unlogged' ELSE '~logged' END,
    CASE WHEN rel.relrowsecurity THEN 'row security enabled' ELSE 'row security disabled' END,
    CASE WHEN rel.relforcerowsecurity THEN 'row security forced' ELSE '~row security not forced' END,
    CASE WHEN rel.relreplident = 'd' OR rel.relkind = 'f' THEN '~replica identity default'
      WHEN rel.relreplident = 'f' THEN 'replica identity full' WHEN rel.relreplident = 'i' THEN 'replica identity index'
      ELSE 'replica identity nothing' END,
    coalesce(CASE WHEN rel.relispartition THEN 'partition of ' ELSE 'inherits ' END || (
      SELECT string_agg(h.inhparent::regclass::text, ', ' ORDER BY h.inhseqno) FROM pg_inherits h WHERE h.inhrelid = rel.oid
    ), '~inherits nothing'),
    coalesce(chr(1) || nullif(concat_ws(', ',
      'partition ' || pg_get_expr(rel.relpartbound, rel.oid),
      'partition by ' || CASE rel.relkind WHEN 'p' THEN pg_get_partkeydef(rel.oid) END,
      CASE WHEN rel.reloftype <> 0 THEN 'of ' || format_type(rel.reloftype, NULL) END
    ), ''), '~stands alone'),
    coalesce('with ' || (
      SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM (
        SELECT unnest(rel.reloptions)
        UNION ALL SELECT 'toast.' || unnest(t.reloptions) FROM pg_class t WHERE t.oid = rel.reltoastrelid
      ) options (o)
    ), '~no options'),
    coalesce(nullif(concat_ws(', ',
      'using ' || (SELECT a.amname FROM pg_am a WHERE a.oid = rel.relam AND a.amname <> 'heap'),
      'tablespace ' || (SELECT s.spcname FROM pg_tablespace s WHERE s.oid = rel.reltablespace),
      'server ' || quote_ident(server.srvname),
      'options sha256:' || encode(sha256(convert_to(f.ftoptions::text, 'UTF8')), 'hex')
    ), ''), '~ordinary storage')]
  FROM rel LEFT JOIN pg_foreign_table f ON f.ftrelid = rel.oid LEFT JOIN pg_foreign_server server ON server.oid = f.ftserver
  WHERE rel.relkind IN ('r', 'p', 'f')
UNION ALL
  SELECT 'column', rel.name || '.' || quote_ident(a.attname), ARRAY[rel.schema], 'pg_class'::regclass, rel.oid, a.attnum, NULL, 'c', a.attacl, ARRAY[
    format_type(a.atttypid, a.atttypmod)
      || CASE WHEN a.attcollation IN (0, t.typcollation) THEN '' ELSE ' collate ' || a.attcollation::regcollation::text END,
    CASE WHEN a.attnotnull THEN 'not null' ELSE '~nullable' END,
    CASE WHEN a.attidentity = 'a' THEN 'generated always as identity'
      WHEN a.attidentity = 'd' THEN 'generated by default as identity'
      WHEN d.oid IS NULL THEN '~no default'
      ELSE chr(1) || CASE a.attgenerated WHEN '' THEN 'default ' WHEN 's' THEN 'generated stored as ' ELSE 'generated virtual as ' END
        || pg_get_expr(d.adbin, d.adrelid) END,
    coalesce(nullif(concat_ws(', ',
      CASE WHEN a.attstorage <> t.typstorage THEN 'storage ' || a.attstorage::text END,
      CASE WHEN a.attcompression <> '' THEN 'compression ' || a.attcompression::text END,
      CASE WHEN a.attstattarget <> -1 THEN 'statistics ' || a.attstattarget END,
      'with ' || array_to_string(a.attoptions, ', '),
      'options sha256:' || encode(sha256(convert_to(a.attfdwoptions::text, 'UTF8')), 'hex')
    ), ''), '~ordinary storage')]
  FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = rel.oid AND d.adnum = a.attnum
  WHERE a.attnum > 0 AND NOT a.attisdropped
    AND (rel.relkind IN ('r', 'p', 'f') OR rel.relkind IN ('v', 'm', 'c') AND (d.oid IS NOT NULL OR a.attacl IS NOT NULL
      OR EXISTS (SELECT FROM pg_description x WHERE x.classoid = 'pg_class'::regclass AND x.objoid = rel.oid AND x.objsubid = a.attnum)))
UNION ALL
  -- Those that a partition has because of its table are not dumped and may get other names; NOT NULL (PostgreSQL 18) is
  -- the column's, constraint triggers are triggers.
  SELECT 'constraint', coalesce(rel.name, typ.name) || '.' || quote_ident(k.conname), ARRAY[coalesce(rel.schema, typ.schema)],
    'pg_constraint'::regclass, k.oid, 0, NULL, NULL, NULL, ARRAY[
    chr(1) || pg_get_constraintdef(k.oid),
    -- By triggers of its own, which DISABLE TRIGGER ALL switches off for one of the tables.
    coalesce('unchecked on ' || (
      SELECT string_agg(DISTINCT t.tgrelid::regclass::text, ', ') FROM pg_trigger t
      WHERE t.tgconstraint = k.oid AND t.tgisinternal AND t.tgenabled NOT IN ('O', 'A')
    ), '~checked')]
  FROM pg_constraint k LEFT JOIN rel ON rel.oid = k.conrelid LEFT JOIN typ ON typ.oid = k.contypid
  WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND NOT (k.contype = 'f' AND k.conparentid <> 0)
    AND coalesce(rel.name, typ.name) IS NOT NULL
UNION ALL
  SELECT 'index', rel.name, ARRAY[rel.schema], 'pg_class'::regclass, rel.oid, 0, NULL, NULL, NULL, ARRAY[
    chr(1) || pg_get_indexdef(rel.oid),
    '~of ' || t.oid::regclass::text,
    CASE WHEN i.indisvalid THEN '~valid' ELSE 'invalid' END,
    CASE WHEN i.indisclustered THEN 'clustered' ELSE '~not clustered' END,
    CASE WHEN i.indisreplident THEN 'replica identity' ELSE '~no replica identity' END,
    coalesce('partition of ' || (SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = rel.oid), '~no partition'),
    coalesce('tablespace ' || (SELECT s.spcname FROM pg_tablespace s WHERE s.oid = rel.reltablespace), '~default tablespace')]
  FROM rel JOIN pg_index i ON i.indexrelid = rel.oid JOIN rel t ON t.oid = i.indrelid
UNION ALL
  SELECT CASE rel.relkind WHEN 'v' THEN 'view' ELSE 'materialized-view' END,
    rel.name, ARRAY[rel.schema], 'pg_class'::regclass, rel.oid, 0, rel.relowner, 'r', rel.relacl, ARRAY[
    chr(1) || 'as ' || ltrim(pg_get_viewdef(rel.oid)),
    coalesce('with ' || (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM unnest(rel.reloptions) o), '~no options')]
  FROM rel WHERE rel.relkind IN ('v', 'm')
UNION ALL
  SELECT 'function', space.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')',
    ARRAY[space.schema], 'pg_proc'::regclass, p.oid, 0, p.proowner, 'f', p.proacl, ARRAY[
    CASE p.prokind WHEN 'f' THEN '~function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'window function' END,
    chr(1) || '~arguments (' || pg_get_function_arguments(p.oid) || ')',
    coalesce('returns ' || pg_get_function_result(p.oid), '~returns nothing'),
    'language ' || quote_ident(l.lanname),
    CASE p.provolatile WHEN 'v' THEN '~volatile' WHEN 's' THEN 'stable' ELSE 'immutable' END,
    CASE WHEN p.prosecdef THEN 'security definer' ELSE '~security invoker' END,
    coalesce('set ' || (
      SELECT string_agg(
        CASE WHEN split_part(o, '=', 1) LIKE '%.%'
          THEN split_part(o, '=', 1) || '=sha256:' || encode(sha256(convert_to(o, 'UTF8')), 'hex') ELSE o END,
        ', ' ORDER BY o COLLATE "C")
      FROM unnest(p.proconfig) o
    ), '~no settings'),
    CASE WHEN p.proisstrict THEN 'strict' ELSE '~called on null input' END,
    CASE p.proparallel WHEN 'u' THEN '~parallel unsafe' WHEN 's' THEN 'parallel safe' ELSE 'parallel restricted' END,
    '~cost ' || p.procost || ' rows ' || p.prorows,
    coalesce(nullif(concat_ws(', ',
      CASE WHEN p.proleakproof THEN 'leakproof' END,
      CASE WHEN p.prosupport <> 0 THEN 'support ' || p.prosupport::text END,
      'transform ' || p.protrftypes::regtype[]::text,
      'aggregates ' || (
        SELECT concat_ws(' ', g.aggkind, g.aggnumdirectargs, g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggserialfn, g.aggdeserialfn,
          g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn, g.aggfinalextra, g.aggmfinalextra, g.aggfinalmodify, g.aggmfinalmodify,
          g.aggsortop::regoperator, format_type(g.aggtranstype, NULL), g.aggtransspace, format_type(g.aggmtranstype, NULL),
          g.aggmtransspace, encode(sha256(convert_to(g.agginitval, 'UTF8')), 'hex'),
          encode(sha256(convert_to(g.aggminitval, 'UTF8')), 'hex'))
        FROM pg_aggregate g WHERE g.aggfnoid = p.oid
      )
    ), ''), '~nothing more'),
    CASE WHEN p.prosqlbody IS NOT NULL THEN chr(3) || 'body ' || pg_get_function_sqlbody(p.oid)
      ELSE 'body sha256:' || encode(sha256(convert_to(p.prosrc || coalesce(p.probin, ''), 'UTF8')), 'hex') END]
  FROM pg_proc p JOIN space ON space.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
UNION ALL
  SELECT 'trigger', home.name || '.' || quote_ident(t.tgname), ARRAY[home.schema], 'pg_trigger'::regclass, t.oid, 0, NULL, NULL, NULL, ARRAY[
    chr(1) || CASE WHEN t.tgnargs = 0 THEN pg_get_triggerdef(t.oid)
      ELSE split_part(pg_get_triggerdef(t.oid), ' EXECUTE FUNCTION ', 1) || ' EXECUTE FUNCTION ' || t.tgfoid::regproc::text END,
    CASE WHEN t.tgnargs = 0 THEN '~no arguments'
      ELSE chr(3) || 'definition ' || pg_get_triggerdef(t.oid) END,
    CASE t.tgenabled WHEN 'O' THEN '~enabled' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled on replicas' ELSE 'enabled always' END]
  FROM home JOIN pg_trigger t ON t.tgrelid = home.oid WHERE NOT t.tgisinternal
UNION ALL
  SELECT 'rule', rel.name || '.' || quote_ident(r.rulename), ARRAY[rel.schema], 'pg_rewrite'::regclass, r.oid, 0, NULL, NULL, NULL, ARRAY[
    chr(1) || pg_get_ruledef(r.oid),
    CASE r.ev_enabled WHEN 'O' THEN '~enabled' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled on replicas' ELSE 'enabled always' END]
  FROM rel JOIN pg_rewrite r ON r.ev_class = rel.oid WHERE r.rulename <> '_RETURN'
UNION ALL
  SELECT 'policy', home.name || '.' || quote_ident(p.polname), ARRAY[home.schema], 'pg_policy'::regclass, p.oid, 0, NULL, NULL, NULL, ARRAY[
    CASE WHEN p.polpermissive THEN '~permissive' ELSE 'restrictive' END,
    'for ' || CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END,
    'to ' || (
      SELECT string_agg(r.name, ', ' ORDER BY r.name COLLATE "C") FROM (
        SELECT CASE o WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(o)) END FROM unnest(p.polroles) o
      ) r (name)),
    coalesce(chr(1) || 'using (' || pg_get_expr(p.polqual, p.polrelid) || ')', '~using nothing'),
    coalesce(chr(1) || 'check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '~check as using')]
  FROM home JOIN pg_policy p ON p.polrelid = home.oid
UNION ALL
  SELECT CASE typ.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' ELSE 'type' END,
    typ.name, ARRAY[typ.schema], 'pg_type'::regclass, typ.oid, 0, typ.typowner, 'T', typ.typacl, CASE typ.typtype
    WHEN 'e' THEN ARRAY[(
      SELECT '(' || coalesce(string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder), '') || ')' FROM pg_enum e WHERE e.enumtypid = typ.oid
    )]
    WHEN 'd' THEN ARRAY[
      format_type(typ.typbasetype, typ.typtypmod),
      CASE WHEN typ.typcollation IN (0, (SELECT b.typcollation FROM pg_type b WHERE b.oid = typ.typbasetype)) THEN '~default collation'
        ELSE 'collate ' || typ.typcollation::regcollation::text END,
      CASE WHEN typ.typnotnull THEN 'not null' ELSE '~nullable' END,
      coalesce(chr(1) || 'default ' || pg_get_expr(typ.typdefaultbin, 0), '~no default')]
    WHEN 'c' THEN ARRAY[(
      SELECT '(' || coalesce(string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN 'collate ' || a.attcollation::regcollation::text END),
        ', ' ORDER BY a.attnum), '') || ')'
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = typ.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    )]
    ELSE (
      SELECT ARRAY[
        'range of ' || format_type(r.rngsubtype, NULL),
        'multirange ' || format_type(r.rngmultitypid, NULL),
        '~operator class ' || (SELECT n.nspname || '.' || c.opcname FROM pg_opclass c JOIN pg_namespace n ON n.oid = c.opcnamespace WHERE c.oid = r.rngsubopc),
        CASE r.rngcollation WHEN 0 THEN '~no collation' ELSE 'collate ' || r.rngcollation::regcollation::text END,
        CASE WHEN r.rngcanonical = 0 THEN '~no canonical' ELSE 'canonical ' || r.rngcanonical::text END,
        CASE WHEN r.rngsubdiff = 0 THEN '~no difference' ELSE 'difference ' || r.rngsubdiff::text END]
      FROM pg_range r WHERE r.rngtypid = typ.oid
    ) END
  FROM typ
UNION ALL
  SELECT 'sequence', rel.name, ARRAY[rel.schema], 'pg_class'::regclass, rel.oid, 0, rel.relowner, 's', rel.relacl, ARRAY[
    'as ' || format_type(s.seqtypid, NULL),
    '~start ' || s.seqstart, '~increment ' || s.seqincrement, '~maximum ' || s.seqmax, '~minimum ' || s.seqmin, '~cache ' || s.seqcache,
    CASE WHEN s.seqcycle THEN 'cycle' ELSE '~no cycle' END,
    CASE rel.relpersistence WHEN 'u' THEN 'unlogged' ELSE '~logged' END,
    coalesce('owned by ' || (
      SELECT d.refobjid::regclass::text || '.' || quote_ident(a.attname)
      FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
      WHERE d.classid = 'pg_class'::regclass AND d.objid = rel.oid AND d.objsubid = 0 AND d.refclassid = 'pg_class'::regclass
        AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
    ), '~owned by no column')]
  FROM rel JOIN pg_sequence s ON s.seqrelid = rel.oid
UNION ALL
  SELECT 'statistics', space.name || '.' || quote_ident(x.stxname), ARRAY[space.schema], 'pg_statistic_ext'::regclass, x.oid, 0, x.stxowner, NULL, NULL, ARRAY[
    -- Its whole definition would leave out brackets.
    chr(1) || 'on ' || concat_ws(', ',
      (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place)
        FROM unnest(x.stxkeys) WITH ORDINALITY k (number, place) JOIN pg_attribute a ON a.attrelid = x.stxrelid AND a.attnum = k.number),
      array_to_string(pg_get_statisticsobjdef_expressions(x.oid), ', ')) || ' from ' || x.stxrelid::regclass,
    coalesce((
      SELECT string_agg(CASE k WHEN 'd' THEN 'ndistinct' WHEN 'f' THEN 'dependencies' ELSE 'mcv' END, ', ' ORDER BY k)
      FROM unnest(x.stxkind) k WHERE k <> 'e'
    ), 'of an expression'),
    CASE WHEN coalesce(x.stxstattarget, -1) = -1 THEN '~default statistics' ELSE 'statistics ' || x.stxstattarget END]
  FROM pg_statistic_ext x JOIN space ON space.oid = x.stxnamespace
UNION ALL
  SELECT 'operator', space.name || '.' || o.oprname || '(' || CASE o.oprleft WHEN 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END
    || ', ' || format_type(o.oprright, NULL) || ')', ARRAY[space.schema], 'pg_operator'::regclass, o.oid, 0, o.oprowner, NULL, NULL, ARRAY[
    'by ' || o.oprcode::regprocedure::text,
    '~commutator ' || o.oprcom::regoperator::text, '~negator ' || o.oprnegate::regoperator::text,
    '~restrict ' || o.oprrest::text, '~join ' || o.oprjoin::text,
    '~hashes ' || o.oprcanhash, '~merges ' || o.oprcanmerge]
  FROM pg_operator o JOIN space ON space.oid = o.oprnamespace
UNION ALL
  SELECT 'cast', '(' || format_type(c.castsource, NULL) || ' as ' || format_type(c.casttarget, NULL) || ')',
    (SELECT array_agg(DISTINCT n.nspname)::text[] FROM pg_namespace n WHERE n.oid IN (
      SELECT t.typnamespace FROM pg_type t WHERE t.oid IN (c.castsource, c.casttarget)
      UNION ALL SELECT p.pronamespace FROM pg_proc p WHERE p.oid = c.castfunc
    )), 'pg_cast'::regclass, c.oid, 0, NULL, NULL, NULL, ARRAY[
    CASE c.castmethod WHEN 'f' THEN 'by ' || c.castfunc::regprocedure::text WHEN 'i' THEN 'by text' ELSE 'binary' END,
    CASE c.castcontext WHEN 'i' THEN 'implicit' WHEN 'a' THEN 'in assignments' ELSE 'explicit' END]
  FROM pg_cast c
  WHERE EXISTS (SELECT FROM pg_type t JOIN space ON space.oid = t.typnamespace WHERE t.oid IN (c.castsource, c.casttarget))
    OR EXISTS (SELECT FROM pg_proc p JOIN space ON space.oid = p.pronamespace WHERE p.oid = c.castfunc)
UNION ALL
  SELECT 'publication', quote_ident(p.pubname) || ' of ' || rel.name, ARRAY[rel.schema], 'pg_publication_rel'::regclass, m.oid, 0, NULL, NULL, NULL, ARRAY[
    'table',
    coalesce('columns (' || (
      SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname)
      FROM unnest(m.prattrs) n JOIN pg_attribute a ON a.attrelid = m.prrelid AND a.attnum = n
    ) || ')', '~all columns'),
    coalesce(chr(1) || 'where ' || pg_get_expr(m.prqual, m.prrelid), '~all rows')]
  FROM pg_publication_rel m JOIN rel ON rel.oid = m.prrelid JOIN pg_publication p ON p.oid = m.prpubid
UNION ALL
  SELECT 'publication', quote_ident(p.pubname) || ' of schema ' || space.name, ARRAY[space.schema], 'pg_publication_namespace'::regclass,
    m.oid, 0, NULL, NULL, NULL, ARRAY['all tables']
  FROM pg_publication_namespace m JOIN space ON space.oid = m.pnnspid JOIN pg_publication p ON p.oid = m.pnpubid
UNION ALL
  SELECT 'publication', quote_ident(p.pubname), ARRAY[''], 'pg_publication'::regclass, p.oid, 0, p.pubowner, NULL, NULL, ARRAY[
    CASE WHEN p.puballtables THEN 'of all tables' ELSE '~of named tables' END,
    'publishes ' || concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
      CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END),
    CASE WHEN p.pubviaroot THEN 'via root' ELSE '~via partitions' END]
  FROM pg_publication p
UNION ALL
  SELECT 'event-trigger', quote_ident(e.evtname), ARRAY[''], 'pg_event_trigger'::regclass, e.oid, 0, e.evtowner, NULL, NULL, ARRAY[
    'on ' || e.evtevent,
    coalesce('for ' || array_to_string(e.evttags, ', '), '~for every command'),
    'execute ' || e.evtfoid::regproc::text,
    CASE e.evtenabled WHEN 'O' THEN '~enabled' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled on replicas' ELSE 'enabled always' END]
  FROM pg_event_trigger e
),
own AS MATERIALIZED (
  SELECT o.* FROM object o WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = o.classid AND m.objid = o.objid)
)
SELECT own.class, own.name, array_to_json(own.schemas), array_to_json(
  CASE WHEN own.owner IS NULL THEN own.attributes ELSE own.attributes || ('owner ' || quote_ident(pg_get_userbyid(own.owner))) END
  || coalesce('comment sha256:' || encode(sha256(convert_to(x.description, 'UTF8')), 'hex'), '~no comment'))
FROM own LEFT JOIN pg_description x ON x.classoid = own.classid AND x.objoid = own.objid AND x.objsubid = own.objsubid
UNION ALL
-- No list of rights means those that everybody knows; a dump writes none either.
SELECT 'grant', own.class || ' ' || own.name || ' to ' || CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
  array_to_json(own.schemas), array_to_json(ARRAY[string_agg(DISTINCT g.privilege_type || CASE WHEN g.is_grantable THEN ' with grant option' ELSE '' END, ', ')])
FROM own, aclexplode(coalesce(own.acl, acldefault(own.kind::"char", own.owner))) g
GROUP BY own.class, own.name, own.schemas, g.grantee
UNION ALL
SELECT 'default-privilege', 'for ' || quote_ident(pg_get_userbyid(d.defaclrole)) || ' in ' || space.name || ' on '
    || CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' ELSE d.defaclobjtype::text END
    || ' to ' || CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
  array_to_json(ARRAY[space.schema]), array_to_json(ARRAY[string_agg(DISTINCT g.privilege_type || CASE WHEN g.is_grantable THEN ' with grant option' ELSE '' END, ', ')])
FROM pg_default_acl d JOIN space ON space.oid = d.defaclnamespace, aclexplode(d.defaclacl) g
GROUP BY d.defaclrole, space.name, space.schema, d.defaclobjtype, g.grantee
UNION ALL
SELECT 'default-privilege', 'for ' || quote_ident(pg_get_userbyid(d.defaclrole)) || ' on '
    || CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types'
      WHEN 'n' THEN 'schemas' ELSE d.defaclobjtype::text END
    || ' to ' || CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
  array_to_json(ARRAY['']), array_to_json(ARRAY[string_agg(DISTINCT g.privilege_type || CASE WHEN g.is_grantable THEN ' with grant option' ELSE '' END, ', ')])
FROM pg_default_acl d, aclexplode(d.defaclacl) g WHERE d.defaclnamespace = 0
GROUP BY d.defaclrole, d.defaclobjtype, g.grantee
UNION ALL
-- A role may be a member by the grants of several others.
SELECT 'membership', quote_ident(g.rolname) || ' to ' || quote_ident(u.rolname), array_to_json(ARRAY['']),
  array_to_json(ARRAY['member', CASE WHEN bool_or(m.admin_option) THEN 'with admin option' ELSE '~without admin option' END])
FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
WHERE g.rolname IN ('anon', 'authenticated', 'authenticator', 'service_role')
  OR u.rolname IN ('anon', 'authenticated', 'authenticator', 'service_role')
GROUP BY g.rolname, u.rolname
