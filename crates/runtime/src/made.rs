//! Objects of ours that a controller makes for an object of its kind, and that do not go with it by themselves.

use std::fmt::Debug;

use ace_api::field_manager;
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    children::{ChildError, understood},
    request::answer,
};

/// Those of one kind, made by the controller of another.
pub struct Made<C> {
    api: Api<C>,
    manager: String,
}

impl<C> Made<C>
where
    C: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize,
{
    /// Those that are made for `object`, in its namespace.
    pub fn by<O: Resource<DynamicType = ()>>(client: &Client, object: &O) -> Self {
        let namespace = object.meta().namespace.as_deref().unwrap_or_default();
        Self {
            api: Api::namespaced(client.clone(), namespace),
            manager: field_manager(&O::kind(&())),
        }
    }

    /// Creates one. What is there already is the same one, if it `is_own`.
    pub async fn create(&self, wanted: &C, is_own: impl Fn(&C) -> bool) -> Result<C, ChildError> {
        let parameters = PostParams {
            field_manager: Some(self.manager.clone()),
            ..PostParams::default()
        };
        let made = answer(self.api.create(&parameters, wanted)).await;
        if !matches!(&made, Some(Err(kube::Error::Api(status))) if status.is_already_exists()) {
            return understood(made);
        }
        let name = wanted.name_any();
        let there = understood(answer(self.api.get_opt(&name)).await)?;
        // It went since; the next attempt makes it.
        let there = there.ok_or(ChildError::Unanswered)?;
        Some(there).filter(is_own).ok_or(ChildError::NameTaken(name))
    }

    /// The one of this name, whoever made it, as the API server has it.
    pub async fn get(&self, name: &str) -> Result<Option<C>, ChildError> {
        understood(answer(self.api.get_opt(name)).await)
    }

    /// Changes the spec of the one with this uid. One that is gone, or another by now, is not changed.
    pub async fn change(&self, name: &str, uid: &str, spec: &Value) -> Result<(), ChildError> {
        let parameters = PatchParams {
            field_manager: Some(self.manager.clone()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({ "metadata": { "uid": uid }, "spec": spec }));
        there(answer(self.api.patch(name, &parameters, &patch)).await)
    }

    /// Deletes the one with this uid. One that is gone, or another by now, is not deleted.
    pub async fn delete(&self, name: &str, uid: &str) -> Result<(), ChildError> {
        let just_this = DeleteParams::default().preconditions(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        });
        there(answer(self.api.delete(name, &just_this)).await)
    }
}

fn there<T>(answer: Option<Result<T, kube::Error>>) -> Result<(), ChildError> {
    match answer {
        Some(Err(kube::Error::Api(status))) if status.is_not_found() || status.is_conflict() => Ok(()),
        answer => understood(answer).map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::Made;
    use crate::{
        children::ChildError,
        testing::{Answer, Received, api_server},
    };

    const MAPS: &str = "/api/v1/namespaces/ace/configmaps";

    fn map(uid: &str) -> ConfigMap {
        serde_json::from_value(json!({ "metadata": { "name": "one", "namespace": "ace", "uid": uid } })).unwrap()
    }

    #[tokio::test]
    async fn one_that_is_there_is_the_same_one_if_it_is_own_and_is_never_replaced() {
        for (uid, expected) in [("1", Ok("1")), ("2", Err(ChildError::NameTaken("one".to_owned())))] {
            let server = api_server(move |asked: Received| match asked.method.as_str() {
                "POST" => Answer::refusal(409, "AlreadyExists"),
                _ => Answer::json(&serde_json::to_value(map(uid)).unwrap()),
            })
            .await;
            let made = Made::<ConfigMap>::by(&server.client(), &map("owner"));
            let created = made
                .create(&map("0"), |there| there.metadata.uid.as_deref() == Some("1"))
                .await;
            assert_eq!(
                created.map(|made| made.metadata.uid),
                expected.map(|uid| Some(uid.to_owned()))
            );
            assert_eq!(server.requests(), [format!("POST {MAPS}"), format!("GET {MAPS}/one")]);
        }
    }

    #[tokio::test]
    async fn what_is_gone_or_another_by_now_is_neither_changed_nor_deleted() {
        for (status, reason, expected) in [
            (404, "NotFound", Ok(())),
            (409, "Conflict", Ok(())),
            (403, "Forbidden", Err(ChildError::Forbidden)),
        ] {
            let server = api_server(move |_: Received| Answer::refusal(status, reason)).await;
            let made = Made::<ConfigMap>::by(&server.client(), &map("owner"));
            assert_eq!(made.delete("one", "1").await, expected);
            assert_eq!(made.change("one", "1", &json!({ "replicas": 1 })).await, expected);
        }
    }
}
