//! What somebody may read, and what can not be read.

use ace_tests::on_database;
use serde_json::{Value, json};

use super::{NOTES, RARELY, Reader};

ace_tests::tests![what_can_not_be_read_is_named_with_what_to_ask_for_and_no_password_is_shown,];

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
                 for the right to `get` it, or set the database's URL with --database-url or in ACE_DATABASE_URL\n"
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
                "DatabasePasswordRejected",
                "the database rejects the user or password of --database-url",
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
                "error: the files of GitRepository {space}/app are served inside the cluster only: pass a checkout of them with \
                 --dir (ConfigMaps are read directly)\n"
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
            format!("error: {empty} has no MigrationSet; pass a manifest that has one\n")
        );
        let odd = reader.manifest(&json!({ "mode": "Enforce" }));
        let said = error(&["-f", &odd], None).await;
        assert!(said.starts_with(&format!("error: {odd}, document 1: ")) && said.contains("Enforce"), "{said}");
        // Wrong usage is no call for an approval.
        assert!(error(&[], None).await.contains("--help"));
    })
    .await;
}
