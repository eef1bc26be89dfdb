use std::{collections::BTreeSet, sync::Arc};

use ace_api::{CheckAuth, EdgeFunction};
use ace_domain::{
    bundle::{Closure, FunctionSource, Tree, TreePath},
    inputs::{Artifact, ArtifactState, folder, wanted},
    kinds::edge_function::{
        Claim, Member, Memory, PlatformFacts, PlatformState, SourceState, State, blockers, owner, platform_key,
        source_key,
    },
    kinds::migration_set,
    reconcile::{
        dependency::{Dependency, Fact},
        key::Key,
        kind::Kind as _,
    },
};
use ace_runtime::index::ObjectId;
use jiff::Timestamp;
use kube::ResourceExt;

use super::EdgeFunctions;
use crate::connections::{self, PlatformConnection, PlatformHealth};

/// Message before the first check of the Platform.
const UNSEEN: &str = "no check has finished yet";

/// Collects the state of a function from caches and from its Platform's observation. Requests nothing but its source.
pub(super) async fn observe(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    memory: Memory,
    now: Timestamp,
) -> (State, Option<Arc<PlatformConnection>>) {
    let connection = kind.connections.get(&platform_key(object));
    let platform = platform(kind, object, connection.as_deref(), now);
    let artifact_state = kind.sources.artifact_state(&source_key(object)).await;
    let source = wanted(&object.spec.source, &artifact_state, |artifact| {
        closure(object, artifact).map(Arc::new)
    });
    let memo = object.status.clone().unwrap_or_default();
    let state = State {
        timing: kind.timing,
        began: now,
        blockers: blocking_functions(
            kind,
            object,
            &artifact_state,
            &source,
            memo.applied.as_ref().map(|applied| &applied.source_digest),
        ),
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

fn platform(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    connection: Option<&PlatformConnection>,
    now: Timestamp,
) -> PlatformState {
    let key = platform_key(object);
    let Some(platform) = kind.caches.platform(&key) else {
        return PlatformState::Absent;
    };
    let open = connection.and_then(PlatformConnection::clients);
    let health = connection.map_or_else(|| PlatformHealth::nothing(now), PlatformConnection::health);
    let fact = |dependency| {
        kind.caches
            .dependents
            .fact(&connections::platform_id(&key), &dependency)
    };
    let message = match fact(Dependency::PlatformMessage(key.clone())) {
        Some(Fact::Is(message)) => Some(message),
        _ => None,
    };
    let token_gone = matches!(fact(Dependency::Token(key.clone())), Some(Fact::Is(_)));
    PlatformState::Present(PlatformFacts {
        project: platform.spec.project.clone(),
        gateway: platform.spec.gateway(),
        requests_per_minute: platform.spec.requests_per_minute,
        interval: platform.spec.interval.get(),
        suspended: platform.spec.suspend,
        leaving: platform.metadata.deletion_timestamp.is_some() || token_gone,
        seen: health.seen,
        first_check_done: message.is_some(),
        listed: health.listed,
        answering: health.failing.is_none() && open.is_some(),
        message: health.failing.or(message).unwrap_or_else(|| UNSEEN.to_owned()),
        anon_key: open.is_some_and(|open| open.anon.is_some()),
    })
}

fn migrations(kind: &EdgeFunctions, object: &EdgeFunction) -> Option<Arc<BTreeSet<String>>> {
    let required = object.spec.requires.as_ref()?.migration.as_ref()?;
    let key = Key::beside(object, &required.name);
    let set = ObjectId {
        kind: migration_set::Kind::NAME,
        key: key.clone(),
    };
    match kind.caches.dependents.fact(&set, &Dependency::AppliedMigrations(key))? {
        Fact::Versions(versions) => Some(versions),
        Fact::Is(_) | Fact::Unsettled => None,
    }
}

fn claim(kind: &EdgeFunctions, object: &EdgeFunction) -> Claim {
    let claimants = kind.caches.claimants(object);
    match owner(&claimants) {
        Some(owner) if Some(&owner.uid) != object.uid().as_ref() => Claim::Lost(owner.name.clone()),
        _ => Claim::Owned,
    }
}

/// The desired content of `object` from an artifact.
fn closure(object: &EdgeFunction, artifact: &Artifact) -> Result<Closure, String> {
    let spec = &object.spec;
    let folder = folder(&spec.source)?;
    let index = artifact.tree.at(folder.as_ref());
    let index = index.ok_or_else(|| {
        let path = spec.source.path.as_deref().unwrap_or("/");
        let top = top(artifact.tree.tree());
        format!("the source has no folder `{path}`, only {top}: correct `spec.source.path` or the archive")
    })?;
    let slug = object.slug();
    let source = FunctionSource {
        slug: &slug,
        entrypoint: spec.entrypoint.as_deref(),
        import_map: spec.import_map.as_deref(),
        static_files: &spec.static_files,
    };
    index.closure(&source).map_err(|error| error.to_string())
}

/// The first names at the root of a tree, for a message.
fn top(tree: &Tree) -> String {
    const NAMED: usize = 4;
    let first = |path: &TreePath| path.as_str().split('/').next().unwrap_or_default().to_owned();
    let names: BTreeSet<String> = tree.iter().map(|(path, _)| first(path)).collect();
    let more = if names.len() > NAMED { ", …" } else { "" };
    let names: Vec<_> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    format!("{}{more}", names.join(", "))
}

/// Functions of lower waves that the new content waits for. Content that is already applied waits for none.
fn blocking_functions(
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
    let members = lower
        .iter()
        .filter_map(|guard| guard.0.as_ref().ok())
        .map(|member| Member {
            object: member,
            wants: closure(member, artifact)
                .ok()
                .map(|content| content.digest().to_string()),
        });
    blockers(object.spec.wave, members)
}

pub(super) fn needs_key(auth: Option<CheckAuth>) -> bool {
    auth == Some(CheckAuth::Anon)
}
