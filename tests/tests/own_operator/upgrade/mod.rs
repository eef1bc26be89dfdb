//! An upgrade: what the operator of commit 450a704 left behind is taken over by this one. That operator spoke of its reasons in other
//! words; its statuses, archives and tables are read by this one as its own.

mod laid_out;
mod recorded;

use ace_api::{EdgeFunction, LABEL_USE, MigrationSet, Platform};
use ace_tests::{
    LIST, Operator, OperatorOptions, PLATFORM, Project, Stage, bed, is_current, is_true, kstatus, message_of,
    reason_of, with_unjudged_namespace,
};
use k8s_openapi::api::{core::v1::ConfigMap, events::v1::Event};
use kube::api::ListParams;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use self::{
    laid_out::{LaidOut, lay_out},
    recorded::{OBJECTS, Values, plan_digest},
};

ace_tests::tests! {
    what_an_older_operator_left_is_taken_over_without_an_upload_a_second_run_or_false_drift,
    ; every_field_that_the_older_operator_wrote_is_read_and_written_again, the_digest_of_a_plan_is_the_one_that_the_older_operator_asked_to_approve,
}

/// Objects of which nothing changes but conditions.
const AT_REST: [(&str, &str); 5] = [
    ("EdgeFunction", "live"),
    ("EdgeFunction", "held"),
    ("EdgeFunction", "unseen"),
    ("EdgeFunction", "drifted"),
    ("MigrationSet", "main"),
];
/// Everything that the operator writes into a database, but for the desired schema, which it describes in another form now, and the
/// mark by which it knows an unchanged catalogue.
const WRITTEN: &str = "SELECT 'ledger', l::text FROM supabase_migrations.schema_migrations l \
    UNION ALL SELECT 'migration', m::text FROM ace_ops.migration m UNION ALL SELECT 'owner', o::text FROM ace_ops.owner o \
    UNION ALL SELECT 'plan', p::text FROM ace_ops.plan p UNION ALL SELECT 'step', s::text FROM ace_ops.step s \
    UNION ALL SELECT 'standing', s::text FROM ace_ops.standing s \
    UNION ALL SELECT 'state', (layout, behind, looked, server_major, schemas)::text FROM ace_ops.state \
    ORDER BY 1, 2";
/// What the interrupted run had done.
const DONE: &str = "SELECT m::text, l::text FROM ace_ops.migration m JOIN supabase_migrations.schema_migrations l USING (version) \
    WHERE version < '20260103000000' ORDER BY version";
/// What was left of it, and whether a snapshot is pending.
const LEFT: &str = "SELECT version, kind, behind, looked, (SELECT count(*) FROM ace_ops.standing) \
    FROM ace_ops.migration, ace_ops.state WHERE version >= '20260103000000'";

async fn what_an_older_operator_left_is_taken_over_without_an_upload_a_second_run_or_false_drift() {
    with_unjudged_namespace(async |space| {
        let project = Project::create(bed().bed.file()).await;
        let stage = |operator| Stage {
            space,
            project: project.clone(),
            operator,
        };
        let options = OperatorOptions::default();
        let mut operator = Operator::start(bed(), &options).await;
        operator.kill();
        let before = lay_out(&stage(&operator)).await;
        let [main, approval, unfinished] = &before.databases;
        let written = async || [main.rows(WRITTEN).await, unfinished.rows(DONE).await];
        let written_before = written().await;
        space.watch.caught_up().await;
        let versions = |object: &Value| {
            space
                .watch
                .versions(text(object, "/kind"), text(object, "/metadata/name"))
        };
        let laid_out: Vec<usize> = before.objects.iter().map(|object| versions(object).len()).collect();
        let since = project.now().await;

        // What CHANGELOG.md tells to do before an upgrade.
        for (name, uses) in [("supabase", "token.anon-key"), ("database", "database")] {
            let label = format!("{LABEL_USE}={uses}");
            let labelled = space.kubectl(&["label", "secret", name, &label]).await;
            labelled.expect("a Secret can be labelled");
        }
        let operator = Operator::start(bed(), &options).await;
        let stage = stage(&operator);
        is_observed(&stage, &before, since).await;
        stays_as_it_was(&stage, &before, |_| {}).await;
        // Once more, where that does not ask to try again what is held.
        for (kind, name) in AT_REST {
            if name != "held" {
                stage.ask(kind, name, "upgraded").await;
                let handled = |object: &Value| object["status"]["lastHandledReconcileAt"] == "upgraded";
                until(&stage, kind, name, "was observed when asked", handled).await;
            }
        }
        let handled = |expected: &mut Value| {
            if expected["held"].is_null() {
                expected["lastHandledReconcileAt"] = json!("upgraded");
            }
        };
        stays_as_it_was(&stage, &before, handled).await;

        assert_eq!(project.changes(since).await, [], "{}", operator.log());
        assert_eq!(written().await, written_before);
        assert_eq!(unfinished.rows(LEFT).await, ["20260103000000|applied|f|f|0"]);
        let ran = "SELECT version FROM supabase_migrations.schema_migrations ORDER BY 1";
        assert_eq!(approval.rows(ran).await, ["20260101000000", "20260102000000"]);
        space.watch.caught_up().await;
        for (object, count) in before.objects.iter().zip(laid_out) {
            let versions = versions(object).into_iter().skip(count);
            versions.for_each(|version| is_sound(&version.object));
        }
        only_the_deploy_in_progress_and_the_new_form_are_told(&stage).await;
        only_the_deploy_that_was_in_progress_is_archived(&stage).await;
    })
    .await;
}

