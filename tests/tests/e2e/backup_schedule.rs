//! BackupSchedules, end to end: what the operator's process makes of slots, beside real clocks and what others created.

use ace_api::{Backup, BackupSchedule};
use ace_tests::{Operator, Space, is_true, message_of, reason_of, with_namespace};
use jiff::{SignedDuration, Timestamp};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::backup::{on_scene, path};

ace_tests::tests![
    a_backup_is_made_at_a_slot_and_named_by_its_minute,
    what_has_the_name_of_a_slot_is_adopted_if_it_is_own_and_refused_by_name_if_not,
    a_hundred_missed_slots_are_one_backup,
    deleting_a_schedule_deletes_no_backup,
    what_is_kept_no_longer_goes_in_two_steps,
];

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// A Platform without a database, so that no backup is ever complete; a destination that is not there; and a schedule.
async fn apply(space: &Space, name: &str, change: impl FnOnce(&mut Value)) {
    Operator::shared();
    let platform = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "Platform", "metadata": { "name": "prod" },
        "spec": {
            "project": "abcdefghijklmnopqrst",
            "api": { "url": space.bed.bed.file().api_url, "tokenSecretRef": { "name": "supabase", "key": "token" } },
        },
    });
    let destination = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "BackupDestination", "metadata": { "name": "primary" },
        "spec": { "local": { "path": "backups" }, "prefix": "prod", "suspend": true },
    });
    let mut schedule = json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "BackupSchedule", "metadata": { "name": name },
        "spec": {
            "platformRef": { "name": "prod" },
            "schedule": "* * * * *",
            "destinations": [{ "name": "primary" }],
            "encryption": { "recipients": ["age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"] },
            "verify": "Bytes",
            "objective": { "rpo": "26h" },
        },
    });
    change(&mut schedule["spec"]);
    space
        .apply(&format!("{platform}\n---\n{destination}\n---\n{schedule}"))
        .await;
}

async fn until(space: &Space, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    space.wait::<BackupSchedule>(name, what, is).await
}

fn backups(space: &Space) -> Api<Backup> {
    Api::namespaced(space.client.clone(), &space.name)
}

async fn names(space: &Space) -> Vec<String> {
    let found = backups(space).list(&ListParams::default()).await.unwrap();
    let mut names: Vec<String> = found
        .items
        .into_iter()
        .filter_map(|backup| backup.metadata.name)
        .collect();
    names.sort();
    names
}

/// The name that the Backup of the minute has which is so many from now.
fn name_in(schedule: &str, minutes: i32) -> String {
    let slot = Timestamp::now() + MINUTE * minutes;
    format!("{schedule}-{}", slot.strftime("%Y%m%d%H%M"))
}

/// A Backup that somebody created.
fn backup(name: &str, schedule: &str, class: &str) -> String {
    json!({
        "apiVersion": "ops.mobulace.com/v1alpha1", "kind": "Backup", "metadata": { "name": name },
        "spec": { "scheduleRef": { "name": schedule }, "class": class },
    })
    .to_string()
}

async fn a_backup_is_made_at_a_slot_and_named_by_its_minute() {
    with_namespace(async |space| {
        apply(space, "minutely", |_| {}).await;
        let waiting = until(space, "minutely", "is scheduled", |seen| is_true(seen, "Ready")).await;
        assert_eq!(reason_of(&waiting, "Fresh"), "NoBackupYet");
        let next: Timestamp = waiting["status"]["nextTime"].as_str().unwrap().parse().unwrap();
        assert_eq!(next.as_second() % 60, 0);
        let seen = until(space, "minutely", "has begun", |seen| {
            seen["status"]["last"].is_object()
        })
        .await;
        let slot: Timestamp = seen["status"]["last"]["slot"].as_str().unwrap().parse().unwrap();
        let name = format!("minutely-{}", slot.strftime("%Y%m%d%H%M"));
        assert_eq!(
            (slot >= next, seen["status"]["last"]["name"].as_str()),
            (true, Some(name.as_str()))
        );
        let made = serde_json::to_value(backups(space).get(&name).await.unwrap()).unwrap();
        assert_eq!(made["spec"]["scheduleRef"]["name"], "minutely");
        assert_eq!(
            (&made["spec"]["class"], &made["spec"]["deletionPolicy"]),
            (&json!("Scheduled"), &json!("Retain"))
        );
        assert_eq!(made["metadata"]["labels"]["ops.mobulace.com/schedule"], "minutely");
        assert!(
            made["metadata"]["ownerReferences"].is_null(),
            "it does not go with its schedule"
        );

        let table = space.kubectl(&["get", "bks"]).await.expect("schedules can be listed");
        let header: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
        let columns = [
            "NAME", "SCHEDULE", "LAST", "SIZE", "FRESH", "VERIFIED", "DRILLED", "READY", "DRIFTED", "MESSAGE", "AGE",
        ];
        assert_eq!(header, columns, "{table}");
    })
    .await;
}

