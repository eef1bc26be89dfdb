use std::{num::NonZeroU32, sync::Arc};

use ace_api::{Platform, PlatformReason, SecretKeyReference, SecretUse};
use ace_domain::{
    inputs::SecretProblem,
    kinds::platform::{self, Access, Cause, Memory, State, is_anon_key, is_due},
    reconcile::{annotations::is_reconcile_requested, dependency::Dependency, key::Key},
};
use ace_egress::Token;
use ace_runtime::index::ObjectId;
use ace_supabase::{Client, Gateway};
use jiff::Timestamp;
use kube::ResourceExt;

use super::Platforms;
use crate::{
    connections::secrets::Secrets,
    connections::{Clients, PlatformConnection},
};

/// Collects the state of a Platform. Only reads.
pub(super) async fn observe(
    kind: &Platforms,
    object: &Platform,
    memory: Memory,
    now: Timestamp,
) -> (State, Arc<PlatformConnection>) {
    let key = Key::of(object);
    let rate = u32::try_from(object.spec.requests_per_minute)
        .ok()
        .and_then(|rate| NonZeroU32::new(kind.timing.budget(rate)))
        .unwrap_or(NonZeroU32::MIN);
    let uid = object.uid().unwrap_or_default();
    let project = platform::project(object);
    let connection = kind.connections.of(&key, &uid, project, || {
        let (dependents, id) = (&kind.caches.dependents, ObjectId::of::<platform::Kind>(key.clone()));
        // At another address nothing is known yet, and what is found is news.
        dependents.unsettle(&id, &Dependency::Reachability(key.clone()));
        dependents.unsettle(&id, &Dependency::PlatformMessage(key.clone()));
        PlatformConnection::new(&uid, rate, now)
    });
    connection.set_rate(rate);
    // Whoever asks may have changed the plan, or what the token may do.
    let status = object.status.as_ref();
    if is_reconcile_requested(
        object,
        status.and_then(|status| status.common.last_handled_reconcile_at.as_ref()),
    ) {
        connection.permit();
    }
    let (managed, needs_secrets) = kind.caches.described(&key);
    connection.set_described(managed.clone());
    let needs_points = kind.caches.dependents.is_used(&Dependency::Points(key.clone()));
    let mut state = State {
        timing: kind.timing,
        began: now,
        memo: object.status.clone().unwrap_or_default(),
        access: Access::Open,
        has_anon_key: false,
        observation: connection.observation(),
        managed,
        needs_secrets,
        needs_points,
        memory,
        step_error: None,
    };
    // A reconcile that only counts functions again makes no request, and so needs no token.
    let generation = object.metadata.generation;
    let is_open = connection.clients().is_some_and(|open| open.generation == generation);
    let only_counts = is_open && !is_due(object, &state, now);
    if !object.spec.suspend && !only_counts {
        state.access = access(kind, object, &connection).await;
        let is_refused = state.access.is_closed_by(PlatformReason::AccessMissing);
        state.memory.refusals = state.memory.refusals.after(is_refused);
    }
    state.has_anon_key = connection.clients().is_some_and(|open| open.anon.is_some());
    (state, connection)
}

fn host_not_allowed(message: String) -> Access {
    Access::Closed(Cause::new(PlatformReason::HostNotAllowed, message))
}

/// Reads the Secrets and creates the clients, or returns what prevents it.
async fn access(kind: &Platforms, object: &Platform, connection: &PlatformConnection) -> Access {
    match open(kind, object, connection).await {
        Ok(open) => {
            connection.set_clients(Some(open));
            Access::Open
        }
        Err(closed) => {
            connection.set_clients(None);
            closed
        }
    }
}

