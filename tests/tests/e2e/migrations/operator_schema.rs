//! The official CLI's ledger and ours beside each other.

use ace_api::MigrationSet;
use ace_tests::{Colleague, Database, Stage, is_true, message_of, on_database, reason_of};
use serde_json::json;

use super::{INDEX, NOTES, OFTEN, RARELY};

const THIRD: (&str, &str) = ("20260103000000_more.sql", "CREATE SEQUENCE public.more;\n");

/// A colleague's checkout with these migrations.
fn checkout(stage: &Stage<'_>, files: &[(&str, &str)]) -> Colleague {
    let colleague = Colleague::new(&stage.project);
    for (name, content) in files {
        colleague.file(&format!("migrations/{name}"), content);
    }
    colleague
}

/// Versions of `supabase migration list`: those that lie in the checkout, and those that are applied.
async fn listed(colleague: &Colleague, database: &Database) -> Vec<(String, String)> {
    let list = colleague.run(&["migration", "list", "--db-url", &database.url()]).await;
    let rows = list.lines().filter(|line| line.contains("2026"));
    rows.map(|line| {
        let mut columns = line
            .split(['|', '│'])
            .map(|column| column.trim_matches(|c: char| !c.is_ascii_digit()).to_owned());
        (columns.next().unwrap(), columns.next().unwrap())
    })
    .collect()
}

ace_tests::tests![
    the_cli_and_the_operator_in_turn_see_what_the_other_did_as_applied,
    what_the_cli_ran_before_the_set_was_there_is_adopted_if_its_statements_are_the_files,
    a_version_that_is_older_than_the_newest_one_is_refused_unless_the_policy_runs_it,
    versions_without_a_file_are_counted_and_stop_nothing,
    a_version_that_left_the_ledger_runs_again_only_when_its_plan_is_approved,
    a_file_that_stopped_half_way_and_was_finished_by_hand_is_adopted_and_forgotten,
    a_database_belongs_to_the_set_that_came_first_until_it_is_given_up,
];

