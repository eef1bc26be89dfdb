//! Files as people and tools write them.

use ace_tests::{Colleague, message_of, on_database, reason_of};
use serde_json::json;

use super::{NOTES, RARELY};

ace_tests::tests![
    what_can_not_be_run_is_refused_with_its_place_before_anything_runs,
    marks_line_ends_and_names_of_all_kinds_are_taken_as_the_cli_takes_them,
    a_file_of_ten_megabytes_is_run,
    five_thousand_files_are_run_and_their_progress_is_shown,
];

async fn what_can_not_be_run_is_refused_with_its_place_before_anything_runs() {
    on_database(RARELY, async |stage, database| {
        stage.migrations(&[NOTES]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;
        // It comes before the file that is refused, and does not run either.
        let first = ("20260102000000_first.sql", "CREATE SEQUENCE public.first;\n");
        for (content, says) in [
            (
                "SELECT 1;\n\nSELECT 'it''s;\n",
                "line 3, column 8: a string that does not end; close it",
            ),
            (
                "SELECT \"it;\n",
                "line 1, column 8: a quoted name that does not end; close it",
            ),
            (
                "SELECT 1;\n\\d public.notes\n",
                "line 2, column 1: a backslash outside of quotes: psql commands are not SQL; leave it out",
            ),
            (
                "COPY public.notes FROM stdin;\n1\tone\n\\.\n",
                "line 1, column 1: COPY with the rows in the file or on the terminal, which needs psql; write the rows as INSERT … VALUES",
            ),
            (
                "UPDATE public.notes SET body = '';\nCOMMIT;\n",
                "line 2, column 1: COMMIT, without a BEGIN as the file's first statement; leave it out: every file runs in a transaction \
                 of its own",
            ),
            ("SELEC 1;\n", "line 1: syntax error at or near \"SELEC\""),
        ] {
            stage.migrations(&[NOTES, first, ("20260103000000_bad.sql", content)]).await;
            let message = format!("20260103000000_bad.sql: {says}");
            stage
                .until_set(&format!("says {message}"), |set| {
                    reason_of(set, "Stalled") == "MigrationRefused" && message_of(set, "Ready") == message
                })
                .await;
        }
        assert_eq!(database.ledger().await, ["20260101000000"]);
        stage.migrations(&[NOTES, first]).await;
        stage.applied("20260102000000").await;
    })
    .await;
}

async fn marks_line_ends_and_names_of_all_kinds_are_taken_as_the_cli_takes_them() {
    on_database(RARELY, async |stage, database| {
        let files = [
            NOTES,
            ("20260102000000_übersicht_ñandú_表.sql", "CREATE SEQUENCE public.one;\n"),
            (
                "20260103000000_crlf.sql",
                "-- lines of Windows\r\nCREATE SEQUENCE public.two;\r\n\r\nCREATE SEQUENCE public.three;\r\n",
            ),
            ("20260104000000_mark.sql", "\u{feff}CREATE SEQUENCE public.four;\n"),
            ("20260105000000_empty.sql", ""),
            ("20260106000000_comment.sql", "-- nothing\n"),
            ("20260107000000_.sql", "CREATE SEQUENCE public.\"fünf\""),
        ];
        stage.migrations(&files).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260107000000").await;
        let made = "SELECT count(*) FROM pg_sequences WHERE schemaname = 'public'";
        assert_eq!(database.rows(made).await, ["5"]);

        let colleague = Colleague::new(&stage.project);
        for (name, content) in files {
            colleague.file(&format!("migrations/{name}"), content);
        }
        let ours = "SELECT version, name, statements FROM supabase_migrations.schema_migrations ORDER BY 1";
        let (before, rows) = (
            database.rows(ours).await,
            "DELETE FROM supabase_migrations.schema_migrations",
        );
        colleague
            .run(&["db", "push", "--yes", "--dry-run", "--db-url", &database.url()])
            .await;
        assert_eq!(
            database.ledger().await.len(),
            files.len(),
            "the CLI finds nothing to do"
        );
        // The CLI records the same.
        database
            .run(&format!("{rows}; DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
            .await;
        colleague
            .run(&["db", "push", "--yes", "--db-url", &database.url()])
            .await;
        assert_eq!(database.rows(ours).await, before);
    })
    .await;
}

async fn a_file_of_ten_megabytes_is_run() {
    on_database(RARELY, async |stage, database| {
        let rows = (0..1_000).map(|id| format!("INSERT INTO public.notes VALUES ({id}, '{}');\n", "x".repeat(10_000)));
        let large: String = rows.collect();
        assert!(large.len() > 10_000_000);
        stage.migrations(&[NOTES, ("20260102000000_large.sql", &large)]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260102000000").await;
        let counted = "SELECT count(*), sum(length(body)) FROM public.notes";
        assert_eq!(database.rows(counted).await, ["1000|10000000"]);
        let recorded = "SELECT cardinality(statements) FROM supabase_migrations.schema_migrations ORDER BY version";
        assert_eq!(database.rows(recorded).await, ["2", "1000"]);
    })
    .await;
}

async fn five_thousand_files_are_run_and_their_progress_is_shown() {
    on_database(RARELY, async |stage, database| {
        let names: Vec<_> = (1..5_000)
            .map(|number| format!("2027{number:010}_one_of_many.sql"))
            .collect();
        let mut files = vec![("20260101000000_ids.sql", "CREATE SEQUENCE public.ids;\n")];
        files.extend(
            names
                .iter()
                .map(|name| (name.as_str(), "SELECT nextval('public.ids');\n")),
        );
        assert_eq!(files.len(), 5_000);
        stage.migrations(&files).await;
        stage.migration_set(json!({})).await;
        // However slow the machine is: it goes on.
        let mut left = 5_000;
        while left > 0 {
            let set = stage
                .until_set(&format!("has less than {left} files to run"), |set| {
                    set["status"]["pending"].as_i64().is_some_and(|pending| pending < left)
                })
                .await;
            left = set["status"]["pending"].as_i64().unwrap();
        }
        stage.applied("20270000004999").await;
        let counted = "SELECT (SELECT last_value FROM public.ids), (SELECT count(*) FROM ace_ops.migration), \
                       (SELECT count(*) FROM supabase_migrations.schema_migrations)";
        assert_eq!(database.rows(counted).await, ["4999|5000|5000"]);
    })
    .await;
}
