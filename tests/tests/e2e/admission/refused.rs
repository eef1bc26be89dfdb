//! What is refused, at creation and at a change.

use std::collections::BTreeMap;

use ace_api::{
    AlertRule, Backup, BackupDestination, BackupSchedule, EdgeFunction, MigrationSet, NotificationChannel, Platform,
    Restore, Silence,
};
use ace_tests::{Space, with_namespace};
use kube::{
    Api, Resource,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    core::NamespaceResourceScope,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    backup, channel, destination, dynamic, function, migrations, parsed, platform, restore, rule, schedule, silence,
};

/// A change (a merge patch) of a good object, and what the API server says of which field.
#[derive(Deserialize)]
struct Refusal {
    change: Value,
    causes: BTreeMap<String, String>,
}

ace_tests::tests![
    bad_functions_are_refused_in_words_that_say_what_to_write,
    bad_platforms_are_refused_in_words_that_say_what_to_write,
    bad_migration_sets_are_refused_in_words_that_say_what_to_write,
    bad_alert_rules_are_refused_in_words_that_say_what_to_write,
    bad_notification_channels_are_refused_in_words_that_say_what_to_write,
    bad_silences_are_refused_in_words_that_say_what_to_write,
    bad_backup_destinations_are_refused_in_words_that_say_what_to_write,
    bad_backup_schedules_are_refused_in_words_that_say_what_to_write,
    a_secret_key_among_recipients_is_not_repeated,
    bad_backups_are_refused_in_words_that_say_what_to_write,
    what_a_restore_asks_can_not_be_changed_and_what_a_drill_asks_can,
    what_an_object_is_can_not_be_changed_later,
    where_a_backup_is_and_what_it_is_of_can_not_be_changed_later,
];

async fn bad_functions_are_refused_in_words_that_say_what_to_write() {
    with_namespace(async |space| {
        refused::<EdgeFunction>(space, &function(), include_str!("functions.yaml")).await;
    })
    .await;
}

async fn bad_platforms_are_refused_in_words_that_say_what_to_write() {
    with_namespace(async |space| {
        refused::<Platform>(space, &platform(), include_str!("platforms.yaml")).await;
    })
    .await;
}

async fn bad_migration_sets_are_refused_in_words_that_say_what_to_write() {
    with_namespace(async |space| {
        refused::<MigrationSet>(space, &migrations(), include_str!("migrations.yaml")).await;
    })
    .await;
}

async fn bad_alert_rules_are_refused_in_words_that_say_what_to_write() {
    with_namespace(async |space| {
        refused::<AlertRule>(space, &rule(), include_str!("rules.yaml")).await;
    })
    .await;
}

async fn bad_notification_channels_are_refused_in_words_that_say_what_to_write() {
    with_namespace(async |space| {
        refused::<NotificationChannel>(space, &channel(), include_str!("channels.yaml")).await;
    })
    .await;
}

async fn bad_silences_are_refused_in_words_that_say_what_to_write() {
    with_namespace(async |space| {
        refused::<Silence>(space, &silence(), include_str!("silences.yaml")).await;
    })
    .await;
}

async fn bad_backup_destinations_are_refused_in_words_that_say_what_to_write() {
    with_namespace(async |space| {
        refused::<BackupDestination>(space, &destination(), include_str!("destinations.yaml")).await;
    })
    .await;
}

async fn bad_backup_schedules_are_refused_in_words_that_say_what_to_write() {
    with_namespace(async |space| {
        refused::<BackupSchedule>(space, &schedule(), include_str!("schedules.yaml")).await;
    })
    .await;
}

async fn a_secret_key_among_recipients_is_not_repeated() {
    with_namespace(async |space| {
        let schedules = dynamic::<BackupSchedule>(space);
        for key in [
            "AGE-SECRET-KEY-1CANARY0",
            "age-secret-key-1canary0",
            "AGE-PLUGIN-SECRET-1CANARY0",
        ] {
            let mut object = schedule();
            object["spec"]["encryption"]["recipients"] = json!([key]);
            let refused = schedules
                .create(&PostParams::default(), &parsed(&object))
                .await
                .unwrap_err();
            let words = format!("{refused:?}");
            assert!(words.contains("must not hold a secret key"), "{words}");
            assert!(!words.to_lowercase().contains("canary"), "{words}");
        }
    })
    .await;
}

async fn bad_backups_are_refused_in_words_that_say_what_to_write() {
    with_namespace(async |space| {
        refused::<Backup>(space, &backup(), include_str!("backups.yaml")).await;
    })
    .await;
}

