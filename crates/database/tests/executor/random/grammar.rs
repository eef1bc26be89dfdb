//! Files by chance, of what migrations hold and of ways to hide it.

use rand::{Rng, seq::IndexedRandom};

/// Statements; each `{…}` is one of [`PARTS`].
const STATEMENTS: &[&str] = &[
    "DROP TABLE {table}",
    "DROP TABLE IF EXISTS {table} CASCADE",
    "DROP VIEW public.names",
    "DROP FUNCTION public.half(int)",
    "DROP SCHEMA private CASCADE",
    "DROP OWNED BY {role}",
    "TRUNCATE {table} CASCADE",
    "DELETE FROM {table}",
    "DELETE FROM {table} WHERE {condition}",
    "DELETE FROM ONLY {table} AS t USING public.people p WHERE true",
    "UPDATE {table} SET {column} = {column}",
    "UPDATE public.notes SET body = 'x' WHERE {condition}",
    "INSERT INTO public.people VALUES (7, 'seven')",
    "INSERT INTO public.people VALUES (1, 'x') ON CONFLICT (id) DO NOTHING",
    "INSERT INTO public.people VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'x'",
    "MERGE INTO public.notes n USING public.people p ON p.id = n.person WHEN MATCHED THEN DELETE",
    "MERGE INTO public.notes n USING public.people p ON p.id = n.person WHEN MATCHED THEN DO NOTHING",
    "WITH gone AS (DELETE FROM {table} RETURNING 1) SELECT count(*) FROM gone",
    "WITH t AS (SELECT 1) INSERT INTO public.people SELECT 8, 'eight' FROM t",
    "ALTER TABLE {table} DROP COLUMN {column}",
    "ALTER TABLE {table} DROP COLUMN IF EXISTS {column} CASCADE",
    "ALTER TABLE {table} ADD COLUMN IF NOT EXISTS extra text",
    "ALTER TABLE {table} RENAME TO renamed",
    "ALTER TABLE {table} RENAME COLUMN {column} TO renamed",
    "ALTER TABLE {table} SET SCHEMA {schema}",
    "ALTER TABLE {table} ALTER COLUMN {column} TYPE varchar(3) USING left({column}::text, 3)",
    "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT NULL",
    "ALTER TABLE {table} {security} ROW LEVEL SECURITY",
    "ALTER TABLE {table} OWNER TO {role}",
    "ALTER TABLE public.events DETACH PARTITION public.events_1",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER VIEW public.names RESET (security_invoker)",
    "ALTER VIEW public.names SET (security_invoker = {boolean})",
    "ALTER POLICY mine ON public.notes USING ({rule})",
    "ALTER POLICY mine ON public.notes TO {role}",
    "ALTER FUNCTION private.all_names() SET SCHEMA {schema}",
    "ALTER FUNCTION public.forget() SECURITY DEFINER",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {role}",
    "ALTER ROLE {role} SET search_path = private, public",
    "ALTER SCHEMA private RENAME TO hidden",
    "CREATE POLICY {name} ON {table} {command} TO {role} USING ({rule})",
    "CREATE POLICY {name} ON {table} AS RESTRICTIVE USING ({rule})",
    "DROP POLICY mine ON public.notes",
    "DROP POLICY signed ON public.notes",
    "ALTER POLICY signed ON public.notes USING ({rule})",
    "ALTER POLICY signed ON public.notes TO {role}",
    "GRANT {privilege} ON {table} TO {role}",
    "GRANT {privilege} ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT USAGE ON SCHEMA private TO {role}",
    "GRANT EXECUTE ON FUNCTION private.all_names() TO {role}",
    "GRANT {role} TO {role}",
    "REVOKE {privilege} ON {table} FROM {role}",
    "CREATE {or_replace} VIEW {schema}.{name} {invoker} AS SELECT * FROM {table}",
    "CREATE {or_replace} VIEW {schema}.{name} {invoker} AS WITH x AS (SELECT * FROM {table}) SELECT 1 AS one, x.* FROM x",
    "CREATE MATERIALIZED VIEW {schema}.{name} AS SELECT * FROM {table}",
    "CREATE TABLE {schema}.{name} AS SELECT * FROM {table}",
    "CREATE TABLE {schema}.{name} (LIKE {table})",
    "CREATE TABLE IF NOT EXISTS keys AS SELECT * FROM {table}",
    "CREATE TABLE {schema}.{name} (id int); ALTER TABLE {schema}.{name} ENABLE ROW LEVEL SECURITY",
    "CREATE TABLE IF NOT EXISTS {table} (id int)",
    "CREATE TABLE IF NOT EXISTS public.renamed (id int); ALTER TABLE public.renamed ENABLE ROW LEVEL SECURITY",
    "CREATE TABLE public.people (id int)",
    "CREATE TEMP TABLE people (id int)",
    "CREATE SCHEMA IF NOT EXISTS private",
    "DROP TABLE {renamed}",
    "DELETE FROM {renamed}",
    "SELECT * INTO {schema}.{name} FROM {table}",
    "CREATE FUNCTION {schema}.{name}() RETURNS SETOF {table} LANGUAGE sql STABLE {definer} AS $b$ SELECT * FROM {table} $b$",
    "CREATE FUNCTION {schema}.{name}() RETURNS bigint LANGUAGE sql {definer} BEGIN ATOMIC SELECT count(*) FROM {table}; END",
    "CREATE RULE {name} AS ON INSERT TO public.people DO ALSO DELETE FROM {table}",
    "CREATE RULE {name} AS ON DELETE TO {table} DO INSTEAD NOTHING",
    "CREATE INDEX ON {table} ({column})",
    "CREATE UNIQUE INDEX {name} ON {table} ({column})",
    "COMMENT ON TABLE {table} IS 'DROP TABLE public.people'",
    "SELECT count(*) FROM {table}",
    "SELECT public.half(4)",
    "SELECT public.forget()",
    "SELECT * FROM private.all_names()",
    "SELECT set_config('search_path', '{schema}', true)",
    "SET LOCAL search_path = {schema}, public",
    "VALUES (1), (2)",
    "COPY {table} TO STDOUT",
    "LOCK TABLE {table}",
    "CREATE TYPE public.mood AS ENUM ('good')",
    "CREATE SEQUENCE {schema}.{name}",
    "DO $d$ BEGIN NULL; END $d$",
];

