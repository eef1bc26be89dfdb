//! What is changed by hand is named, whatever runs meanwhile.

use ace_tests::{is_current, is_true, message_of, on_database, reason_of};
use serde_json::{Value, json};

use super::{NOTES, OFTEN};

const SCHEMA: (&str, &str) = (
    "20260101000000_schema.sql",
    "CREATE TABLE public.notes (id bigint PRIMARY KEY, body text, owner uuid);\n\
     ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;\n\
     CREATE POLICY mine ON public.notes FOR SELECT TO authenticated USING (owner = auth.uid());\n\
     CREATE FUNCTION public.twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';\n\
     REVOKE ALL ON public.notes FROM anon;\n",
);

/// SQL that changes one thing, SQL that puts it back, and what is told in between.
const CASES: [(&str, &str, [&str; 3]); 6] = [
    (
        "ALTER TABLE public.notes ADD x text NOT NULL",
        "ALTER TABLE public.notes DROP x",
        ["column/public.notes.x", "absent", "text not null"],
    ),
    (
        "CREATE INDEX extra ON public.notes (body)",
        "DROP INDEX public.extra",
        [
            "index/public.extra",
            "absent",
            "CREATE INDEX extra ON public.notes USING btree (body)",
        ],
    ),
    (
        "ALTER POLICY mine ON public.notes USING (true)",
        "ALTER POLICY mine ON public.notes USING (owner = auth.uid())",
        [
            "policy/public.notes.mine",
            "using ((owner = auth.uid()))",
            "using (true)",
        ],
    ),
    (
        "CREATE OR REPLACE FUNCTION public.twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 3 * $1'",
        "CREATE OR REPLACE FUNCTION public.twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1'",
        // Twelve digits of the SHA-256 of `SELECT 2 * $1` and of `SELECT 3 * $1`.
        [
            "function/public.twice(integer)",
            "body sha256:b1cb4b150385",
            "body sha256:0e18a253900b",
        ],
    ),
    (
        "GRANT SELECT ON public.notes TO anon",
        "REVOKE SELECT ON public.notes FROM anon",
        ["grant/table public.notes to anon", "absent", "SELECT"],
    ),
    (
        "ALTER TABLE public.notes DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY",
        ["table/public.notes", "row security enabled", "row security disabled"],
    ),
];

fn standing(set: &Value) -> bool {
    is_true(set, "Drifted") && is_current(set)
}

fn undone(set: &Value) -> bool {
    reason_of(set, "Drifted") == "NoDrift" && is_true(set, "Ready")
}

ace_tests::tests![
    each_change_by_hand_is_named_exactly_and_gone_when_it_is_put_back,
    drift_that_stood_before_a_run_is_drift_after_it_until_the_schema_is_accepted,
    drift_in_a_schema_that_stays_watched_stays_when_others_come_and_go,
    a_reference_in_another_form_is_taken_anew_and_is_no_drift,
    nothing_runs_while_the_schema_differs_if_the_policy_says_so,
];

