//! A namespace with a project of its own, its Platform, and a tree of sources.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, resume_unwind},
};

use ace_api::{EdgeFunction, LABEL_ARCHIVE, LABEL_FUNCTION, LABEL_USE, LABEL_WATCH, Platform};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::FutureExt;
use k8s_openapi::api::{
    core::v1::{ConfigMap, Secret},
    events::v1::Event,
};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    Operator, Project, Space, is_true, kstatus,
    tree::{pack, unpack},
    with_namespace,
};

/// The ConfigMap of [`Stage::source`].
pub const TREE: &str = "tree";
/// The Platform of every stage.
pub const PLATFORM: &str = "prod";

/// What a test works on.
pub struct Stage<'a> {
    /// Its namespace.
    pub space: &'a Space,
    pub project: Project,
    pub operator: &'a Operator,
}

/// Runs a test on a stage of its own, with the shared operator. The Platform looks every `interval` before scaling.
///
/// # Panics
/// If the test does: with what the operator logged of the namespace.
pub async fn on_stage<T>(interval: &str, test: impl AsyncFnOnce(&Stage<'_>) -> T) -> T {
    on_stage_of(Operator::shared(), interval, test).await
}

/// The same with an operator of the caller's.
///
/// # Panics
/// If the test does: with what the operator logged of the namespace.
pub async fn on_stage_of<T>(operator: &Operator, interval: &str, test: impl AsyncFnOnce(&Stage<'_>) -> T) -> T {
    with_namespace(async |space| {
        let stage = Stage::set_up(space, operator, interval).await;
        let outcome = AssertUnwindSafe(test(&stage)).catch_unwind().await;
        outcome.unwrap_or_else(|panic| {
            eprintln!("{}", operator.log_of(&space.name));
            resume_unwind(panic)
        })
    })
    .await
}

impl<'a> Stage<'a> {
    /// A new project, and its Platform with the Secret that it names.
    ///
    /// # Panics
    /// If the API server refuses one of them.
    pub async fn set_up(space: &'a Space, operator: &'a Operator, interval: &str) -> Self {
        let stage = Self {
            space,
            project: Project::create(space.bed.bed.file()).await,
            operator,
        };
        stage.secret(&stage.project.token, &stage.project.anon_key).await;
        stage.platform(json!({ "interval": interval })).await;
        stage
    }
}

impl Stage<'_> {
    /// Applies the Secret that the Platform names.
    pub async fn secret(&self, token: &str, anon_key: &str) {
        let data = json!({ "token": token, "anon": anon_key });
        self.secret_offering("supabase", "token.anon-key", data).await;
    }

    /// Applies a Secret that offers these uses.
    pub async fn secret_offering(&self, name: &str, uses: &str, data: Value) {
        let metadata = json!({ "name": name, "labels": { LABEL_USE: uses } });
        self.apply::<Secret>(json!({ "metadata": metadata, "stringData": data }))
            .await;
    }

    /// Applies the Platform; `spec` replaces fields of the usual one.
    pub async fn platform(&self, spec: Value) {
        let usual = json!({
            "project": self.project.reference,
            "url": self.project.gateway,
            "api": { "url": self.space.bed.bed.file().api_url, "tokenSecretRef": { "name": "supabase", "key": "token" } },
            "anonKeySecretRef": { "name": "supabase", "key": "anon" },
            "requestsPerMinute": 120,
        });
        self.apply::<Platform>(json!({ "metadata": { "name": PLATFORM }, "spec": merged(usual, spec) }))
            .await;
    }

    /// Changes fields of the Platform's spec.
    ///
    /// # Panics
    /// If the API server refuses the change.
    pub async fn change_platform(&self, spec: Value) {
        let change = Patch::Merge(json!({ "spec": spec }));
        let platforms = self.space.api::<Platform>();
        let changed = platforms.patch(PLATFORM, &PatchParams::default(), &change).await;
        changed.expect("the Platform takes the change");
    }

    /// Names a reader of the database in the Platform.
    ///
    /// # Panics
    /// If the API server refuses the change.
    pub async fn reader(&self, user: &str, password: &str) {
        self.secret_offering("reader", "database", json!({ "password": password }))
            .await;
        let reader = json!({ "user": user, "passwordSecretRef": { "name": "reader", "key": "password" } });
        self.change_platform(json!({ "database": { "reader": reader } })).await;
    }

    /// Applies the tree of sources, which is watched.
    pub async fn source(&self, files: &[(&str, &str)]) {
        self.source_named(TREE, &pack(files)).await;
    }

    /// Applies an archive as a source of this name, which is watched.
    pub async fn source_named(&self, name: &str, archive: &[u8]) {
        self.apply::<ConfigMap>(json!({
            "metadata": { "name": name, "labels": { LABEL_WATCH: "true" } },
            "binaryData": { "tree.tar.gz": STANDARD.encode(archive) },
        }))
        .await;
    }

    /// Applies an EdgeFunction; `spec` replaces fields of the usual one, which wants `tree` and lets everybody in.
    pub async fn function(&self, name: &str, spec: Value) {
        self.apply::<EdgeFunction>(json!({ "metadata": { "name": name }, "spec": self.desired(spec) }))
            .await;
    }

    /// The spec that [`Stage::function`] applies.
    pub fn desired(&self, spec: Value) -> Value {
        let usual = json!({
            "platformRef": { "name": PLATFORM },
            "source": { "kind": "ConfigMap", "name": TREE },
            "verifyJWT": false,
        });
        merged(usual, spec)
    }

    /// Applies an object of the namespace, server-side.
    ///
    /// # Panics
    /// If the API server refuses it.
    pub async fn apply<K>(&self, mut object: Value) -> Value
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        let resource = ApiResource::erase::<K>(&());
        object["apiVersion"] = json!(resource.api_version);
        object["kind"] = json!(resource.kind);
        let name = object["metadata"]["name"]
            .as_str()
            .expect("the test names the object")
            .to_owned();
        let api: Api<DynamicObject> = Api::namespaced_with(self.space.client.clone(), &self.space.name, &resource);
        let applied = api
            .patch(&name, &PatchParams::apply("team").force(), &Patch::Apply(&object))
            .await;
        let applied = applied.unwrap_or_else(|error| panic!("{} {name} is applied: {error}", resource.kind));
        serde_json::to_value(applied).expect("an object is JSON")
    }

    /// Sets the annotation that asks for a look, and answers with its value.
    ///
    /// # Panics
    /// If kubectl does not.
    pub async fn ask(&self, kind: &str, name: &str, value: &str) {
        let annotation = format!("{}={value}", ace_api::ANNOTATION_RECONCILE_AT);
        let arguments = ["annotate", "--overwrite", kind, name, &annotation];
        self.space
            .kubectl(&arguments)
            .await
            .expect("an object can be annotated");
    }

    /// Waits until the EdgeFunction is as `is` wants it.
    pub async fn until(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.space.wait::<EdgeFunction>(name, what, is).await
    }

    /// Waits until the desired state of the newest generation is live and proven, and kstatus calls it current.
    pub async fn ready(&self, name: &str) -> Value {
        self.until(name, "is Ready", |function| {
            is_true(function, "Ready") && is_current(function)
        })
        .await
    }

    /// Waits until other content than `before` is wanted, live and proven; answers with the object.
    pub async fn rolled_out(&self, name: &str, before: &Value) -> Value {
        let old = before["status"]["source"]["revision"].clone();
        self.until(name, &format!("has rolled out other content than {old}"), |function| {
            let status = &function["status"];
            let new = &status["source"]["revision"];
            *new != old && status["proven"]["revision"] == *new && is_true(function, "Ready") && is_current(function)
        })
        .await
    }

    /// Waits until the function is Stalled for this reason.
    pub async fn stalled(&self, name: &str, reason: &str) -> Value {
        let what = format!("is Stalled/{reason}");
        self.until(name, &what, |function| reason_of(function, "Stalled") == reason)
            .await
    }

    /// Waits until the function waits for this reason.
    pub async fn waits(&self, name: &str, reason: &str) -> Value {
        let what = format!("is Reconciling/{reason}");
        self.until(name, &what, |function| reason_of(function, "Reconciling") == reason)
            .await
    }

    /// The events about an object, each as `reason: note`, oldest first.
    ///
    /// # Panics
    /// If they can't be listed.
    pub async fn events(&self, name: &str) -> Vec<String> {
        let events = self
            .space
            .api::<Event>()
            .list(&ListParams::default())
            .await
            .expect("events can be listed");
        let mut about: Vec<Event> = events
            .items
            .into_iter()
            .filter(|event| event.regarding.as_ref().and_then(|object| object.name.as_deref()) == Some(name))
            .collect();
        about.sort_by_key(|event| event.event_time.as_ref().map(|time| time.0));
        let text = |event: Event| {
            format!(
                "{}: {}",
                event.reason.unwrap_or_default(),
                event.note.unwrap_or_default()
            )
        };
        about.into_iter().map(text).collect()
    }

    /// Archives of one sort that belong to a function: their files by path.
    ///
    /// # Panics
    /// If there is one that can't be read.
    pub async fn archives(&self, function: &str, sort: &str) -> Vec<BTreeMap<String, String>> {
        let selector = format!("{LABEL_ARCHIVE}={sort},{LABEL_FUNCTION}={function}");
        let maps = self
            .space
            .api::<ConfigMap>()
            .list(&ListParams::default().labels(&selector))
            .await;
        let maps = maps.expect("ConfigMaps can be listed").items.into_iter();
        maps.map(|map| {
            let archive = map
                .binary_data
                .unwrap_or_default()
                .into_values()
                .next()
                .expect("an archive has content");
            let files = unpack(&archive.0).into_iter();
            files
                .map(|(path, content)| (path, String::from_utf8_lossy(&content).into_owned()))
                .collect()
        })
        .collect()
    }

    /// Asks until there is an answer.
    ///
    /// # Panics
    /// If there is none while a test has patience.
    pub async fn eventually<A>(&self, what: &str, ask: impl AsyncFnMut() -> Option<A>) -> A {
        self.space.eventually(what, ask).await
    }
}

/// Reason of a condition that is there, else nothing.
pub fn reason_of<'a>(object: &'a Value, type_: &str) -> &'a str {
    text_of(object, type_, "reason")
}

/// Message of a condition that is there, else nothing.
pub fn message_of<'a>(object: &'a Value, type_: &str) -> &'a str {
    text_of(object, type_, "message")
}

fn text_of<'a>(object: &'a Value, type_: &str, field: &str) -> &'a str {
    kstatus::condition(object, type_)
        .and_then(|condition| condition[field].as_str())
        .unwrap_or_default()
}

/// The status is about the newest generation, whatever it says.
pub fn is_observed(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

/// Nothing is awaited any more: the newest generation is live, as kstatus reads it.
pub fn is_current(object: &Value) -> bool {
    kstatus::status(object) == kstatus::Status::Current
}

pub(crate) fn merged(mut usual: Value, changes: Value) -> Value {
    let fields = usual.as_object_mut().expect("a spec is an object");
    if let Value::Object(changes) = changes {
        fields.extend(changes);
    }
    usual
}
