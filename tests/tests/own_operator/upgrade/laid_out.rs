//! The records, laid out on the bed of a test.

use ace_api::{EdgeFunction, field_manager};
use ace_sandbox::bed::SourceKind;
use ace_tests::{Database, Project, Stage, bed, pack};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};

use super::recorded::{self, Values};

/// Each MigrationSet that has a database.
const SETS: [&str; 4] = ["main", "approval", "unfinished", "failed"];
const NOTES: (&str, &str) = (
    "20260101000000_notes.sql",
    "CREATE TABLE public.notes (id bigint PRIMARY KEY, body text);\nALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;\n",
);
const INDEX: (&str, &str) = (
    "20260102000000_index.sql",
    "CREATE INDEX notes_body ON public.notes (body);\n",
);
const DROP: (&str, &str) = ("20260102000000_drop.sql", "DROP TABLE public.notes;\n");
const MORE: (&str, &str) = (
    "20260103000000_more.sql",
    "SELECT pg_advisory_xact_lock_shared(4711);\nCREATE SEQUENCE public.more;\n",
);
const GREETER: &str = "import { who } from \"../_shared/who.ts\";\nDeno.serve(() => new Response(`hello ${who}`));\n";
const BROKEN: &str = "Deno.serve(() => new Response(\"out of order\", { status: 500 }));\n";

/// What a test has of it.
pub struct LaidOut {
    /// Every object as it was created, with its status.
    pub objects: Vec<Value>,
    /// Of the sets `main`, `approval` and `unfinished`.
    pub databases: [Database; 3],
}

impl LaidOut {
    /// The object of a kind and name.
    pub fn object(&self, kind: &str, name: &str) -> &Value {
        let is = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
        self.objects.iter().find(is).unwrap()
    }
}

/// Lays everything out while no operator runs.
pub async fn lay_out(stage: &Stage<'_>) -> LaidOut {
    let mut values = Values::default();
    let file = bed().bed.file();
    values.set("namespace", stage.space.name.as_str());
    values.set("project", stage.project.reference.as_str());
    values.set("gateway", stage.project.gateway.as_str());
    values.set("api", file.api_url.as_str());
    values.set("artifacts", file.artifacts_url.as_str());
    let keys = json!({ "token": stage.project.token, "anon": stage.project.anon_key });
    secret(stage, "supabase", keys).await;
    sources(stage).await;
    deploy(&stage.project, &mut values).await;
    let databases = fill(stage, &mut values).await;
    let objects: Vec<Value> = recorded::OBJECTS
        .iter()
        .flat_map(|documents| values.documents(documents))
        .collect();
    for object in &objects {
        create(stage, object).await;
    }
    archives(stage).await;
    LaidOut { objects, databases }
}

/// A Secret of that time, which does not say what it is for.
async fn secret(stage: &Stage<'_>, name: &str, data: Value) {
    stage
        .apply::<Secret>(json!({ "metadata": { "name": name }, "stringData": data }))
        .await;
}

/// The sources of all objects.
async fn sources(stage: &Stage<'_>) {
    let tree: [(&str, &str); 6] = [
        ("live/index.ts", GREETER),
        ("_shared/who.ts", &who("World")),
        ("held/index.ts", BROKEN),
        ("drifted/index.ts", &says("drifted")),
        ("lost/index.ts", &says("found")),
        ("unseen/index.ts", &says("unseen")),
    ];
    stage.source(&tree).await;
    stage.migrations(&[NOTES, INDEX]).await;
    stage.source_named("dangerous", &pack(&[NOTES, DROP])).await;
    stage.source_named("unfinished", &pack(&[NOTES, INDEX, MORE])).await;

    // Its artifact can't be read.
    stage.publish(SourceKind::GitRepository, "flux", &[NOTES]).await;
    let artifact = json!({
        "url": format!("{}/gone.tar.gz", bed().bed.file().artifacts_url),
        "digest": format!("sha256:{}", "0123".repeat(16)),
        "revision": "main@sha1:0123456789abcdef0123456789abcdef01234567",
    });
    let patch = json!({ "status": { "artifact": artifact } }).to_string();
    let arguments = [
        "patch",
        "gitrepository/flux",
        "--subresource=status",
        "--type=merge",
        "-p",
    ];
    let patched = stage.space.kubectl(&[&arguments[..], &[&patch]].concat()).await;
    patched.expect("the source can be patched");
}

