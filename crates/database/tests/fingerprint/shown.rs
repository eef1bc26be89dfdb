//! What of a definition is shown, and what is only a digest.

use hex::encode;
use sha2::{Digest, Sha256};

use crate::bed::Bed;
use crate::changes::SCHEMA;

#[tokio::test]
async fn a_new_body_is_shown_by_digests_that_differ() {
    let bed = Bed::start(SCHEMA).await;
    let changed = bed
        .change("CREATE OR REPLACE FUNCTION public.twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 3 * $1'")
        .await;
    let body = |text: &str| format!("body sha256:{}", &encode(Sha256::digest(text))[..12]);
    let path = "function/public.twice(integer)".to_owned();
    assert_eq!(changed, [[path, body("SELECT 2 * $1"), body("SELECT 3 * $1")]]);
}

#[tokio::test]
async fn an_argument_of_a_trigger_and_a_setting_of_an_applications_own_are_not_shown() {
    let mut bed = Bed::start(
        "CREATE TABLE public.t (a integer);
         CREATE FUNCTION public.call() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    )
    .await;
    // Only a superuser may give a function such a setting.
    bed.psql = bed.server.superuser().await;
    let changed = bed
        .change(
            "CREATE TRIGGER hook AFTER INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.call('POST', 'Bearer canary');
             ALTER FUNCTION public.call() SET \"app.key\" = 'canary'",
        )
        .await;
    let paths: Vec<_> = changed.iter().map(|[path, ..]| path.as_str()).collect();
    assert_eq!(paths, ["function/public.call()", "trigger/public.t.hook"]);
    let objects: Vec<_> = bed.fingerprint().await.objects().collect();
    assert!(!format!("{changed:?}{objects:?}").contains("canary"));
    // Another secret is another definition all the same.
    let rotated = bed
        .change(
            "CREATE OR REPLACE TRIGGER hook AFTER INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.call('POST', 'Bearer other');
             ALTER FUNCTION public.call() SET \"app.key\" = 'other'",
        )
        .await;
    let paths: Vec<_> = rotated.iter().map(|[path, ..]| path.as_str()).collect();
    assert_eq!(paths, ["function/public.call()", "trigger/public.t.hook"]);
}

#[tokio::test]
async fn a_literal_in_an_expression_or_a_comment_is_not_shown_and_another_one_is_another_definition() {
    let bed = Bed::start(
        "CREATE TABLE public.t (a text); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
         CREATE FUNCTION public.call() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    )
    .await;
    let with = |key: &str| {
        format!(
            "DROP VIEW IF EXISTS public.v; DROP TABLE IF EXISTS public.p; DROP FUNCTION IF EXISTS public.f;
             DROP FUNCTION IF EXISTS public.g; DROP STATISTICS IF EXISTS public.s; DROP INDEX IF EXISTS public.i;
             ALTER TABLE public.t DROP CONSTRAINT IF EXISTS k; DROP POLICY IF EXISTS q ON public.t;
             DROP DOMAIN IF EXISTS public.d;
             ALTER TABLE public.t ALTER a SET DEFAULT '{key}', ADD CONSTRAINT k CHECK (a <> '{key}');
             CREATE VIEW public.v AS SELECT '{key}' AS k; COMMENT ON TABLE public.t IS '{key}';
             CREATE POLICY q ON public.t USING (a = '{key}') WITH CHECK (a = '{key}');
             CREATE INDEX i ON public.t ((a || '{key}')) WHERE a <> '{key}';
             CREATE OR REPLACE TRIGGER hook AFTER INSERT ON public.t FOR EACH ROW WHEN (new.a = '{key}') EXECUTE FUNCTION public.call();
             CREATE OR REPLACE RULE r AS ON DELETE TO public.t WHERE old.a = '{key}' DO INSTEAD NOTHING;
             CREATE FUNCTION public.f(x text DEFAULT '{key}') RETURNS text LANGUAGE sql AS 'SELECT 1';
             CREATE FUNCTION public.g() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT '{key}'; END;
             CREATE STATISTICS public.s ON (a || '{key}'), (a || 'x') FROM public.t;
             CREATE DOMAIN public.d AS text DEFAULT '{key}' CHECK (VALUE <> '{key}');
             CREATE TABLE public.p (a text) PARTITION BY LIST (a);
             CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES IN ('{key}')"
        )
    };
    bed.run(&with("sk_canary_1")).await;
    let changed = bed.change(&with("sk_canary_2")).await;
    let objects: Vec<_> = bed.fingerprint().await.objects().collect();
    let all = format!("{changed:?}{objects:?}");
    assert!(!all.contains("canary"), "{all}");
    let paths: Vec<_> = changed.iter().map(|[path, ..]| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "table/public.p1",
            "table/public.t",
            "column/public.t.a",
            "constraint/public.d.d_check",
            "constraint/public.t.k",
            "index/public.i",
            "view/public.v",
            "function/public.f(text)",
            "function/public.g()",
            "trigger/public.t.hook",
            "rule/public.t.r",
            "policy/public.t.q",
            "domain/public.d",
            "statistics/public.s",
        ]
    );
}
