//! What a function depends on, and what of it others depend on.

use ace_api::{EdgeFunction, Mode};

use super::waves::{counts, is_stalled};
use crate::inputs::source_references;
use crate::reconcile::{
    dependency::{Dependency, Fact, Facts},
    key::{Key, SourceKey},
};

pub fn references(object: &EdgeFunction) -> Vec<Dependency> {
    let platform = platform_key(object);
    let mut references = vec![
        Dependency::Platform(platform.clone()),
        Dependency::AnonKey(platform.clone()),
        Dependency::Reachability(platform.clone()),
        entry(object, false),
        Dependency::Slug(object.slug()),
        wave(object, object.spec.wave),
    ];
    references.extend(source_references(object, &object.spec.source));
    // A function that writes makes a list of its own after each write.
    if object.spec.mode == Mode::Observe {
        references.push(entry(object, true));
    }
    if object.metadata.deletion_timestamp.is_some() {
        references.push(Dependency::Token(platform.clone()));
    }
    let requires = object.spec.requires.as_ref();
    if requires.is_some_and(|requires| !requires.secrets.is_empty()) {
        references.push(Dependency::SecretNames(platform));
    }
    if let Some(migration) = requires.and_then(|requires| requires.migration.as_ref()) {
        references.push(Dependency::AppliedMigrations(Key::beside(object, &migration.name)));
    }
    references
}

/// What rivals for the slug and functions of higher waves have to know.
pub fn facts(object: &EdgeFunction) -> Facts {
    let claim = if claims(object) { "claimed" } else { "not claimed" };
    let claim = Fact::is(format!("{claim} on Platform {}", platform_key(object)));
    vec![
        (Dependency::Slug(object.slug()), claim),
        (wave(object, object.spec.wave), progress(object)),
    ]
}

/// The object claims its slug. One that only observes does not, unless a deploy of its own may still arrive: the next owner's
/// could be overtaken by it.
pub fn claims(object: &EdgeFunction) -> bool {
    let deploys = object.status.as_ref().is_some_and(|status| status.intent.is_some());
    object.spec.mode != Mode::Observe || deploys
}

/// Key of the Platform that a function names.
pub fn platform_key(object: &EdgeFunction) -> Key {
    Key::beside(object, &object.spec.platform_ref.name)
}

/// Key of the source that a function names.
pub fn source_key(object: &EdgeFunction) -> SourceKey {
    SourceKey::of(object, &object.spec.source)
}

/// A wave among those of the Platform and source of a function.
pub fn wave(object: &EdgeFunction, wave: i32) -> Dependency {
    Dependency::Wave {
        platform: platform_key(object),
        source: source_key(object),
        wave,
    }
}

fn entry(object: &EdgeFunction, own: bool) -> Dependency {
    Dependency::ListEntry {
        platform: platform_key(object),
        slug: object.slug(),
        own,
    }
}

/// What those who wait for the wave of a function need to know of it.
fn progress(object: &EdgeFunction) -> Fact {
    if !counts(object) {
        return Fact::is("does not count");
    }
    let status = object.status.as_ref();
    let applied = status.and_then(|status| status.applied.as_ref());
    let proven = status.and_then(|status| status.proven.as_ref());
    let is_stalled = is_stalled(object);
    Fact::is(format!(
        "applied {:?}, proven {:?}, stalled {is_stalled}",
        applied.map(|applied| &applied.source_digest),
        proven.map(|proven| &proven.source_digest)
    ))
}

#[cfg(test)]
mod tests {
    use ace_api::EdgeFunction;
    use serde_json::json;

    use super::{claims, facts};

    #[test]
    fn an_object_that_only_observes_claims_nothing_unless_its_own_deploy_may_still_arrive() {
        let intent = json!({ "type": "RollOut", "sourceDigest": "sha256:00", "startTime": "2026-01-01T00:00:00Z" });
        let rests = observing(&json!({}));
        let deploys = observing(&json!({ "intent": intent }));
        assert!(!claims(&rests) && claims(&deploys));
        assert_ne!(
            facts(&rests)[0],
            facts(&deploys)[0],
            "rivals are enqueued when it settles"
        );
        assert_eq!(
            facts(&rests)[1],
            facts(&deploys)[1],
            "those who wait for its wave are not"
        );
    }

    fn observing(status: &serde_json::Value) -> EdgeFunction {
        let value = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1",
            "kind": "EdgeFunction",
            "metadata": { "name": "hello", "namespace": "ns" },
            "spec": {
                "platformRef": { "name": "prod" },
                "source": { "kind": "ConfigMap", "name": "code" },
                "verifyJWT": true,
                "mode": "Observe",
            },
            "status": status,
        });
        serde_json::from_value(value).unwrap()
    }
}
