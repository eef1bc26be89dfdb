//! Flux sources, read as dynamic objects: all of their kinds have the same fields.

use std::collections::BTreeMap;
use std::time::Duration;

use ace_api::SourceKind;
use kube::api::{ApiResource, DynamicObject};
use kube::discovery;
use kube::error::DiscoveryError;
use kube::{Client, Error};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::failure::status_code;

/// API group of the Flux sources.
const GROUP: &str = "source.toolkit.fluxcd.io";
/// Versions whose `status.artifact` has `digest`, best first; `v1beta1` still had another field for it.
const VERSIONS: [&str; 2] = ["v1", "v1beta2"];
/// Longest revision that is shown, in bytes.
const REVISION: usize = 256;
/// Longest quoted message of a Flux controller, in bytes.
const QUOTED: usize = 300;

/// The artifact of an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum FluxArtifact {
    /// It can be downloaded.
    Ready(Pointer),
    /// There is none yet; the text says why.
    Waiting(String),
    /// It can't be used; the text says what to change.
    Unusable(String),
}

/// URL, revision and digest of an artifact.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Pointer {
    pub(super) url: String,
    pub(super) digest: String,
    pub(super) revision: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    artifact: Option<Artifact>,
    observed_generation: Option<i64>,
    conditions: Vec<Condition>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Artifact {
    url: String,
    digest: String,
    revision: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    type_: String,
    status: String,
    message: String,
}

/// Reads the artifact of an object.
///
/// An existing artifact is used whatever `Ready` and `observedGeneration` say, as Flux's own consumers do: it is the last
/// content that was fetched and checked. A failing fetch must not remove deployed content, and the controller of a suspended
/// source never observes its generation, so waiting for that could last for ever.
pub(super) fn artifact_of(object: &DynamicObject) -> FluxArtifact {
    let Ok(status) = serde_json::from_value::<Option<Status>>(object.data.get("status").cloned().unwrap_or_default())
    else {
        return FluxArtifact::Unusable("its status can't be read; install a current version of Flux".to_owned());
    };
    let status = status.unwrap_or_default();
    let Some(artifact) = &status.artifact else {
        return FluxArtifact::Waiting(pending_message(object, &status));
    };
    if artifact.digest.is_empty() {
        return FluxArtifact::Unusable("its artifact has no digest; update Flux to 2.0 or later".to_owned());
    }
    let (algorithm, digits) = artifact.digest.split_once(':').unwrap_or_default();
    if algorithm != "sha256" && !algorithm.is_empty() {
        return FluxArtifact::Unusable(format!(
            "the digest of its artifact is of type {}; set --artifact-digest-algo=sha256 on its controller",
            cut(algorithm, 32)
        ));
    }
    if digits.len() != 64
        || !digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    {
        return FluxArtifact::Unusable(
            "the digest of its artifact is not sha256: and 64 lower-case hexadecimal digits; update its controller"
                .to_owned(),
        );
    }
    FluxArtifact::Ready(Pointer {
        url: artifact.url.clone(),
        digest: artifact.digest.clone(),
        revision: cut(&artifact.revision, REVISION),
    })
}

fn pending_message(object: &DynamicObject, status: &Status) -> String {
    if object
        .data
        .pointer("/spec/suspend")
        .is_some_and(|suspend| *suspend == true)
    {
        return "it is suspended and has no artifact; resume it".to_owned();
    }
    let behind = status.observed_generation.unwrap_or(-1) < object.metadata.generation.unwrap_or(0);
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
    match ready {
        Some(ready) if !behind && ready.status != "True" && !ready.message.is_empty() => {
            format!("it has no artifact yet: {}", cut(&ready.message, QUOTED))
        }
        _ => "its controller has not produced an artifact yet".to_owned(),
    }
}

fn cut(text: &str, most: usize) -> String {
    let mut text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most - '…'.len_utf8()));
        text.push('…');
    }
    text
}

/// The Flux kinds that the cluster serves, with their versions. Discovered at most once per `every`.
pub(super) struct Installed {
    client: Client,
    every: Duration,
    deadline: Duration,
    known: Mutex<Option<(Instant, BTreeMap<String, ApiResource>)>>,
}

/// Whether a kind is served.
pub(super) enum Served {
    /// It is served as this resource.
    As(ApiResource),
    /// It is not served.
    No,
    /// The API server did not answer; the text says how it failed.
    Unanswered(String),
}

impl Installed {
    pub(super) fn new(client: Client, every: Duration, deadline: Duration) -> Self {
        Self {
            client,
            every,
            deadline,
            known: Mutex::new(None),
        }
    }