async fn what_a_restore_asks_can_not_be_changed_and_what_a_drill_asks_can() {
    with_namespace(async |space| {
        let asked = |expect: &str| json!([{ "name": "rows", "sql": "select 1", "expect": expect }, { "name": "other", "sql": "select 2", "expect": "2" }]);
        let (restores, schedules) = (dynamic::<Restore>(space), dynamic::<BackupSchedule>(space));
        let mut object = restore();
        object["spec"]["assertions"] = asked("1");
        restores.create(&PostParams::default(), &parsed(&object)).await.unwrap();
        let says = "Invalid value: a Restore is immutable but for `cancel`: create another Restore";
        let expected = BTreeMap::from([("spec".to_owned(), says.to_owned())]);
        for change in [json!({ "assertions": asked("2") }), json!({ "assertions": null })] {
            assert_eq!(changed(&restores, "drill", &change).await, expected, "{change}");
        }
        let mut same = asked("1");
        same.as_array_mut().unwrap().reverse();
        for change in [json!({ "assertions": same }), json!({ "cancel": true })] {
            assert_eq!(changed(&restores, "drill", &change).await, BTreeMap::new(), "{change}");
        }
        let drills = |expect: &str| json!([{ "name": "weekly", "schedule": "0 6 * * 1", "assertions": asked(expect) }]);
        let mut object = schedule();
        object["spec"]["encryption"]["identitySecretRef"] = json!({ "name": "backup-key", "key": "identity" });
        object["spec"]["drills"] = drills("1");
        schedules.create(&PostParams::default(), &parsed(&object)).await.unwrap();
        assert_eq!(changed(&schedules, "nightly", &json!({ "drills": drills("2") })).await, BTreeMap::new());
    })
    .await;
}

async fn what_an_object_is_can_not_be_changed_later() {
    with_namespace(async |space| {
        let mut named = function();
        named["spec"]["slug"] = json!("hello");
        named["metadata"]["name"] = json!("named");
        let functions = dynamic::<EdgeFunction>(space);
        for object in [function(), named] {
            functions
                .create(&PostParams::default(), &parsed(&object))
                .await
                .unwrap();
        }
        let platform_ref = "`platformRef` is immutable: create another EdgeFunction for another platform";
        let slug = "`slug` is immutable, also when unset: create another EdgeFunction for another slug";
        for (name, change, field, says) in [
            (
                "hello",
                json!({ "platformRef": { "name": "other" } }),
                "spec.platformRef",
                platform_ref,
            ),
            ("hello", json!({ "slug": "hello" }), "spec.slug", slug),
            ("named", json!({ "slug": "other" }), "spec.slug", slug),
            ("named", json!({ "slug": null }), "spec.slug", slug),
        ] {
            assert_eq!(changed(&functions, name, &change).await, cause(field, says), "{change}");
        }
        let rest = json!({ "mode": "Observe", "wave": 3, "source": { "name": "other" } });
        assert_eq!(changed(&functions, "hello", &rest).await, BTreeMap::new());

        let platforms = dynamic::<Platform>(space);
        platforms
            .create(&PostParams::default(), &parsed(&platform()))
            .await
            .unwrap();
        let project = "`project` is immutable: create another Platform for another project";
        let url = "`url` is immutable: create another Platform for another gateway";
        for (change, field, says) in [
            (json!({ "project": "bbbbbbbbbbbbbbbbbbbb" }), "spec.project", project),
            (json!({ "url": "https://other.example" }), "spec.url", url),
        ] {
            assert_eq!(
                changed(&platforms, "prod", &change).await,
                cause(field, says),
                "{change}"
            );
        }
        let rest = json!({ "interval": "1h30m", "api": { "url": "https://api.example" } });
        assert_eq!(changed(&platforms, "prod", &rest).await, BTreeMap::new());

        let rules = dynamic::<AlertRule>(space);
        rules.create(&PostParams::default(), &parsed(&rule())).await.unwrap();
        let says = "`platformRef` is immutable: create another AlertRule for another platform";
        let change = json!({ "platformRef": { "name": "other" } });
        assert_eq!(changed(&rules, "cards", &change).await, cause("spec.platformRef", says));
        let rest = json!({ "source": { "sql": { "query": "select 1 as value, 'x' as brand" } }, "interval": "2m" });
        assert_eq!(changed(&rules, "cards", &rest).await, BTreeMap::new());

        let sets = dynamic::<MigrationSet>(space);
        sets.create(&PostParams::default(), &parsed(&migrations()))
            .await
            .unwrap();
        let other = json!({ "platformRef": { "name": "other" } });
        let platform_ref = "`platformRef` is immutable: create another MigrationSet for another platform";
        assert_eq!(
            changed(&sets, "main", &other).await,
            cause("spec.platformRef", platform_ref)
        );
        let rest = json!({ "mode": "Observe", "source": { "name": "other" }, "schemas": ["internal"] });
        assert_eq!(changed(&sets, "main", &rest).await, BTreeMap::new());
    })
    .await;
}

