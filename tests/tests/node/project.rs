//! A project with functions and migrations, and what has been done to it.

use std::time::Instant;

use ace_tests::{LIST, Project, pack};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio_postgres::{NoTls, SimpleQueryMessage};
use xtask::rights;

use super::bed::{World, eventually};

/// Namespace of the project's objects.
pub const NAMESPACE: &str = "ace";
/// As many as a team has.
const FUNCTIONS: usize = 20;
/// Lists of the platform by which whatever a new process would do has begun: it compares with the first one, and believes the second.
const LISTS: usize = 3;

const MIGRATIONS: [(&str, &str); 2] = [
    (
        "20260101000000_runs.sql",
        "create table public.runs (id bigint generated always as identity primary key);\n\
         alter table public.runs enable row level security;\n",
    ),
    ("20260102000000_first.sql", "insert into public.runs default values;\n"),
];

/// What a project is known to have been through.
pub struct Known {
    /// Number of the next request in the platform's journal.
    since: u64,
    /// Rows that migrations leave, with the transactions that wrote them.
    rows: Vec<String>,
}

/// A project of the bed's platform, whose objects are in [`NAMESPACE`].
pub struct Managed<'a> {
    world: &'a World,
    pub project: Project,
}

impl<'a> Managed<'a> {
    pub async fn create(world: &'a World) -> Self {
        world.kubectl(&format!("create namespace {NAMESPACE}")).await;
        Self {
            world,
            project: Project::create(&world.file).await,
        }
    }

    /// What the chart has to be told to reach it.
    pub fn values(&self) -> Value {
        json!({
            "accessNamespaces": [NAMESPACE],
            "allowHosts": {
                "api": [self.world.file.api_url],
                "gateway": [self.project.gateway],
                "database": [self.database().0],
            },
            "allowInsecureDatabase": true,
        })
    }

    /// `host:port` and password.
    fn database(&self) -> (&str, &str) {
        let url = &self.world.file.database_url;
        let (access, place) = url.rsplit_once('@').unwrap();
        (place.split('/').next().unwrap(), access.rsplit_once(':').unwrap().1)
    }

