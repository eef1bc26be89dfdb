//! `kubectl ace plan` beside the operator: the same database, the same files, with the rights of somebody who may only read.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{fs, path::PathBuf, process::Command, sync::OnceLock};

use ace_tests::{Database, Stage, built, message_of, on_database};
use serde_json::{Value, json};
use tempfile::TempDir;

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

/// What somebody needs who asks for a plan; the names are those of the stage.
const READER: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules:
- {apiGroups: [ops.mobulace.com], resources: [migrationsets, platforms], verbs: [get]}
- {apiGroups: [""], resources: [configmaps], resourceNames: [migrations], verbs: [get]}
- {apiGroups: [""], resources: [secrets], resourceNames: [SECRET], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader}]
"#;

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

/// A folder's name and its files, the reason why nothing of it runs, and what is said of it.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);

/// How a run ended.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Somebody at a machine of their own, with the rights of a ServiceAccount that may only read.
struct Reader<'a> {
    stage: &'a Stage<'a>,
    kubeconfig: PathBuf,
    home: TempDir,
}

impl<'a> Reader<'a> {
    /// May read the Secret of this name, and no other.
    async fn new(stage: &'a Stage<'a>, secret: &str) -> Self {
        stage.space.apply(&READER.replace("SECRET", secret)).await;
        let bed = stage.space.bed.bed;
        let kubeconfig = bed.service_account_kubeconfig(&stage.space.name, "reader").await;
        Self {
            stage,
            kubeconfig: kubeconfig.unwrap(),
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
        let mut wish =
            json!({ "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "migrations" } });
        wish.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let set = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1",
            "kind": "MigrationSet",
            "metadata": { "name": "main" },
            "spec": wish,
        });
        self.file("set.yaml", &set.to_string())
    }

    /// Runs `kubectl ace plan` in the stage's namespace; `url` is what the environment has.
    async fn run(&self, arguments: &[&str], url: Option<&str>) -> Ran {
        static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
        let (namespace, kubeconfig) = (self.stage.space.name.clone(), self.kubeconfig.clone());
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        let url = url.map(str::to_owned);
        let run = move || {
            let program = PROGRAM.get_or_init(|| built("ace-cli", "kubectl-ace"));
            let mut command = Command::new(program);
            command.args(["plan", "--namespace", &namespace]).args(arguments);
            command
                .env_clear()
                .env("KUBECONFIG", kubeconfig)
                .envs(url.map(|url| ("ACE_DATABASE_URL", url)));
            let output = command.output().unwrap();
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            Ran {
                code: output.status.code(),
                stdout: text(output.stdout),
                stderr: text(output.stderr),
            }
        };
        tokio::task::spawn_blocking(run).await.unwrap()
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

#[tokio::test]
async fn a_plan_has_the_operators_digest_needs_no_right_but_get_and_leaves_no_trace() {
    on_database(RARELY, async |stage, database| {
        let reader = Reader::new(stage, "database").await;
        stage.migrations(&[NOTES]).await;

        // Before there is anything of ours: the set is in a file.
        let before = content(database).await;
        let (code, report) = reader.report(&["-f", &reader.manifest(&json!({ "mode": "Observe" }))]).await;
        assert_eq!(code, Some(0), "{report:#}");
        assert_eq!(
            (&report["outcome"], &report["idle"], &report["seen"]["head"]),
            (&json!("Runs"), &json!("its mode is Observe"), &Value::Null)
        );
        let steps: Vec<_> = report["steps"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
        let [claim, reference, run] = steps.as_slice() else {
            panic!("{steps:?}");
        };
        assert_eq!(
            (*claim, *run),
            ("takes the database for this MigrationSet, in schema ace_ops", "runs 1 file")
        );
        assert!(reference.starts_with("takes the live schema, sha256:"), "{reference}");
        assert_eq!(content(database).await, before);

        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;
        let before = content(database).await;
        let (code, report) = reader.report(&["main"]).await;
        assert_eq!((code, &report["outcome"], &report["steps"]), (Some(0), &json!("Nothing"), &json!([])));
        assert_eq!(report["seen"]["head"], "20260101000000");
        assert_eq!(report["seen"]["drifted"], "False");

        // A table is to go.
        stage.migrations(&[NOTES, DROP]).await;
        let stalled = stage.set_stalled("ApprovalRequired").await;
        let digest = stalled["status"]["plan"]["digest"].as_str().unwrap();
        let (code, report) = reader.report(&["main"]).await;
        assert_eq!(code, Some(2), "{report:#}");
        assert_eq!(
            (&report["outcome"], report["digest"].as_str(), &report["approval"], report["message"].as_str()),
            (
                &json!("ApprovalRequired"),
                Some(digest),
                &json!({ "plan": digest }),
                Some(message_of(&stalled, "Ready"))
            )
        );
        assert_eq!(
            report["pending"],
            json!([{
                "version": "20260102000000",
                "name": "drop",
                "file": "20260102000000_drop.sql",
                "again": false,
                "classes": ["DataLoss"],
                "needsApproval": true,
                "risks": [{ "class": "DataLoss", "line": 2, "says": "drops table public.notes", "needsApproval": true }],
            }])
        );
        let text = reader.run(&["main"], None).await;
        assert_eq!(text.code, Some(2));
        for part in [
            "VERSION         NAME  RISKS\n20260102000000  drop  DataLoss\n  line 2: drops table public.notes (DataLoss; needs an approval)\n",
            &format!("For `spec.approvals`:\n- plan: {digest}\n"),
        ] {
            assert!(text.stdout.contains(part), "{part:?} in {}", text.stdout);
        }

        // With the approval that it asks for nothing would stand in the way.
        let approved = reader.manifest(&json!({ "approvals": [report["approval"]] }));
        let (code, report) = reader.report(&["-f", &approved]).await;
        assert_eq!((code, &report["outcome"], &report["steps"]), (Some(0), &json!("Runs"), &json!(["runs 1 file"])));
        assert_eq!(content(database).await, before);
    })
    .await;
}

#[tokio::test]
async fn what_stands_in_the_way_of_other_files_is_said_before_they_are_shipped() {
    on_database(RARELY, async |stage, database| {
        let reader = Reader::new(stage, "database").await;
        stage.migrations(&[NOTES]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;
        let before = content(database).await;

        let folder = |name: &str, files: &[(&str, &str)]| {
            for (file, text) in files {
                reader.file(&format!("{name}/{file}"), text);
            }
            reader.home.path().join(name).to_str().unwrap().to_owned()
        };
        let late = ("20250101000000_late.sql", "SELECT 1;\n");
        let refused = ("20260103000000_commit.sql", "SELECT 1;\nCOMMIT;\n");
        let unknown = ("20260103000000_odd.sql", "SELECT 1;\nSELEKT 2;\n");
        let cases: [Case; 4] = [
            (
                "edited",
                &[(NOTES.0, "SELECT 1;\n"), DROP],
                "ChecksumMismatch",
                "20260101000000: the file is not what was applied; put it back, and write the change as a new migration",
            ),
            (
                "late",
                &[late, NOTES],
                "OutOfOrder",
                "20250101000000 would come before 20260101000000, which is applied: give it a newer version, or set \
                 `policy.outOfOrder` to `Apply`",
            ),
            (
                "refused",
                &[NOTES, refused],
                "MigrationRefused",
                "20260103000000_commit.sql: line 2, column 1: COMMIT, without a BEGIN as the file's first statement; leave it out: \
                 every file runs in a transaction of its own",
            ),
            (
                "unknown",
                &[NOTES, unknown],
                "MigrationRefused",
                "20260103000000_odd.sql: line 2: syntax error at or near \"SELEKT\"",
            ),
        ];
        for (name, files, reason, message) in cases {
            let (code, report) = reader.report(&["main", "--dir", &folder(name, files)]).await;
            assert_eq!(
                (code, &report["outcome"], report["reason"].as_str(), report["message"].as_str()),
                (Some(1), &json!("Refused"), Some(reason), Some(message)),
                "{name}"
            );
            assert_eq!(report["approval"], Value::Null);
        }
        // The file that would run is shown with its risks although something stands before it.
        let (_, report) = reader.report(&["main", "--dir", &folder("edited", &[])]).await;
        assert_eq!(report["pending"][0]["classes"], json!(["DataLoss"]));
        assert_eq!(content(database).await, before);

        // A column added by hand.
        database.run("ALTER TABLE public.notes ADD x text").await;
        let (code, report) = reader.report(&["main", "--dir", &folder("same", &[NOTES])]).await;
        assert_eq!((code, &report["seen"]["drifted"]), (Some(0), &json!("True")));
        assert_eq!(
            report["seen"]["drift"]["fields"],
            json!([{ "path": "column/public.notes.x", "desired": "absent", "observed": "text" }])
        );

        // A ledger that somebody has emptied: to run what ran once is no matter of an approval alone.
        database.run("DELETE FROM supabase_migrations.schema_migrations").await;
        let (code, report) = reader.report(&["main"]).await;
        assert_eq!((code, report["reason"].as_str()), (Some(1), Some("LedgerRegressed")));
        assert_eq!((&report["pending"][0]["again"], &report["approval"]), (&json!(true), &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn what_failed_would_not_run_again_before_something_else_is_applied() {
    on_database(RARELY, async |stage, database| {
        let reader = Reader::new(stage, "database").await;
        stage
            .migrations(&[("20260101000000_fails.sql", "SELECT 1 / 0;\n")])
            .await;
        stage.migration_set(json!({})).await;
        let failed = stage.set_stalled("MigrationFailed").await;
        let before = content(database).await;
        let same = reader.manifest(&json!({}));
        for arguments in [&["main"][..], &["-f", &same]] {
            let (code, report) = reader.report(arguments).await;
            assert_eq!(
                (code, report["reason"].as_str(), report["message"].as_str()),
                (Some(1), Some("MigrationFailed"), Some(message_of(&failed, "Ready")))
            );
        }
        let (code, report) = reader
            .report(&["-f", &reader.manifest(&json!({ "lockTimeout": "3s" }))])
            .await;
        assert_eq!((code, &report["outcome"]), (Some(0), &json!("Runs")));
        assert_eq!(content(database).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_schema_without_a_ledger_asks_for_a_baseline_and_with_it_only_the_rest_would_run() {
    on_database(RARELY, async |stage, database| {
        let reader = Reader::new(stage, "database").await;
        database.run(NOTES.1).await;
        stage
            .migrations(&[NOTES, ("20260102000000_next.sql", "SELECT 1;\n")])
            .await;
        let before = content(database).await;
        let (code, report) = reader.report(&["-f", &reader.manifest(&json!({}))]).await;
        assert_eq!((code, report["reason"].as_str()), (Some(1), Some("BaselineRequired")));
        let digest = &report["seen"]["schema"]["digest"];
        assert!(report["message"].as_str().unwrap().contains(digest.as_str().unwrap()));

        let named = json!({ "baseline": { "through": "20260101000000", "schemaDigest": digest } });
        let (code, report) = reader.report(&["-f", &reader.manifest(&named)]).await;
        let steps: Vec<_> = report["steps"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(code, Some(0), "{report:#}");
        assert!(
            steps.contains(&"records 1 file without running them") && steps.ends_with(&["runs 1 file"]),
            "{steps:?}"
        );
        assert_eq!(report["pending"].as_array().unwrap().len(), 1);
        assert_eq!(content(database).await, before);
    })
    .await;
}

#[tokio::test]
async fn what_can_not_be_read_is_named_with_what_to_ask_for_and_no_password_is_shown() {
    on_database(RARELY, async |stage, database| {
        let reader = Reader::new(stage, "another").await;
        stage.migrations(&[NOTES]).await;
        let manifest = reader.manifest(&json!({}));
        let space = &stage.space.name;
        let error = async |arguments: &[&str], url: Option<&str>| {
            let ran = reader.run(arguments, url).await;
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{}", ran.stderr);
            ran.stderr
        };
        assert_eq!(
            error(&["-f", &manifest], None).await,
            format!(
                "error: you may not read Secret {space}/database, which the Platform names for its database (key `password`): ask \
                 for the right to `get` that one, or name the way to the database with --database-url or in ACE_DATABASE_URL\n"
            )
        );
        // The way around it.
        let ran = reader.run(&["-f", &manifest], Some(&database.url())).await;
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        assert!(!ran.stdout.contains(&database.password), "{}", ran.stdout);
        for (url, reason, says) in [
            (
                "postgresql://postgres:canary@127.0.0.1:1/postgres?sslmode=disable".to_owned(),
                "DatabaseUnreachable",
                "the database at 127.0.0.1:1 does not answer: ",
            ),
            (
                database.url().replace(&database.password, "canary"),
                "DatabaseRefused",
                "the database rejects user or password of --database-url",
            ),
        ] {
            let ran = reader.run(&["-f", &manifest, "-o", "json"], Some(&url)).await;
            let report: Value = serde_json::from_str(&ran.stdout).unwrap();
            assert_eq!((ran.code, report["reason"].as_str()), (Some(1), Some(reason)));
            assert!(report["message"].as_str().unwrap().starts_with(says), "{}", report["message"]);
            assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("canary"));
        }
        let said = error(&["-f", &manifest], Some("canary://")).await;
        assert!(said.starts_with("error: --database-url is not of the form "), "{said}");

        assert_eq!(error(&["main"], None).await, format!("error: there is no MigrationSet {space}/main\n"));
        let flux = reader.manifest(&json!({ "source": { "kind": "GitRepository", "name": "app" } }));
        let url = database.url();
        assert_eq!(
            error(&["-f", &flux], Some(&url)).await,
            format!(
                "error: the files of GitRepository {space}/app are served inside the cluster: name a checkout of them with --dir \
                 (a ConfigMap would be read from here)\n"
            )
        );
        let other = reader.manifest(&json!({ "source": { "kind": "ConfigMap", "name": "other" } }));
        assert_eq!(
            error(&["-f", &other], Some(&url)).await,
            format!(
                "error: you may not read ConfigMap {space}/other: ask for the right to `get` configmaps in namespace {space}\n"
            )
        );
        let empty = reader.file("empty.yaml", "kind: Other\n");
        assert_eq!(
            error(&["-f", &empty], None).await,
            format!("error: {empty} has no MigrationSet; name a manifest that has one\n")
        );
        let odd = reader.manifest(&json!({ "mode": "Enforce" }));
        let said = error(&["-f", &odd], None).await;
        assert!(said.starts_with(&format!("error: {odd}, document 1: ")) && said.contains("Enforce"), "{said}");
        // Wrong usage is no call for an approval.
        assert!(error(&[], None).await.contains("--help"));
    })
    .await;
}
