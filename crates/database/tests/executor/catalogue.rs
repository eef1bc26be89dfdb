//! What the risks of a plan depend on, as the server has it.

use ace_domain::sql::Routine;

use crate::bed::Bed;

#[tokio::test]
async fn the_catalogue_knows_what_risks_depend_on() {
    let bed = Bed::alone().await;
    bed.as_superuser("CREATE ROLE supabase_tool; \
         CREATE TABLE public.open (a int); CREATE TABLE public.closed (a int); \
         ALTER TABLE public.closed ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY \"Only paid\" ON public.closed AS RESTRICTIVE USING (a > 0); CREATE POLICY everyone ON public.closed USING (true); \
         CREATE VIEW public.past AS SELECT 1 AS a FROM public.closed; \
         CREATE VIEW public.within WITH (security_invoker) AS SELECT 1 AS a FROM public.closed; \
         CREATE MATERIALIZED VIEW public.totals AS SELECT count(*) FROM public.past; \
         CREATE FUNCTION public.wipe() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM public.closed'; \
         CREATE FUNCTION public.half(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2'; \
         CREATE PROCEDURE public.fill() LANGUAGE plpgsql AS 'BEGIN UPDATE public.open SET a = 1; COMMIT; END'; \
         CREATE PROCEDURE public.tidy() LANGUAGE plpgsql AS 'BEGIN /* no commit */ NULL; END'; \
         CREATE FUNCTION public.tool() RETURNS void LANGUAGE sql AS ''; ALTER FUNCTION public.tool() OWNER TO supabase_tool; \
         CREATE TABLE public.sums (a int, b int GENERATED ALWAYS AS (public.half(a)) STORED); \
         CREATE TABLE public.paid (a int CONSTRAINT paid_key PRIMARY KEY, b int CONSTRAINT paid_once UNIQUE); \
         CREATE MATERIALIZED VIEW public.grouped AS SELECT a, b FROM public.paid GROUP BY a; \
         CREATE FOREIGN DATA WRAPPER wrapper; CREATE SERVER far FOREIGN DATA WRAPPER wrapper; \
         CREATE SERVER unused FOREIGN DATA WRAPPER wrapper; CREATE FOREIGN TABLE public.remote (a int) SERVER far; \
         CREATE MATERIALIZED VIEW public.kept AS SELECT a FROM public.remote WITH NO DATA; \
         CREATE EXTENSION pg_trgm SCHEMA public; CREATE EXTENSION citext SCHEMA public; \
         CREATE TABLE public.jobs (a int); ALTER EXTENSION pg_trgm ADD TABLE public.jobs; \
         CREATE SCHEMA types; CREATE TYPE types.\"Vehi.cle\" AS ENUM ('van', 'it''s'); \
         CREATE TABLE public.fleet (n int, dropped types.\"Vehi.cle\", \"ki\"\"nd\" types.\"Vehi.cle\", many types.\"Vehi.cle\"[]); \
         ALTER TABLE public.fleet DROP COLUMN dropped; CREATE SEQUENCE types.numbers",
    )
    .await;
    let seen = bed.session().await.catalogue(1_000).await.unwrap();
    let key = |name: &str| ("public".to_owned(), name.to_owned());
    let of_no_schema = |name: &str| (String::new(), name.to_owned());
    let relation = |name| seen.relations.get(&key(name)).copied();
    assert_eq!(
        ["open", "closed", "past", "within", "totals", "absent"].map(relation),
        [Some(false), Some(true), Some(false), Some(true), Some(false), None]
    );
    let routine = |volatile, definer, commits| Routine {
        volatile,
        definer,
        commits,
    };
    let own = seen
        .routines
        .clone()
        .into_iter()
        .filter(|((schema, _), _)| schema == "public");
    assert_eq!(
        own.collect::<Vec<_>>(),
        [
            (key("fill"), routine(true, false, true)),
            (key("half"), routine(false, false, false)),
            (key("tidy"), routine(true, false, false)),
            (key("wipe"), routine(true, true, false)),
        ]
    );
    let of = ("types".to_owned(), "Vehi.cle".to_owned());
    let labels = ["it's", "van"].map(str::to_owned);
    assert_eq!(seen.enums.get(&of), Some(&labels.into()));
    let columns = [("ki\"nd".to_owned(), of)];
    assert_eq!(seen.enum_columns.get(&key("fleet")), Some(&columns.into()));
    let numbers = ("types".to_owned(), "numbers".to_owned());
    assert!(seen.sequences.contains(&numbers), "{:?}", seen.sequences);
    // Those with tables: the vault's is in every project.
    assert_eq!(
        seen.extensions.iter().collect::<Vec<_>>(),
        ["pg_trgm", "supabase_vault"]
    );
    assert_eq!(
        seen.dependants.clone().into_iter().collect::<Vec<_>>(),
        [
            (of_no_schema("far"), "materialized view public.kept".to_owned()),
            (of_no_schema("wrapper"), "materialized view public.kept".to_owned()),
            (key("half"), "column public.sums.b".to_owned()),
            (key("paid_key"), "materialized view public.grouped".to_owned()),
            (key("past"), "materialized view public.totals".to_owned()),
            (key("remote"), "materialized view public.kept".to_owned()),
        ]
    );
    assert_eq!(
        seen.restrictive,
        [(key("closed"), ["Only paid".to_owned()].into())].into()
    );
    assert_eq!(seen.securing_trigger, None);
    bed.as_superuser("CREATE FUNCTION public.on_create() RETURNS event_trigger LANGUAGE plpgsql AS \
         $$ BEGIN EXECUTE 'ALTER TABLE x ENABLE  ROW LEVEL SECURITY'; END $$; \
         CREATE EVENT TRIGGER ensure_rls ON ddl_command_end WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION public.on_create()",
    )
    .await;
    let trigger = async || bed.session().await.catalogue(1_000).await.unwrap().securing_trigger;
    assert_eq!(trigger().await, None);
    bed.as_superuser(
        "DROP EVENT TRIGGER ensure_rls; \
         CREATE EVENT TRIGGER ensure_rls ON ddl_command_end EXECUTE FUNCTION public.on_create(); \
         ALTER EVENT TRIGGER ensure_rls DISABLE",
    )
    .await;
    assert_eq!(trigger().await, None);
    bed.as_superuser("ALTER EVENT TRIGGER ensure_rls ENABLE").await;
    assert_eq!(trigger().await, Some("ensure_rls".to_owned()));
    bed.as_superuser("DROP EVENT TRIGGER ensure_rls").await;
}