    /// Applies its objects.
    pub async fn apply(&self) {
        let metadata = |name: &str| json!({ "name": name, "namespace": NAMESPACE });
        let ops = |kind: &str, name: &str, spec: Value| json!({ "apiVersion": "ops.mobulace.com/v1alpha1", "kind": kind, "metadata": metadata(name), "spec": spec });
        let secret = |name: &str, uses: &str, data: Value| {
            let mut metadata = metadata(name);
            metadata["labels"] = json!({ ace_api::LABEL_USE: uses });
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data })
        };
        let files = |name: &str, archive: &[u8]| {
            let data = json!({ "files.tar.gz": STANDARD.encode(archive) });
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(name), "binaryData": data })
        };
        let source = |name: &str| json!({ "kind": "ConfigMap", "name": name });
        let functions: Vec<String> = (1..=FUNCTIONS).map(|number| format!("function-{number:02}")).collect();
        let sources: Vec<(String, String)> = functions
            .iter()
            .map(|name| {
                (
                    format!("{name}/index.ts"),
                    format!("Deno.serve(() => new Response(\"{name}\"));\n"),
                )
            })
            .collect();
        let tree: Vec<(&str, &str)> = sources
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        let (address, password) = self.database();
        let (host, port) = address.rsplit_once(':').unwrap();
        let mut objects = vec![
            secret(
                "supabase",
                "token.anon-key",
                json!({ "token": self.project.token, "anon": self.project.anon_key }),
            ),
            secret("database", "database", json!({ "password": password })),
            files("functions", &pack(&tree)),
            files("migrations", &pack(&MIGRATIONS)),
            ops(
                "Platform",
                "prod",
                json!({
                    "project": self.project.reference,
                    "url": self.project.gateway,
                    "api": { "url": self.world.file.api_url, "tokenSecretRef": { "name": "supabase", "key": "token" } },
                    "anonKeySecretRef": { "name": "supabase", "key": "anon" },
                    "database": {
                        "host": host, "port": port.parse::<u16>().unwrap(), "tls": "Disable",
                        "passwordSecretRef": { "name": "database", "key": "password" },
                    },
                    "interval": "30s",
                    "requestsPerMinute": 120,
                }),
            ),
            ops(
                "MigrationSet",
                "main",
                json!({ "platformRef": { "name": "prod" }, "source": source("migrations") }),
            ),
        ];
        for name in &functions {
            let checks = json!([{ "name": "answers", "method": "GET", "expectStatus": [200] }]);
            objects.push(ops("EdgeFunction", name, json!({
                "platformRef": { "name": "prod" }, "source": source("functions"), "verifyJWT": false, "checks": checks,
            })));
        }
        self.world
            .apply(&json!({ "apiVersion": "v1", "kind": "List", "items": objects }))
            .await;
    }

    /// Waits until all of it is live.
    pub async fn ready(&self) {
        let begun = Instant::now();
        let wait = format!("--namespace {NAMESPACE} wait --for=condition=Ready plat,migs,fn --all --timeout=15m");
        self.world.kubectl(&wait).await;
        eprintln!(
            "{FUNCTIONS} functions and a MigrationSet are Ready: {:.1} s",
            begun.elapsed().as_secs_f64()
        );
        assert_eq!(self.project.functions().await.len(), FUNCTIONS);
        assert_eq!(self.rows("select count(*) from public.runs").await, ["1"]);
    }

    /// What is known of it now.
    pub async fn known(&self) -> Known {
        Known {
            since: self.project.now().await,
            rows: self.written().await,
        }
    }

    /// Waits until whoever reconciles has looked at it again and again, and had nothing to do.
    pub async fn is_left_alone(&self, known: &Known, after: &str) {
        let lists = async || (self.project.count(known.since, LIST).await >= LISTS).then_some(());
        eventually(&format!("{LISTS} lists of the functions after {after}"), lists).await;
        assert_eq!(
            self.project.changes(known.since).await,
            [],
            "requests that change something, after {after}"
        );
        assert_eq!(
            self.written().await,
            known.rows,
            "rows that migrations have written, after {after}"
        );
        for object in self.world.list(&format!("plat,migs,fn --namespace {NAMESPACE}")).await {
            let status = &object["status"];
            let conditions = status["conditions"].as_array().unwrap();
            let is = |wanted: &str| {
                let condition = conditions.iter().find(|condition| condition["type"] == wanted);
                condition
                    .and_then(|condition| condition["status"].as_str())
                    .unwrap_or_default()
                    .to_owned()
            };
            let (kind, name) = (&object["kind"], &object["metadata"]["name"]);
            assert_eq!(is("Ready"), "True", "{kind} {name} after {after}: {status:#}");
            // A Platform is looked at, and nothing of it is ours to change.
            let drifted = if kind == "Platform" { "" } else { "False" };
            assert_eq!(is("Drifted"), drifted, "{kind} {name} after {after}: {status:#}");
        }
        eprintln!("after {after}: 0 uploads, 0 SQL, 0 drift");
    }

    /// Waits until a look that is asked for has been had.
    pub async fn looks(&self, what: &str, value: &str) {
        let annotation = format!("{}={value}", ace_api::ANNOTATION_RECONCILE_AT);
        self.world
            .kubectl(&format!(
                "--namespace {NAMESPACE} annotate --overwrite plat prod {annotation}"
            ))
            .await;
        let handled = async || {
            let platform = self.world.get(&format!("plat prod --namespace {NAMESPACE}")).await;
            (platform["status"]["lastHandledReconcileAt"] == value).then_some(())
        };
        eventually(what, handled).await;
    }

    async fn written(&self) -> Vec<String> {
        let mut all = Vec::new();
        for table in ["public.runs", "supabase_migrations.schema_migrations"] {
            all.extend(
                self.rows(&format!("select xmin, t from {table} t order by t::text"))
                    .await,
            );
        }
        all
    }

    async fn rows(&self, query: &str) -> Vec<String> {
        let (client, connection) = tokio_postgres::connect(&self.world.file.database_url, NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let messages = client.simple_query(query).await.unwrap();
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                let columns = (0..row.len()).map(|column| row.try_get(column).unwrap().unwrap_or_default().to_owned());
                Some(columns.collect::<Vec<_>>().join("|"))
            }
            _ => None,
        });
        rows.collect()
    }
}

impl World {
    /// What the processes have written to the API server since then, their Leases aside.
    pub fn written(&self, since: usize) -> Vec<ace_tests::Audited> {
        let processes = ace_api::Process::ALL.into_iter();
        let requests =
            processes.flat_map(|process| self.audit_log().of_account(rights::NAMESPACE, process.name(), since));
        requests.filter(ace_tests::Audited::is_write).collect()
    }
}
