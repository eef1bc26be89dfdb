//! The forms of `docs/gitops.md` for which waiting is true: a pipeline that believes kstatus is never told "Current" before the
//! content that is wanted is live. And the change in place, for which it is told so, and which `kubectl ace wait` is for.

mod flux;
mod forms;

use ace_api::{EdgeFunction, MigrationSet};
use ace_tests::Test;
use ace_tests::{
    Database, PLATFORM, SET, Stage, is_current,
    kstatus::{Status, status},
    pack,
};
use serde_json::{Value, json};

use crate::functions::sources::says;

pub(crate) fn tests() -> Vec<Test> {
    [forms::tests(), flux::tests()].into_iter().flatten().collect()
}

/// Where nothing depends on a check of the platform.
const RARELY: &str = "24h";
const FUNCTION: &str = "hello";

/// The project's files at its `n`th revision: a function that answers with `n`, and `n` migrations.
fn files(n: u32) -> Vec<(String, String)> {
    let function = (format!("functions/{FUNCTION}/index.ts"), says(&n.to_string()));
    let migration = |n| {
        (
            format!("migrations/{n}_file.sql"),
            format!("CREATE SEQUENCE public.s{n};\n"),
        )
    };
    (1..=n).map(migration).chain([function]).collect()
}

fn packed(n: u32) -> Vec<u8> {
    pack(&as_str(&files(n)))
}

fn as_str(files: &[(String, String)]) -> Vec<(&str, &str)> {
    let texts = files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    texts.collect()
}

/// The function and the migrations that are read from `source`.
fn objects(source: &Value) -> [Value; 2] {
    let below = |path: &str| {
        let mut source = source.clone();
        source["path"] = json!(path);
        source
    };
    let object = |kind: &str, name: &str, spec: Value| {
        let mut object =
            json!({ "apiVersion": "ops.mobulace.com/v1alpha1", "kind": kind, "metadata": { "name": name } });
        object["spec"] = spec;
        object["spec"]["platformRef"] = json!({ "name": PLATFORM });
        object
    };
    let checks = json!([{ "name": "root", "expectStatus": [200] }]);
    let function = json!({ "source": below("functions"), "verifyJWT": false, "checks": checks });
    [
        object("EdgeFunction", FUNCTION, function),
        object("MigrationSet", SET, json!({ "source": below("migrations") })),
    ]
}

async fn apply(stage: &Stage<'_>, [function, set]: [Value; 2]) {
    stage.apply::<EdgeFunction>(function).await;
    stage.apply::<MigrationSet>(set).await;
}

fn generation(object: &Value) -> i64 {
    object["metadata"]["generation"].as_i64().unwrap_or_default()
}

/// Waits as a pipeline that believes kstatus: until the specs after these generations are current. Then the `n`th revision has to be
/// live, and no earlier version of such a spec may have been current.
async fn waits(stage: &Stage<'_>, database: &Database, before: [i64; 2], n: u32) -> [i64; 2] {
    let is = |before: i64| move |object: &Value| generation(object) > before && is_current(object);
    let what = "is current with its next spec";
    let function = stage.space.wait::<EdgeFunction>(FUNCTION, what, is(before[0])).await;
    let answer = stage.project.answer(FUNCTION).await;
    let set = stage.space.wait::<MigrationSet>(SET, what, is(before[1])).await;
    let ledger = database.ledger().await;
    assert_eq!((answer, ledger.len()), (n.to_string(), n as usize), "what is live");

    stage.space.watch.caught_up().await;
    for (kind, name, before, last) in [
        ("EdgeFunction", FUNCTION, before[0], &function),
        ("MigrationSet", SET, before[1], &set),
    ] {
        let versions = stage.space.watch.versions(kind, name).into_iter();
        let of_spec: Vec<Value> = versions
            .map(|version| version.object)
            .filter(|object| generation(object) > before)
            .collect();
        assert_eq!(status(&of_spec[0]), Status::InProgress, "{kind}: {:#}", of_spec[0]);
        for object in of_spec.iter().filter(|object| is_current(object)) {
            let live = |object: &Value| {
                let status = &object["status"];
                let revision = [
                    "/source/artifactRevision",
                    "/applied/revision",
                    "/live/revision",
                    "/head",
                ];
                revision.map(|path| status.pointer(path).cloned())
            };
            assert_eq!(live(object), live(last), "{kind}: {object:#}");
        }
    }
    [generation(&function), generation(&set)]
}
