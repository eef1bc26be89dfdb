use std::{collections::BTreeSet, sync::Arc};

use ace_api::{EdgeFunction, Platform};
use ace_domain::{
    bundle::Closure,
    inputs::{Artifact, ArtifactState, FunctionParts, content, folder, folder_read, usable},
    kinds::edge_function::{
        self, Claim, Member, Memory, PlatformFacts, PlatformState, SourceState, State, blockers, platform_key,
        source_key,
    },
    kinds::{migration_set, platform},
    reconcile::{
        annotations::is_reconcile_requested,
        dependency::{Dependency, Fact},
        key::Key,
    },
};
use ace_runtime::{index::ObjectId, reconcile::caught};
use jiff::Timestamp;
use kube::ResourceExt;

use super::EdgeFunctions;
use crate::connections::{PlatformConnection, PlatformHealth, not_permitted};

/// Message before the first check of the Platform.
const UNSEEN: &str = "no check has finished yet";

/// Collects the state of a function from caches and from its Platform's observation. Requests nothing but its source.
pub(super) async fn observe(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    memory: Memory,
    now: Timestamp,
) -> (State, Option<Arc<PlatformConnection>>) {
    let key = platform_key(object);
    let platform = kind.caches.platform(&key);
    // Until a pass over an edited Platform has reached the new address, there is none.
    let project = platform.as_ref().map(platform::project);
    let connection = project.and_then(|project| kind.connections.to(&key, &project));
    let platform = match platform {
        Some(platform) => PlatformState::Present(facts(kind, &key, &platform, connection.as_deref(), now)),
        None => PlatformState::Absent,
    };
    let memo = object.status.clone().unwrap_or_default();
    let asks = is_reconcile_requested(object, memo.common.last_handled_reconcile_at.as_ref());
    let source = &object.spec.source;
    let artifact_state = kind.sources.state_of(&source_key(object), source, asks).await;
    let source = match usable(&object.spec.source, &artifact_state) {
        Ok(artifact) => content(&object.spec.source, artifact, closure(kind, object, artifact).await),
        Err(state) => state,
    };
    let applied = memo.applied.as_ref().map(|applied| &applied.source_digest);
    let blockers = blocking_functions(kind, object, &artifact_state, &source, applied).await;
    let state = State {
        timing: kind.timing,
        began: now,
        blockers,
        memo,
        platform,
        claim: claim(kind, object),
        source,
        listing: connection
            .as_ref()
            .and_then(|connection| connection.listing(&object.slug())),
        secrets: connection.as_ref().and_then(|connection| connection.secrets()),
        migrations: migrations(kind, object),
        memory,
        step_error: None,
    };
    (state, connection)
}

fn facts(
    kind: &EdgeFunctions,
    key: &Key,
    platform: &Platform,
    connection: Option<&PlatformConnection>,
    now: Timestamp,
) -> PlatformFacts {
    let open = connection.and_then(PlatformConnection::clients);
    let health = connection.map_or_else(|| PlatformHealth::nothing(now), PlatformConnection::health);
    let (dependents, id) = (&kind.caches.dependents, ObjectId::of::<platform::Kind>(key.clone()));
    let interval = platform.spec.interval.get();
    let answering = health.failing.is_none() && open.is_some();
    // The function waits for an answer: the next one is news, whatever the Platform's last pass has found.
    if health.listed && !answering && !kind.timing.is_lost(health.seen, interval, now) {
        dependents.unsettle(&id, &Dependency::Reachability(key.clone()));
    }
    let fact = |dependency| dependents.fact(&id, &dependency);
    // What was found at another place says nothing of this one.
    let message = match fact(Dependency::PlatformMessage(key.clone())) {
        Some(Fact::Is(message)) if connection.is_some() => Some(message),
        _ => None,
    };
    let token_gone = connection.is_some() && matches!(fact(Dependency::Token(key.clone())), Some(Fact::Is(_)));
    PlatformFacts {
        project: platform.spec.project.clone(),
        gateway: platform.spec.gateway(),
        requests_per_minute: platform.spec.requests_per_minute,
        interval,
        suspended: platform.spec.suspend,
        leaving: platform.metadata.deletion_timestamp.is_some() || token_gone,
        seen: health.seen,
        first_check_done: message.is_some(),
        listed: health.listed,
        answering,
        down: health.down,
        refusing: health.refusal.map(|refusal| {
            let again = refusal.at + kind.timing.interval(interval);
            (not_permitted(&refusal.message), again)
        }),
        message: health.failing.or(message).unwrap_or_else(|| UNSEEN.to_owned()),
        anon_key: open.is_some_and(|open| open.anon.is_some()),
    }
}

