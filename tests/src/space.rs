//! A namespace of a test's own.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    pin::pin,
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use ace_api::Process;
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::{core::v1::Namespace, rbac::v1::RoleBinding};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DeleteParams, DynamicObject, PostParams},
    core::NamespaceResourceScope as Namespaced,
    runtime::watcher::{self, Event, watcher},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{Ran, StatusWatch, TestBed, bed, kstatus};

/// How long a test waits for what it expects to happen.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two questions after what no watch tells of.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(50);

/// A fresh namespace in which the operator has its rights, and a watch of it.
pub struct Space {
    pub bed: &'static TestBed,
    /// The administrator's client.
    pub client: Client,
    pub name: String,
    /// Every version of our objects in it.
    pub watch: StatusWatch,
}

/// Runs a test in a namespace of its own, and removes it afterwards.
///
/// # Panics
/// If the test does; and if any version of any of our objects in the namespace broke a rule of [`kstatus`].
pub async fn with_namespace<T>(test: impl AsyncFnOnce(&Space) -> T) -> T {
    let space = Space::create().await;
    let outcome = AssertUnwindSafe(test(&space)).catch_unwind().await;
    let Space {
        client, name, watch, ..
    } = space;
    let violations = watch.violations();
    let judged = AssertUnwindSafe(watch.finish()).catch_unwind().await;
    remove(client, &name).await;
    match (outcome, judged) {
        (Ok(value), Ok(_)) => value,
        (Ok(_), Err(panic)) => resume_unwind(panic),
        (Err(panic), _) => {
            eprintln!("{}", violations.join("\n"));
            resume_unwind(panic)
        }
    }
}

/// The same for several operators at once: each of them keeps to the rules, but their statuses in turn do not, since times of
/// transitions differ between them.
///
/// # Panics
/// If the test does.
pub async fn with_unjudged_namespace<T>(test: impl AsyncFnOnce(&Space) -> T) -> T {
    let space = Space::create().await;
    let outcome = AssertUnwindSafe(test(&space)).catch_unwind().await;
    remove(space.client, &space.name).await;
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Makes a namespace in which the operator has its rights.
///
/// # Panics
/// If that fails.
pub async fn make_namespace(client: &Client, name: &str) {
    let namespace = object(json!({ "metadata": { "name": name } }));
    Api::<Namespace>::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await
        .expect("a namespace can be made");
    for process in Process::ALL {
        Api::<RoleBinding>::namespaced(client.clone(), name)
            .create(&PostParams::default(), &object(xtask::rights::role_binding(process)))
            .await
            .expect("the operator's rights can be bound");
    }
}

async fn remove(client: Client, name: &str) {
    // Not waited for: an object with our finalizer keeps the namespace until an operator runs.
    let _ = Api::<Namespace>::all(client)
        .delete(name, &DeleteParams::background())
        .await;
}

/// Whether the condition of that type is True.
pub fn is_true(object: &Value, type_: &str) -> bool {
    kstatus::condition(object, type_).is_some_and(|condition| condition["status"] == "True")
}

impl Space {
    async fn create() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // The process as well, because test binaries may share a bed that was started by hand.
        let name = format!("test-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let bed = bed();
        let client = bed.client().await;
        make_namespace(&client, &name).await;
        let watch = StatusWatch::start(&client, &name).await;
        Self {
            bed,
            client,
            name,
            watch,
        }
    }

    /// Runs kubectl in the namespace.
    pub async fn kubectl(&self, arguments: &[&str]) -> Ran {
        self.kubectl_with(arguments, "").await
    }

    /// Asks until there is an answer: for what no watch tells of.
    ///
    /// # Panics
    /// If there is none in time.
    pub async fn eventually<A>(&self, what: &str, mut ask: impl AsyncFnMut() -> Option<A>) -> A {
        let asked = async {
            loop {
                if let Some(answer) = ask().await {
                    return answer;
                }
                tokio::time::sleep(BETWEEN_QUESTIONS).await;
            }
        };
        let answer = timeout(PATIENCE, asked).await;
        answer.unwrap_or_else(|_| panic!("not within {} s: {what}", PATIENCE.as_secs()))
    }

    /// Runs kubectl in the namespace, with `input` on its standard input.
    pub async fn kubectl_with(&self, arguments: &[&str], input: &str) -> Ran {
        let arguments = [&["--namespace", &self.name], arguments].concat();
        self.bed.kubectl.run_with(&arguments, input).await
    }

    /// Applies YAML documents, server-side.
    ///
    /// # Panics
    /// If kubectl refuses one.
    pub async fn apply(&self, yaml: &str) {
        self.kubectl_with(&["apply", "--server-side", "-f", "-"], yaml)
            .await
            .expect("the documents are applied");
    }

    /// The objects of one kind in the namespace.
    pub fn api<K: Resource<DynamicType = (), Scope = Namespaced>>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Waits until the object is as `is` wants it, by a watch, and returns that version.
    ///
    /// # Panics
    /// If that takes longer than a test has patience: with the version seen last.
    pub async fn wait<K>(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value
    where
        K: Resource<DynamicType = (), Scope = Namespaced>,
    {
        self.wait_within::<K>(PATIENCE, name, what, is).await
    }

    /// The same for as long as `patience` lasts, where the operator itself waits for longer than tests usually do.
    ///
    /// # Panics
    /// If that takes longer: with the version seen last.
    pub async fn wait_within<K>(&self, patience: Duration, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value
    where
        K: Resource<DynamicType = (), Scope = Namespaced>,
    {
        let mut last = Value::Null;
        let wait = self.follow::<K>(name, |object| {
            last = object.unwrap_or_default();
            is(&last)
        });
        let reached = timeout(patience, wait).await.is_ok();
        assert!(
            reached,
            "{} {name} should have been so that it {what}; it is {last:#}",
            K::kind(&())
        );
        last
    }

    /// Waits until there is no such object.
    ///
    /// # Panics
    /// If that takes longer than a test has patience: with the version seen last.
    pub async fn wait_gone<K>(&self, name: &str)
    where
        K: Resource<DynamicType = (), Scope = Namespaced>,
    {
        let mut last = None;
        let wait = self.follow::<K>(name, |object| {
            last = object;
            last.is_none()
        });
        let reached = timeout(PATIENCE, wait).await.is_ok();
        assert!(reached, "{} {name} should be gone; it is {last:#?}", K::kind(&()));
    }

    /// Shows each version of an object to `seen`, absence as `None`, until it says true.
    async fn follow<K>(&self, name: &str, mut seen: impl FnMut(Option<Value>) -> bool)
    where
        K: Resource<DynamicType = (), Scope = Namespaced>,
    {
        let resource = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.name, &resource);
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let mut events = pin!(watcher(api, config));
        let mut there = false;
        while let Some(event) = events.next().await {
            let version = match event {
                Ok(Event::Init) => {
                    there = false;
                    continue;
                }
                Ok(Event::InitApply(object) | Event::Apply(object)) => {
                    there = true;
                    Some(serde_json::to_value(object).expect("an object from the API server is JSON"))
                }
                Ok(Event::InitDone) if there => continue,
                Ok(Event::InitDone | Event::Delete(_)) => None,
                // The watcher goes on by itself.
                Err(_) => continue,
            };
            if seen(version) {
                return;
            }
        }
    }
}

fn object<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).expect("what the harness writes is well-formed")
}