#[tokio::test]
async fn a_table_with_which_something_else_is_written_is_not_quiet() {
    let bed = Bed::alone().await;
    bed.as_superuser(
        "CREATE TABLE public.open (a int); CREATE VIEW public.past AS SELECT 1 AS a; CREATE MATERIALIZED VIEW public.totals AS SELECT 1 AS a; \
         CREATE FOREIGN DATA WRAPPER wrapper; CREATE SERVER far FOREIGN DATA WRAPPER wrapper; CREATE FOREIGN TABLE public.remote (a int) SERVER far; \
         CREATE TABLE public.fires (a int); CREATE FUNCTION public.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
         CREATE TRIGGER fire AFTER INSERT ON public.fires FOR EACH ROW EXECUTE FUNCTION public.fire(); \
         CREATE TABLE public.ruled (a int); CREATE RULE r AS ON INSERT TO public.ruled DO ALSO SELECT 1; \
         CREATE TABLE public.whole (a int) PARTITION BY RANGE (a); \
         CREATE TABLE public.part PARTITION OF public.whole FOR VALUES FROM (1) TO (2); \
         CREATE TABLE public.above (a int); CREATE TABLE public.below () INHERITS (public.above); \
         CREATE TABLE public.parent (a int PRIMARY KEY); CREATE TABLE public.child (a int REFERENCES public.parent ON DELETE CASCADE); \
         CREATE TABLE public.named (a int PRIMARY KEY); CREATE TABLE public.names (a int REFERENCES public.named)",
    )
    .await;
    let seen = bed.session().await.catalogue(1_000).await.unwrap();
    let quiet = |name: &&str| seen.quiet.contains(&("public".to_owned(), (*name).to_owned()));
    let loud = [
        "fires", "ruled", "whole", "part", "above", "below", "parent", "past", "totals", "remote",
    ];
    assert_eq!(
        loud.iter().filter(|name| quiet(name)).collect::<Vec<_>>(),
        Vec::<&&str>::new()
    );
    assert!(["open", "child", "named", "names"].iter().all(quiet));
}
