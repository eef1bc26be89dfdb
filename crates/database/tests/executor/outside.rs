//! What a run makes outside of the schemas that are watched: on tables of the platform, and what belongs to no schema.

use ace_api::{DriftField, MigrationSet};
use ace_database::{Access, Session};
use ace_domain::{
    inputs::ArtifactState,
    kinds::migration_set::{SchemaObservation, State},
};
use jiff::Timestamp;
use serde_json::json;

use crate::bed::{Bed, migration, settings};

pub fn object(schemas: &[&str]) -> MigrationSet {
    serde_json::from_value(json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "MigrationSet",
        "metadata": { "name": "main", "namespace": "ace" },
        "spec": {
            "platformRef": { "name": "prod" }, "source": { "kind": "ConfigMap", "name": "migrations" }, "schemas": schemas
        }
    }))
    .unwrap()
}

/// What a session observes for a set of which nothing is known yet.
pub async fn schema(session: &Session, object: &MigrationSet) -> SchemaObservation {
    let at = Timestamp::UNIX_EPOCH;
    let unknown = State::new(object, None, &ArtifactState::Waiting(String::new()), at);
    session.observation(object, &unknown, None, at).await.unwrap().schema
}

/// The digest of the live schema, and how it differs from the reference.
pub async fn observed(session: &Session, object: &MigrationSet) -> (String, Vec<DriftField>) {
    match schema(session, object).await {
        SchemaObservation::Taken {
            digest, differences, ..
        } => (digest, differences),
        SchemaObservation::Busy => panic!("nobody has a lock"),
    }
}

pub async fn paths(session: &Session, object: &MigrationSet) -> Vec<String> {
    let (_, differences) = observed(session, object).await;
    differences.into_iter().map(|field| field.path).collect()
}

/// Runs statements as a file, with the snapshots before and after it.
async fn ran(session: &mut Session, object: &MigrationSet, version: &str, statements: &[&str]) {
    session
        .snapshot_before_run(object, &version.parse().unwrap())
        .await
        .unwrap();
    migration(version, statements).run(session).await.unwrap();
    assert!(session.snapshot_after_run(object).await.unwrap().is_some());
}

const MADE: [&str; 5] = [
    "CREATE FUNCTION public.greet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TRIGGER greeted AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.greet()",
    "CREATE POLICY uploads ON storage.objects FOR SELECT USING (bucket_id = 'avatars')",
    "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    "SELECT 1",
];

/// A function, and a trigger and a policy that others have made.
const THEIRS: &str = "CREATE FUNCTION auth.theirs() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
    CREATE TRIGGER theirs AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION auth.theirs(); \
    CREATE POLICY theirs ON storage.objects USING (true)";

/// The set of `public`, whose first file has made all of [`MADE`].
async fn made(bed: &Bed) -> (Session, MigrationSet) {
    let mut session = bed.session().await;
    let set = object(&["public"]);
    let (before, _) = observed(&session, &set).await;
    session.make_reference(&set, &before, &[]).await.unwrap();
    ran(&mut session, &set, "1", &MADE).await;
    (session, set)
}

