//! From a Platform's `spec.database` to a session: reads the Secrets.

use ace_api::{Database, DatabaseTls, Scratch, SecretKeyReference, SecretUse};
use ace_database::{Access, InsecureLogin, Limits};
use ace_domain::kinds::platform::DatabaseFailure;
use ace_egress::SecretString;
use kube::Client;

use crate::{
    connections::grants::Installation as Names, connections::hosts::CredentialHosts, connections::secrets::Secrets,
};

/// Reads the Secrets that are needed to connect to a database.
pub struct DatabaseConnector<'a> {
    /// Client of the API server, to read Secrets.
    pub client: &'a Client,
    /// Which databases get a password.
    pub hosts: &'a CredentialHosts,
    /// As [`Access::allow_insecure`].
    pub allow_insecure: bool,
    /// Names in the commands of messages.
    pub names: &'a Names,
    pub limits: Limits,
}

impl DatabaseConnector<'_> {
    /// The access to this database of a project, with the content of its Secrets in `namespace`.
    pub async fn access(&self, namespace: &str, project: &str, database: &Database) -> Result<Access, DatabaseFailure> {
        if !self.hosts.allows_database(project, database) {
            return Err(DatabaseFailure::HostNotAllowed);
        }
        self.open(namespace, database).await
    }

    /// The access to a database of this name on a scratch server.
    pub async fn scratch(&self, namespace: &str, scratch: &Scratch, name: &str) -> Result<Access, DatabaseFailure> {
        if !self.hosts.allows_scratch(scratch) {
            return Err(DatabaseFailure::HostNotAllowed);
        }
        self.open(namespace, &scratch.database(name)).await
    }

    async fn open(&self, namespace: &str, database: &Database) -> Result<Access, DatabaseFailure> {
        if database.tls == DatabaseTls::Disable && !self.allow_insecure {
            return Err(DatabaseFailure::Insecure(InsecureLogin::Unencrypted.to_string()));
        }
        let password = self.secret(namespace, &database.password_secret_ref).await?;
        let authority = match Access::authority(database) {
            Some(reference) => Some(self.secret(namespace, reference).await?),
            None => None,
        };
        let authority = authority.as_ref().map(SecretString::reveal);
        Ok(Access {
            allow_insecure: self.allow_insecure,
            ..Access::new(database, password.reveal(), authority, self.limits)?
        })
    }

    async fn secret(&self, namespace: &str, reference: &SecretKeyReference) -> Result<SecretString, DatabaseFailure> {
        let secrets = Secrets {
            client: self.client,
            names: self.names,
            namespace,
        };
        Ok(secrets.text(reference, SecretUse::Database).await?)
    }
}

#[cfg(test)]
mod tests {
    use ace_api::Database;
    use ace_database::{Connection, Limits};
    use ace_domain::kinds::platform::DatabaseFailure as T;
    use k8s_openapi::ByteString;
    use serde_json::{Value, json};

    use super::{CredentialHosts, DatabaseConnector, Names};
    use ace_runtime::testing::{Answer, api_server};

    type Keys = &'static [(&'static str, &'static str)];

    /// Connects to the database of this spec; Secret `supabase` has these keys.
    async fn open(keys: Keys, spec: Value) -> (Result<(), T>, Vec<String>) {
        let keys = keys.to_vec();
        let server = api_server(move |asked| {
            let data: serde_json::Map<_, _> = keys
                .iter()
                .map(|(key, text)| ((*key).to_owned(), json!(ByteString(text.as_bytes().to_vec()))))
                .collect();
            match asked.path.rsplit('/').next() {
                Some("supabase") => {
                    let labels = json!({ "ops.mobulace.com/use": "token.database" });
                    Answer::json(&json!({ "metadata": { "name": "supabase", "labels": labels }, "data": data }))
                }
                Some("other") => Answer::json(&json!({ "metadata": { "name": "other" }, "data": data })),
                Some("closed") => Answer::refusal(403, "Forbidden"),
                Some("silent") => Answer::refusal(500, "InternalError"),
                _ => Answer::refusal(404, "NotFound"),
            }
        })
        .await;
        let mut database =
            json!({ "host": "127.0.0.1", "port": 1, "passwordSecretRef": { "name": "supabase", "key": "password" } });
        database
            .as_object_mut()
            .unwrap()
            .extend(spec.as_object().unwrap().clone());
        let database: Database = serde_json::from_value(database).unwrap();
        let (client, names) = (server.client(), Names::default());
        let hosts = CredentialHosts::parse(&[], &[], &["127.0.0.1"]).unwrap();
        let connector = DatabaseConnector {
            client: &client,
            hosts: &hosts,
            allow_insecure: false,
            names: &names,
            limits: Limits::default(),
        };
        let outcome = match connector.access("ace", "abcdefghijklmnopqrst", &database).await {
            Ok(access) => Connection::open(&access).await.map_err(T::from),
            Err(step_error) => Err(step_error),
        };
        (outcome.map(|_| ()), server.requests())
    }

