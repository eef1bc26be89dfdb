//! Drills and objectives of a BackupSchedule, end to end: the operator makes a Restore, the worker restores it into a second PostgreSQL,
//! the Backup notes what that proved, and the schedule says how long it took.

use ace_api::{Backup, BackupSchedule, Platform, Restore};
use ace_tests::{
    Operator, PLATFORM, ROW, SCHEDULE, SCRATCH_PASSWORD, Scene, Stage, is_true, left_in_scratch, message_of,
    on_database, on_stage, reason_of,
};
use jiff::{SignedDuration, Timestamp};
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::restore::scratch;

ace_tests::tests![
    at_its_slot_a_drill_restores_the_newest_backup_and_says_how_long_that_took,
    what_has_the_name_of_a_drill_is_adopted_if_it_is_own_and_refused_by_name_if_not,
    an_objective_out_of_reach_is_said_at_once_and_the_points_of_the_platform_count,
];

async fn until(stage: &Stage<'_>, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    stage.space.wait::<BackupSchedule>(SCHEDULE, what, is).await
}

/// Drilled each minute, with one question.
async fn drill(scene: &Scene<'_>, expect: &str) {
    let assertions =
        json!([{ "name": "recipients", "sql": "SELECT count(*) FROM public.recipients", "expect": expect }]);
    scene
        .schedule(|spec| {
            spec["drills"] = json!([{ "name": "minutely", "schedule": "* * * * *", "assertions": assertions }]);
            spec["objective"]["rto"] = json!("4h");
            // Often enough for the objective, and not now.
            spec["schedule"] = json!("0 0 15 1,7 *");
            spec["failedLimit"] = json!(1);
        })
        .await;
}

async fn at_its_slot_a_drill_restores_the_newest_backup_and_says_how_long_that_took() {
    let worker = Operator::shared_worker();
    let (server, superuser) = scratch().await;
    on_database("5m", async |stage, database| {
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        drill(&scene, "2000").await;
        let seen = until(stage, "has nowhere to restore to", |seen| {
            reason_of(seen, "Drilled") == "NoScratch"
        })
        .await;
        assert_eq!(reason_of(&seen, "Stalled"), "ScratchMissing");
        stage.scratch(server.port, "scratch", SCRATCH_PASSWORD).await;
        let seen = until(stage, "waits for a drill", |seen| {
            reason_of(seen, "Drilled") == "NotYet"
        })
        .await;
        assert_eq!(seen["status"]["nextDrills"][0]["name"], "minutely");
        scene.backup("first").await;
        let backup = scene.complete("first").await;
        assert_eq!(backup["status"]["verified"][0]["level"], "Archive");

        let seen = until(stage, "was drilled", |seen| is_true(seen, "Drilled")).await;
        assert_eq!(reason_of(&seen, "Drilled"), "WithinObjective", "{}", worker.log());
        let drill = &seen["status"]["drill"];
        let name = drill["name"].as_str().unwrap();
        let minute = name.strip_prefix("yearly-drill-").expect("it is named by its slot");
        assert!(
            minute.len() == 12 && minute.bytes().all(|digit| digit.is_ascii_digit()),
            "{name}"
        );
        assert_eq!(drill["point"], backup["status"]["snapshot"]["time"]);
        assert!(
            drill["recoveryTime"].is_string() && drill["predictedRecoveryTime"].is_string(),
            "{drill}"
        );
        let restore = serde_json::to_value(stage.space.api::<Restore>().get(name).await.unwrap()).unwrap();
        assert_eq!(
            (&restore["spec"]["source"]["backup"], &restore["spec"]["target"]),
            (&json!("first"), &json!("Scratch"))
        );
        assert_eq!(restore["status"]["recoveryTime"], drill["recoveryTime"]);
        assert_eq!(restore["status"]["point"]["rows"], 2001);
        assert_eq!(restore["metadata"]["ownerReferences"][0]["name"], SCHEDULE);
        let raised = |seen: &Value| seen["status"]["verified"][0]["level"] == "Content";
        scene.until("first", "is verified by the drill", raised).await;
        until(stage, "says so", |seen| reason_of(seen, "Verified") == "Content").await;

        // The same rows, and another answer is expected of them.
        self::drill(&scene, "7").await;
        let seen = until(stage, "has failed a drill", |seen| {
            reason_of(seen, "Drilled") == "Failed"
        })
        .await;
        assert!(
            message_of(&seen, "Drilled").contains("the value that they expect: recipients"),
            "{seen:#}"
        );
        assert!(seen["status"]["drill"]["recoveryTime"].is_null(), "{seen:#}");
        assert!(is_true(&seen, "Ready") && is_true(&seen, "Verified"), "{seen:#}");

        stage.space.wait_gone::<Restore>(name).await;

        // None is under way any more.
        scene.schedule(|_| {}).await;
        until(stage, "has no drills", |seen| reason_of(seen, "Drilled").is_empty()).await;
        stage
            .eventually("every drill has ended", async || {
                let all = stage.space.api::<Restore>().list(&ListParams::default()).await.unwrap();
                let ended = |restore: &Restore| {
                    let restore = serde_json::to_value(restore).unwrap();
                    is_true(&restore, "Ready") || is_true(&restore, "Stalled")
                };
                all.items.iter().all(ended).then_some(())
            })
            .await;
        assert_eq!(left_in_scratch(&superuser).await, 0, "the databases are dropped");
        for version in stage.space.watch.versions("BackupSchedule", SCHEDULE) {
            assert!(!version.object.to_string().contains(ROW));
        }
        // They go with their schedule, and the backup does not.
        stage
            .space
            .kubectl(&["delete", "bks", SCHEDULE])
            .await
            .expect("a schedule can be deleted");
        stage
            .eventually("its drills are gone", async || {
                let all = stage.space.api::<Restore>().list(&ListParams::default()).await.unwrap();
                all.items.is_empty().then_some(())
            })
            .await;
        assert!(stage.space.api::<Backup>().get("first").await.is_ok());
    })
    .await;
}

