//! Objects that an object of ours owns and that are its history: they go with it, are never changed, and the oldest are deleted.

use std::{cmp::Reverse, collections::BTreeMap, fmt::Debug};

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams, PostParams, Preconditions},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::request::answer;

/// Why children could not be read or written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChildError {
    /// The operator lacks the right.
    #[error("the API server does not allow it")]
    Forbidden,
    /// Another object has the name.
    #[error("there is another object of the name {0}: delete or rename it")]
    NameTaken(String),
    /// The API server refuses: its message.
    #[error("the API server refused it: {0}")]
    Refused(String),
    /// No answer, or a temporary refusal.
    #[error("the API server did not answer")]
    Unanswered,
}

/// The children of one object.
pub struct Children<'a, O, C> {
    owner: &'a O,
    api: Api<C>,
}

impl<'a, O, C> Children<'a, O, C>
where
    O: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    C: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize,
{
    /// Those of `owner`, in its namespace.
    pub fn of(client: &Client, owner: &'a O) -> Self {
        let namespace = owner.meta().namespace.as_deref().unwrap_or_default();
        Self {
            owner,
            api: Api::namespaced(client.clone(), namespace),
        }
    }

    /// The child of this name, if the owner has it.
    pub async fn get(&self, name: &str) -> Result<Option<C>, ChildError> {
        let found = understood(answer(self.api.get_opt(name)).await)?;
        Ok(found.filter(|child| self.owns(child)))
    }

    /// Creates a child. One of the name that is there already stays if it has the same content, and is replaced if not: others may have
    /// made it.
    pub async fn create(&self, name: &str, labels: BTreeMap<String, String>, mut child: C) -> Result<(), ChildError> {
        let meta = child.meta_mut();
        meta.name = Some(name.to_owned());
        meta.labels = Some(labels);
        meta.owner_references = self.owner.controller_owner_ref(&()).map(|owner| vec![owner]);
        let made = answer(self.api.create(&PostParams::default(), &child)).await;
        if !matches!(&made, Some(Err(kube::Error::Api(status))) if status.is_already_exists()) {
            return understood(made).map(|_| ());
        }
        let Some(there) = self.get(name).await? else {
            return Err(ChildError::NameTaken(name.to_owned()));
        };
        if content(&there) == content(&child) {
            return Ok(());
        }
        let just_this = DeleteParams::default().preconditions(Preconditions {
            uid: there.uid(),
            resource_version: there.resource_version(),
        });
        understood(answer(self.api.delete(name, &just_this)).await)?;
        understood(answer(self.api.create(&PostParams::default(), &child)).await).map(|_| ())
    }

    /// Deletes all but the newest `keep` children with these labels; `name` always stays.
    pub async fn prune(&self, labels: &BTreeMap<String, String>, keep: usize, name: &str) -> Result<(), ChildError> {
        let selector: Vec<_> = labels.iter().map(|(label, value)| format!("{label}={value}")).collect();
        let parameters = ListParams::default().labels(&selector.join(","));
        let mut found = understood(answer(self.api.list_metadata(&parameters)).await)?.items;
        // Labels can't tell owners apart whose names are longer than a label's value.
        found.retain(|child| self.owns(child));
        found.sort_by_key(|child| Reverse((child.name_any() == name, child.creation_timestamp())));
        for child in found.into_iter().skip(keep) {
            if let Some(Err(error)) = answer(self.api.delete(&child.name_any(), &DeleteParams::default())).await {
                tracing::debug!(child = child.name_any(), %error, "old child could not be deleted");
            }
        }
        Ok(())
    }

    fn owns(&self, child: &impl ResourceExt) -> bool {
        let uid = self.owner.meta().uid.as_ref();
        child.owner_references().iter().any(|owner| Some(&owner.uid) == uid)
    }
}

/// The name of an object as a label's value, which takes 63 characters.
pub fn label_value(name: &str) -> String {
    let (start, _) = name.split_at(name.floor_char_boundary(63));
    start.trim_end_matches(['-', '.']).to_owned()
}

/// All of an object but its metadata.
fn content(object: &impl Serialize) -> Option<serde_json::Value> {
    let mut value = serde_json::to_value(object).ok()?;
    value.as_object_mut()?.remove("metadata");
    Some(value)
}