#[tokio::test]
async fn what_a_run_made_outside_of_the_schemas_is_missed_when_it_is_gone_or_changed() {
    let bed = Bed::new().await;
    let superuser = bed.superuser().await;
    superuser.batch_execute(THEIRS).await.unwrap();
    let (session, set) = made(&bed).await;
    assert_eq!(paths(&session, &set).await, Vec::<String>::new());
    superuser
        .batch_execute(
            "DROP TRIGGER greeted ON auth.users; ALTER POLICY uploads ON storage.objects USING (true); \
             ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
        )
        .await
        .unwrap();
    let gone = [
        "trigger/auth.users.greeted",
        "policy/storage.objects.uploads",
        "default-privilege/for postgres on functions to postgres",
    ];
    assert_eq!(paths(&session, &set).await, gone);
    // What is missed may be accepted, as any other drift.
    let (live, _) = observed(&session, &set).await;
    session.make_reference(&set, &live, &[]).await.unwrap();
    assert_eq!(paths(&session, &set).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_others_make_and_drop_outside_of_the_schemas_is_no_drift() {
    let bed = Bed::new().await;
    let superuser = bed.superuser().await;
    let (mut session, set) = made(&bed).await;
    let (own, _) = observed(&session, &set).await;
    for theirs in [
        THEIRS,
        "DROP TRIGGER theirs ON auth.users; ALTER POLICY theirs ON storage.objects USING (false); \
         CREATE PUBLICATION theirs FOR TABLE auth.users; GRANT service_role TO authenticator",
    ] {
        superuser.batch_execute(theirs).await.unwrap();
        assert_eq!(observed(&session, &set).await, (own.clone(), Vec::new()));
    }
    // A later run has not made them either.
    ran(&mut session, &set, "2", &["CREATE TABLE public.later ()"]).await;
    superuser.batch_execute("DROP PUBLICATION theirs").await.unwrap();
    assert_eq!(paths(&session, &set).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_run_made_outside_stays_its_own_when_its_schema_is_watched_from_now_on() {
    let bed = Bed::new().await;
    let superuser = bed.superuser().await;
    let (session, _) = made(&bed).await;
    let wider = object(&["auth", "public"]);
    let (live, _) = observed(&session, &wider).await;
    session
        .make_reference(&wider, &live, &["public".to_owned()])
        .await
        .unwrap();
    assert_eq!(paths(&session, &wider).await, Vec::<String>::new());
    superuser
        .batch_execute("CREATE TABLE public.by_hand (); DROP TRIGGER greeted ON auth.users")
        .await
        .unwrap();
    let differ = paths(&session, &wider).await;
    assert!(differ.contains(&"trigger/auth.users.greeted".to_owned()), "{differ:?}");
    assert!(!differ.iter().any(|path| path.contains("storage")), "{differ:?}");
}

#[tokio::test]
async fn an_event_trigger_a_publication_and_a_membership_that_a_run_made_are_missed_when_they_are_gone_or_changed() {
    let bed = Bed::alone().await;
    // As the platform lets `postgres` make them.
    let access = Access {
        user: "bed_superuser".to_owned(),
        ..bed.access()
    };
    let mut session = bed.session_with(&access, &settings()).await;
    let set = object(&["public"]);
    bed.as_superuser("CREATE ROLE reader").await;
    let (before, _) = observed(&session, &set).await;
    session.make_reference(&set, &before, &[]).await.unwrap();
    let makes = [
        "CREATE FUNCTION public.notes() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION public.notes()",
        "CREATE PUBLICATION told FOR TABLE auth.users WITH (publish = 'insert')",
        "CREATE PUBLICATION all_of_it FOR ALL TABLES",
        "GRANT authenticated TO reader",
    ];
    ran(&mut session, &set, "1", &makes).await;
    assert_eq!(paths(&session, &set).await, Vec::<String>::new());
    let membership = "membership/authenticated to reader";
    for (change, missed) in [
        ("ALTER EVENT TRIGGER noted DISABLE", "event-trigger/noted"),
        ("DROP EVENT TRIGGER noted", "event-trigger/noted"),
        (
            "ALTER PUBLICATION told SET (publish = 'insert, delete')",
            "publication/told",
        ),
        ("DROP PUBLICATION told", "publication/told"),
        ("DROP PUBLICATION all_of_it", "publication/all_of_it"),
        ("REVOKE authenticated FROM reader", membership),
    ] {
        bed.as_superuser(change).await;
        let missing = paths(&session, &set).await;
        assert!(missing.contains(&missed.to_owned()), "{change}: {missing:?}");
    }
    let (_, all) = observed(&session, &set).await;
    let gone: Vec<_> = all
        .iter()
        .map(|field| (field.path.as_str(), field.observed.as_str()))
        .collect();
    let expected = [
        "publication/all_of_it",
        "publication/told",
        "event-trigger/noted",
        membership,
    ];
    assert_eq!(gone, expected.map(|path| (path, "absent")));
}