async fn open(kind: &Platforms, object: &Platform, connection: &PlatformConnection) -> Result<Clients, Access> {
    let (spec, generation) = (&object.spec, object.metadata.generation);
    let api = kind.hosts.api(spec).map_err(host_not_allowed)?;
    let gateway = kind.hosts.gateway(spec).map_err(host_not_allowed)?;
    let known = connection
        .clients()
        .filter(|open| open.api == api && open.at == gateway);
    let (token, anon) = match (tokens(kind, object).await, &known) {
        // Without an answer the Secrets are taken as unchanged.
        (Err(Access::Unanswered(_)), Some(known)) => {
            return Ok(Clients {
                generation,
                ..known.clone()
            });
        }
        (read, _) => read?,
    };
    if let Some(open) = known.filter(|open| open.token == token && open.anon == anon) {
        return Ok(Clients { generation, ..open });
    }
    let project = spec
        .project
        .parse()
        .map_err(|_| SecretProblem::Invalid("`spec.project` is not a valid project reference".to_owned()))?;
    let observer = Arc::new(kind.metrics.platform(&Key::of(object).to_string(), connection.budget()));
    let client =
        Client::new(&kind.http, api.clone(), token.clone(), project, connection.budget()).observed_by(observer.clone());
    let gateway_client = Gateway::new(&kind.http, gateway.clone()).observed_by(observer);
    Ok(Clients {
        client: Arc::new(client),
        gateway: gateway_client,
        anon,
        token,
        api,
        at: gateway,
        generation,
    })
}

/// The token, and the anonymous key if what is named can be read and is one: without it everything but checks with `auth: Anon`
/// works, and those report it. A Secret that does not offer it is another matter: somebody names what is not meant for us.
async fn tokens(kind: &Platforms, object: &Platform) -> Result<(Token, Option<Token>), Access> {
    let spec = &object.spec;
    let token = self::token(kind, object, &spec.api.token_secret_ref, SecretUse::Token).await?;
    let Some(reference) = &spec.anon_key_secret_ref else {
        return Ok((token, None));
    };
    match self::token(kind, object, reference, SecretUse::AnonKey).await {
        Err(problem @ (SecretProblem::Unanswered(_) | SecretProblem::NotOffered(_))) => Err(problem.into()),
        anon => Ok((token, anon.ok())),
    }
}