async fn the_cli_and_the_operator_in_turn_see_what_the_other_did_as_applied() {
    on_database(OFTEN, async |stage, database| {
        stage.migrations(&[NOTES]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;

        // The CLI runs only what we did not.
        let colleague = checkout(stage, &[NOTES, INDEX]);
        let push = ["db", "push", "--yes", "--db-url", &database.url()];
        colleague.run(&push).await;
        assert_eq!(database.ledger().await, ["20260101000000", "20260102000000"]);

        // We run only what it did not.
        stage.migrations(&[NOTES, INDEX, THIRD]).await;
        let set = stage.applied("20260103000000").await;
        let history: Vec<_> = set["status"]["history"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| (event["type"].as_str().unwrap(), event["version"].as_str().unwrap()))
            .collect();
        assert_eq!(
            history,
            [
                ("Applied", "20260103000000"),
                ("Adopted", "20260102000000"),
                ("Applied", "20260101000000")
            ]
        );
        colleague.file(&format!("migrations/{}", THIRD.0), THIRD.1);
        let both = |version: &str| (version.to_owned(), version.to_owned());
        assert_eq!(
            listed(&colleague, database).await,
            [both("20260101000000"), both("20260102000000"), both("20260103000000")]
        );
        let pushed = colleague.run(&[&push[..], &["--dry-run"]].concat()).await;
        assert!(!pushed.contains("20260"), "{pushed}");

        // A file that was edited afterwards stops everything, whoever had run it.
        let fourth = ("20260104000000_never.sql", "CREATE SEQUENCE public.never;\n");
        for (name, content) in [NOTES, INDEX, THIRD] {
            let edited = format!("{content}-- edited\n");
            let others = [NOTES, INDEX, THIRD].into_iter().filter(|file| file.0 != name);
            let files: Vec<_> = others.chain([(name, edited.as_str()), fourth]).collect();
            stage.migrations(&files).await;
            let version = &name[..14];
            let message = format!(
                "{version}: the file differs from what was applied; restore it, and write the change as a new migration"
            );
            stage
                .until_set("is Stalled/ChecksumMismatch", |set| {
                    reason_of(set, "Stalled") == "ChecksumMismatch" && message_of(set, "Ready") == message
                })
                .await;
        }
        assert_eq!(database.ledger().await.len(), 3);
        stage.migrations(&[NOTES, INDEX, THIRD, fourth]).await;
        stage.applied("20260104000000").await;
    })
    .await;
}

async fn what_the_cli_ran_before_the_set_was_there_is_adopted_if_its_statements_are_the_files() {
    on_database(RARELY, async |stage, database| {
        let colleague = checkout(stage, &[NOTES, INDEX, THIRD]);
        colleague
            .run(&["db", "push", "--yes", "--db-url", &database.url()])
            .await;
        // Others note no statements: those can't be compared.
        database
            .run("UPDATE supabase_migrations.schema_migrations SET statements = NULL WHERE version = '20260102000000'")
            .await;
        stage.migrations(&[NOTES, INDEX, THIRD]).await;
        stage.migration_set(json!({})).await;
        let set = stage.applied("20260103000000").await;
        assert_eq!(
            (&set["status"]["applied"], &set["status"]["unverified"]),
            (&json!(3), &json!(1))
        );
        assert_eq!(
            database
                .rows("SELECT version, kind FROM ace_ops.migration ORDER BY 1")
                .await,
            ["20260101000000|adopted", "20260103000000|adopted"]
        );
    })
    .await;
}

async fn a_version_that_is_older_than_the_newest_one_is_refused_unless_the_policy_runs_it() {
    on_database(RARELY, async |stage, database| {
        stage.migrations(&[NOTES, THIRD]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260103000000").await;
        stage.migrations(&[NOTES, INDEX, THIRD]).await;
        let stalled = stage.set_stalled("OutOfOrder").await;
        assert_eq!(
            message_of(&stalled, "Ready"),
            "20260102000000 would come before 20260103000000, which is already applied: give it a newer version, or set \
             `spec.policy.outOfOrder: Apply`"
        );
        assert_eq!(database.ledger().await, ["20260101000000", "20260103000000"]);
        stage
            .migration_set(json!({ "policy": { "outOfOrder": "Apply" } }))
            .await;
        stage.applied("20260103000000").await;
        assert_eq!(
            database.ledger().await,
            ["20260101000000", "20260102000000", "20260103000000"]
        );
    })
    .await;
}

async fn versions_without_a_file_are_counted_and_stop_nothing() {
    on_database(RARELY, async |stage, database| {
        database
            .run("INSERT INTO supabase_migrations.schema_migrations VALUES ('20250101000000'), ('20250102000000')")
            .await;
        stage.migrations(&[NOTES]).await;
        stage.migration_set(json!({})).await;
        let set = stage.applied("20260101000000").await;
        assert_eq!(
            (&set["status"]["applied"], &set["status"]["unknownApplied"]),
            (&json!(1), &json!(2))
        );
    })
    .await;
}

async fn a_version_that_left_the_ledger_runs_again_only_when_its_plan_is_approved() {
    on_database(OFTEN, async |stage, database| {
        // It can run twice, and counts how often it did.
        let counts = (
            "20260102000000_counts.sql",
            "CREATE SEQUENCE IF NOT EXISTS public.runs;\nSELECT nextval('public.runs');\n",
        );
        let colleague = checkout(stage, &[NOTES, counts]);
        let repair = async |version: &str, status: &str| {
            let url = database.url();
            colleague
                .run(&[
                    "migration",
                    "repair",
                    version,
                    "--status",
                    status,
                    "--yes",
                    "--db-url",
                    &url,
                ])
                .await;
        };
        let runs = async || database.rows("SELECT last_value FROM public.runs").await;
        stage.migrations(&[NOTES, counts]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260102000000").await;

        repair("20260102000000", "reverted").await;
        let stalled = stage.set_stalled("LedgerRegressed").await;
        let message = message_of(&stalled, "Ready");
        assert!(
            message.contains("`supabase migration repair 20260102000000 --status applied`"),
            "{message}"
        );
        assert_eq!(runs().await, ["1"]);
        // One way out: its effects are still there, and it is recorded again.
        repair("20260102000000", "applied").await;
        stage.applied("20260102000000").await;
        assert_eq!(runs().await, ["1"]);

        // The other: it runs again, allowed for this once.
        repair("20260102000000", "reverted").await;
        let stalled = stage.set_stalled("LedgerRegressed").await;
        let plan = stalled["status"]["plan"]["digest"].clone();
        assert!(message_of(&stalled, "Ready").contains(plan.as_str().unwrap()));
        stage.migration_set(json!({ "approvals": [{ "plan": plan }] })).await;
        stage.applied("20260102000000").await;
        assert_eq!(runs().await, ["2"]);
        repair("20260102000000", "reverted").await;
        stage.set_stalled("LedgerRegressed").await;
        assert_eq!(runs().await, ["2"]);
    })
    .await;
}

async fn a_file_that_stopped_half_way_and_was_finished_by_hand_is_adopted_and_forgotten() {
    on_database(OFTEN, async |stage, database| {
        let half = |rows: &str| {
            format!(
                "CREATE TABLE private.parts (n int);\nINSERT INTO private.parts VALUES {rows};\n\
                 CREATE UNIQUE INDEX CONCURRENTLY parts_n ON private.parts (n);\n"
            )
        };
        database.run("CREATE SCHEMA private").await;
        let (twice, once) = (half("(1), (1)"), half("(1)"));
        stage.migrations(&[NOTES, (INDEX.0, &twice)]).await;
        stage.migration_set(json!({ "policy": { "approve": [] } })).await;
        stage.set_stalled("MigrationFailed").await;
        stage.migrations(&[NOTES, (INDEX.0, &once)]).await;
        let stalled = stage.set_stalled("HalfApplied").await;
        let version = &INDEX.0[..14];
        let way = format!("`supabase migration repair {version} --status applied`");
        assert!(message_of(&stalled, "Ready").contains(&way), "{stalled:#}");

        database
            .run(
                "TRUNCATE private.parts; INSERT INTO private.parts VALUES (1); \
                 CREATE UNIQUE INDEX parts_n ON private.parts (n)",
            )
            .await;
        let colleague = checkout(stage, &[NOTES, (INDEX.0, &once)]);
        let url = database.url();
        let repair = [
            "migration",
            "repair",
            version,
            "--status",
            "applied",
            "--yes",
            "--db-url",
            &url,
        ];
        colleague.run(&repair).await;
        stage.applied(version).await;
        assert_eq!(
            database
                .rows("SELECT version, kind FROM ace_ops.migration ORDER BY 1")
                .await,
            ["20260101000000|applied", "20260102000000|adopted"]
        );
        assert_eq!(
            database.rows("SELECT version FROM ace_ops.step").await,
            Vec::<String>::new()
        );

        // As after a squash: a version without a file stops nothing.
        stage.migrations(&[NOTES, THIRD]).await;
        stage.applied("20260103000000").await;
    })
    .await;
}

async fn a_database_belongs_to_the_set_that_came_first_until_it_is_given_up() {
    on_database(OFTEN, async |stage, database| {
        stage.migrations(&[NOTES]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;
        stage.migrations(&[NOTES, INDEX]).await;
        stage.applied("20260102000000").await;
        stage.migration_set_named("second", json!({})).await;
        let stalled = stage
            .space
            .wait::<MigrationSet>("second", "is Stalled", |set| is_true(set, "Stalled"))
            .await;
        let expected = format!("is claimed by MigrationSet {}/main;", stage.space.name);
        assert_eq!(reason_of(&stalled, "Stalled"), "DatabaseClaimed");
        assert!(message_of(&stalled, "Ready").contains(&expected), "{stalled:#}");

        // The way out that the message names.
        stage
            .space
            .kubectl(&["delete", "migrationset", "main"])
            .await
            .expect("it can be deleted");
        database.run("DELETE FROM ace_ops.owner").await;
        let ready = stage
            .space
            .wait::<MigrationSet>("second", "is Ready", |set| is_true(set, "Ready"))
            .await;
        assert_eq!(ready["status"]["applied"], 2);
    })
    .await;
}