    #[tokio::test]
    async fn causes_of_a_missing_database_connection_are_distinguished() {
        let password: Keys = &[("password", "canary")];
        let not_offered = |name| {
            format!(
                "Secret `{name}` does not offer the use `database` in its label `ops.mobulace.com/use`; to allow it, run: kubectl label \
                 secret -n "
            )
        };
        let table: [(Keys, Value, T); 11] = [
            (
                &[],
                json!({}),
                T::SecretMissing("Secret `supabase` has no key `password`".to_owned()),
            ),
            (
                &[],
                json!({ "passwordSecretRef": { "name": "absent", "key": "password" } }),
                T::SecretMissing("there is no Secret `absent`".to_owned()),
            ),
            (
                &[],
                json!({ "passwordSecretRef": { "name": "closed", "key": "password" } }),
                T::AccessMissing(format!(
                    "the operator is not allowed to read Secret `closed`; to allow it, run: {}",
                    Names::default().grant_namespace("ace")
                )),
            ),
            (
                password,
                json!({ "passwordSecretRef": { "name": "other", "key": "password" } }),
                T::SecretNotOffered(format!(
                    "{}ace other ops.mobulace.com/use=database",
                    not_offered("other")
                )),
            ),
            (
                password,
                json!({ "caSecretRef": { "name": "other", "key": "ca.crt" } }),
                T::SecretNotOffered(format!(
                    "{}ace other ops.mobulace.com/use=database",
                    not_offered("other")
                )),
            ),
            (
                &[],
                json!({ "passwordSecretRef": { "name": "silent", "key": "password" } }),
                T::SecretUnanswered("the API server did not answer for Secret `silent`".to_owned()),
            ),
            (
                &[("password", "\n")],
                json!({}),
                T::PasswordInvalid("the password is empty".to_owned()),
            ),
            (
                &[("password", "canary"), ("ca.crt", "canary")],
                json!({ "caSecretRef": { "name": "supabase", "key": "ca.crt" } }),
                T::AuthorityInvalid("it has no PEM certificate".to_owned()),
            ),
            (
                password,
                json!({ "caSecretRef": { "name": "supabase", "key": "ca.crt" } }),
                T::SecretMissing("Secret `supabase` has no key `ca.crt`".to_owned()),
            ),
            (
                password,
                json!({ "tls": "Disable" }),
                T::Insecure("the connection is not encrypted (`tls: Disable`)".to_owned()),
            ),
            // No server listens on port 1. A CA is not read if nothing is verified.
            (
                password,
                json!({ "tls": "Require", "caSecretRef": { "name": "absent", "key": "ca.crt" } }),
                T::Unanswered("the server can't be reached: connection refused".to_owned()),
            ),
        ];
        for (keys, spec, expected) in table {
            let (outcome, _) = open(keys, spec).await;
            assert_eq!(outcome, Err(expected));
        }
    }

    #[tokio::test]
    async fn no_secret_is_read_for_a_host_that_is_not_allowed() {
        for spec in [
            json!({ "host": "169.254.169.254" }),
            json!({ "port": 0 }),
            json!({ "port": 65_536 }),
        ] {
            assert_eq!(open(&[], spec).await, (Err(T::HostNotAllowed), Vec::new()));
        }
    }
}