/// Waits until the operator has observed every object, and calls what it sees by today's names.
async fn is_observed(stage: &Stage<'_>, before: &LaidOut, since: u64) {
    for name in [PLATFORM, "second", "third", "fourth"] {
        let expected = &before.object("Platform", name)["status"];
        let ready = |object: &Value| {
            let status = &object["status"];
            let same = ["project", "database"]
                .iter()
                .all(|field| status[field] == expected[field]);
            same && reason_of(object, "Ready") == "Reachable" && is_current(object)
        };
        until(stage, "Platform", name, "is Ready as it was", ready).await;
    }
    let four_lists = async || (stage.project.count(since, LIST).await >= 4).then_some(());
    stage.eventually("four lists", four_lists).await;

    let live = |object: &Value| reason_of(object, "Ready") == "Live" && is_current(object);
    let undrifted = |object: &Value| live(object) && reason_of(object, "Drifted") == "NoDrift";
    for name in ["live", "unseen"] {
        until(stage, "EdgeFunction", name, "is live", undrifted).await;
    }
    let held =
        |object: &Value| reason_of(object, "Stalled") == "RolledBack" && reason_of(object, "Drifted") == "NoDrift";
    until(stage, "EdgeFunction", "held", "is held", held).await;
    let message = "redeployed out of band: 1 file differs: drifted/index.ts";
    let drifted = |object: &Value| live(object) && message_of(object, "Drifted") == message;
    until(stage, "EdgeFunction", "drifted", "is drifted", drifted).await;
    let found = until(stage, "EdgeFunction", "lost", "is live", undrifted).await;
    is_confirmed(&before.object("EdgeFunction", "lost")["status"], &found["status"]);
    assert_eq!(stage.project.answer("lost").await, "found");

    let applied = |object: &Value| reason_of(object, "Ready") == "Applied" && reason_of(object, "Drifted") == "NoDrift";
    until(stage, "MigrationSet", "main", "is applied", applied).await;
    let ended = |object: &Value| applied(object) && object["status"]["head"] == "20260103000000" && is_current(object);
    let ended = until(stage, "MigrationSet", "unfinished", "has ended its run", ended).await;
    let history = ended["status"]["history"].as_array().unwrap();
    let old = &before.object("MigrationSet", "unfinished")["status"]["history"];
    assert_eq!(history[1]["type"], "SchemaReworded", "{ended:#}");
    assert_eq!(json!(history[2..]), *old, "{ended:#}");
    // The older operator asked for an approval to drop a table that the same plan makes. Nothing is lost with it.
    let ran = |object: &Value| applied(object) && object["status"]["head"] == "20260102000000" && is_current(object);
    until(stage, "MigrationSet", "approval", "has run", ran).await;
    for (name, reason) in [("missing", "WaitingForPlatform"), ("failed", "Retrying")] {
        let waits = |object: &Value| reason_of(object, "Reconciling") == reason && reason_of(object, "Ready") == reason;
        until(stage, "MigrationSet", name, reason, waits).await;
    }
}

