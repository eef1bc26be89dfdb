use ace_database::differences;

use crate::bed::{Bed, texts};

/// One object or more of each class that a change is made to.
pub const SCHEMA: &str = "
    CREATE TYPE public.mood AS ENUM ('low', 'high');
    CREATE DOMAIN public.code AS text CONSTRAINT short CHECK (length(VALUE) < 9);
    CREATE TYPE public.pair AS (a integer, b text);
    CREATE SEQUENCE public.tickets;
    CREATE TABLE public.campaigns (id integer PRIMARY KEY, title text, owner_id uuid, budget numeric NOT NULL DEFAULT 0);
    CREATE INDEX campaigns_title ON public.campaigns (title);
    ALTER TABLE public.campaigns ADD CONSTRAINT titled CHECK (title <> '');
    ALTER TABLE public.campaigns ENABLE ROW LEVEL SECURITY;
    CREATE POLICY mine ON public.campaigns FOR SELECT TO authenticated USING (owner_id = auth.uid());
    CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER touched BEFORE UPDATE ON public.campaigns FOR EACH ROW EXECUTE FUNCTION public.touch();
    CREATE FUNCTION public.twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
    CREATE VIEW public.titles AS SELECT title FROM public.campaigns;
    CREATE MATERIALIZED VIEW public.sums AS SELECT sum(budget) FROM public.campaigns;
    CREATE TABLE public.codes (code public.code);
    REVOKE ALL ON public.codes FROM anon;
    GRANT SELECT ON public.codes TO anon;
    CREATE STATISTICS public.correlated ON title, budget FROM public.campaigns;
    CREATE RULE quiet AS ON DELETE TO public.codes DO INSTEAD NOTHING;
";

/// SQL that changes one thing, SQL that reverts it, and the differences in between.
type Case = (&'static str, &'static str, &'static [[&'static str; 3]]);

