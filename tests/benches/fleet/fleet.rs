//! A namespace full of objects, and when all of them are Ready.

use std::{
    collections::HashSet,
    pin::pin,
    time::{Duration, Instant},
};

use ace_api::{EdgeFunction, LABEL_USE, LABEL_WATCH, Platform};
use ace_tests::{TestBed, is_true, make_namespace};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::NamespaceResourceScope as Namespaced,
    runtime::watcher::{self, Event, watcher},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{http, tree::Tree};

/// The ConfigMap that holds the tree, in every namespace.
pub const TREE: &str = "tree";
/// Key of the archive in it.
pub const ARCHIVE: &str = "tree.tar.gz";
/// The Secret with the token.
pub const SECRET: &str = "supabase";
/// So many requests are made at the same time: more gain nothing at this API server.
pub const CONCURRENCY: usize = 16;
/// A measurement that takes longer has failed.
const PATIENCE: Duration = Duration::from_hours(1);

/// A namespace of a measurement's own.
pub struct Fleet {
    pub bed: &'static TestBed,
    /// The administrator's client.
    pub client: Client,
    pub namespace: String,
    /// References of the projects, one for each Platform.
    pub projects: Vec<String>,
    /// Functions of each Platform.
    pub tree: Tree,
}

impl Fleet {
    /// Makes projects, their Platforms, and each one's functions; nobody has seen them yet.
    pub async fn create(bed: &'static TestBed, namespace: &str, platforms: usize, functions: usize) -> Self {
        let fleet = Self::platforms(bed, namespace, platforms, functions).await;
        fleet.functions().await;
        fleet
    }

    /// Makes projects and their Platforms; no functions yet.
    pub async fn platforms(bed: &'static TestBed, namespace: &str, platforms: usize, functions: usize) -> Self {
        let client = bed.client().await;
        let mut fleet = Self {
            bed,
            client,
            namespace: namespace.to_owned(),
            projects: Vec::new(),
            tree: Tree::new(functions),
        };
        make_namespace(&fleet.client, namespace).await;
        fleet.source(&fleet.tree.packed()).await;
        for number in 0..platforms {
            fleet.platform(number).await;
        }
        fleet
    }

    async fn platform(&mut self, number: usize) {
        let file = self.bed.bed.file();
        let made = http::send(Method::POST, &format!("{}/projects", file.admin_url), &json!({})).await;
        let project = made["ref"].as_str().expect("a project has a reference").to_owned();
        let metadata = json!({ "name": SECRET, "labels": { LABEL_USE: "token" } });
        let secret = json!({ "metadata": metadata, "stringData": { "token": made["token"] } });
        self.apply::<Secret>(SECRET, secret).await;
        let spec = json!({
            "project": project,
            "url": made["gatewayUrl"],
            "api": { "url": file.api_url, "tokenSecretRef": { "name": SECRET, "key": "token" } },
            // Far longer than a measurement: a roll-out is measured, and not the looks beside it.
            "interval": "24h",
            "requestsPerMinute": 120,
        });
        let name = platform_name(number);
        self.apply::<Platform>(&name, json!({ "metadata": { "name": name }, "spec": spec }))
            .await;
        self.projects.push(project);
    }

    /// Applies the source, which is watched.
    pub async fn source(&self, archive: &[u8]) {
        let map = json!({
            "metadata": { "name": TREE, "labels": { LABEL_WATCH: "true" } },
            "binaryData": { ARCHIVE: STANDARD.encode(archive) },
        });
        self.apply::<ConfigMap>(TREE, map).await;
    }

    /// Makes the functions of each Platform.
    pub async fn functions(&self) {
        let count = self.tree.slugs().len();
        let wanted = (0..self.projects.len()).flat_map(|platform| (0..count).map(move |function| (platform, function)));
        let api = self.api::<EdgeFunction>();
        let create = |(platform, function): (usize, usize)| {
            let (api, slug, platform) = (api.clone(), &self.tree.slugs()[function], platform_name(platform));
            async move {
                let spec = json!({
                    "platformRef": { "name": platform },
                    "slug": slug,
                    "source": { "kind": "ConfigMap", "name": TREE },
                    "verifyJWT": false,
                });
                let function = object(json!({ "metadata": { "name": format!("{platform}-{slug}") }, "spec": spec }));
                api.create(&PostParams::default(), &function).await.map(|_| ())
            }
        };
        stream::iter(wanted.map(create))
            .buffer_unordered(CONCURRENCY)
            .try_collect::<()>()
            .await
            .expect("the objects are admitted");
    }