/// Ways to have a statement run; `{it}` stands for it.
const WAYS: &[&str] = &[
    "DO $x$ BEGIN IF true THEN {it}; END IF; END $x$",
    "DO $x$ BEGIN IF false THEN {it}; END IF; END $x$",
    "DO $x$ BEGIN RETURN; {it}; END $x$",
    "DO $x$ BEGIN {it}; RAISE 'undone'; EXCEPTION WHEN OTHERS THEN NULL; END $x$",
    "DO $x$ BEGIN EXECUTE $y${it}$y$; END $x$",
    "DO $x$ BEGIN EXECUTE format('%s', $y${it}$y$); END $x$",
    "CREATE FUNCTION public.run() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN {it}; END $x$; SELECT public.run()",
    "CREATE FUNCTION public.run() RETURNS void LANGUAGE sql AS $x$ {it}; $x$; SELECT run()",
    "CREATE FUNCTION public.run() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN {it}; RETURN NULL; END $x$; \
     CREATE TRIGGER run AFTER INSERT ON public.people FOR EACH STATEMENT EXECUTE FUNCTION public.run(); \
     INSERT INTO public.people VALUES (9, 'nine')",
    "CREATE PROCEDURE public.run() LANGUAGE plpgsql AS $x$ BEGIN {it}; END $x$; CALL public.run()",
    "CREATE FUNCTION public.run() RETURNS int LANGUAGE plpgsql AS $x$ BEGIN {it}; RETURN 1; END $x$; \
     CREATE VIEW private.runs AS SELECT public.run(); SELECT * FROM private.runs",
    "CREATE FUNCTION public.run() RETURNS int LANGUAGE plpgsql AS $x$ BEGIN {it}; RETURN 1; END $x$; \
     ALTER TABLE public.people ADD COLUMN made int DEFAULT public.run()",
    "CREATE FUNCTION public.run() RETURNS int LANGUAGE plpgsql AS $x$ BEGIN {it}; RETURN 1; END $x$",
    "PREPARE run AS {it}; EXECUTE run",
    "EXPLAIN ANALYZE {it}",
    "EXPLAIN {it}",
    "/* {it} */ SELECT 1",
    "SELECT $y${it}$y$",
    "{it}; SELECT '{it}' IS NULL",
];

