//! What does not pass is tried a few times, and then a person is asked.

use ace_tests::{message_of, on_database};
use serde_json::json;

use super::{NOTES, RARELY};

ace_tests::tests![
    a_file_that_makes_its_own_session_read_only_fails_after_five_attempts,
    a_statement_that_ends_its_session_fails_after_three_attempts,
];

/// A sequence counts attempts: what it gave out stays given out when its transaction is rolled back.
const ATTEMPTS: (&str, &str) = ("1_attempts.sql", "CREATE SEQUENCE public.attempts;\n");
const COUNTED: &str = "SELECT last_value, is_called FROM public.attempts";

async fn a_file_that_makes_its_own_session_read_only_fails_after_five_attempts() {
    on_database(RARELY, async |stage, database| {
        // In parts, as an index that is built concurrently can't be in a transaction: what the first sets stands for the last.
        let sets = "SET default_transaction_read_only = on;\nCREATE INDEX CONCURRENTLY notes_read ON public.notes (body);\n\
                    CREATE TABLE public.never (id bigint PRIMARY KEY);\n";
        let file = ("20260102000000_sets.sql", sets);
        stage.migrations(&[NOTES, file]).await;
        stage.migration_set(json!({ "policy": { "approve": [] } })).await;
        let stalled = stage.set_stalled("MigrationFailed").await;
        let message = message_of(&stalled, "Ready");
        assert!(
            message.starts_with("20260102000000_sets.sql line 2: ")
                && message.contains("(SQLSTATE 25006), in each of 5 attempts; "),
            "{message}"
        );
        assert_eq!(database.ledger().await, ["20260101000000"]);
    })
    .await;
}

async fn a_statement_that_ends_its_session_fails_after_three_attempts() {
    on_database(RARELY, async |stage, database| {
        let ends = "SELECT nextval('public.attempts');\n\nSELECT pg_terminate_backend(pg_backend_pid());\n";
        stage.migrations(&[ATTEMPTS, ("2_ends.sql", ends)]).await;
        stage.migration_set(json!({ "policy": { "approve": [] } })).await;
        let stalled = stage.set_stalled("MigrationFailed").await;
        let message = message_of(&stalled, "Ready");
        assert!(
            message.starts_with("2_ends.sql line 3: ") && message.contains(", in each of 3 attempts; "),
            "{message}"
        );
        assert_eq!(database.rows(COUNTED).await, ["3|t"]);
        assert_eq!(database.ledger().await, ["1"]);
    })
    .await;
}