async fn token(
    kind: &Platforms,
    object: &Platform,
    reference: &SecretKeyReference,
    wanted: SecretUse,
) -> Result<Token, SecretProblem> {
    let namespace = object.namespace().unwrap_or_default();
    let secrets = Secrets {
        client: &kind.client,
        names: &kind.installation,
        namespace: &namespace,
    };
    let parse = |text: &str| {
        if wanted == SecretUse::AnonKey && !is_anon_key(&object.spec.project, text) {
            return Err("it is not the anonymous key of this project".to_owned());
        }
        Token::new(text).map_err(|error| error.to_string())
    };
    secrets.value(reference, wanted, "a valid token", parse).await
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use ace_api::{ANNOTATION_RECONCILE_AT, Platform, PlatformReason};
    use ace_domain::{inputs::SecretProblem, kinds::platform::Access, reconcile::timing::Timing};
    use ace_supabase::{CallError, Deadlines, Http, Limits};
    use jiff::Timestamp;
    use k8s_openapi::ByteString;
    use kube::runtime::reflector;
    use serde_json::json;

    use super::{Memory, PlatformConnection, Platforms, access, observe};
    use crate::{
        caches::Caches,
        connections::{PlatformConnections, grants::Installation, hosts::CredentialHosts},
        metrics::Metrics,
        sources::{Settings, Sources},
    };
    use ace_runtime::{
        index::Dependents,
        testing::{Answer, Server, api_server},
    };

    /// Status codes of the answers for Secret `token` and Secret `anon`.
    type Codes = Arc<Mutex<(u16, u16)>>;

    async fn secrets(codes: Codes) -> Server {
        api_server(move |asked| {
            let (token, anon) = *codes.lock().unwrap();
            let name = asked.path.rsplit('/').next().unwrap_or_default();
            match if name == "token" { token } else { anon } {
                200 => {
                    let offered = if name == "token" { "token" } else { "database.anon-key" };
                    let metadata = json!({ "name": name, "labels": { "ops.mobulace.com/use": offered } });
                    let key = if name == "anon" { "sb_publishable_0" } else { "sbp_0" };
                    let data = json!({ "key": ByteString(key.as_bytes().to_vec()) });
                    Answer::json(&json!({ "metadata": metadata, "data": data }))
                }
                // Not an HTTP status: a Secret without the label.
                0 => Answer::json(&json!({ "metadata": { "name": name }, "data": { "key": "c2Jw" } })),
                403 => Answer::refusal(403, "Forbidden"),
                404 => Answer::refusal(404, "NotFound"),
                code => Answer::status(code),
            }
        })
        .await
    }

    fn platforms(server: &Server) -> Platforms {
        let here = ["http://127.0.0.1:1"];
        let hosts = CredentialHosts::parse(&here, &here, &[]).unwrap();
        let (client, metrics) = (server.client(), Metrics::new("1.2.3"));
        let (settings, dependents) = (Settings::new(hosts.over_http().clone()), Dependents::new().0);
        let sources = Sources::new(client.clone(), settings, dependents.clone(), metrics.clone()).unwrap();
        Platforms {
            http: Http::new(hosts.over_http().clone(), Deadlines::default(), Limits::default()).unwrap(),
            hosts,
            allow_insecure_database: false,
            caches: Caches {
                platforms: reflector::store().0,
                functions: reflector::store().0,
                dependents,
            },
            connections: Arc::new(PlatformConnections::default()),
            sources,
            metrics,
            timing: Timing::scaled(1_000),
            installation: Installation::default(),
            client,
        }
    }

    fn platform() -> Platform {
        let url = "http://127.0.0.1:1";
        let spec = json!({
            "project": "abcdefghijklmnopqrst",
            "url": url,
            "api": { "url": url, "tokenSecretRef": { "name": "token", "key": "key" } },
            "anonKeySecretRef": { "name": "anon", "key": "key" },
        });
        serde_json::from_value(json!({ "metadata": { "name": "prod", "namespace": "ace" }, "spec": spec })).unwrap()
    }

    #[tokio::test]
    async fn a_secret_that_could_not_be_read_is_as_it_was() {
        let codes = Codes::new(Mutex::new((500, 200)));
        let server = secrets(codes.clone()).await;
        let (kind, object) = (platforms(&server), platform());
        let connection = PlatformConnection::new("uid", std::num::NonZeroU32::MIN, Timestamp::UNIX_EPOCH);
        let check = async |token: u16, anon: u16| {
            *codes.lock().unwrap() = (token, anon);
            let access = access(&kind, &object, &connection).await;
            (access, connection.clients().map(|open| open.anon.is_some()))
        };
        let silent = |name| Access::Unanswered(format!("the API server did not answer for Secret `{name}`"));
        // The Secret was never read before.
        assert_eq!(check(500, 200).await, (silent("token"), None));
        assert_eq!(check(200, 500).await, (silent("anon"), None));
        assert_eq!(check(200, 200).await, (Access::Open, Some(true)));
        assert_eq!(check(500, 200).await, (Access::Open, Some(true)));
        assert_eq!(check(200, 500).await, (Access::Open, Some(true)));
        // An answer counts.
        assert_eq!(check(200, 404).await, (Access::Open, Some(false)));
        let missing = Access::from(SecretProblem::Missing("there is no Secret `token`".to_owned()));
        assert_eq!(check(404, 200).await, (missing, None));
    }

    #[tokio::test]
    async fn a_secret_that_does_not_offer_its_use_closes_the_platform_until_it_does() {
        let codes = Codes::new(Mutex::new((200, 200)));
        let server = secrets(codes.clone()).await;
        let (kind, object) = (platforms(&server), platform());
        let connection = PlatformConnection::new("uid", std::num::NonZeroU32::MIN, Timestamp::UNIX_EPOCH);
        for (offered, wanted) in [((0, 200), "token"), ((200, 0), "anon-key")] {
            for (codes_then, is_open) in [((200, 200), true), (offered, false), ((200, 200), true)] {
                *codes.lock().unwrap() = codes_then;
                let access = access(&kind, &object, &connection).await;
                let command = format!("ops.mobulace.com/use={wanted}");
                let is_closed = matches!(&access, Access::Closed(cause)
                    if cause.reason == PlatformReason::SecretNotOffered && cause.message.ends_with(&command));
                assert_eq!((access == Access::Open, is_closed), (is_open, !is_open), "{access:?}");
                assert_eq!(connection.clients().is_some(), is_open);
            }
        }
    }

    #[tokio::test]
    async fn a_refused_change_may_be_tried_again_once_somebody_asks_the_platform() {
        let server = secrets(Codes::new(Mutex::new((200, 200)))).await;
        let (kind, mut object) = (platforms(&server), platform());
        let refusal = async |object: &Platform| {
            let (state, connection) = observe(&kind, object, Memory::default(), Timestamp::UNIX_EPOCH).await;
            (state.observation.refusal().is_some(), connection)
        };
        let (_, connection) = refusal(&object).await;
        let refuse = || {
            connection.note_change(Some(&CallError::Refused {
                status: 402,
                message: "upgrade".to_owned(),
            }));
        };
        refuse();
        assert!(refusal(&object).await.0);
        let asked = [(ANNOTATION_RECONCILE_AT.to_owned(), "now".to_owned())];
        object.metadata.annotations = Some(asked.into());
        assert!(!refusal(&object).await.0);
        object.status = serde_json::from_value(json!({ "lastHandledReconcileAt": "now" })).unwrap();
        refuse();
        assert!(refusal(&object).await.0, "it was handled");
    }

    #[tokio::test]
    async fn what_is_no_anonymous_key_is_not_kept_as_one() {
        let codes = Codes::new(Mutex::new((200, 200)));
        let server = secrets(codes).await;
        let kind = platforms(&server);
        let connection = PlatformConnection::new("uid", std::num::NonZeroU32::MIN, Timestamp::UNIX_EPOCH);
        let mut object = platform();
        assert_eq!(access(&kind, &object, &connection).await, Access::Open);
        assert!(connection.clients().unwrap().anon.is_some());
        // This Secret offers both uses, and holds an access token.
        object.spec.anon_key_secret_ref.as_mut().unwrap().name = "both".to_owned();
        assert_eq!(access(&kind, &object, &connection).await, Access::Open);
        assert!(connection.clients().unwrap().anon.is_none());
    }

    #[tokio::test]
    async fn no_secret_is_read_for_a_host_that_is_not_allowed() {
        let server = secrets(Codes::new(Mutex::new((200, 200)))).await;
        let kind = platforms(&server);
        let connection = PlatformConnection::new("uid", std::num::NonZeroU32::MIN, Timestamp::UNIX_EPOCH);
        for (field, flag) in [
            ("/spec/url", "`--allow-gateway-host`"),
            ("/spec/api/url", "`--allow-api-host`"),
        ] {
            let mut object = serde_json::to_value(platform()).unwrap();
            *object.pointer_mut(field).unwrap() = json!("https://attackersownprojectx.supabase.co");
            let object = serde_json::from_value(object).unwrap();
            let access = access(&kind, &object, &connection).await;
            assert!(
                matches!(&access, Access::Closed(cause)
                    if cause.reason == PlatformReason::HostNotAllowed && cause.message.ends_with(flag)),
                "{access:?}"
            );
        }
        assert_eq!(server.requests(), Vec::<String>::new());
    }
}