/// Deploys as that operator did, whose folder names the revision, and as somebody else; notes how the platform identifies each
/// version.
async fn deploy(project: &Project, values: &mut Values) {
    let (world, upper) = (who("world"), who("World"));
    let greeter = |who| vec![("live/index.ts", GREETER), ("_shared/who.ts", who)];
    let (good, unseen, drifted) = (says("good"), says("unseen"), says("drifted"));
    let (theirs, lost, found) = (says("theirs"), says("lost"), says("found"));
    let deploys = [
        ("live", "ace-2046d671db1f", greeter(&world)),
        ("live", "ace-1d955624c034", greeter(&upper)),
        ("held", "ace-debad4f5b3cf", vec![("held/index.ts", good.as_str())]),
        ("held", "ace-ccbf3b56e1de", vec![("held/index.ts", BROKEN)]),
        ("held", "ace-debad4f5b3cf", vec![("held/index.ts", &good)]),
        ("unseen", "ace-f52443ff7e36", vec![("unseen/index.ts", &unseen)]),
        ("drifted", "ace-331165c0ed31", vec![("drifted/index.ts", &drifted)]),
        ("drifted", "supabase/functions", vec![("drifted/index.ts", &theirs)]),
        ("lost", "ace-f621195203f7", vec![("lost/index.ts", &lost)]),
        ("lost", "ace-d7ece671907a", vec![("lost/index.ts", &found)]),
    ];
    for (slug, folder, files) in deploys {
        if folder == "ace-d7ece671907a" {
            // The deploy of the open intent.
            values.set("start", Timestamp::now().to_string());
        }
        project.deploy_in(folder, slug, false, &files).await;
        let live = project.functions().await[slug].clone();
        let updated = Timestamp::from_millisecond(live["updated_at"].as_i64().unwrap()).unwrap();
        let version = &live["version"];
        let stamp = json!({
            "id": live["id"],
            "version": version,
            "updatedTime": updated,
            "bundleDigest": live["ezbr_sha256"],
        });
        values.set(format!("stamp-{slug}-{version}"), stamp);
        values.set(format!("time-{slug}-{version}"), updated.to_string());
    }
}

/// Fills the databases with what the files made that were run, and with the rows of the ledgers.
async fn fill(stage: &Stage<'_>, values: &mut Values) -> [Database; 3] {
    let mut databases = Vec::new();
    for set in SETS {
        let database = Database::create().await;
        let oid = database
            .rows("SELECT oid FROM pg_database WHERE datname = current_database()")
            .await;
        values.set(format!("database-{set}"), database.name.as_str());
        values.set(format!("oid-{set}"), oid[0].parse::<i64>().unwrap());
        databases.push(database);
    }
    let identity =
        "SELECT split_part(current_setting('server_version'), ' ', 1), system_identifier FROM pg_control_system()";
    let identity = databases[0].rows(identity).await;
    let (server, system) = identity[0].split_once('|').unwrap();
    values.set("server", server);
    values.set("system", system);
    values.set("port", databases[0].port);
    let password = json!({ "password": databases[0].password });
    secret(stage, "database", password).await;

    let approval = values.text("$database-approval $oid-approval");
    let (name, oid) = approval.split_once(' ').unwrap();
    let (notes, drop) = (recorded::digest(NOTES.1), recorded::digest(DROP.1));
    let database = [&stage.project.reference, system, "1", oid, name, ""];
    let files = [&NOTES.0[..14], &notes, "", &DROP.0[..14], &drop, "DataLoss"];
    values.set("plan", recorded::plan_digest(&[database, files].concat()));

    let [main, approval, unfinished, _] = databases.try_into().expect("there are four sets");
    let applied = format!("{}{}", NOTES.1, INDEX.1);
    for (database, files, rows) in [
        (&main, applied.as_str(), recorded::MAIN),
        (&approval, "", recorded::APPROVAL),
        (&unfinished, applied.as_str(), recorded::UNFINISHED),
    ] {
        for sql in [files, recorded::TABLES, &values.text(rows)] {
            database.run(sql).await;
        }
    }
    [main, approval, unfinished]
}

/// Creates an object, and writes its status under the name of that operator.
async fn create(stage: &Stage<'_>, recorded: &Value) {
    let kind = recorded["kind"].as_str().unwrap();
    let name = recorded["metadata"]["name"].as_str().unwrap();
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(ace_api::GROUP, ace_api::VERSION, kind));
    let api: Api<DynamicObject> = Api::namespaced_with(stage.space.client.clone(), &stage.space.name, &resource);
    let mut object = recorded.clone();
    let status = object.as_object_mut().unwrap().remove("status").unwrap();
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
    let status = json!({ "apiVersion": recorded["apiVersion"], "kind": kind, "status": status });
    let manager = PatchParams::apply(&field_manager(kind)).force();
    api.patch_status(name, &manager, &Patch::Apply(&status)).await.unwrap();
}

/// The archives, owned by the functions that were just created.
async fn archives(stage: &Stage<'_>) {
    for mut archive in recorded::documents(recorded::ARCHIVES) {
        let owner = archive["metadata"]["ownerReferences"][0]["name"]
            .as_str()
            .unwrap()
            .to_owned();
        let function = stage.space.api::<EdgeFunction>().get(&owner).await.unwrap();
        archive["metadata"]["ownerReferences"][0]["uid"] = json!(function.metadata.uid);
        let archive: ConfigMap = serde_json::from_value(archive).unwrap();
        stage
            .space
            .api()
            .create(&PostParams::default(), &archive)
            .await
            .unwrap();
    }
}

fn says(word: &str) -> String {
    format!("Deno.serve(() => new Response({word:?}));\n")
}

fn who(name: &str) -> String {
    format!("export const who: string = {name:?};\n")
}
