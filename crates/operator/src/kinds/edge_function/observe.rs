use std::{collections::BTreeSet, sync::Arc};

use ace_api::{CheckAuth, EdgeFunction};
use ace_domain::{
    function::{Claim, Member, PlatformFacts, PlatformSight, Recall, SourceSight, World as Known, blockers, owner},
    source::{Closure, FunctionSource, Tree, TreePath},
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    super::source::{folder, wanted},
    EdgeFunctions, World,
};
use crate::{
    directory::{platform_of, source_of},
    driver::Key,
    sites::{InSight, Site},
    sources::{Artifact, Sight},
};

/// Collects what is known of a function: from caches and from what its Platform has seen. Asks nobody but its source.
pub(super) async fn observe(kind: &EdgeFunctions, object: &EdgeFunction, recall: Recall, now: Timestamp) -> World {
    let key = platform_of(object);
    let site = kind.sites.get(&key);
    let platform = platform(kind, object, site.as_deref(), now);
    let sight = kind.sources.sight(&source_of(object)).await;
    let source = wanted(&object.spec.source, &sight, |artifact| {
        closure(object, artifact).map(Arc::new)
    });
    let memo = object.status.clone().unwrap_or_default();
    let known = Known {
        pace: kind.pace,
        began: now,
        blockers: waits_for(
            kind,
            object,
            &sight,
            &source,
            memo.applied.as_ref().map(|applied| &applied.source_digest),
        ),
        memo,
        platform,
        claim: claim(kind, object),
        source,
        look: site.as_ref().and_then(|site| site.look(&object.slug())),
        secrets: site.as_ref().and_then(|site| site.secrets()),
        migrations: migrations(kind, object),
        recall,
        trouble: None,
    };
    World { known, site }
}

fn platform(kind: &EdgeFunctions, object: &EdgeFunction, site: Option<&Site>, now: Timestamp) -> PlatformSight {
    let Some(platform) = kind.directory.platform(&platform_of(object)) else {
        return PlatformSight::Absent;
    };
    let open = site.and_then(Site::open);
    let sight = site.map_or_else(|| InSight::nothing(now), Site::sight);
    PlatformSight::Present(PlatformFacts {
        project: platform.spec.project.clone(),
        gateway: platform.spec.gateway(),
        interval: platform.spec.interval.get(),
        suspended: platform.spec.suspend,
        leaving: platform.metadata.deletion_timestamp.is_some() || token_is_gone(&platform),
        seen: sight.seen,
        looked: sight.looked,
        listed: sight.listed,
        answering: sight.answering && open.is_some(),
        message: sight.message,
        anon_key: open.is_some_and(|open| open.anon.is_some()),
    })
}

/// The Platform's own look found no Secret.
fn token_is_gone(platform: &ace_api::Platform) -> bool {
    let conditions = platform.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().any(|condition| {
        condition.type_ == "Ready"
            && ["SecretMissing", "AccessMissing", "TokenRejected"].contains(&condition.reason.as_str())
    })
}

fn migrations(kind: &EdgeFunctions, object: &EdgeFunction) -> Option<Arc<BTreeSet<String>>> {
    let required = object.spec.requires.as_ref()?.migration.as_ref()?;
    kind.applied.get(&Key {
        namespace: object.namespace().unwrap_or_default(),
        name: required.name.clone(),
    })
}

fn claim(kind: &EdgeFunctions, object: &EdgeFunction) -> Claim {
    let claimants = kind.directory.claimants(object);
    match owner(&claimants) {
        Some(owner) if Some(&owner.uid) != object.uid().as_ref() => Claim::Lost(owner.name.clone()),
        _ => Claim::Owned,
    }
}

/// The content that `object` wants of an artifact.
fn closure(object: &EdgeFunction, artifact: &Artifact) -> Result<Closure, String> {
    let spec = &object.spec;
    let folder = folder(&spec.source)?;
    let index = artifact.tree.at(folder.as_ref());
    let index = index.ok_or_else(|| {
        let path = spec.source.path.as_deref().unwrap_or("/");
        let top = top(artifact.tree.tree());
        format!("the source has no folder `{path}`, only {top}: correct `spec.source.path`, or the archive")
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

/// What lies at the root of a tree, in a few words.
fn top(tree: &Tree) -> String {
    const NAMED: usize = 4;
    let first = |path: &TreePath| path.as_str().split('/').next().unwrap_or_default().to_owned();
    let names: BTreeSet<String> = tree.iter().map(|(path, _)| first(path)).collect();
    let more = if names.len() > NAMED { ", …" } else { "" };
    let names: Vec<_> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    format!("{}{more}", names.join(", "))
}

/// Functions of lower waves that this one's new content waits for. Nobody waits with content that is applied already.
fn waits_for(
    kind: &EdgeFunctions,
    object: &EdgeFunction,
    sight: &Sight,
    source: &SourceSight,
    applied: Option<&String>,
) -> Vec<String> {
    let (Sight::Ready(artifact), SourceSight::Ready { content, .. }) = (sight, source) else {
        return Vec::new();
    };
    if object.spec.wave == 0 || applied == Some(&content.digest().to_string()) {
        return Vec::new();
    }
    let lower = kind.directory.lower_waves(object);
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

/// The checks need the anonymous key.
pub(super) fn needs_key(auth: Option<CheckAuth>) -> bool {
    auth == Some(CheckAuth::Anon)
}
