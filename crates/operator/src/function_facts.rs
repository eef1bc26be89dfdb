//! What a function is to other functions: whether it claims a slug, and what those that wait for its wave need to know.

use ace_api::{EdgeFunction, Mode};
use ace_runtime::reconcile::Key;

/// What matters of a function to other functions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FunctionFacts {
    /// The function as it was, for its place.
    pub(crate) slug: String,
    /// It claims its slug.
    claims: bool,
    /// The Platform's key.
    pub(crate) platform: Key,
    /// The source's kind and name.
    pub(crate) source: (ace_api::SourceKind, String),
    /// Its wave; `None` when nobody waits for it.
    pub(crate) wave: Option<i32>,
    /// Digests applied and proven.
    has: (Option<String>, Option<String>),
    /// It is stalled: the message of those who wait says so.
    stalled: bool,
}

impl FunctionFacts {
    /// Reads it off the object.
    pub(crate) fn of(function: &EdgeFunction) -> Self {
        let status = function.status.as_ref();
        let counts = !function.spec.suspend
            && function.spec.mode != Mode::Observe
            && function.metadata.deletion_timestamp.is_none();
        Self {
            slug: function.slug(),
            claims: crate::index::claims(function),
            platform: crate::index::platform_of(function),
            source: (function.spec.source.kind, function.spec.source.name.clone()),
            wave: counts.then_some(function.spec.wave),
            has: (
                status
                    .and_then(|status| status.applied.as_ref())
                    .map(|applied| applied.source_digest.clone()),
                status
                    .and_then(|status| status.proven.as_ref())
                    .map(|proven| proven.source_digest.clone()),
            ),
            stalled: status.is_some_and(|status| status.common.conditions.iter().any(|c| c.type_ == "Stalled")),
        }
    }

    /// Where to look for it: its slug and its Platform.
    pub(crate) fn place(&self) -> (&str, &Key) {
        (&self.slug, &self.platform)
    }

    /// Rivals for the slug may have a reason to look again.
    pub(crate) fn claim_differs(&self, before: &Self) -> bool {
        (&self.slug, self.claims, &self.platform) != (&before.slug, before.claims, &before.platform)
    }

    /// Those who wait for this wave may have a reason to look again.
    pub(crate) fn wave_differs(&self, before: &Self) -> bool {
        (&self.wave, &self.has, self.stalled, &self.source)
            != (&before.wave, &before.has, before.stalled, &before.source)
    }
}

#[cfg(test)]
mod tests {
    use ace_api::EdgeFunction;
    use serde_json::json;

    use super::FunctionFacts;

    #[test]
    fn an_object_that_only_observes_claims_nothing_unless_its_own_deploy_is_under_way() {
        let intent = json!({ "type": "RollOut", "sourceDigest": "sha256:00", "startTime": "2026-01-01T00:00:00Z" });
        let rests = FunctionFacts::of(&observing(&json!({})));
        let deploys = FunctionFacts::of(&observing(&json!({ "intent": intent })));
        assert!(!rests.claims && deploys.claims);
        assert!(rests.claim_differs(&deploys), "rivals are woken when it settles");
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
