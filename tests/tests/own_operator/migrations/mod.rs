//! Exactly once with whole operators: killed, cut off and stopped in front of PostgreSQL and the API server. What the operator does
//! at the database is cut at each of its requests in `crates/database/tests/race`; here the same files run through everything.

mod pair;
#[path = "../../../../crates/database/tests/race/set.rs"]
mod set;
mod stopped;
mod sweep;

use ace_tests::{
    Cuts, Database, Operator, OperatorOptions, PLATFORM, PostgresProxy, Project, Space, Stage, Test, bed, is_true,
};
use serde_json::json;

/// The tests of all modules.
pub(crate) fn tests() -> Vec<Test> {
    let modules = [pair::tests(), stopped::tests(), sweep::tests()];
    modules.into_iter().flatten().collect()
}

/// What the rounds of a test share.
struct Ground<'a> {
    space: &'a Space,
    project: Project,
    database: Database,
}

impl<'a> Ground<'a> {
    /// A Platform whose database is reached through a proxy, and a set with a table to count in.
    async fn prepare(space: &'a Space, operator: &Operator, cuts: &Cuts) -> Self {
        let ground = Self {
            space,
            project: Project::create(bed().bed.file()).await,
            database: Database::create().await,
        };
        let stage = ground.stage(operator);
        stage.secret(&stage.project.token, &stage.project.anon_key).await;
        let through = Database {
            port: PostgresProxy::start(ground.database.port, cuts).await.port,
            ..ground.database.clone()
        };
        // Nothing of a run depends on a look at the clock.
        stage.database("24h", &through).await;
        let counted = format!(
            "{};\nALTER TABLE public.counted ENABLE ROW LEVEL SECURITY;\n",
            set::COUNTED
        );
        stage.migrations(&[("0_counted.sql", &counted)]).await;
        stage.migration_set(json!({})).await;
        stage
            .space
            .wait::<ace_api::Platform>(PLATFORM, "is Ready", |platform| is_true(platform, "Ready"))
            .await;
        stage.applied("0").await;
        ground
    }

    fn stage<'b>(&'b self, operator: &'b Operator) -> Stage<'b> {
        Stage {
            space: self.space,
            project: self.project.clone(),
            operator,
        }
    }

    /// Puts five files in place of those before, and answers with the version of the last.
    async fn put(&self, stage: &Stage<'_>, number: u32, first: &str) -> String {
        let files = set::files(number);
        let texts = files.iter().enumerate().map(|(index, (file, _))| {
            let before = if index == 0 { first } else { "" };
            format!("{before}{}", file.text)
        });
        let texts: Vec<String> = texts.collect();
        let named: Vec<(&str, &str)> = files
            .iter()
            .zip(&texts)
            .map(|((file, _), text)| (file.file_name.as_str(), text.as_str()))
            .collect();
        stage.migrations(&named).await;
        files.last().unwrap().0.version.to_string()
    }

    /// Waits until the set is at rest, and looks what became of the five files.
    async fn is_applied_once(&self, stage: &Stage<'_>, number: u32, head: &str, what: &str) {
        stage.applied(head).await;
        let found = self.database.rows(&set::state(number)).await;
        assert_eq!(found, [set::once(number)], "{what}: {}", stage.operator.log());
    }
}

async fn start(options: &OperatorOptions) -> Operator {
    Operator::start(bed(), options).await
}
