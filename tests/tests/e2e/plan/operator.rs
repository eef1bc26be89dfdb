//! A plan beside the operator that would carry it out.

use std::path::Path;

use ace_api::BackupSchedule;
use ace_domain::bundle::short_digest;
use ace_tests::{PLATFORM, message_of, on_database};
use serde_json::{Value, json};

use super::{DROP, NOTES, RARELY, Reader, content};

ace_tests::tests![
    a_plan_has_the_operators_digest_needs_no_right_but_get_and_leaves_no_trace,
    a_plan_names_the_backup_that_would_be_made_for_it,
];

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
            ("claims the database for this MigrationSet, in schema ace_ops", "runs 1 file")
        );
        assert!(reference.starts_with("stores the live schema, sha256:"), "{reference}");
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

async fn a_plan_names_the_backup_that_would_be_made_for_it() {
    on_database(RARELY, async |stage, database| {
        let reader = Reader::new(stage, "database").await;
        stage.migrations(&[NOTES]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;
        let before = content(database).await;
        let requires = json!({ "backup": { "schedule": "nightly" } });
        let manifest = reader.manifest(&json!({ "policy": { "approve": [] }, "requires": requires }));
        let files = [NOTES, DROP].map(|(name, sql)| reader.file(&format!("files/{name}"), sql));
        let folder = Path::new(&files[0]).parent().unwrap().to_str().unwrap();
        let arguments = ["-f", &manifest, "--dir", folder];
        let (code, report) = reader.report(&arguments).await;
        assert_eq!((code, &report["outcome"]), (Some(1), &json!("Waits")), "{report:#}");
        assert_eq!(
            report["message"],
            "there is no BackupSchedule `nightly` in this namespace"
        );

        let spec = json!({
            "platformRef": { "name": PLATFORM },
            "schedule": "@daily",
            "suspend": true,
            "destinations": [{ "name": "primary" }],
            "encryption": { "recipients": ["age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"] },
            "objective": { "rpo": "26h" },
        });
        stage
            .apply::<BackupSchedule>(json!({ "metadata": { "name": "nightly" }, "spec": spec }))
            .await;
        let (code, report) = reader.report(&arguments).await;
        assert_eq!((code, &report["outcome"]), (Some(0), &json!("Runs")), "{report:#}");
        let digest = report["digest"].as_str().unwrap();
        let name = format!("nightly-plan-{}", short_digest(digest).trim_start_matches("sha256:"));
        let made = format!("has Backup {name} made as BackupSchedule nightly says, and waits for it");
        assert_eq!(report["steps"], json!([made, "runs 1 file"]));
        assert_eq!(content(database).await, before);
        assert_eq!(
            stage
                .space
                .kubectl(&["get", "bk", "-o", "name"])
                .await
                .expect("they are listed"),
            ""
        );
    })
    .await;
}