    /// The objects of one kind in the namespace.
    pub fn api<K: Resource<DynamicType = (), Scope = Namespaced>>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn apply<K>(&self, name: &str, mut object: Value)
    where
        K: Resource<DynamicType = (), Scope = Namespaced>,
    {
        let resource = ApiResource::erase::<K>(&());
        object["apiVersion"] = json!(resource.api_version);
        object["kind"] = json!(resource.kind);
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        api.patch(name, &PatchParams::apply("team").force(), &Patch::Apply(&object))
            .await
            .expect("the object is applied");
    }

    /// Changes the spec of every Platform.
    pub async fn change_platforms(&self, change: &Value) {
        let api = self.api::<Platform>();
        for number in 0..self.projects.len() {
            api.patch(&platform_name(number), &PatchParams::default(), &Patch::Merge(change))
                .await
                .expect("a Platform can be changed");
        }
    }

    /// Follows the objects of a kind until each is as `is` wants it. `act` begins when all are in sight, and time with it.
    pub async fn until_all<K, T>(&self, is: impl Fn(&Value) -> bool, act: impl AsyncFnOnce() -> T) -> (Duration, T)
    where
        K: Resource<DynamicType = (), Scope = Namespaced>,
    {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.namespace, &ApiResource::erase::<K>(&()));
        let mut events = pin!(watcher(api, watcher::Config::default()));
        let mut open = HashSet::new();
        let mut take = |event: Event<DynamicObject>| -> bool {
            let (Event::InitApply(object) | Event::Apply(object)) = event else {
                return false;
            };
            let name = object.metadata.name.clone().unwrap_or_default();
            let value = serde_json::to_value(object).expect("an object from the API server is JSON");
            if is(&value) {
                open.remove(&name);
            } else {
                open.insert(name);
            }
            open.is_empty()
        };
        let mut done = false;
        while let Some(event) = events.next().await {
            let listed = matches!(event, Ok(Event::InitDone));
            if let Ok(event) = event {
                done = take(event) || done && listed;
            }
            if listed {
                break;
            }
        }
        let started = Instant::now();
        let follow = async {
            while !done && let Some(event) = events.next().await {
                done = event.is_ok_and(&mut take);
            }
            started.elapsed()
        };
        let follow = async {
            tokio::time::timeout(PATIENCE, follow)
                .await
                .expect("all objects come to where they should within an hour")
        };
        tokio::join!(follow, act())
    }

    /// Removes everything that a later measurement could notice.
    pub async fn remove(&self) {
        self.remove_all::<EdgeFunction>().await;
        self.remove_all::<Platform>().await;
        self.remove_all::<ConfigMap>().await;
    }

    async fn remove_all<K>(&self)
    where
        K: Resource<DynamicType = (), Scope = Namespaced>,
        K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
    {
        let api = self.api::<K>();
        let (delete, list) = (DeleteParams::background(), ListParams::default());
        let deadline = Instant::now() + PATIENCE;
        api.delete_collection(&delete, &list)
            .await
            .expect("the administrator may delete");
        while !api
            .list_metadata(&list.clone().limit(1))
            .await
            .expect("the administrator may list")
            .items
            .is_empty()
        {
            assert!(Instant::now() < deadline, "the objects of a measurement stay");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Name of a Platform.
pub fn platform_name(number: usize) -> String {
    format!("p{number:02}")
}

/// Ready, for the newest generation.
pub fn is_ready(object: &Value) -> bool {
    is_true(object, "Ready") && ace_tests::is_current(object)
}

fn object<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).expect("what is written here is well-formed")
}
