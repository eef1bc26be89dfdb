//! What the official CLI records in its own way: under another version, of other files, with other line ends; and a schema of
//! which no ledger knows.

use ace_tests::{Colleague, Database, message_of, on_database, on_stage};
use serde_json::json;

use crate::server::{PASSWORD, Server};

use super::{INDEX, NOTES, OFTEN, RARELY};

const CREDIT: &str = "INSERT INTO public.notes VALUES (1, 'credit');\nUPDATE public.notes SET body = body || ' +5';\n";

/// Of several lines in a statement, which the CLI records as they are.
const LINES: (&str, &str) = (
    NOTES.0,
    "CREATE TABLE public.notes (\n  id bigint PRIMARY KEY,\n  body text\n);\n-- secured\nALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;\n",
);

/// What a new project has whose owner switched automatic row security on.
const SECURED: &str = "CREATE FUNCTION public.rls_auto_enable() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER \
    SET search_path = pg_catalog AS $$ DECLARE made record; BEGIN \
    FOR made IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE object_type IN ('table', 'partitioned table') LOOP \
        EXECUTE format('ALTER TABLE IF EXISTS %s ENABLE ROW LEVEL SECURITY', made.object_identity); \
    END LOOP; END $$; \
    CREATE EVENT TRIGGER ensure_rls ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') \
        EXECUTE FUNCTION public.rls_auto_enable()";

ace_tests::tests![
    what_the_cli_pushed_under_another_version_does_not_run_again_until_repair_says_what_is_applied,
    files_that_were_squashed_into_one_are_adopted_when_repair_has_recorded_it,
    what_was_pushed_from_a_checkout_with_windows_line_ends_is_adopted,
    all_files_run_into_a_project_that_has_automatic_row_security_and_nothing_else,
];

async fn repaired(colleague: &Colleague, database: &Database, versions: &[&str], status: &str) {
    let url = database.url();
    let begins = ["migration", "repair"];
    let ends = ["--status", status, "--yes", "--db-url", &url];
    colleague.run(&[&begins[..], versions, &ends].concat()).await;
}

async fn what_the_cli_pushed_under_another_version_does_not_run_again_until_repair_says_what_is_applied() {
    on_database(OFTEN, async |stage, database| {
        stage.migrations(&[NOTES]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;
        let colleague = Colleague::new(&stage.project);
        colleague.migrations(&[NOTES, ("20260102000000_credit.sql", CREDIT)]);
        let push = ["db", "push", "--yes", "--db-url", &database.url()];
        colleague.run(&push).await;

        // The same under the version that was committed.
        let committed = ("20260103000000_credit.sql", CREDIT);
        stage.migrations(&[NOTES, committed]).await;
        let stalled = stage.set_stalled("AppliedElsewhere").await;
        let message = message_of(&stalled, "Ready");
        let two_ways = [
            "20260103000000 has the same SQL as 20260102000000, which is applied and has no file",
            "`supabase migration repair 20260102000000 --status reverted`",
            "`supabase migration repair 20260103000000 --status applied`",
            "`spec.approvals`",
        ];
        assert!(two_ways.iter().all(|way| message.contains(way)), "{message}");
        assert_eq!(database.rows("SELECT body FROM public.notes").await, ["credit +5"]);

        colleague.migrations(&[committed]);
        repaired(&colleague, database, &["20260102000000"], "reverted").await;
        repaired(&colleague, database, &["20260103000000"], "applied").await;
        stage.applied("20260103000000").await;
        assert_eq!(database.rows("SELECT body FROM public.notes").await, ["credit +5"]);
        assert_eq!(database.ledger().await, ["20260101000000", "20260103000000"]);
    })
    .await;
}

async fn files_that_were_squashed_into_one_are_adopted_when_repair_has_recorded_it() {
    on_database(OFTEN, async |stage, database| {
        stage.migrations(&[NOTES, INDEX]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260102000000").await;
        // Under the last version, as `supabase migration squash` writes it.
        let squashed = format!("{}{}", NOTES.1, INDEX.1);
        let squashed = (INDEX.0, squashed.as_str());
        stage.migrations(&[squashed]).await;
        stage.set_stalled("ChecksumMismatch").await;
        let colleague = Colleague::new(&stage.project);
        colleague.migrations(&[squashed]);
        repaired(&colleague, database, &["20260101000000"], "reverted").await;
        repaired(&colleague, database, &["20260102000000"], "applied").await;
        let set = stage.applied("20260102000000").await;
        assert_eq!(set["status"]["history"][0]["type"], "Adopted");
        let adopted = "Adopted: 20260102000000 was applied outside this operator, from the same file";
        let told = async || stage.events("main").await.into_iter().find(|event| event == adopted);
        stage.eventually("the adoption is told", told).await;
        let recorded = "SELECT cardinality(statements) FROM supabase_migrations.schema_migrations";
        assert_eq!(database.rows(recorded).await, ["3"]);
        let next = ("20260103000000_more.sql", "CREATE SEQUENCE public.more;\n");
        stage.migrations(&[squashed, next]).await;
        stage.applied("20260103000000").await;
    })
    .await;
}

async fn what_was_pushed_from_a_checkout_with_windows_line_ends_is_adopted() {
    on_database(RARELY, async |stage, database| {
        let windows = [LINES, INDEX].map(|(name, content)| (name, content.replace('\n', "\r\n")));
        let colleague = Colleague::new(&stage.project);
        colleague.migrations(&windows.each_ref().map(|(name, content)| (*name, content.as_str())));
        colleague
            .run(&["db", "push", "--yes", "--db-url", &database.url()])
            .await;
        let carriage = "SELECT count(*) FROM supabase_migrations.schema_migrations WHERE statements::text LIKE '%' || chr(13) || '%'";
        assert_eq!(database.rows(carriage).await, ["1"]);
        stage.migrations(&[LINES, INDEX]).await;
        stage.migration_set(json!({})).await;
        let set = stage.applied("20260102000000").await;
        assert_eq!(set["status"]["unverified"], json!(null));
        assert_eq!(
            database.rows("SELECT version, kind FROM ace_ops.migration ORDER BY 1").await,
            ["20260101000000|adopted", "20260102000000|adopted"]
        );
    })
    .await;
}

async fn all_files_run_into_a_project_that_has_automatic_row_security_and_nothing_else() {
    let mut server = Server::start().await;
    server.superuser().await.batch_execute(SECURED).await.unwrap();
    on_stage(OFTEN, async |stage| {
        let database = Database {
            port: server.port,
            name: "postgres".to_owned(),
            password: PASSWORD.to_owned(),
        };
        stage.database(OFTEN, &database).await;
        let bare = ("20260102000000_bare.sql", "CREATE TABLE public.bare (id bigint);\n");
        stage.migrations(&[NOTES, bare]).await;
        stage.migration_set(json!({})).await;
        let stalled = stage.set_stalled("BaselineRequired").await;
        let message = message_of(&stalled, "Ready");
        assert!(
            message.contains("set `through` to \"none\", and all of them run"),
            "{message}"
        );
        let digest = &stalled["status"]["schema"]["digest"];
        let none = json!({ "baseline": { "through": "none", "schemaDigest": digest } });
        stage.migration_set(none).await;
        // Without an approval: the event trigger secures the second table.
        let set = stage.applied("20260102000000").await;
        assert_eq!(set["status"]["applied"], 2);
        let secured =
            "SELECT relname FROM pg_class WHERE relrowsecurity AND relnamespace = 'public'::regnamespace ORDER BY 1";
        assert_eq!(database.rows(secured).await, ["bare", "notes"]);
    })
    .await;
}
