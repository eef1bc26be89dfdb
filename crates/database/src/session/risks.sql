-- What risks depend on, as (kind, schema, name, flag, flag, text). Written for one round trip.
WITH RECURSIVE own AS (
    SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg\_temp\_%'
        AND n.nspname NOT LIKE 'pg\_toast\_temp\_%'
), depends AS (
    -- A view depends through its rule on what it reads and calls, and on the key that it groups by; a generated column through
    -- its expression; a foreign table on its server, and that on its wrapper.
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid AS class, r.ev_class AS object, d.refclassid, d.refobjid
    FROM pg_catalog.pg_rewrite r
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
        AND d.deptype = 'n' AND d.refobjid <> r.ev_class
    UNION ALL
    SELECT d.classid, d.objid, d.refclassid, d.refobjid FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
        AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    UNION ALL
    SELECT d.classid, d.objid, d.refclassid, d.refobjid FROM pg_catalog.pg_depend d
    WHERE d.deptype = 'n' AND d.refclassid IN ('pg_catalog.pg_foreign_server'::pg_catalog.regclass,
            'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass)
        AND d.classid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_foreign_server'::pg_catalog.regclass)
), holds AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid AS class, c.oid AS object,
        pg_catalog.format('materialized view %s.%s', own.nspname, c.relname) AS what
    FROM pg_catalog.pg_class c JOIN own ON own.oid = c.relnamespace WHERE c.relkind = 'm'
    UNION ALL
    SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass::oid, e.oid,
        pg_catalog.format('column %s.%s.%s', own.nspname, c.relname, a.attname)
    FROM pg_catalog.pg_attrdef e
    JOIN pg_catalog.pg_attribute a ON a.attrelid = e.adrelid AND a.attnum = e.adnum AND a.attgenerated = 's'
    JOIN pg_catalog.pg_class c ON c.oid = e.adrelid JOIN own ON own.oid = c.relnamespace
), leads AS (
    SELECT class, object, what FROM holds
    UNION
    SELECT d.refclassid, d.refobjid, l.what FROM leads l JOIN depends d ON d.class = l.class AND d.object = l.object
)
SELECT 'relation', own.nspname::text, c.relname::text,
    CASE c.relkind
        WHEN 'v' THEN coalesce((SELECT o.option_value::bool FROM pg_catalog.pg_options_to_table(c.reloptions) o
            WHERE o.option_name = 'security_invoker'), false)
        ELSE c.relrowsecurity
    END,
    -- Nothing else is written with it. What an extension's trigger does, the extension has to answer for.
    c.relkind = 'r' AND NOT (c.relhasrules OR c.relhassubclass OR c.relispartition)
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid)
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k
            WHERE k.confrelid = c.oid AND NOT (k.confdeltype IN ('a', 'r') AND k.confupdtype IN ('a', 'r')))
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                AND d.objid = t.tgfoid AND d.deptype = 'e')),
    NULL::text
FROM pg_catalog.pg_class c JOIN own ON own.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')
UNION ALL
SELECT 'sequence', own.nspname::text, c.relname::text, false, false, NULL
FROM pg_catalog.pg_class c JOIN own ON own.oid = c.relnamespace WHERE c.relkind = 'S'
UNION ALL
-- Functions of extensions, and those that Supabase has made, are not the project's.
SELECT 'routine', own.nspname::text, p.proname::text, pg_catalog.bool_or(p.provolatile = 'v'), pg_catalog.bool_or(p.prosecdef),
    pg_catalog.max(CASE WHEN p.prokind = 'p' AND p.prosrc ~* '(^|[\s;])(commit|rollback)\s*(;|and\s)' THEN 'commits' END)
FROM pg_catalog.pg_proc p JOIN own ON own.oid = p.pronamespace JOIN pg_catalog.pg_roles r ON r.oid = p.proowner
WHERE NOT (r.rolname LIKE 'supabase\_%' AND r.rolname <> SESSION_USER)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND d.objid = p.oid AND d.deptype = 'e')
GROUP BY 2, 3
UNION ALL
SELECT 'restrictive', own.nspname::text, c.relname::text, false, false, p.polname::text
FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid JOIN own ON own.oid = c.relnamespace
WHERE NOT p.polpermissive
UNION ALL
SELECT 'enum', own.nspname::text, t.typname::text, false, false, e.enumlabel::text
FROM pg_catalog.pg_enum e JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid JOIN own ON own.oid = t.typnamespace
UNION ALL
SELECT 'enum column', own.nspname::text, c.relname::text, false, false,
    pg_catalog.json_build_array(a.attname, s.nspname, t.typname)::text
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid AND t.typtype = 'e' JOIN pg_catalog.pg_namespace s ON s.oid = t.typnamespace
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'f', 'v', 'm') JOIN own ON own.oid = c.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'extension', '', e.extname::text, false, false, NULL FROM pg_catalog.pg_extension e
WHERE EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class c ON c.oid = d.objid
    WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid AND d.deptype = 'e'
        AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.relkind IN ('r', 'p', 'm'))
UNION ALL
SELECT 'dependant', coalesce(own.nspname::text, ''), coalesce(c.relname, p.proname, k.conname, s.srvname, w.fdwname)::text, false,
    false, pg_catalog.min(l.what)
FROM leads l
LEFT JOIN pg_catalog.pg_class c ON l.class = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = l.object
    AND c.relkind IN ('v', 'f')
LEFT JOIN pg_catalog.pg_proc p ON l.class = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = l.object
LEFT JOIN pg_catalog.pg_constraint k ON l.class = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = l.object
LEFT JOIN pg_catalog.pg_foreign_server s ON l.class = 'pg_catalog.pg_foreign_server'::pg_catalog.regclass AND s.oid = l.object
LEFT JOIN pg_catalog.pg_foreign_data_wrapper w ON l.class = 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass
    AND w.oid = l.object
LEFT JOIN own ON own.oid = coalesce(c.relnamespace, p.pronamespace, k.connamespace)
WHERE coalesce(own.oid, s.oid, w.oid) IS NOT NULL GROUP BY 2, 3
UNION ALL
(SELECT 'securing', '', t.evtname::text, false, false, NULL
FROM pg_catalog.pg_event_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.evtfoid
WHERE t.evtevent = 'ddl_command_end' AND t.evtenabled IN ('O', 'A')
    AND (t.evttags IS NULL OR t.evttags @> ARRAY['CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO'])
    AND p.prosrc ~* 'enable\s+row\s+level\s+security'
ORDER BY t.evtname LIMIT 1)