async fn what_has_the_name_of_a_drill_is_adopted_if_it_is_own_and_refused_by_name_if_not() {
    Operator::shared_worker();
    let (server, _superuser) = scratch().await;
    on_database("5m", async |stage, database| {
        let scene = Scene::prepare(stage, database, &stage.space.bed.bed.file().store_url).await;
        stage.scratch(server.port, "scratch", SCRATCH_PASSWORD).await;
        scene.schedule(|_| {}).await;
        scene.backup("first").await;
        scene.complete("first").await;
        let slot = |minutes: i32| {
            let slot = Timestamp::now() + SignedDuration::from_secs(60) * minutes;
            format!("yearly-drill-{}", slot.strftime("%Y%m%d%H%M"))
        };
        // A person's, of each of the next minutes; it waits for a backup that is not there.
        let foreign: Vec<String> = (0..5).map(slot).collect();
        for name in &foreign {
            let spec = json!({ "platformRef": { "name": PLATFORM }, "source": { "backup": "none" } });
            stage
                .apply::<Restore>(json!({ "metadata": { "name": name }, "spec": spec }))
                .await;
        }
        drill(&scene, "2000").await;
        let seen = until(stage, "is refused", |seen| reason_of(seen, "Stalled") == "NameTaken").await;
        let message = message_of(&seen, "Ready");
        assert!(
            message.starts_with("Restore `yearly-drill-")
                && message.contains("was not made by this schedule: delete it"),
            "{message}"
        );
        for name in &foreign {
            stage
                .space
                .kubectl(&["delete", "rst", name])
                .await
                .expect("a Restore can be deleted");
        }
        let seen = until(stage, "was drilled", |seen| is_true(seen, "Drilled")).await;
        assert!(reason_of(&seen, "Stalled") != "NameTaken", "{seen:#}");
    })
    .await;
}