/// Names say what was changed; `absent` as desired and observed changes sides.
const CASES: &[Case] = &[
    (
        "ALTER TABLE public.campaigns ADD x text NOT NULL",
        "ALTER TABLE public.campaigns DROP x",
        &[["column/public.campaigns.x", "absent", "text not null"]],
    ),
    (
        "ALTER TABLE public.campaigns DROP owner_id CASCADE",
        "ALTER TABLE public.campaigns ADD owner_id uuid;
         CREATE POLICY mine ON public.campaigns FOR SELECT TO authenticated USING (owner_id = auth.uid())",
        &[
            ["column/public.campaigns.owner_id", "uuid", "absent"],
            [
                "policy/public.campaigns.mine",
                "for select, to authenticated, using ((owner_id = auth.uid()))",
                "absent",
            ],
        ],
    ),
    (
        "ALTER TABLE public.campaigns ALTER title SET NOT NULL",
        "ALTER TABLE public.campaigns ALTER title DROP NOT NULL",
        &[["column/public.campaigns.title", "nullable", "not null"]],
    ),
    (
        "ALTER TABLE public.campaigns ALTER budget SET DEFAULT 100",
        "ALTER TABLE public.campaigns ALTER budget SET DEFAULT 0",
        &[["column/public.campaigns.budget", "default 0", "default 100"]],
    ),
    (
        "ALTER TABLE public.campaigns ALTER budget DROP DEFAULT, ALTER budget DROP NOT NULL",
        "ALTER TABLE public.campaigns ALTER budget SET DEFAULT 0, ALTER budget SET NOT NULL",
        &[[
            "column/public.campaigns.budget",
            "not null, default 0",
            "nullable, no default",
        ]],
    ),
    (
        "CREATE INDEX extra ON public.campaigns (budget)",
        "DROP INDEX public.extra",
        &[[
            "index/public.extra",
            "absent",
            "CREATE INDEX extra ON public.campaigns USING btree (budget)",
        ]],
    ),
    (
        "DROP INDEX public.campaigns_title; CREATE INDEX campaigns_title ON public.campaigns (title DESC)",
        "DROP INDEX public.campaigns_title; CREATE INDEX campaigns_title ON public.campaigns (title)",
        &[[
            "index/public.campaigns_title",
            "CREATE INDEX campaigns_title ON public.campaigns USING btree (title)",
            "CREATE INDEX campaigns_title ON public.campaigns USING btree (title DESC)",
        ]],
    ),
    (
        "ALTER POLICY mine ON public.campaigns USING (true)",
        "ALTER POLICY mine ON public.campaigns USING (owner_id = auth.uid())",
        &[[
            "policy/public.campaigns.mine",
            "using ((owner_id = auth.uid()))",
            "using (true)",
        ]],
    ),
    (
        "ALTER POLICY mine ON public.campaigns TO PUBLIC",
        "ALTER POLICY mine ON public.campaigns TO authenticated",
        &[["policy/public.campaigns.mine", "to authenticated", "to PUBLIC"]],
    ),
    (
        "ALTER FUNCTION public.touch() SECURITY DEFINER SET search_path = ''",
        "ALTER FUNCTION public.touch() SECURITY INVOKER RESET search_path",
        &[[
            "function/public.touch()",
            "security invoker, no settings",
            "security definer, set search_path=\"\"",
        ]],
    ),
    (
        "ALTER FUNCTION public.twice(integer) STABLE",
        "ALTER FUNCTION public.twice(integer) IMMUTABLE",
        &[["function/public.twice(integer)", "immutable", "stable"]],
    ),
    (
        "REVOKE EXECUTE ON FUNCTION public.touch() FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION public.touch() TO PUBLIC",
        &[["grant/function public.touch() to PUBLIC", "EXECUTE", "absent"]],
    ),
    (
        "GRANT INSERT ON public.codes TO anon",
        "REVOKE INSERT ON public.codes FROM anon",
        &[["grant/table public.codes to anon", "SELECT", "INSERT, SELECT"]],
    ),
    (
        "GRANT SELECT (title) ON public.campaigns TO anon WITH GRANT OPTION",
        "REVOKE SELECT (title) ON public.campaigns FROM anon",
        &[[
            "grant/column public.campaigns.title to anon",
            "absent",
            "SELECT with grant option",
        ]],
    ),
    (
        "REVOKE USAGE ON SCHEMA public FROM anon",
        "GRANT USAGE ON SCHEMA public TO anon",
        &[["grant/schema public to anon", "USAGE", "absent"]],
    ),
    (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE EXECUTE ON FUNCTIONS FROM anon",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO anon",
        &[[
            "default-privilege/for postgres in public on functions to anon",
            "EXECUTE",
            "absent",
        ]],
    ),
    (
        "ALTER TABLE public.campaigns DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE public.campaigns ENABLE ROW LEVEL SECURITY",
        &[[
            "table/public.campaigns",
            "row security enabled",
            "row security disabled",
        ]],
    ),
    (
        "ALTER TABLE public.campaigns FORCE ROW LEVEL SECURITY",
        "ALTER TABLE public.campaigns NO FORCE ROW LEVEL SECURITY",
        &[[
            "table/public.campaigns",
            "row security not forced",
            "row security forced",
        ]],
    ),
    (
        "ALTER TABLE public.campaigns REPLICA IDENTITY FULL, SET (fillfactor = 90, autovacuum_enabled = off)",
        "ALTER TABLE public.campaigns REPLICA IDENTITY DEFAULT, RESET (fillfactor, autovacuum_enabled)",
        &[[
            "table/public.campaigns",
            "replica identity default, no options",
            "replica identity full, with autovacuum_enabled=off, fillfactor=90",
        ]],
    ),
    (
        "ALTER TABLE public.campaigns DISABLE TRIGGER touched",
        "ALTER TABLE public.campaigns ENABLE TRIGGER touched",
        &[["trigger/public.campaigns.touched", "enabled", "disabled"]],
    ),
    (
        "DROP TRIGGER touched ON public.campaigns",
        "CREATE TRIGGER touched BEFORE UPDATE ON public.campaigns FOR EACH ROW EXECUTE FUNCTION public.touch()",
        &[[
            "trigger/public.campaigns.touched",
            "CREATE TRIGGER touched BEFORE UPDATE ON public.campaigns FOR EACH ROW EXECUTE FUNCTION public.touch()",
            "absent",
        ]],
    ),
    (
        "ALTER TYPE public.mood RENAME VALUE 'low' TO 'lower'",
        "ALTER TYPE public.mood RENAME VALUE 'lower' TO 'low'",
        &[["enum/public.mood", "('low', 'high')", "('lower', 'high')"]],
    ),
    (
        "ALTER DOMAIN public.code DROP CONSTRAINT short",
        "ALTER DOMAIN public.code ADD CONSTRAINT short CHECK (length(VALUE) < 9)",
        &[["constraint/public.code.short", "CHECK ((length(VALUE) < 9))", "absent"]],
    ),
    (
        "ALTER TYPE public.pair ADD ATTRIBUTE c date",
        "ALTER TYPE public.pair DROP ATTRIBUTE c",
        &[["type/public.pair", "(a integer, b text)", "(a integer, b text, c date)"]],
    ),
    (
        "ALTER TABLE public.campaigns DROP CONSTRAINT titled; \
         ALTER TABLE public.campaigns ADD CONSTRAINT titled CHECK (title <> '') NOT VALID",
        "ALTER TABLE public.campaigns VALIDATE CONSTRAINT titled",
        &[[
            "constraint/public.campaigns.titled",
            "CHECK ((title <> ''::text))",
            "CHECK ((title <> ''::text)) NOT VALID",
        ]],
    ),
    (
        "CREATE OR REPLACE VIEW public.titles AS SELECT title FROM public.campaigns WHERE id > 0",
        "CREATE OR REPLACE VIEW public.titles AS SELECT title FROM public.campaigns",
        &[[
            "view/public.titles",
            r"as SELECT campaigns.title FROM public.campaigns;",
            r"as SELECT campaigns.title FROM public.campaigns WHERE (campaigns.id > 0);",
        ]],
    ),
    (
        "ALTER VIEW public.titles SET (security_invoker = on)",
        "ALTER VIEW public.titles RESET (security_invoker)",
        &[["view/public.titles", "no options", "with security_invoker=on"]],
    ),
    (
        "COMMENT ON COLUMN public.campaigns.title IS 'what it''s called'",
        "COMMENT ON COLUMN public.campaigns.title IS NULL",
        &[[
            "column/public.campaigns.title",
            "no comment",
            "comment sha256:e3aa9252db7e",
        ]],
    ),
    (
        "ALTER SEQUENCE public.tickets INCREMENT 2 OWNED BY public.campaigns.id",
        "ALTER SEQUENCE public.tickets INCREMENT 1 OWNED BY NONE",
        &[[
            "sequence/public.tickets",
            "increment 1, owned by no column",
            "increment 2, owned by public.campaigns.id",
        ]],
    ),
    (
        "ALTER TABLE public.codes DISABLE RULE quiet",
        "ALTER TABLE public.codes ENABLE RULE quiet",
        &[["rule/public.codes.quiet", "enabled", "disabled"]],
    ),
    (
        "ALTER STATISTICS public.correlated SET STATISTICS 7",
        "ALTER STATISTICS public.correlated SET STATISTICS -1",
        &[["statistics/public.correlated", "default statistics", "statistics 7"]],
    ),
    (
        "ALTER PUBLICATION supabase_realtime ADD TABLE public.codes",
        "ALTER PUBLICATION supabase_realtime DROP TABLE public.codes",
        &[["publication/supabase_realtime of public.codes", "absent", "table"]],
    ),
    (
        "COMMENT ON MATERIALIZED VIEW public.sums IS 'x'",
        "COMMENT ON MATERIALIZED VIEW public.sums IS NULL",
        &[[
            "materialized-view/public.sums",
            "no comment",
            "comment sha256:2d711642b726",
        ]],
    ),
    (
        "CREATE CAST (public.mood AS public.code) WITH INOUT",
        "DROP CAST (public.mood AS public.code)",
        &[["cast/(public.mood as public.code)", "absent", "by text, explicit"]],
    ),
];

