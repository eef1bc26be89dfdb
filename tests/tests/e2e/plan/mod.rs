//! `kubectl ace plan` beside the operator: the same database, the same files, with the rights of somebody who may only read.

mod access;
mod obstacles;
mod operator;

use std::fs;

use ace_tests::{Database, Person, Stage, Test};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The tests of all modules.
pub(crate) fn tests() -> Vec<Test> {
    let modules = [access::tests(), obstacles::tests(), operator::tests()];
    modules.into_iter().flatten().collect()
}

/// Where nothing depends on a look.
const RARELY: &str = "24h";

/// A table with row security: one without it needs an approval.
const NOTES: (&str, &str) = (
    "20260101000000_notes.sql",
    "CREATE TABLE public.notes (id bigint PRIMARY KEY, body text);\nALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;\n",
);
const DROP: (&str, &str) = (
    "20260102000000_drop.sql",
    "-- No more notes.\nDROP TABLE public.notes;\n",
);

/// Everything in a database that a plan could have changed: each schema and relation in the version that it has, the privileges'
/// rows, and what both ledgers hold.
const CONTENT: [&str; 3] = [
    "SELECT nspname, xmin FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_' ORDER BY 1",
    "SELECT c.oid::regclass, c.xmin, (SELECT max(a.xmin::text::bigint) FROM pg_attribute a WHERE a.attrelid = c.oid) \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname IN ('public', 'ace_ops', 'supabase_migrations') ORDER BY 1",
    "SELECT table_schema, table_name, query_to_xml(format('SELECT * FROM %I.%I', table_schema, table_name), true, true, '') \
     FROM information_schema.tables WHERE table_schema IN ('ace_ops', 'supabase_migrations') AND table_type = 'BASE TABLE' \
     ORDER BY 1, 2",
];

/// How a run ended.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Somebody at a machine of their own, with the rights of a ServiceAccount that may only read.
struct Reader {
    person: Person,
    home: TempDir,
}

impl Reader {
    /// May read the Secret of this name, and no other.
    async fn new(stage: &Stage<'_>, secret: &str) -> Self {
        let ours = ["ops.mobulace.com"];
        let rules = json!([
            { "apiGroups": ours, "resources": ["migrationsets", "platforms", "backupschedules"], "verbs": ["get"] },
            { "apiGroups": ours, "resources": ["backups"], "verbs": ["list"] },
            { "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["migrations"], "verbs": ["get"] },
            { "apiGroups": [""], "resources": ["secrets"], "resourceNames": [secret], "verbs": ["get"] },
        ]);
        Self {
            person: Person::new(stage.space, "reader", rules).await,
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// Writes a file of theirs.
    fn file(&self, path: &str, content: &str) -> String {
        let path = self.home.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Writes a MigrationSet as it would be applied.
    fn manifest(&self, spec: &Value) -> String {
        let mut desired =
            json!({ "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "migrations" } });
        desired
            .as_object_mut()
            .unwrap()
            .extend(spec.as_object().unwrap().clone());
        let set = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1",
            "kind": "MigrationSet",
            "metadata": { "name": "main" },
            "spec": desired,
        });
        self.file("set.yaml", &set.to_string())
    }

    /// Runs `kubectl ace plan` in the stage's namespace; `url` is what the environment has.
    async fn run(&self, arguments: &[&str], url: Option<&str>) -> Ran {
        let variables: Vec<_> = url.into_iter().map(|url| ("ACE_DATABASE_URL", url)).collect();
        let ran = self.person.ace(&[&["plan"], arguments].concat(), &variables);
        let output = ran.await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The same for programs: exit code and report.
    async fn report(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let ran = self.run(&[arguments, &["-o", "json"]].concat(), None).await;
        let report = serde_json::from_str(&ran.stdout);
        (
            ran.code,
            report.unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr)),
        )
    }
}

async fn content(database: &Database) -> Vec<Vec<String>> {
    let mut content = Vec::new();
    for query in CONTENT {
        content.push(database.rows(query).await);
    }
    content
}