/// What may stand for a part.
const PARTS: &[(&str, &[&str])] = &[
    (
        "table",
        &[
            "public.people",
            "people",
            "public.notes",
            "\"notes\"",
            "private.keys",
            "private . \"keys\"",
            "public.events",
            "public.events_1",
            "U&\"\\0070eople\"",
            "PUBLIC.PEOPLE",
        ],
    ),
    (
        "renamed",
        &["public.renamed", "renamed", "hidden.keys", "private.people"],
    ),
    ("column", &["id", "name", "secret", "body", "\"person\"", "what"]),
    ("schema", &["public", "private"]),
    (
        "role",
        &[
            "anon",
            "authenticated",
            "PUBLIC",
            "service_role",
            "authenticator",
            "\"anon\"",
        ],
    ),
    (
        "privilege",
        &["SELECT", "ALL", "INSERT, DELETE", "ALL PRIVILEGES", "SELECT, DELETE"],
    ),
    ("security", &["ENABLE", "DISABLE", "FORCE", "NO FORCE"]),
    (
        "condition",
        &[
            "true",
            "false",
            "1 = 1",
            "id = 1",
            "owner = 'me'",
            "auth.uid() IS NOT NULL",
            "NOT false",
            "current_user = 'postgres'",
        ],
    ),
    // A rule that looks at the row is what policies are for, and lets nobody see one of these rows.
    (
        "rule",
        &[
            "true",
            "false",
            "1 = 1",
            "NOT false",
            "(true)",
            "true OR id = -1",
            "coalesce(true, false)",
            "'a' <> 'b'",
            "id = -1",
            "auth.uid() IS NOT NULL",
            "current_user = 'postgres'",
            "EXISTS (SELECT)",
        ],
    ),
    ("command", &["", "FOR SELECT", "FOR ALL", "FOR DELETE"]),
    ("boolean", &["true", "false", "on", "off"]),
    ("name", &["one", "\"Two\"", "names", "three"]),
    ("or_replace", &["", "OR REPLACE"]),
    (
        "invoker",
        &["", "WITH (security_invoker)", "WITH (security_invoker = false)"],
    ),
    ("definer", &["", "SECURITY DEFINER", "SECURITY INVOKER"]),
];

/// One to four statements.
pub fn file(random: &mut impl Rng) -> String {
    let statements: Vec<String> = (0..random.random_range(1..=4)).map(|_| statement(random)).collect();
    statements.join(";\n") + ";\n"
}

fn statement(random: &mut impl Rng) -> String {
    let template = STATEMENTS.choose(random).copied().unwrap_or_default();
    let plain = filled(random, template);
    if random.random_bool(0.6) {
        return plain;
    }
    let way = WAYS.choose(random).copied().unwrap_or_default();
    // PL/pgSQL takes no query whose result goes nowhere.
    let inner = if way.contains("BEGIN {it}") || way.contains("THEN {it}") {
        plain.replacen("SELECT", "PERFORM", usize::from(plain.starts_with("SELECT")))
    } else {
        plain
    };
    way.replace("{it}", &inner)
}

/// A template with each part chosen.
fn filled(random: &mut impl Rng, template: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, from)) = rest.split_once('{') {
        let (part, after) = from.split_once('}').unwrap_or((from, ""));
        let (_, choices) = PARTS.iter().find(|(name, _)| *name == part).unwrap();
        text.push_str(before);
        text.push_str(choices.choose(random).copied().unwrap_or_default());
        rest = after;
    }
    text + rest
}