/// The deploy whose response the older operator never saw took effect: it is noted as its own.
fn is_confirmed(before: &Value, after: &Value) {
    let stamp = &after["live"]["stamp"];
    assert_eq!(
        (&stamp["version"], &after["intent"]),
        (&json!(2), &Value::Null),
        "{after:#}"
    );
    let [revision, digest] = ["revision", "digest"].map(|field| &before["source"][field]);
    let applied = &after["applied"];
    assert_eq!(
        [&applied["revision"], &applied["sourceDigest"], &applied["stamp"]],
        [revision, digest, stamp]
    );
    assert_eq!(
        [&after["proven"]["revision"], &after["source"]],
        [revision, &before["source"]]
    );
    let history = after["history"].as_array().unwrap();
    let newest = ["type", "revision", "version"].map(|field| &history[0][field]);
    assert_eq!(newest, [&json!("Deployed"), revision, &json!(2)]);
    assert_eq!(json!(history[1..]), before["history"]);
}

/// Objects of the bed's database that it did not have when the older operator's status was recorded: each one that is added to
/// what the bed has counts here.
const NEW_IN_THE_BED: i64 = 16;

/// The live schema is the desired one, with as many objects as before and those that the bed has since; the history says that it
/// is described anew. Takes away what differs by that.
fn is_reworded(now: &mut Value, before: &mut Value) {
    let reworded = now["history"].as_array_mut().unwrap().remove(0);
    assert_eq!(reworded["type"], "SchemaReworded", "{now:#}");
    let (schema, expected) = (now["schema"].take(), before["schema"].take());
    assert_eq!(schema["digest"], schema["referenceDigest"]);
    let objects = expected["objects"].as_i64().map(|before| before + NEW_IN_THE_BED);
    assert_eq!(schema["objects"].as_i64(), objects);
}

/// Of the objects at rest no field of the status differs but conditions, for functions the revision of the whole tree and the digest of
/// what runs, and for sets the form in which the schema is described.
async fn stays_as_it_was(stage: &Stage<'_>, before: &LaidOut, but: impl Fn(&mut Value)) {
    let tree = &before.object("EdgeFunction", "lost")["status"]["source"]["artifactRevision"];
    for (kind, name) in AT_REST {
        let mut expected = before.object(kind, name)["status"].clone();
        if kind == "EdgeFunction" {
            expected["source"]["artifactRevision"] = tree.clone();
        }
        but(&mut expected);
        let mut now = until(stage, kind, name, "is there", |_| true).await["status"].take();
        if kind == "MigrationSet" {
            is_reworded(&mut now, &mut expected);
        } else {
            // Learned of what is applied, wanted and live, without a deploy.
            let learned = now["applied"].as_object_mut().unwrap().remove("programDigest");
            let is_wanted = now["applied"]["sourceDigest"] == now["source"]["digest"];
            let is_live = now["applied"]["stamp"] == now["live"]["stamp"];
            assert_eq!(learned.is_some(), is_wanted && is_live, "{name}");
        }
        for status in [&mut expected, &mut now] {
            status.as_object_mut().unwrap().remove("conditions");
        }
        assert_eq!(now, expected, "{kind} {name}");
    }
}

/// A version that this operator wrote, or that has the status which it wrote.
fn is_sound(object: &Value) {
    let name = text(object, "/metadata/name");
    assert_eq!(kstatus::violations(object), Vec::<String>::new(), "{name}: {object:#}");
    assert_eq!(is_true(object, "Drifted"), name == "drifted", "{name}: {object:#}");
    let stalled = is_true(object, "Stalled");
    // What `approval` waited for under the older operator needs none now.
    assert!(stalled == (name == "held") || name == "approval", "{name}: {object:#}");
}

