use ace_database::{Change, Fingerprint, ObjectClass, Reference, SchemaObject, Session};
use ace_domain::kinds::migration_set::ReferenceState;

use crate::bed::{Bed, migration, owner, run, settings};

fn object(name: &str, definition: &str) -> SchemaObject {
    SchemaObject {
        class: ObjectClass::Table,
        name: name.to_owned(),
        schemas: vec!["public".to_owned(), "a, \"b\".c".to_owned()],
        definition: definition.to_owned(),
    }
}

fn fingerprint(objects: &[(&str, &str)]) -> Fingerprint {
    objects
        .iter()
        .map(|(name, definition)| object(name, definition))
        .collect()
}

fn change(name: &str, definition: Option<&str>) -> Change {
    match definition {
        Some(definition) => Change::Is(object(name, definition)),
        None => Change::Gone(ObjectClass::Table, name.to_owned()),
    }
}

fn state(digest: &str) -> ReferenceState {
    ReferenceState {
        digest: digest.to_owned(),
        snapshot_pending: false,
        schemas: vec!["public".to_owned(), "Other".to_owned()],
        server_major: 15,
        form: 3,
    }
}

async fn gate(bed: &Bed) -> Vec<String> {
    bed.column("SELECT gate FROM ace_ops.state").await
}

#[tokio::test]
async fn a_run_changes_the_reference_by_what_it_changed_and_drift_stays_what_it_was() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    let first = fingerprint(&[("a", "1"), ("b", "1"), ("c", "1")]);
    session.replace_reference(&first, &state("first"), "1").await.unwrap();
    let mut expected = Reference {
        objects: first,
        standing: None,
        state: state("first"),
    };
    assert_eq!(session.reference().await.unwrap(), Some(expected.clone()));
    assert_eq!(gate(&bed).await, ["1"]);

    let standing = [change("b", Some("by hand")), change("c", None)];
    session.before_run(&standing).await.unwrap();
    expected.standing = Some(standing.to_vec());
    assert_eq!(session.reference().await.unwrap(), Some(expected.clone()));

    assert!(run(&mut session, &["SELECT 1"]).await.is_ok());
    // The run was interrupted here: its snapshot is still pending, and this one does not count as the snapshot before.
    session.before_run(&[change("a", None)]).await.unwrap();
    expected.state.snapshot_pending = true;
    assert_eq!(session.reference().await.unwrap(), Some(expected.clone()));

    session
        .after_run(
            &[change("a", Some("2")), change("b", None), change("d", Some("1"))],
            "second",
            "2",
        )
        .await
        .unwrap();
    let expected = Reference {
        objects: fingerprint(&[("a", "2"), ("c", "1"), ("d", "1")]),
        standing: None,
        state: state("second"),
    };
    assert_eq!(session.reference().await.unwrap(), Some(expected));
    assert_eq!(gate(&bed).await, ["2"]);
}

#[tokio::test]
async fn a_snapshot_before_a_run_without_drift_is_stored_all_the_same() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    session
        .replace_reference(&Fingerprint::default(), &state("first"), "1")
        .await
        .unwrap();
    session.before_run(&[]).await.unwrap();
    assert!(run(&mut session, &["SELECT 1"]).await.is_ok());
    session.before_run(&[change("a", None)]).await.unwrap();
    assert_eq!(session.reference().await.unwrap().unwrap().standing, Some(Vec::new()));
}

#[tokio::test]
async fn a_snapshot_before_a_run_that_changed_nothing_does_not_hide_later_out_of_band_changes() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    session
        .replace_reference(&Fingerprint::default(), &state("first"), "1")
        .await
        .unwrap();
    session.before_run(&[change("a", Some("1"))]).await.unwrap();
    assert!(run(&mut session, &["SELECT 1 / 0"]).await.is_err());
    let by_hand = [change("b", Some("by hand"))];
    session.before_run(&by_hand).await.unwrap();
    assert_eq!(
        session.reference().await.unwrap().unwrap().standing,
        Some(by_hand.to_vec())
    );
}

#[tokio::test]
async fn a_file_that_fails_does_not_put_the_reference_behind() {
    let bed = Bed::new().await;
    let mut session = bed.session().await;
    session
        .replace_reference(&Fingerprint::default(), &state("first"), "1")
        .await
        .unwrap();
    assert!(run(&mut session, &["SELECT 1 / 0"]).await.is_err());
    assert!(!session.reference().await.unwrap().unwrap().state.snapshot_pending);
    assert!(migration("2", &["SELECT 1"]).run(&mut session).await.is_ok());
    assert!(session.reference().await.unwrap().unwrap().state.snapshot_pending);
}

