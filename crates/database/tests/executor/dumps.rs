//! A dump of `pg_dump` that is used as a migration.

use std::process::Command;

use ace_database::RunError;
use ace_domain::sql::read;
use ace_sandbox::bed::tools::postgres_bin_dir;

use crate::bed::{Bed, Migration, file, migration};

/// What a project has in its own schema, and an extension that its role does not own.
const SCHEMA: [&str; 9] = [
    "CREATE TYPE kind AS ENUM ('a;b', 'it''s')",
    "CREATE TABLE items (id serial PRIMARY KEY, name text DEFAULT 'a;b' CHECK (name <> '\\'), kind kind)",
    "INSERT INTO items (name, kind) VALUES ('it''s', 'it''s'), (E'back\\\\slash; $$', 'a;b'), ('ü\n-- line', NULL)",
    "CREATE VIEW named AS SELECT name FROM items",
    "CREATE FUNCTION total() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM items; END",
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; -- ;\nEND $$",
    "CREATE TRIGGER touched BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touch()",
    "ALTER TABLE items ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY everyone ON items FOR SELECT USING (true)",
];

/// The extension is in both databases, where the superuser has made it.
async fn bed() -> Bed {
    let bed = Bed::new().await;
    bed.as_superuser("CREATE EXTENSION citext SCHEMA extensions").await;
    bed
}

fn dump(bed: &Bed) -> String {
    let access = bed.access();
    let dumped = Command::new(postgres_bin_dir().unwrap().join("pg_dump"))
        .args([
            "-h",
            &access.host,
            "-p",
            &access.port.to_string(),
            "-U",
            "bed_superuser",
        ])
        .args(["--inserts", "-n", "public", "-e", "citext", &access.name])
        .output()
        .unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    String::from_utf8(dumped.stdout).unwrap()
}

/// Without what has a key of its own in each dump.
fn comparable(dump: &str) -> Vec<&str> {
    dump.lines().filter(|line| !line.contains("restrict ")).collect()
}

async fn version(bed: &Bed) -> u32 {
    let version = bed.column("SELECT current_setting('server_version_num')").await;
    version[0].parse().unwrap()
}

/// The line of a refusal, and what it says.
fn refused(outcome: &Result<(), (u32, String)>) -> Option<(usize, &str)> {
    let (line, says) = outcome.as_ref().err()?;
    Some((usize::try_from(*line).unwrap() - 1, says))
}

#[tokio::test]
async fn a_dump_is_refused_line_by_line_until_the_rest_runs_to_its_end_and_leaves_nothing_in_the_session() {
    let (from, to) = (bed().await, bed().await);
    let mut session = from.session().await;
    migration("1", &SCHEMA).run(&mut session).await.unwrap();
    let dumped = dump(&from);
    // As 17 and later write it.
    let timeout = "SET transaction_timeout = 0;";
    let idle = "SET idle_in_transaction_session_timeout = 0;";
    let mut text = dumped.clone();
    if !text.contains(timeout) {
        text = text.replace(idle, &format!("{idle}\n{timeout}"));
    }
    assert!(text.contains("SELECT pg_catalog.set_config('search_path', '', false);"));

    let mut session = to.session().await;
    let mut told = Vec::new();
    loop {
        let whole = file("1", &text);
        let outcome = match read(&whole) {
            Err(error) => Err((error.line, error.refusal.to_string())),
            Ok(script) => match (Migration { file: whole, script }).run(&mut session).await {
                Ok(_) => break,
                Err(RunError::Sql { message, line, .. }) => Err((line.unwrap(), message)),
                Err(error) => panic!("{error:?}"),
            },
        };
        let (at, says) = refused(&outcome).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        told.push(format!("{} ← {says}", lines[at]));
        assert!(told.len() < 100, "{told:#?}");
        text = [&lines[..at], &lines[at + 1..]].concat().join("\n");
    }
    // Rights of a role that is not ours, which a dump of a project has, too.
    let others = "ALTER DEFAULT PRIVILEGES FOR ROLE supabase_admin IN SCHEMA public GRANT ";
    let told: Vec<_> = told.iter().filter(|told| !told.starts_with(others)).collect();
    let psql = " ← a backslash outside of quotes: psql commands are not SQL; leave it out";
    let mut expected = vec![
        ("\\restrict ", psql),
        ("\\unrestrict ", psql),
        ("CREATE SCHEMA public;", " ← schema \"public\" already exists"),
        (
            "COMMENT ON EXTENSION citext IS ",
            " ← must be owner of extension citext",
        ),
    ];
    if version(&to).await < 170_000 {
        let unknown = " ← unrecognized configuration parameter \"transaction_timeout\"";
        expected.insert(2, (timeout, unknown));
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, (line, says)) in told.iter().zip(expected) {
        assert!(told.starts_with(line) && told.ends_with(says), "{told}");
    }

    let next = "DO $$ BEGIN ASSERT current_setting('search_path') = '\"$user\", public, extensions' AND \
         current_setting('lock_timeout') <> '0' AND current_setting('row_security') = 'on' AND \
         current_setting('check_function_bodies') = 'on' AND current_setting('xmloption') = 'content' AND \
         current_setting('client_min_messages') = 'notice'; END $$";
    let outcome = migration("2", &[next]).run(&mut session).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(comparable(&dump(&to)), comparable(&dumped));
}