fn migrations(kind: &EdgeFunctions, object: &EdgeFunction) -> Option<Arc<BTreeSet<String>>> {
    let required = object.spec.requires.as_ref()?.migration.as_ref()?;
    let key = Key::beside(object, &required.name);
    let set = ObjectId::of::<migration_set::Kind>(key.clone());
    match kind.caches.dependents.fact(&set, &Dependency::AppliedMigrations(key))? {
        Fact::Versions(versions) => Some(versions),
        Fact::Is(_) | Fact::Unsettled => None,
    }
}

fn claim(kind: &EdgeFunctions, object: &EdgeFunction) -> Claim {
    let claimants = kind.caches.claimants(object, &kind.connections);
    edge_function::claim(&Key::of(object), &object.uid().unwrap_or_default(), &claimants)
}

/// The desired content of `object` from an artifact.
async fn closure(kind: &EdgeFunctions, object: &EdgeFunction, artifact: &Artifact) -> Result<Arc<Closure>, String> {
    let spec = &object.spec;
    let parts = FunctionParts {
        folder: folder(&spec.source)?,
        slug: object.slug(),
        entrypoint: spec.entrypoint.clone(),
        import_map: spec.import_map.clone(),
        static_files: spec.static_files.clone(),
    };
    let namespace = object.namespace().unwrap_or_default();
    kind.sources.closure(&namespace, &artifact.tree, parts).await
}