#[tokio::test]
async fn a_reference_that_is_replaced_forgets_the_unfinished_run() {
    let bed = Bed::new().await;
    let session = bed.session().await;
    session
        .replace_reference(&fingerprint(&[("a", "1")]), &state("first"), "1")
        .await
        .unwrap();
    session.before_run(&[change("a", None)]).await.unwrap();
    session
        .replace_reference(&fingerprint(&[("b", "1")]), &state("second"), "1")
        .await
        .unwrap();
    let expected = Reference {
        objects: fingerprint(&[("b", "1")]),
        standing: None,
        state: state("second"),
    };
    assert_eq!(session.reference().await, Ok(Some(expected)));
}

#[tokio::test]
async fn how_a_reference_was_taken_and_whether_it_is_behind_is_known_without_its_objects() {
    let bed = Bed::new().await;
    let reader = Session::open_read_only(&bed.access(), &settings()).await.unwrap();
    assert_eq!(reader.reference_state().await, Ok(None));
    let mut session = bed.session().await;
    assert_eq!(reader.reference_state().await, Ok(None));
    session
        .replace_reference(&fingerprint(&[("a", "1")]), &state("first"), "1")
        .await
        .unwrap();
    assert_eq!(reader.reference_state().await, Ok(Some(state("first"))));
    assert!(run(&mut session, &["SELECT 1"]).await.is_ok());
    let behind = ReferenceState {
        snapshot_pending: true,
        ..state("first")
    };
    assert_eq!(reader.reference_state().await, Ok(Some(behind)));
}

#[tokio::test]
async fn four_thousand_objects_are_a_reference() {
    let bed = Bed::new().await;
    let session = bed.session().await;
    let mut objects: Vec<_> = (0..4000)
        .map(|number| object(&format!("{number:04}"), &"x".repeat(200)))
        .collect();
    // A name may be longer than an index takes.
    objects.push(object(&"z".repeat(9000), "1"));
    let objects: Fingerprint = objects.into_iter().collect();
    session.replace_reference(&objects, &state("first"), "1").await.unwrap();
    assert!(session.reference().await.unwrap().unwrap().objects == objects);
}

#[tokio::test]
async fn a_class_that_only_another_form_has_is_skipped() {
    let bed = Bed::new().await;
    let session = bed.session().await;
    let known = fingerprint(&[("a", "1")]);
    session.replace_reference(&known, &state("first"), "1").await.unwrap();
    bed.as_superuser("INSERT INTO ace_ops.reference VALUES ('portal', 'b', '{public}', '1')")
        .await;
    assert_eq!(session.reference().await.unwrap().unwrap().objects, known);
}

/// Everything that is deleted or changed in the tables of the schema.
async fn uses_every_table(session: &mut Session, version: &str) {
    let first = fingerprint(&[("a", "1"), ("b", "1")]);
    session.replace_reference(&first, &state("first"), "1").await.unwrap();
    session.before_run(&[change("b", Some("by hand"))]).await.unwrap();
    session.before_run(&[change("b", Some("by hand"))]).await.unwrap();
    let file = migration(version, &["SELECT 1"]);
    file.run(session).await.unwrap();
    file.run_again(session).await.unwrap_err();
    session.after_run(&[change("a", None)], "second", "2").await.unwrap();
    session.replace_reference(&first, &state("third"), "3").await.unwrap();
    session.give_up(&owner()).await.unwrap();
}

#[tokio::test]
async fn a_publication_of_all_tables_stops_nothing_in_a_new_schema_nor_in_one_of_an_earlier_release() {
    let bed = Bed::new().await;
    bed.as_superuser("CREATE PUBLICATION everything FOR ALL TABLES").await;
    uses_every_table(&mut bed.session().await, "1").await;

    // As earlier releases made them.
    bed.as_superuser(
        "ALTER TABLE ace_ops.reference REPLICA IDENTITY DEFAULT; ALTER TABLE ace_ops.standing REPLICA IDENTITY DEFAULT",
    )
    .await;
    uses_every_table(&mut bed.session().await, "2").await;
    let without = "SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' \
         AND nspname IN ('ace_ops', 'supabase_migrations') AND relreplident <> 'f' \
         AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary)";
    assert_eq!(bed.column(without).await, [""; 0], "each can be identified");
}