async fn what_has_the_name_of_a_slot_is_adopted_if_it_is_own_and_refused_by_name_if_not() {
    with_namespace(async |space| {
        apply(space, "own", |spec| spec["suspend"] = json!(true)).await;
        apply(space, "foreign", |spec| spec["suspend"] = json!(true)).await;
        let mut created = Vec::new();
        for minutes in 0..4 {
            let (own, foreign) = (name_in("own", minutes), name_in("foreign", minutes));
            let both = [backup(&own, "own", "Scheduled"), backup(&foreign, "foreign", "Manual")];
            space.apply(&both.join("\n---\n")).await;
            created.extend([own, foreign]);
        }
        created.sort();
        apply(space, "own", |_| {}).await;
        apply(space, "foreign", |_| {}).await;
        let seen = until(space, "foreign", "is refused", |seen| {
            reason_of(seen, "Stalled") == "NameTaken"
        })
        .await;
        let message = message_of(&seen, "Ready");
        assert!(
            message.starts_with("Backup `foreign-") && message.contains("was not made by this schedule: delete it"),
            "{message}"
        );
        let resumed = Timestamp::now();
        let seen = until(space, "own", "has passed a slot", |seen| {
            let next = seen["status"]["nextTime"]
                .as_str()
                .map(|next| next.parse::<Timestamp>().unwrap());
            next.is_some_and(|next| next > resumed + MINUTE)
        })
        .await;
        assert!(
            seen["status"]["missed"].is_null(),
            "what is there was begun: {}",
            seen["status"]
        );
        assert_eq!(names(space).await, created, "nothing was created beside them");
        for foreign in created.iter().filter(|name| name.starts_with("foreign")) {
            space
                .kubectl(&["delete", "bk", foreign])
                .await
                .expect("a Backup can be deleted");
        }
        let seen = until(space, "foreign", "has begun", |seen| seen["status"]["last"].is_object()).await;
        assert_ne!(reason_of(&seen, "Stalled"), "NameTaken");
    })
    .await;
}

async fn a_hundred_missed_slots_are_one_backup() {
    with_namespace(async |space| {
        apply(space, "late", |spec| spec["schedule"] = json!("@hourly")).await;
        until(space, "late", "is scheduled", |seen| is_true(seen, "Ready")).await;
        // As it was noted before everything stood still for a hundred slots.
        let now = Timestamp::now();
        let newest = Timestamp::from_second(now.as_second().div_euclid(3_600) * 3_600).unwrap();
        let first = newest - MINUTE * (60 * 99);
        let noted = json!({ "status": { "nextTime": first.to_string() } });
        let schedules: Api<BackupSchedule> = Api::namespaced(space.client.clone(), &space.name);
        let patched = schedules
            .patch_status("late", &PatchParams::default(), &Patch::Merge(noted))
            .await;
        patched.expect("a status can be patched");
        let seen = until(space, "late", "has caught up", |seen| {
            seen["status"]["last"].is_object()
        })
        .await;
        let missed = &seen["status"]["missed"];
        let count = missed["count"].as_i64().unwrap();
        // The newest may be begun within its tolerance: just now it is the full hour.
        assert!((99..=100).contains(&count), "{missed}");
        assert_eq!(missed["slots"].as_array().unwrap().len(), 5, "{missed}");
        let made = names(space).await;
        assert_eq!(made, [seen["status"]["last"]["name"].as_str().unwrap()], "one backup");
    })
    .await;
}

async fn deleting_a_schedule_deletes_no_backup() {
    with_namespace(async |space| {
        apply(space, "once", |spec| {
            spec["schedule"] = json!("@daily");
            spec["immediate"] = json!(true);
        })
        .await;
        let seen = until(space, "once", "has begun", |seen| seen["status"]["last"].is_object()).await;
        let name = seen["status"]["last"]["name"].as_str().unwrap().to_owned();
        let before = backups(space).get(&name).await.unwrap();
        space
            .kubectl(&["delete", "bks", "once"])
            .await
            .expect("a schedule can be deleted");
        let after = backups(space).get(&name).await.unwrap();
        assert_eq!(
            (before.metadata.uid, after.metadata.deletion_timestamp),
            (after.metadata.uid, None)
        );
    })
    .await;
}

async fn what_is_kept_no_longer_goes_in_two_steps() {
    on_scene(async |scene| {
        let none = json!({
            "last": 1, "daily": 0, "weekly": 0, "monthly": 0, "yearly": 0, "preMigrationDays": 1, "minVerified": 1,
        });
        scene.schedule(|spec| spec["retention"] = none).await;
        let mut paths = Vec::new();
        for name in ["yearly-202601010000", "yearly-202601020000"] {
            scene.backup_with(name, json!({ "class": "Scheduled" })).await;
            paths.push(path(&scene.complete(name).await, 0));
        }
        let space = scene.stage.space;
        let gone = async || {
            let left = backups(space).get_opt("yearly-202601010000").await.unwrap();
            left.is_none().then_some(())
        };
        space.eventually("the older one is gone", gone).await;
        // Its data stays for three days, as a backup that is being deleted.
        let is_there = |run: usize, name: &str| scene.file("primary", &format!("{}/{name}", paths[run])).exists();
        let files = ["manifest.json", "manifest.deleted.json", "dump.pgc.zst.age"];
        assert_eq!(files.map(|name| is_there(0, name)), [false, true, true]);
        assert_eq!(files.map(|name| is_there(1, name)), [true, false, true]);
        scene.complete("yearly-202601020000").await;
    })
    .await;
}