async fn where_a_backup_is_and_what_it_is_of_can_not_be_changed_later() {
    with_namespace(async |space| {
        let destinations = dynamic::<BackupDestination>(space);
        destinations
            .create(&PostParams::default(), &parsed(&destination()))
            .await
            .unwrap();
        let place = "the place is immutable: create another BackupDestination for another place";
        let prefix = "`prefix` is immutable: create another BackupDestination for another prefix";
        for (change, field, says) in [
            (json!({ "s3": { "bucket": "another" } }), "spec", place),
            (json!({ "s3": null, "local": { "path": "backups" } }), "spec", place),
            (json!({ "prefix": "staging" }), "spec.prefix", prefix),
        ] {
            let said = changed(&destinations, "primary", &change).await;
            assert_eq!(said, cause(field, says), "{change}");
        }
        let rest = json!({ "interval": "5m", "credentialsSecretRef": { "name": "store" } });
        assert_eq!(changed(&destinations, "primary", &rest).await, BTreeMap::new());

        let backups = dynamic::<Backup>(space);
        backups
            .create(&PostParams::default(), &parsed(&backup()))
            .await
            .unwrap();
        let fixed = "a Backup is immutable but for `hold`, `cancel` and `deletionPolicy`: create another Backup";
        for change in [
            json!({ "scheduleRef": { "name": "other" } }),
            json!({ "class": "Incident" }),
            json!({ "reason": "another" }),
        ] {
            let said = changed(&backups, "manual", &change).await;
            assert_eq!(said, cause("spec", fixed), "{change}");
        }
        let rest = json!({ "hold": "INC-1", "cancel": true, "deletionPolicy": "Delete" });
        assert_eq!(changed(&backups, "manual", &rest).await, BTreeMap::new());
        let mut cancelled = backup();
        cancelled["metadata"]["name"] = json!("cancelled");
        cancelled["spec"]["cancel"] = json!(true);
        backups
            .create(&PostParams::default(), &parsed(&cancelled))
            .await
            .unwrap();
        let taken_back = changed(&backups, "cancelled", &json!({ "cancel": false })).await;
        let says = "`cancel` can't be taken back: create another Backup";
        assert_eq!(taken_back, cause("spec.cancel", says));
        let let_go = json!({ "hold": null, "deletionPolicy": "Retain" });
        assert_eq!(changed(&backups, "manual", &let_go).await, BTreeMap::new());
    })
    .await;
}

async fn refused<K>(space: &Space, good: &Value, refusals: &str)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let api = dynamic::<K>(space);
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    // Otherwise each bad one might be refused for something else.
    api.create(&dry_run, &parsed(good)).await.unwrap();
    let mut wrong = Vec::new();
    let refusals: Vec<Refusal> = serde_yaml::from_str(refusals).unwrap();
    for Refusal { change, causes } in refusals {
        let mut bad = good.clone();
        merge(&mut bad, &change);
        let said = causes_of(api.create(&dry_run, &parsed(&bad)).await);
        if said != causes {
            wrong.push(format!("{change}\n  {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn changed(api: &Api<DynamicObject>, name: &str, spec: &Value) -> BTreeMap<String, String> {
    let dry_run = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    causes_of(api.patch(name, &dry_run, &Patch::Merge(json!({ "spec": spec }))).await)
}

/// What the API server says of each field; several things are joined.
fn causes_of(answer: kube::Result<DynamicObject>) -> BTreeMap<String, String> {
    let causes = match answer {
        Ok(_) => Vec::new(),
        Err(kube::Error::Api(status)) => status.details.map(|details| details.causes).unwrap_or_default(),
        Err(other) => panic!("{other}"),
    };
    let mut said = BTreeMap::new();
    for cause in causes {
        // No cause, but the remark that rules are checked only where the schema is met.
        if cause.message.contains("some validation rules were not checked") {
            continue;
        }
        said.entry(cause.field)
            .and_modify(|said: &mut String| *said = format!("{said}; {}", cause.message))
            .or_insert(cause.message.clone());
    }
    said
}

fn cause(field: &str, says: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(field.to_owned(), format!("Invalid value: {says}"))])
}

/// JSON merge patch (RFC 7386).
fn merge(target: &mut Value, change: &Value) {
    match (target, change) {
        (Value::Object(target), Value::Object(change)) => {
            for (name, value) in change {
                if value.is_null() {
                    target.remove(name);
                } else {
                    merge(target.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        (target, change) => *target = change.clone(),
    }
}