#[tokio::test]
async fn each_change_is_named_alone_with_what_it_changed_and_is_gone_when_put_back() {
    let bed = Bed::start(SCHEMA).await;
    let original = bed.fingerprint().await;
    for (change, back, expected) in CASES {
        assert_eq!(bed.change(change).await, *expected, "{change}");
        bed.run(back).await;
        assert_eq!(bed.fingerprint().await, original, "{back}");
    }
}

#[tokio::test]
async fn an_index_that_failed_to_build_is_invalid() {
    let bed = Bed::start("CREATE TABLE public.t (a integer); INSERT INTO public.t VALUES (1), (1)").await;
    let before = bed.fingerprint().await;
    let failed = bed
        .psql
        .batch_execute("CREATE UNIQUE INDEX CONCURRENTLY u ON public.t (a)")
        .await;
    assert!(failed.is_err());
    let built = bed.change("DELETE FROM public.t; REINDEX INDEX public.u").await;
    assert_eq!(built, [["index/public.u", "invalid", "valid"].map(str::to_owned)]);
    let dropped = bed.change("DROP INDEX public.u").await;
    assert_eq!(dropped.len(), 1);
    assert_eq!(bed.fingerprint().await, before);
}

#[tokio::test]
async fn a_foreign_key_that_is_not_checked_any_more_is_named_with_the_table() {
    let mut bed = Bed::start(
        "CREATE TABLE public.owners (id int PRIMARY KEY); \
         CREATE TABLE public.things (id int CONSTRAINT owned REFERENCES public.owners, twin int CONSTRAINT once UNIQUE DEFERRABLE)",
    )
    .await;
    let superuser = bed.server.superuser().await;
    let before = bed.fingerprint().await;
    for (table, differ) in [
        (
            "owners",
            &[[
                "constraint/public.things.owned",
                "checked",
                "unchecked on public.owners",
            ]][..],
        ),
        (
            "things",
            &[
                ["constraint/public.things.once", "checked", "unchecked on public.things"],
                [
                    "constraint/public.things.owned",
                    "checked",
                    "unchecked on public.things",
                ],
            ],
        ),
    ] {
        let all = |verb: &str| format!("ALTER TABLE public.{table} {verb} TRIGGER ALL");
        superuser.batch_execute(&all("DISABLE")).await.unwrap();
        assert_eq!(texts(differences(&before, &bed.fingerprint().await)), differ);
        superuser.batch_execute(&all("ENABLE")).await.unwrap();
        assert_eq!(bed.fingerprint().await.digest(), before.digest());
    }
}