async fn only_the_deploy_in_progress_and_the_new_form_are_told(stage: &Stage<'_>) {
    let told = async || {
        let events = stage.space.api::<Event>().list(&ListParams::default()).await.unwrap();
        let about = |event: Event| (event.regarding.and_then(|object| object.name), event.reason);
        let told: Vec<_> = events.items.into_iter().map(about).collect();
        told.iter()
            .any(|(name, _)| name.as_deref() == Some("lost"))
            .then_some(told)
    };
    let told = stage.eventually("the deploy is told", told).await;
    let changes = [
        "Deployed",
        "Adopted",
        "Corrected",
        "RolledBack",
        "DriftDetected",
        "DriftCorrected",
        "SchemaReworded",
    ];
    let mut told: Vec<_> = told
        .iter()
        .filter_map(|(name, reason)| Some((name.as_deref()?, reason.as_deref()?)))
        .filter(|(name, reason)| changes.contains(reason) && *name != "unfinished")
        .collect();
    told.sort_unstable();
    // Schemas are described in another form than before, and that is said of each set at rest.
    let reworded = |set| (set, "SchemaReworded");
    assert_eq!(told, [reworded("approval"), ("lost", "Deployed"), reworded("main")]);
}

async fn only_the_deploy_that_was_in_progress_is_archived(stage: &Stage<'_>) {
    let archives = ListParams::default().labels(ace_api::LABEL_ARCHIVE);
    let archives = stage.space.api::<ConfigMap>().list(&archives).await.unwrap();
    let mut names: Vec<_> = archives.items.into_iter().filter_map(|map| map.metadata.name).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "drifted-331165c0ed31",
            "held-debad4f5b3cf",
            "live-1d955624c034",
            "lost-d7ece671907a",
            "unseen-f52443ff7e36",
        ]
    );
}

fn every_field_that_the_older_operator_wrote_is_read_and_written_again() {
    fn again<K: DeserializeOwned + Serialize>(object: &Value) {
        let read: K = serde_json::from_value(object.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap()["status"], object["status"]);
    }
    let mut values = Values::default();
    for name in [
        "namespace",
        "project",
        "gateway",
        "api",
        "artifacts",
        "system",
        "plan",
        "server",
    ] {
        values.set(name, name);
    }
    values.set("port", 5432);
    values.set("start", "2026-11-29T14:44:34.696Z");
    for set in ["main", "approval", "unfinished", "failed"] {
        values.set(format!("database-{set}"), set);
        values.set(format!("oid-{set}"), 16_384);
    }
    for (slug, version) in [
        ("live", 2),
        ("held", 3),
        ("unseen", 1),
        ("drifted", 1),
        ("drifted", 2),
        ("lost", 1),
    ] {
        let time = "2026-11-29T14:44:29.174Z";
        let stamp = json!({ "id": slug, "version": version, "updatedTime": time, "bundleDigest": "digest" });
        values.set(format!("stamp-{slug}-{version}"), stamp);
        values.set(format!("time-{slug}-{version}"), time);
    }
    let objects = OBJECTS.map(|documents| values.documents(documents));
    assert_eq!(objects.each_ref().map(Vec::len), [4, 5, 5]);
    for object in objects.iter().flatten() {
        match text(object, "/kind") {
            "Platform" => again::<Platform>(object),
            "EdgeFunction" => again::<EdgeFunction>(object),
            _ => again::<MigrationSet>(object),
        }
    }
}

fn the_digest_of_a_plan_is_the_one_that_the_older_operator_asked_to_approve() {
    let database = [
        "hmvxvkhijcjzliylmltf",
        "7713604325727349161",
        "1",
        "16691",
        "test_18689_1",
        "",
    ];
    let notes = "sha256:7a721b865b8f4c43214943165e58f9f08b406adf6bdc546300f9214f9fc7bae2";
    let drop = recorded::digest("DROP TABLE public.notes;\n");
    let files = ["20260101000000", notes, "", "20260102000000", &drop, "DataLoss"];
    assert_eq!(
        plan_digest(&[database, files].concat()),
        "sha256:bdb5c0420f6c61a59f388d7bdd1d9c48afbe18058d8198126ada460b92370233"
    );
}

async fn until(stage: &Stage<'_>, kind: &str, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    match kind {
        "Platform" => stage.space.wait::<Platform>(name, what, is).await,
        "EdgeFunction" => stage.space.wait::<EdgeFunction>(name, what, is).await,
        _ => stage.space.wait::<MigrationSet>(name, what, is).await,
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap()
}
