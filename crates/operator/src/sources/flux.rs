//! Flux sources, read by their fields: no library of Flux is needed, and a kind that we have no type for is read alike.

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
/// Longest foreign message that is quoted, in bytes.
const QUOTED: usize = 300;

/// What an object says about its artifact.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Says {
    /// Where it lies, and what it is.
    Artifact(Pointer),
    /// There is none yet: what is waited for.
    Nothing(String),
    /// It can't be used: what to change.
    Unusable(String),
}

/// Where an artifact lies, and what it is.
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
/// An artifact that is there is used, whatever `Ready` and `observedGeneration` say, as Flux's own consumers do: it is the
/// last content that was fetched and checked. A failing fetch must not take a deployed content away, and the controller of
/// a suspended source never catches up with its generation, so waiting for that could be waiting for ever.
pub(super) fn says(object: &DynamicObject) -> Says {
    let Ok(status) = serde_json::from_value::<Option<Status>>(object.data["status"].clone()) else {
        return Says::Unusable("its status can't be read; install a current version of Flux".to_owned());
    };
    let status = status.unwrap_or_default();
    let Some(artifact) = &status.artifact else {
        return Says::Nothing(waits_for(object, &status));
    };
    if artifact.digest.is_empty() {
        return Says::Unusable("its artifact has no digest; update Flux to 2.0 or later".to_owned());
    }
    let (algorithm, digits) = artifact.digest.split_once(':').unwrap_or_default();
    if algorithm != "sha256" && !algorithm.is_empty() {
        return Says::Unusable(format!(
            "the digest of its artifact is of the kind {}; set --artifact-digest-algo=sha256 on its controller",
            cut(algorithm, 32)
        ));
    }
    if digits.len() != 64
        || !digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    {
        return Says::Unusable(
            "the digest of its artifact is not sha256: and 64 lower-case hexadecimal digits; update its controller"
                .to_owned(),
        );
    }
    Says::Artifact(Pointer {
        url: artifact.url.clone(),
        digest: artifact.digest.clone(),
        revision: cut(&artifact.revision, REVISION),
    })
}

fn waits_for(object: &DynamicObject, status: &Status) -> String {
    if object.data["spec"]["suspend"] == true {
        return "it is suspended and has no artifact; resume it".to_owned();
    }
    let behind = status.observed_generation.unwrap_or(-1) < object.metadata.generation.unwrap_or(0);
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
    match ready {
        Some(ready) if !behind && ready.status != "True" && !ready.message.is_empty() => {
            format!("it has no artifact yet: {}", cut(&ready.message, QUOTED))
        }
        _ => "its controller has not made an artifact of it yet".to_owned(),
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

/// Which Flux kinds the cluster serves, in which version. Asked at most once per `every`, by whoever needs to know.
pub(super) struct Installed {
    client: Client,
    every: Duration,
    deadline: Duration,
    known: Mutex<Option<(Instant, BTreeMap<String, ApiResource>)>>,
}

/// Whether a kind is served.
pub(super) enum Served {
    /// By this resource.
    As(ApiResource),
    /// Not at all.
    No,
    /// The API server did not say: what it did instead.
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

    /// How a kind is served. A kind that is known is not asked for again until [`Installed::forget`].
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
                Some(code) => format!("the API server answered {code} when it was asked for its kinds"),
                None => "the API server did not say which kinds it has".to_owned(),
            }),
            Err(_) => Served::Unanswered("the API server did not answer in time".to_owned()),
        }
    }

    /// A kind that was served is gone, or served in another version: the next question goes to the API server.
    pub(super) async fn forget(&self) {
        *self.known.lock().await = None;
    }
}

#[cfg(test)]
mod tests {
    use kube::api::DynamicObject;
    use serde_json::{Value, json};

    use super::{Pointer, Says, says};

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
        assert_eq!(says(&object(&status)), Says::Artifact(pointer));
    }

    #[test]
    fn without_an_artifact_it_says_what_the_source_waits_for() {
        let failed = |observed: i64| json!({ "observedGeneration": observed, "conditions": [{ "type": "Ready", "status": "False", "message": "auth\nfailed" }] });
        let cases = [
            (json!(null), "its controller has not made an artifact of it yet"),
            (
                json!({ "observedGeneration": -1 }),
                "its controller has not made an artifact of it yet",
            ),
            (failed(1), "its controller has not made an artifact of it yet"),
            (failed(2), "it has no artifact yet: auth failed"),
        ];
        for (status, waits) in cases {
            assert_eq!(says(&object(&status)), Says::Nothing(waits.to_owned()), "{status}");
        }
        let mut suspended = object(&json!(null));
        suspended.data["spec"] = json!({ "suspend": true });
        assert_eq!(
            says(&suspended),
            Says::Nothing("it is suspended and has no artifact; resume it".to_owned())
        );
    }

    #[test]
    fn a_digest_that_can_not_be_checked_is_refused() {
        let cases = [
            ("", "its artifact has no digest; update Flux to 2.0 or later"),
            (
                "sha512:00",
                "the digest of its artifact is of the kind sha512; set --artifact-digest-algo=sha256 on its controller",
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
                says(&object(&json!({ "artifact": artifact(digest) }))),
                Says::Unusable(says_so.to_owned())
            );
        }
        let odd = says(&object(&json!({ "artifact": "text" })));
        assert_eq!(
            odd,
            Says::Unusable("its status can't be read; install a current version of Flux".to_owned())
        );
    }

    #[test]
    fn a_revision_is_cut_at_a_character_to_what_a_status_can_hold() {
        let mut status = json!({ "artifact": artifact(DIGEST) });
        status["artifact"]["revision"] = json!("ä".repeat(300));
        let Says::Artifact(pointer) = says(&object(&status)) else {
            panic!("it is there")
        };
        assert!(
            pointer.revision.len() <= 256 && pointer.revision.ends_with('…'),
            "{}",
            pointer.revision
        );
    }
}
