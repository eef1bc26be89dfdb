-- What files of the random walk meet: rows that nobody but their owner may see, and a probe that tells who sees them.
SET SESSION AUTHORIZATION postgres;
CREATE TABLE public.people (id int PRIMARY KEY, name text);
ALTER TABLE public.people ENABLE ROW LEVEL SECURITY;
INSERT INTO public.people VALUES (1, 'canary-people-1'), (2, 'canary-people-2');
CREATE TABLE public.notes (id int PRIMARY KEY, person int REFERENCES public.people ON DELETE CASCADE, body text, owner text);
ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON public.notes TO authenticated USING (owner = 'nobody');
CREATE POLICY signed ON public.notes AS RESTRICTIVE USING (owner <> 'me');
INSERT INTO public.notes VALUES (1, 1, 'canary-notes-1', 'me'), (2, 1, 'canary-notes-2', 'you'), (3, 2, 'canary-notes-3', 'you');
CREATE SCHEMA private;
CREATE TABLE private.keys (id int, secret text);
INSERT INTO private.keys VALUES (1, 'canary-keys-1'), (2, 'canary-keys-2');
CREATE TABLE public.events (at int, what text) PARTITION BY RANGE (at);
ALTER TABLE public.events ENABLE ROW LEVEL SECURITY;
CREATE TABLE public.events_1 PARTITION OF public.events FOR VALUES FROM (0) TO (10);
ALTER TABLE public.events_1 ENABLE ROW LEVEL SECURITY;
INSERT INTO public.events VALUES (1, 'canary-events-1');
CREATE VIEW public.names WITH (security_invoker) AS SELECT name FROM public.people;
CREATE FUNCTION public.forget() RETURNS bigint LANGUAGE sql AS
    'WITH gone AS (DELETE FROM public.notes RETURNING 1) SELECT count(*) FROM gone';
CREATE FUNCTION public.half(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2';
CREATE FUNCTION private.all_names() RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT name FROM public.people';
RESET SESSION AUTHORIZATION;

CREATE SCHEMA probe;
-- The columns that there were.
CREATE TABLE probe.columns AS
    SELECT a.attrelid, a.attnum, c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace IN ('public'::regnamespace, 'private'::regnamespace)
        AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
        AND c.relname IN ('people', 'notes', 'keys', 'events_1');

-- Every row that there was, by the columns that there were, with whatever is gone as itself.
CREATE FUNCTION probe.rows() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    relation record;
    columns text;
BEGIN
    FOR relation IN SELECT attrelid, relname, count(*) AS count FROM probe.columns GROUP BY 1, 2 LOOP
        SELECT string_agg(format('%I::text', a.attname), ', ' ORDER BY a.attnum) INTO columns
        FROM pg_attribute a JOIN probe.columns USING (attrelid, attnum)
        WHERE a.attrelid = relation.attrelid AND NOT a.attisdropped
        HAVING count(*) = relation.count;
        CONTINUE WHEN columns IS NULL OR NOT EXISTS (SELECT FROM pg_class WHERE oid = relation.attrelid);
        RETURN QUERY EXECUTE format('SELECT %L || jsonb_build_array(%s)::text FROM %s',
            relation.relname, columns, relation.attrelid::regclass);
    END LOOP;
END $$;

-- What this role sees of the rows with a canary, and which tables it can empty. Nothing stays.
CREATE FUNCTION probe.sees(role text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    object record;
    found text[];
    count bigint;
BEGIN
    FOR object IN
        SELECT format('SELECT array_agg(t::text) FROM %s t', c.oid::regclass) AS query,
            CASE WHEN EXISTS (SELECT FROM probe.columns WHERE attrelid = c.oid)
                THEN format('DELETE FROM %s', c.oid::regclass) END AS removal, c.relname AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname !~ '^pg_|^information_schema$|^probe$'
        UNION ALL
        SELECT format('SELECT array_agg(t::text) FROM %I.%I() t', n.nspname, p.proname), NULL, p.proname
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.pronargs = 0 AND p.prokind = 'f' AND p.prorettype <> ALL ('{trigger,event_trigger}'::regtype[])
            AND n.nspname !~ '^pg_(?!temp)|^information_schema$|^probe$'
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        found := NULL;
        BEGIN
            PERFORM set_config('role', sees.role, true);
            EXECUTE object.query INTO found;
            RAISE EXCEPTION USING ERRCODE = 'RB000';
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
        RETURN QUERY SELECT DISTINCT (regexp_matches(row, 'canary-[a-z]+-[0-9]', 'g'))[1] FROM unnest(found) AS row;
        CONTINUE WHEN object.removal IS NULL;
        count := 0;
        BEGIN
            PERFORM set_config('role', sees.role, true);
            EXECUTE object.removal;
            GET DIAGNOSTICS count = ROW_COUNT;
            RAISE EXCEPTION USING ERRCODE = 'RB000';
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
        IF count > 0 THEN
            RETURN NEXT format('DELETE FROM %s: %s', object.name, count);
        END IF;
    END LOOP;
END $$;