async fn an_objective_out_of_reach_is_said_at_once_and_the_points_of_the_platform_count() {
    const BACKUPS: &str = "GET /v1/projects/{ref}/database/backups";
    on_stage("30s", async |stage| {
        let destination = json!({ "local": { "path": "backups" }, "prefix": "prod", "suspend": true });
        stage
            .apply::<ace_api::BackupDestination>(json!({ "metadata": { "name": "primary" }, "spec": destination }))
            .await;
        let schedule = |objective: Value| {
            let spec = json!({
                "platformRef": { "name": PLATFORM },
                "schedule": "0 2 * * *",
                "timeZone": "Europe/Berlin",
                "destinations": [{ "name": "primary" }],
                "encryption": { "recipients": ["age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"] },
                "verify": "Bytes",
                "objective": objective,
            });
            stage.apply::<BackupSchedule>(json!({ "metadata": { "name": SCHEDULE }, "spec": spec }))
        };
        stage
            .space
            .wait::<Platform>(PLATFORM, "is Ready", |seen| is_true(seen, "Ready"))
            .await;
        assert_eq!(stage.project.count(0, BACKUPS).await, 0, "nobody counts them");
        schedule(json!({ "rpo": "24h" })).await;
        let unreachable = |seen: &Value| reason_of(seen, "Stalled") == "ObjectiveUnreachable";
        let seen = until(stage, "is out of reach", unreachable).await;
        let message = message_of(&seen, "Ready");
        assert!(
            message.contains("`objective.countPlatform` with point-in-time recovery enabled"),
            "{message}"
        );
        assert_eq!(reason_of(&seen, "Fresh"), "NoBackupYet", "before anything is missed");

        // A backup a day is not enough, and counts all the same.
        let now = Timestamp::now();
        let yesterday = (now - SignedDuration::from_hours(24)).as_millisecond();
        stage.project.keep_backups(json!({ "since": yesterday })).await;
        schedule(json!({ "rpo": "24h", "countPlatform": true })).await;
        let counts = |seen: &Value| unreachable(seen) && seen["status"]["newestPoint"]["from"] == "Daily";
        let seen = until(stage, "counts a daily backup", counts).await;
        let message = message_of(&seen, "Ready");
        assert!(
            message.contains("the platform has no point-in-time recovery, and a backup a day: write '27h"),
            "{message}"
        );
        let platform = stage
            .space
            .wait::<Platform>(PLATFORM, "lists it", |seen| seen["status"]["recovery"].is_object())
            .await;
        let recovery = &platform["status"]["recovery"];
        assert_eq!(
            (&recovery["pitr"]["enabled"], &recovery["daily"]["count"]),
            (&json!(false), &json!(1))
        );
        assert!(stage.project.count(0, BACKUPS).await > 0);

        stage
            .project
            .keep_backups(json!({ "pitr": true, "since": yesterday }))
            .await;
        let from_window = |seen: &Value| seen["status"]["newestPoint"]["from"] == "PITR";
        let seen = until(stage, "counts the window", |seen| {
            from_window(seen) && is_true(seen, "Ready")
        })
        .await;
        assert_eq!(reason_of(&seen, "Fresh"), "WithinObjective");
        let time: Timestamp = seen["status"]["newestPoint"]["time"].as_str().unwrap().parse().unwrap();
        assert_eq!(time.as_second() % 3_600, 0, "rounded to the hour");

        // It stands still for longer than the objective: in shortened time a day is 24 minutes.
        stage
            .project
            .keep_backups(json!({ "pitr": true, "since": yesterday, "lagSeconds": 7_200 }))
            .await;
        let seen = until(stage, "is stale", |seen| reason_of(seen, "Fresh") == "Exceeded").await;
        assert_eq!(reason_of(&seen, "Stalled"), "Stale");
        stage
            .space
            .kubectl(&["delete", "bks", SCHEDULE])
            .await
            .expect("a schedule can be deleted");
        stage
            .space
            .wait::<Platform>(PLATFORM, "lists nothing", |seen| seen["status"]["recovery"].is_null())
            .await;
    })
    .await;
}
