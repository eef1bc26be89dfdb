use crate::bed::Bed;

const SCHEMA: &str = "
    CREATE TABLE public.t (a serial PRIMARY KEY, b text);
    CREATE INDEX t_b ON public.t (b);
    CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER g BEFORE UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION public.f();
    CREATE POLICY p ON public.t USING (true);
    CREATE TYPE public.e AS ENUM ('a');
    CREATE DOMAIN public.d AS text;
    CREATE VIEW public.v AS SELECT b FROM public.t;
    CREATE SEQUENCE public.s;
    CREATE STATISTICS public.x ON a, b FROM public.t;
";

#[tokio::test]
async fn every_change_of_a_schema_moves_the_gate() {
    let bed = Bed::start(SCHEMA).await;
    let mut last = bed.connection.gate().await.unwrap();
    for change in [
        "ALTER TABLE public.t ADD c integer",
        "ALTER TABLE public.t ALTER c SET DEFAULT 1",
        "ALTER TABLE public.t ALTER c SET NOT NULL",
        "ALTER TABLE public.t RENAME c TO d",
        "ALTER TABLE public.t DROP d",
        "ALTER TABLE public.t ADD CONSTRAINT k CHECK (a > 0) NOT VALID",
        "ALTER TABLE public.t VALIDATE CONSTRAINT k",
        "ALTER TABLE public.t ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE public.t SET (toast.autovacuum_enabled = off)",
        "CREATE INDEX CONCURRENTLY i ON public.t (b)",
        "DROP INDEX public.i",
        "ALTER TABLE public.t CLUSTER ON t_b",
        "ALTER POLICY p ON public.t USING (false)",
        "CREATE OR REPLACE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
        "ALTER TABLE public.t DISABLE TRIGGER g",
        "ALTER TYPE public.e ADD VALUE 'b'",
        "ALTER DOMAIN public.d SET DEFAULT 'x'",
        "CREATE OR REPLACE VIEW public.v AS SELECT b FROM public.t WHERE a > 0",
        "ALTER SEQUENCE public.s INCREMENT 3",
        "ALTER SEQUENCE public.s OWNED BY public.t.a",
        "ALTER STATISTICS public.x SET STATISTICS 9",
        "GRANT SELECT (b) ON public.t TO anon",
        "REVOKE ALL ON public.t FROM anon",
        "REVOKE ALL ON FUNCTION public.f() FROM PUBLIC",
        "REVOKE USAGE ON SCHEMA public FROM anon",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM anon",
        "COMMENT ON TABLE public.t IS 'x'",
        "COMMENT ON SCHEMA public IS 'y'",
        "COMMENT ON SCHEMA public IS NULL",
        "CREATE RULE r AS ON DELETE TO public.t DO INSTEAD NOTHING",
        "ALTER PUBLICATION supabase_realtime ADD TABLE public.t",
        "CREATE TABLE public.u (LIKE public.t INCLUDING CONSTRAINTS)",
        "ALTER TABLE public.u INHERIT public.t",
        "CREATE CAST (public.e AS public.d) WITH INOUT",
        "CREATE EXTENSION hstore",
        "ALTER EXTENSION hstore ADD FUNCTION public.f()",
        "ALTER EXTENSION hstore DROP FUNCTION public.f()",
        "ALTER SEQUENCE public.s OWNED BY public.t.b",
        "ALTER SEQUENCE public.s OWNED BY NONE",
        "DROP TABLE public.u",
    ] {
        bed.run(change).await;
        let gate = bed.connection.gate().await.unwrap();
        assert_ne!(gate, last, "{change}");
        last = gate;
    }
}

#[tokio::test]
async fn rows_statistics_numbers_and_temporary_tables_leave_the_gate_where_it_is() {
    let bed = Bed::start(SCHEMA).await;
    let gate = bed.connection.gate().await.unwrap();
    for change in [
        "INSERT INTO public.t (b) SELECT 'x' FROM generate_series(1, 1000)",
        "UPDATE public.t SET b = 'y' WHERE a > 500",
        "DELETE FROM public.t WHERE a > 900",
        "ANALYZE",
        "VACUUM",
        "VACUUM (FREEZE, ANALYZE) public.t",
        "SELECT nextval('public.s'), setval('public.s', 77)",
        "CREATE TEMPORARY TABLE own (a serial PRIMARY KEY, b text DEFAULT 'x' CHECK (b <> '')); COMMENT ON TABLE own IS 'x'",
        "CREATE TEMPORARY TABLE heir (c integer DEFAULT 1) INHERITS (own); ALTER TABLE heir ADD FOREIGN KEY (c) REFERENCES own",
        "CREATE TRIGGER g BEFORE UPDATE ON own FOR EACH ROW EXECUTE FUNCTION public.f()",
        "CREATE TEMPORARY VIEW seen AS SELECT 1; CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "DISCARD TEMP",
        "BEGIN; CREATE TABLE public.never (a integer); ROLLBACK",
    ] {
        bed.run(change).await;
        assert_eq!(bed.connection.gate().await.unwrap(), gate, "{change}");
    }
}

#[tokio::test]
async fn every_change_outside_of_schemas_moves_the_gate() {
    let mut bed = Bed::start(SCHEMA).await;
    bed.psql = bed.server.superuser().await;
    bed.run("CREATE FUNCTION public.e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'")
        .await;
    let mut last = bed.connection.gate().await.unwrap();
    for change in [
        "CREATE EVENT TRIGGER watched ON ddl_command_end EXECUTE FUNCTION public.e()",
        "ALTER EVENT TRIGGER watched DISABLE",
        "DROP EVENT TRIGGER watched",
        "GRANT pg_monitor TO anon",
        "GRANT pg_monitor TO anon WITH ADMIN OPTION",
        "REVOKE pg_monitor FROM anon",
        "CREATE PUBLICATION told FOR ALL TABLES",
        "ALTER PUBLICATION told SET (publish = 'insert')",
        "DROP PUBLICATION told",
        "ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT SELECT ON TABLES TO anon",
        "CREATE POLICY elsewhere ON storage.objects USING (true)",
    ] {
        bed.run(change).await;
        let next = bed.connection.gate().await.unwrap();
        assert_ne!(next, last, "{change}");
        last = next;
    }
}
