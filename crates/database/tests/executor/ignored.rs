//! Objects whose differences are no drift, by the rules of a set.

use ace_api::MigrationSet;
use ace_database::Session;
use ace_domain::kinds::migration_set::SchemaObservation;
use serde_json::{Value, json};

use crate::{
    bed::Bed,
    outside::{object, observed, paths, schema},
};

fn ignoring(rules: &Value) -> MigrationSet {
    let mut set = serde_json::to_value(object(&["public"])).unwrap();
    set["spec"]["drift"] = json!({ "ignore": rules });
    serde_json::from_value(set).unwrap()
}

async fn ignored(session: &Session, set: &MigrationSet) -> usize {
    match schema(session, set).await {
        SchemaObservation::Taken { ignored, .. } => ignored,
        SchemaObservation::Busy => panic!("nobody has a lock"),
    }
}

const EVENTS: &str = "CREATE TABLE public.events (id bigint, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at); \
    CREATE INDEX by_day ON public.events (at); \
    CREATE TABLE public.events_1 PARTITION OF public.events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); \
    CREATE TABLE public.events_log (id bigint)";

/// What a job does at night: one partition is new, with one of its own, and one is gone.
const NIGHT: &str = "CREATE TABLE public.\"events 2\" PARTITION OF public.events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') \
        PARTITION BY RANGE (id); \
    CREATE TABLE public.events_2_a PARTITION OF public.\"events 2\" FOR VALUES FROM (0) TO (9); \
    GRANT SELECT ON public.events_2_a TO anon; \
    CREATE INDEX extra ON public.events_2_a (id); \
    ALTER TABLE public.events_2_a ADD CONSTRAINT small CHECK (id < 5); \
    DROP TABLE public.events_1";

#[tokio::test]
async fn partitions_that_a_job_adds_and_drops_are_ignored_and_counted_and_nothing_else_is() {
    let bed = Bed::new().await;
    let superuser = bed.superuser().await;
    superuser.batch_execute(EVENTS).await.unwrap();
    let session = bed.session().await;
    let (plain, rules) = (
        object(&["public"]),
        ignoring(&json!([{ "partitionsOf": "public.events", "reason": "the nightly job" }])),
    );
    let (before, _) = observed(&session, &plain).await;
    session.make_reference(&plain, &before, &[]).await.unwrap();
    superuser.batch_execute(NIGHT).await.unwrap();
    let all = paths(&session, &plain).await;
    assert!(all.len() > 14, "{all:?}");
    assert_eq!(paths(&session, &rules).await, Vec::<String>::new());
    assert_eq!(ignored(&session, &rules).await, all.len());
    assert_eq!(ignored(&session, &plain).await, 0);
    superuser
        .batch_execute("ALTER TABLE public.events ADD x text; ALTER TABLE public.events_log ADD x text")
        .await
        .unwrap();
    let differ = ["column/public.events.x", "column/public.events_log.x"];
    assert_eq!(paths(&session, &rules).await, differ);
}

#[tokio::test]
async fn objects_of_a_class_and_a_name_are_ignored_whether_new_changed_or_gone() {
    let bed = Bed::new().await;
    let superuser = bed.superuser().await;
    superuser
        .batch_execute("CREATE TABLE public.notes (id bigint); CREATE INDEX tmp_a ON public.notes (id)")
        .await
        .unwrap();
    let session = bed.session().await;
    let plain = object(&["public"]);
    let (before, _) = observed(&session, &plain).await;
    session.make_reference(&plain, &before, &[]).await.unwrap();
    superuser
        .batch_execute(
            "DROP INDEX public.tmp_a; CREATE INDEX tmp_b ON public.notes (id); CREATE TABLE public.tmp_c (); \
             REVOKE ALL ON public.tmp_c FROM anon, authenticated, service_role",
        )
        .await
        .unwrap();
    let rule = |class: Option<&str>| {
        let mut rule = json!({ "name": "public.tmp_*", "reason": "the advisor's" });
        if let Some(class) = class {
            rule["class"] = json!(class);
        }
        ignoring(&json!([rule]))
    };
    let indexes = paths(&session, &rule(Some("index"))).await;
    assert!(indexes.contains(&"table/public.tmp_c".to_owned()), "{indexes:?}");
    assert!(!indexes.iter().any(|path| path.starts_with("index/")), "{indexes:?}");
    let every = paths(&session, &rule(None)).await;
    assert!(every.iter().all(|path| path.starts_with("grant/")), "{every:?}");
}