async fn each_change_by_hand_is_named_exactly_and_gone_when_it_is_put_back() {
    on_database(OFTEN, async |stage, database| {
        stage.migrations(&[SCHEMA]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;
        for (change, back, [path, desired, observed]) in CASES {
            database.run(change).await;
            let set = stage.until_set(change, standing).await;
            assert_eq!(
                set["status"]["drift"]["fields"],
                json!([{ "path": path, "desired": desired, "observed": observed }])
            );
            let message = format!("1 object differs: {}", path.replacen('/', " ", 1));
            assert_eq!(message_of(&set, "Drifted"), message);
            assert_eq!(
                message_of(&set, "Ready"),
                format!("every migration is applied, the last one is 20260101000000; {message}")
            );
            database.run(back).await;
            stage.until_set(back, undone).await;
        }
        // Of each, one event says that it was found, and one that it is gone.
        let told = async || {
            let events = stage.events("main").await;
            let of = |reason: &str| events.iter().filter(|event| event.starts_with(reason)).count();
            (of("DriftDetected") == CASES.len() && of("DriftCorrected") > 0).then_some(())
        };
        stage.eventually("drift is told", told).await;
    })
    .await;
}

async fn drift_that_stood_before_a_run_is_drift_after_it_until_the_schema_is_accepted() {
    on_database(OFTEN, async |stage, database| {
        stage.migrations(&[NOTES]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;
        database.run("CREATE SEQUENCE public.by_hand").await;
        let drifted = stage.until_set("is Drifted", standing).await;
        let detected = drifted["status"]["drift"]["detectedTime"].clone();

        let more = ("20260102000000_more.sql", "CREATE SEQUENCE public.more;\n");
        stage.migrations(&[NOTES, more]).await;
        let after = stage
            .until_set("has run more, and is Drifted", |set| {
                standing(set) && set["status"]["head"] == "20260102000000"
            })
            .await;
        let drift = &after["status"]["drift"];
        assert_eq!(drift["detectedTime"], detected);
        let paths: Vec<_> = drift["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| &field["path"])
            .collect();
        assert!(
            paths.iter().all(|path| path.as_str().unwrap().contains("by_hand")) && !paths.is_empty(),
            "{drift}"
        );

        let live = after["status"]["schema"]["digest"].clone();
        stage.migration_set(json!({ "acceptedSchema": live })).await;
        let accepted = stage
            .until_set("is no drift any more", |set| undone(set) && is_current(set))
            .await;
        assert_eq!(accepted["status"]["schema"]["referenceDigest"], live);
        assert_eq!(accepted["status"]["history"][0]["type"], "SchemaAccepted");
    })
    .await;
}

fn paths(set: &Value) -> Vec<&str> {
    let fields = set["status"]["drift"]["fields"].as_array().unwrap();
    fields.iter().map(|field| field["path"].as_str().unwrap()).collect()
}

async fn drift_in_a_schema_that_stays_watched_stays_when_others_come_and_go() {
    on_database(OFTEN, async |stage, database| {
        stage.migrations(&[NOTES]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;
        database.run("CREATE INDEX by_hand ON public.notes (body)").await;
        stage.until_set("is Drifted", standing).await;

        // It is as it should be, whatever is in it.
        database
            .run(r#"CREATE SCHEMA "a.""b"; CREATE TABLE "a.""b".t (x text)"#)
            .await;
        let both = json!({ "schemas": ["public", "a.\"b"] });
        stage.migration_set(both).await;
        let set = stage.until_set("watches both", standing).await;
        assert_eq!(paths(&set), ["index/public.by_hand"]);
        database.run(r#"ALTER TABLE "a.""b".t ADD y text"#).await;
        let set = stage
            .until_set("names both changes", |set| standing(set) && paths(set).len() == 2)
            .await;
        assert_eq!(paths(&set), [r#"column/"a.""b".t.y"#, "index/public.by_hand"]);

        stage.migration_set(json!({ "schemas": ["a.\"b"] })).await;
        let set = stage.until_set("watches the other one alone", standing).await;
        assert_eq!(paths(&set), [r#"column/"a.""b".t.y"#]);
        database.run(r#"ALTER TABLE "a.""b".t DROP y"#).await;
        stage.until_set("is as it was", undone).await;
    })
    .await;
}

async fn a_reference_in_another_form_is_taken_anew_and_is_no_drift() {
    on_database(OFTEN, async |stage, database| {
        stage.migrations(&[NOTES]).await;
        stage.migration_set(json!({})).await;
        let before = stage.applied("20260101000000").await;
        // As an earlier operator would have described it.
        database
            .run(
                "UPDATE ace_ops.state SET form = form - 1, digest = 'sha256:other'; \
                 UPDATE ace_ops.reference SET definition = 'said otherwise'",
            )
            .await;
        let after = stage
            .until_set("is described anew", |set| {
                undone(set) && set["status"]["history"][0]["type"] == "SchemaReworded"
            })
            .await;
        assert_eq!(after["status"]["schema"], before["status"]["schema"]);
        assert_eq!(after["status"]["drift"], json!(null));
        let told = async || {
            let events = stage.events("main").await;
            assert!(
                !events.iter().any(|event| event.starts_with("DriftDetected")),
                "{events:?}"
            );
            events
                .iter()
                .any(|event| event.starts_with("SchemaReworded"))
                .then_some(())
        };
        stage.eventually("it is told", told).await;
    })
    .await;
}

async fn nothing_runs_while_the_schema_differs_if_the_policy_says_so() {
    on_database(OFTEN, async |stage, database| {
        stage.migrations(&[NOTES]).await;
        let spec = json!({ "policy": { "whileDrifted": "Block" } });
        stage.migration_set(spec).await;
        stage.applied("20260101000000").await;
        database.run("CREATE INDEX by_hand ON public.notes (body)").await;
        stage.until_set("is Drifted", standing).await;
        let more = ("20260102000000_more.sql", "CREATE SEQUENCE public.more;\n");
        stage.migrations(&[NOTES, more]).await;
        let blocked = stage.set_stalled("DriftBlocked").await;
        assert_eq!(
            message_of(&blocked, "Ready"),
            "1 object differs: index public.by_hand: revert the change, or set `spec.acceptedSchema` to `status.schema.digest` to accept it"
        );
        assert_eq!(database.ledger().await, ["20260101000000"]);
        database.run("DROP INDEX public.by_hand").await;
        stage.applied("20260102000000").await;
    })
    .await;
}