pub(crate) fn understood<T>(answer: Option<Result<T, kube::Error>>) -> Result<T, ChildError> {
    match answer {
        Some(Ok(value)) => Ok(value),
        Some(Err(kube::Error::Api(status))) if status.is_forbidden() => Err(ChildError::Forbidden),
        Some(Err(kube::Error::Api(status))) => Err(ChildError::Refused(status.message.clone())),
        Some(Err(_)) | None => Err(ChildError::Unanswered),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
    };

    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::{Value, json};

    use super::{ChildError, Children, label_value};
    use crate::testing::{Answer, Received, Server, api_server};

    const MAPS: &str = "/api/v1/namespaces/ace/configmaps";

    fn owner() -> ConfigMap {
        serde_json::from_value(json!({ "metadata": { "name": "hello", "namespace": "ace", "uid": "1" } })).unwrap()
    }

    fn child(name: &str, minute: u32, owner: &str) -> Value {
        let made = format!("2026-11-23T10:{minute:02}:00Z");
        let owners = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "hello", "uid": owner }]);
        json!({ "metadata": {
            "name": name, "namespace": "ace", "creationTimestamp": made, "ownerReferences": owners,
        } })
    }

    fn labels() -> BTreeMap<String, String> {
        BTreeMap::from([("a".to_owned(), "x".to_owned()), ("b".to_owned(), "y".to_owned())])
    }

    /// An API server that lists these children, by name, minute of their making, and owner.
    async fn listing(children: &'static [(&str, u32, &str)]) -> Server {
        api_server(move |asked| {
            let items: Vec<Value> = children
                .iter()
                .map(|(name, minute, owner)| child(name, *minute, owner))
                .collect();
            match (asked.method.as_str(), asked.path.as_str()) {
                ("GET", MAPS) => {
                    assert!(asked.query.contains("labelSelector=a%3Dx%2Cb%3Dy"), "{}", asked.query);
                    Answer::json(&json!({
                        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
                        "metadata": { "resourceVersion": "1" }, "items": items,
                    }))
                }
                ("DELETE", _) => Answer::json(&json!({ "apiVersion": "v1", "kind": "Status", "status": "Success" })),
                other => panic!("{other:?}"),
            }
        })
        .await
    }

    #[tokio::test]
    async fn the_newest_children_stay_and_the_one_just_made_always_does_and_anothers_are_left_alone() {
        // By its time it is the oldest: clocks of two API servers differ.
        let server = listing(&[
            ("second", 2, "1"),
            ("fourth", 4, "1"),
            ("made-now", 0, "1"),
            ("anothers", 1, "2"),
            ("third", 3, "1"),
            ("first", 1, "1"),
        ])
        .await;
        let (client, owner) = (server.client(), owner());
        let children = Children::<_, ConfigMap>::of(&client, &owner);
        children.prune(&labels(), 3, "made-now").await.unwrap();
        let removed: Vec<String> = server
            .requests()
            .into_iter()
            .filter(|asked| asked.starts_with("DELETE"))
            .collect();
        assert_eq!(
            removed,
            [format!("DELETE {MAPS}/second"), format!("DELETE {MAPS}/first")]
        );
    }

    #[tokio::test]
    async fn a_child_that_is_there_is_as_good_as_made_unless_it_is_anothers() {
        for (there, expected) in [("1", Ok(())), ("2", Err(ChildError::NameTaken("archive".to_owned())))] {
            let server = api_server(move |asked: Received| match asked.method.as_str() {
                "POST" => Answer::refusal(409, "AlreadyExists"),
                _ => Answer::json(&child("archive", 0, there)),
            })
            .await;
            let (client, owner) = (server.client(), owner());
            let children = Children::<_, ConfigMap>::of(&client, &owner);
            assert_eq!(
                children.create("archive", labels(), ConfigMap::default()).await,
                expected
            );
        }
    }

    #[tokio::test]
    async fn a_child_of_the_name_that_has_other_content_is_replaced() {
        let data = |text: &str| BTreeMap::from([("manifest".to_owned(), text.to_owned())]);
        for (there, replaced) in [("mine", false), ("forged", true)] {
            let is_there = Arc::new(AtomicBool::new(true));
            let server = api_server(move |asked: Received| match asked.method.as_str() {
                "POST" if is_there.load(Ordering::Relaxed) => Answer::refusal(409, "AlreadyExists"),
                "DELETE" => {
                    is_there.store(false, Ordering::Relaxed);
                    Answer::json(&json!({ "apiVersion": "v1", "kind": "Status", "status": "Success" }))
                }
                _ => {
                    let mut map = child("archive", 0, "1");
                    map["data"] = json!(data(there));
                    Answer::json(&map)
                }
            })
            .await;
            let (client, owner) = (server.client(), owner());
            let children = Children::<_, ConfigMap>::of(&client, &owner);
            let map = ConfigMap {
                data: Some(data("mine")),
                ..ConfigMap::default()
            };
            assert_eq!(children.create("archive", labels(), map).await, Ok(()));
            let requests = server.requests();
            let expected = [
                format!("POST {MAPS}"),
                format!("GET {MAPS}/archive"),
                format!("DELETE {MAPS}/archive"),
                format!("POST {MAPS}"),
            ];
            assert_eq!(
                requests,
                if replaced { &expected[..] } else { &expected[..2] },
                "{there}"
            );
        }
    }

    #[test]
    fn a_long_name_is_cut_to_a_labels_length_and_ends_as_one_may() {
        assert_eq!(label_value("hello"), "hello");
        assert_eq!(
            label_value(&format!("{}-{}", "a".repeat(62), "b".repeat(9))),
            "a".repeat(62)
        );
    }
}
