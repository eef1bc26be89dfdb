//! A random walk over what files do: rows that were there are there afterwards, and nobody sees more of them, unless a class was
//! named. `GATE_SEED` and `GATE_FILES` say where it begins and how long it is.

mod grammar;

use std::collections::BTreeSet;

use ace_database::Session;
use ace_domain::{
    kinds::migration_set::SyntaxCheck,
    sql::{Catalogue, RiskClass, Script, assess, read},
};
use rand::{SeedableRng, rngs::SmallRng};
use tokio_postgres::Client;

use crate::bed::{Bed, column, file};

/// Callers of the project's API.
const CALLERS: [&str; 2] = ["anon", "authenticated"];

/// What of the database must not change unless a class was named.
#[derive(Debug, PartialEq)]
struct Picture {
    rows: BTreeSet<String>,
    /// What each caller sees and may remove.
    seen: [BTreeSet<String>; 2],
}

impl Picture {
    async fn of(client: &Client) -> Self {
        let rows = column(client, "SELECT * FROM probe.rows()").await;
        let sees = async |caller| column(client, &format!("SELECT * FROM probe.sees('{caller}')")).await;
        Self {
            rows: rows.into_iter().collect(),
            seen: [
                sees(CALLERS[0]).await.into_iter().collect(),
                sees(CALLERS[1]).await.into_iter().collect(),
            ],
        }
    }

    fn has_lost(&self, after: &Self) -> bool {
        !self.rows.is_subset(&after.rows)
    }

    fn is_exposed(&self, after: &Self) -> bool {
        self.seen
            .iter()
            .zip(&after.seen)
            .any(|(before, after)| !after.is_subset(before))
    }
}

/// How the files went.
#[derive(Debug, Default)]
struct Tally {
    refused: u32,
    failed: u32,
    harmed: u32,
    unharmed: u32,
}

#[tokio::test]
async fn no_random_file_loses_or_exposes_a_row_unless_a_class_was_named() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |value| value.parse::<u32>().unwrap());
    let (seed, files) = (number("GATE_SEED", 1), number("GATE_FILES", 400));
    let bed = Bed::new().await;
    let superuser = bed.superuser().await;
    superuser.batch_execute(include_str!("setup.sql")).await.unwrap();
    let session = bed.session().await;
    let catalogue = session.catalogue(1_000).await.unwrap();
    let before = Picture::of(&superuser).await;
    assert_eq!(before.rows.len(), 8);
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    for number in seed..seed + files {
        let text = grammar::file(&mut SmallRng::seed_from_u64(number.into()));
        let Some((script, classes)) = understood(&session, &catalogue, &text).await else {
            tally.refused += 1;
            continue;
        };
        superuser
            .batch_execute("BEGIN; SET SESSION AUTHORIZATION postgres")
            .await
            .unwrap();
        let ran = run(&superuser, &script).await;
        if ran {
            superuser.batch_execute("RESET SESSION AUTHORIZATION").await.unwrap();
            let after = Picture::of(&superuser).await;
            let (lost, exposed) = (before.has_lost(&after), before.is_exposed(&after));
            let named = |class| classes.contains(&class) || classes.contains(&RiskClass::Opaque);
            let writes = ["UPDATE", "MERGE"]
                .iter()
                .any(|word| text.to_uppercase().contains(word));
            let told = named(RiskClass::DataLoss) || writes && classes.contains(&RiskClass::DataChange);
            if lost && !told || exposed && !named(RiskClass::Exposure) {
                wrong.push(format!(
                    "{number}: {text}\n  {classes:?}, lost {lost}, exposed {exposed}"
                ));
            }
            tally.harmed += u32::from(lost || exposed);
            tally.unharmed += u32::from(!lost && !exposed && classes.is_empty());
        } else {
            tally.failed += 1;
        }
        superuser
            .batch_execute("ROLLBACK; RESET SESSION AUTHORIZATION; RESET ALL; DEALLOCATE ALL")
            .await
            .unwrap();
    }
    assert!(wrong.is_empty(), "{} of {files}:\n{}", wrong.len(), wrong.join("\n"));
    // It tells apart: files that all fail or are all named show nothing.
    assert!(tally.harmed * 8 > files && tally.unharmed * 20 > files, "{tally:?}");
}

/// The file and its classes as a set sees them; `None` if it is refused.
async fn understood(session: &Session, catalogue: &Catalogue, text: &str) -> Option<(Script, Vec<RiskClass>)> {
    let script = read(&file("1", text)).ok()?;
    for unread in &script.unread {
        if session.parses(&text[unread.range.clone()]).await.unwrap() != SyntaxCheck::Parses {
            return None;
        }
    }
    let risks = assess(&[&script], catalogue).remove(0);
    Some((script, risks.iter().map(|risk| risk.class).collect()))
}

/// Whether all of it ran.
async fn run(client: &Client, script: &Script) -> bool {
    for statement in script.executable_statements() {
        if client.batch_execute(&statement.text).await.is_err() {
            return false;
        }
    }
    true
}
