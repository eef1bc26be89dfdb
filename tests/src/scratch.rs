//! The server into which backups are restored.

use ace_api::Platform;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio_postgres::Client;

use crate::{PLATFORM, Stage};

/// Of the role `scratch`, which may make databases and roles and nothing else.
pub const SCRATCH_PASSWORD: &str = "scratch-canary";

/// Makes that role.
///
/// # Panics
/// If it can't be made.
pub async fn make_scratch_role(superuser: &Client) {
    let role = format!("CREATE ROLE scratch LOGIN CREATEDB CREATEROLE PASSWORD '{SCRATCH_PASSWORD}'");
    superuser.batch_execute(&role).await.expect("a superuser makes roles");
}

/// How many databases of restores there are.
///
/// # Panics
/// If the server does not say.
pub async fn left_in_scratch(superuser: &Client) -> i64 {
    let left = "SELECT count(*) FROM pg_database WHERE datname LIKE 'ace\\_scratch%'";
    let left = superuser.query_one(left, &[]).await.expect("databases can be counted");
    left.try_get(0).expect("a count is a number")
}

impl Stage<'_> {
    /// Names a scratch server in the Platform.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn scratch(&self, port: u16, user: &str, password: &str) {
        self.secret_offering("scratch", "database", json!({ "password": password }))
            .await;
        let scratch = json!({
            "host": "127.0.0.1", "port": port, "user": user, "tls": "Disable",
            "passwordSecretRef": { "name": "scratch", "key": "password" },
        });
        let change = json!({ "spec": { "scratch": scratch } });
        let platforms = self.space.api::<Platform>();
        let (as_who, change) = (PatchParams::default(), Patch::Merge(&change));
        let patched = platforms.patch(PLATFORM, &as_who, &change).await;
        patched.expect("the Platform takes a scratch server");
    }
}