    /// How a kind is served. A known kind is not discovered again until [`Installed::forget`].
    pub(super) async fn served(&self, kind: SourceKind) -> Served {
        let kind = format!("{kind:?}");
        let mut known = self.known.lock().await;
        if let Some((asked, kinds)) = &*known {
            match kinds.get(&kind) {
                Some(resource) => return Served::As(resource.clone()),
                None if asked.elapsed() < self.every => return Served::No,
                None => {}
            }
        }
        match timeout(self.deadline, discovery::group(&self.client, GROUP)).await {
            Ok(Ok(group)) => {
                let kinds: BTreeMap<_, _> = VERSIONS
                    .iter()
                    .rev()
                    .flat_map(|version| group.versioned_resources(version))
                    .map(|(resource, _)| (resource.kind.clone(), resource))
                    .collect();
                let resource = kinds.get(&kind).cloned();
                *known = Some((Instant::now(), kinds));
                resource.map_or(Served::No, Served::As)
            }
            Ok(Err(Error::Discovery(DiscoveryError::MissingApiGroup(_)))) => {
                *known = Some((Instant::now(), BTreeMap::new()));
                Served::No
            }
            Ok(Err(error)) => Served::Unanswered(match status_code(&error) {
                Some(code) => format!("the API server answered {code} to the discovery of its kinds"),
                None => "the API server did not answer the discovery of its kinds".to_owned(),
            }),
            Err(_) => Served::Unanswered("the API server did not answer in time".to_owned()),
        }
    }

    /// Forgets all kinds, after one was removed or is served in another version.
    pub(super) async fn forget(&self) {
        *self.known.lock().await = None;
    }
}

#[cfg(test)]
mod tests {
    use kube::api::DynamicObject;
    use serde_json::{Value, json};

    use super::{FluxArtifact, Pointer, artifact_of};

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn object(status: &Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": { "name": "platform", "namespace": "ace", "generation": 2 },
            "spec": {}, "status": status,
        }))
        .unwrap()
    }

    fn artifact(digest: &str) -> Value {
        json!({ "url": "http://s/a.tar.gz", "digest": digest, "revision": "main@sha1:4f2c" })
    }

    #[test]
    fn an_artifact_that_is_there_is_used_though_the_object_is_behind_and_not_ready() {
        let status = json!({
            "artifact": artifact(DIGEST), "observedGeneration": 1,
            "conditions": [{ "type": "Ready", "status": "False", "message": "auth failed" }],
        });
        let pointer = Pointer {
            url: "http://s/a.tar.gz".into(),
            digest: DIGEST.into(),
            revision: "main@sha1:4f2c".into(),
        };
        assert_eq!(artifact_of(&object(&status)), FluxArtifact::Ready(pointer));
    }

    #[test]
    fn without_an_artifact_the_message_says_what_the_source_waits_for() {
        let failed = |observed: i64| json!({ "observedGeneration": observed, "conditions": [{ "type": "Ready", "status": "False", "message": "auth\nfailed" }] });
        let cases = [
            (json!(null), "its controller has not produced an artifact yet"),
            (
                json!({ "observedGeneration": -1 }),
                "its controller has not produced an artifact yet",
            ),
            (failed(1), "its controller has not produced an artifact yet"),
            (failed(2), "it has no artifact yet: auth failed"),
        ];
        for (status, waits) in cases {
            assert_eq!(
                artifact_of(&object(&status)),
                FluxArtifact::Waiting(waits.to_owned()),
                "{status}"
            );
        }
        let mut suspended = object(&json!(null));
        suspended.data["spec"] = json!({ "suspend": true });
        assert_eq!(
            artifact_of(&suspended),
            FluxArtifact::Waiting("it is suspended and has no artifact; resume it".to_owned())
        );
    }

    #[test]
    fn a_digest_that_can_not_be_checked_is_refused() {
        let cases = [
            ("", "its artifact has no digest; update Flux to 2.0 or later"),
            (
                "sha512:00",
                "the digest of its artifact is of type sha512; set --artifact-digest-algo=sha256 on its controller",
            ),
            (
                "sha256:AB",
                "the digest of its artifact is not sha256: and 64 lower-case hexadecimal digits; update its controller",
            ),
            (
                "sha256",
                "the digest of its artifact is not sha256: and 64 lower-case hexadecimal digits; update its controller",
            ),
        ];
        for (digest, says_so) in cases {
            assert_eq!(
                artifact_of(&object(&json!({ "artifact": artifact(digest) }))),
                FluxArtifact::Unusable(says_so.to_owned())
            );
        }
        let odd = artifact_of(&object(&json!({ "artifact": "text" })));
        assert_eq!(
            odd,
            FluxArtifact::Unusable("its status can't be read; install a current version of Flux".to_owned())
        );
    }

    #[test]
    fn a_revision_is_cut_at_a_character_to_what_a_status_can_hold() {
        let mut status = json!({ "artifact": artifact(DIGEST) });
        status["artifact"]["revision"] = json!("ä".repeat(300));
        let FluxArtifact::Ready(pointer) = artifact_of(&object(&status)) else {
            panic!("it is there")
        };
        assert!(
            pointer.revision.len() <= 256 && pointer.revision.ends_with('…'),
            "{}",
            pointer.revision
        );
    }
}