/// Functions of lower waves that the new content waits for. Content that is already applied waits for none.
async fn blocking_functions(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    artifact_state: &ArtifactState,
    source: &SourceState,
    applied: Option<&String>,
) -> Vec<String> {
    let (ArtifactState::Ready(artifact), SourceState::Ready { content, .. }) = (artifact_state, source) else {
        return Vec::new();
    };
    if object.spec.wave == 0 || applied == Some(&content.digest().to_string()) {
        return Vec::new();
    }
    let lower = kind.caches.lower_waves(object);
    let mut members = Vec::new();
    for member in lower.iter().filter_map(|guard| guard.0.as_ref().ok()) {
        // Of a large source each may have read its own folder; the content is the same. A panic over another's content is that
        // function's.
        let own = folder_read(&member.spec.source);
        let content = match kind.sources.artifact_state(&source_key(member), own.as_ref()).await {
            ArtifactState::Ready(own) if own.digest == artifact.digest => caught(closure(kind, member, &own)).await,
            _ => caught(closure(kind, member, artifact)).await,
        };
        members.push(Member {
            object: member,
            wants: content
                .ok()
                .and_then(Result::ok)
                .map(|content| content.digest().to_string()),
        });
    }
    blockers(object.spec.wave, members)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use ace_domain::reconcile::{kind::Kind as _, timing::Timing};
    use ace_egress::AllowedHosts;
    use ace_runtime::{
        clock,
        index::Dependents,
        testing::{Answer, Server, server},
    };
    use ace_supabase::{Deadlines, Priority};
    use kube::{
        core::DeserializeGuard,
        runtime::{reflector, watcher::Event},
    };
    use serde_json::json;

    use super::*;
    use crate::{
        caches::Caches,
        connections::{
            PlatformConnections,
            grants::Installation,
            testing::{TOKEN, clients},
        },
        metrics::Metrics,
        sources::{Settings, Sources},
    };

    fn platform_at(api: &str) -> Platform {
        let api = json!({ "url": api, "tokenSecretRef": { "name": "supabase", "key": "token" } });
        let spec = json!({ "project": "abcdefghijklmnopqrst", "api": api });
        serde_json::from_value(json!({ "metadata": { "name": "prod", "namespace": "ace", "uid": "1" }, "spec": spec }))
            .unwrap()
    }

    fn function() -> EdgeFunction {
        let source = json!({ "kind": "ConfigMap", "name": "code" });
        let spec = json!({ "platformRef": { "name": "prod" }, "source": source, "verifyJWT": true });
        serde_json::from_value(json!({ "metadata": { "name": "hello", "namespace": "ace", "uid": "2" }, "spec": spec }))
            .unwrap()
    }

    fn functions(server: &Server, platforms: reflector::Store<DeserializeGuard<Platform>>) -> EdgeFunctions {
        let (client, dependents) = (server.client(), Dependents::new().0);
        let settings = Settings::new(AllowedHosts::default());
        let sources = Sources::new(client.clone(), settings, dependents.clone(), Metrics::new("1.2.3")).unwrap();
        EdgeFunctions {
            client,
            caches: Caches {
                platforms,
                functions: reflector::store().0,
                dependents,
            },
            connections: Arc::new(PlatformConnections::default()),
            sources,
            timing: Timing::default(),
            installation: Installation::default(),
        }
    }

    /// A pass over a Platform has reached this place, and has found its token missing.
    async fn checked(kind: &EdgeFunctions, object: &Platform, server: &Server) {
        let key = Key::of(object);
        let create = || PlatformConnection::new("1", NonZeroU32::new(60).unwrap(), Timestamp::UNIX_EPOCH);
        let connection = kind.connections.of(&key, "1", platform::project(object), create);
        let open = clients(&connection, server, Deadlines::default(), TOKEN, 1);
        connection
            .list(&open.client, Priority::Poll, clock::now())
            .await
            .unwrap();
        connection.set_clients(Some(open));
        let id = ObjectId::of::<platform::Kind>(key.clone());
        kind.caches
            .dependents
            .apply(&id, platform::Kind::references(object), Vec::new());
        let found = vec![
            (Dependency::PlatformMessage(key.clone()), Fact::is("as it is")),
            (Dependency::Token(key), Fact::is("missing")),
        ];
        kind.caches.dependents.publish(&id, found);
    }

    #[tokio::test]
    async fn nothing_found_at_the_address_before_is_taken_for_the_one_that_the_platform_has_now() {
        let server = server(|_| Answer::json(&json!([]))).await;
        let (platforms, mut writer) = reflector::store();
        let kind = functions(&server, platforms);
        let seen = async || {
            let (state, connection) = observe(&kind, &function(), Memory::default(), clock::now()).await;
            let PlatformState::Present(facts) = state.platform else {
                panic!("{:?}", state.platform);
            };
            let is_listed = (facts.listed, state.listing.is_some());
            (
                connection.is_some(),
                is_listed,
                facts.answering,
                facts.first_check_done,
                facts.leaving,
            )
        };
        let (before, edited) = (platform_at("https://api.supabase.com"), platform_at(&server.url()));
        let (known, unknown) = (
            (true, (true, true), true, true, true),
            (false, (false, false), false, false, false),
        );
        writer.apply_watcher_event(&Event::Apply(DeserializeGuard(Ok(before.clone()))));
        checked(&kind, &before, &server).await;
        assert_eq!(seen().await, known);
        writer.apply_watcher_event(&Event::Apply(DeserializeGuard(Ok(edited.clone()))));
        assert_eq!(seen().await, unknown);
        checked(&kind, &edited, &server).await;
        assert_eq!(seen().await, known);
    }
}
