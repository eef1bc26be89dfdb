//! What people may do by the roles in `deploy/`.

use ace_api::{GROUP, KINDS};
use ace_tests::bed;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::{Api, api::PostParams};
use serde_json::json;

ace_tests::tests![who_may_edit_may_write_no_object_that_names_secrets,];

/// What people are granted.
pub(crate) const ROLES: [&str; 6] = [
    "ace-view",
    "ace-edit",
    "ace-platform-edit",
    "ace-notificationchannel-edit",
    "ace-backupdestination-edit",
    "ace-backupschedule-edit",
];

async fn who_may_edit_may_write_no_object_that_names_secrets() {
    let space = format!("people-{}", std::process::id());
    admin(&["create", "namespace", &space]).await;
    for role in ROLES {
        grant(&space, role, role).await;
    }
    for kind in KINDS {
        let named = |name| kind.name == name;
        let own = [
            named("Platform"),
            named("NotificationChannel"),
            named("BackupDestination"),
            named("BackupSchedule"),
        ];
        let expected = [false, !kind.names_secrets(), own[0], own[1], own[2], own[3]];
        for (role, expected) in ROLES.into_iter().zip(expected) {
            for verb in ["create", "update", "patch", "delete", "deletecollection"] {
                assert_eq!(
                    user_may(role, verb, GROUP, kind.plural, &space).await,
                    expected,
                    "{role}: {verb} {}",
                    kind.plural
                );
            }
            assert_eq!(
                user_may(role, "list", GROUP, kind.plural, &space).await,
                role == "ace-view",
                "{role}"
            );
            let status = format!("{}/status", kind.plural);
            assert!(
                !user_may(role, "patch", GROUP, &status, &space).await,
                "{role}: {status}"
            );
        }
    }
    for role in ROLES {
        assert!(!user_may(role, "get", "", "secrets", &space).await, "{role}");
    }
    admin(&["delete", "namespace", &space, "--wait=false"]).await;
}

/// Runs kubectl as who may do everything.
pub(crate) async fn admin(arguments: &[&str]) -> String {
    bed().kubectl.run(arguments).await.expect("kubectl may do everything")
}

/// Gives a user a ClusterRole in a namespace.
pub(crate) async fn grant(namespace: &str, user: &str, role: &str) {
    let name = format!("{user}-{role}");
    let (role, user) = (format!("--clusterrole={role}"), format!("--user={user}"));
    admin(&["create", "rolebinding", &name, "-n", namespace, &role, &user]).await;
}

/// What the API server says that a user may do, who is in no group of ours.
async fn user_may(user: &str, verb: &str, group: &str, resource: &str, namespace: &str) -> bool {
    is_allowed(user, &["system:authenticated"], verb, group, resource, namespace).await
}

/// What the API server says that a user may do.
pub(crate) async fn is_allowed(
    user: &str,
    groups: &[&str],
    verb: &str,
    group: &str,
    resource: &str,
    namespace: &str,
) -> bool {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let review: SubjectAccessReview = serde_json::from_value(json!({
        "metadata": {},
        "spec": {
            "user": user,
            "groups": groups,
            "resourceAttributes": {
                "verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace,
            },
        },
    }))
    .unwrap();
    let reviews: Api<SubjectAccessReview> = Api::all(bed().client().await);
    reviews
        .create(&PostParams::default(), &review)
        .await
        .unwrap()
        .status
        .unwrap()
        .allowed
}
